#!/usr/bin/env bash
# nginx, Caddy, Apache, node and python's server behind the tunnel, curl in front: files, ranges, HEAD, errors, chunks with
# trailers, server-sent events one by one, large bodies both ways with their digests. WEB_BYTES: how large (64 MB; soak: 1 GB).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
need nginx caddy apache2 node sha256sum
BYTES=${WEB_BYTES:-67108864}
SERVERS=(nginx caddy apache python)
WWW=$TMP/www
mkdir -p "$WWW" && chmod 755 "$WWW"
head -c 3000000 /dev/urandom >"$WWW/file" && echo "hello from behind" >"$WWW/hello"
chmod 644 "$WWW"/*
declare -A AT
for s in "${SERVERS[@]}" node; do AT[$s]=$(free_port); done
{
	{
		printf 'daemon off; pid %s/nginx.pid; worker_processes 1; error_log %s/nginx.err; events { }\nhttp { access_log off;\n' "$TMP" "$TMP"
		for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' "$d" "$TMP" "$d"; done
		printf 'server { listen 127.0.0.1:%s; root %s; } }\n' "${AT[nginx]}" "$WWW"
	} >"$TMP/nginx.conf"
	printf '{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:%s, http://caddy.test:%s {\n bind 127.0.0.1\n root * %s\n file_server\n}\n' \
		"${AT[caddy]}" "${AT[caddy]}" "$WWW" >"$TMP/Caddyfile"
	{
		modules=/usr/lib/apache2
		[ ! -d $modules/modules ] || modules=$modules/modules
		printf 'ServerRoot %s\nPidFile %s/apache.pid\nListen 127.0.0.1:%s\nServerName apache.test\nErrorLog %s/apache.err\n' \
			"$TMP" "$TMP" "${AT[apache]}" "$TMP"
		for m in mpm_event authz_core; do printf 'LoadModule %s_module %s/mod_%s.so\n' "$m" "$modules" "$m"; done
		[ "$(id -u)" != 0 ] || printf '<IfModule !unixd_module>\nLoadModule unixd_module %s/mod_unixd.so\n</IfModule>\nUser nobody\nGroup %s\n' \
			"$modules" "$(id -gn nobody)"
		printf 'Mutex file:%s default\nDocumentRoot %s\n<Directory %s>\nRequire all granted\n</Directory>\n' "$TMP" "$WWW" "$WWW"
	} >"$TMP/apache.conf"
}
apache=$(command -v apache2 || command -v httpd)
start nginx nginx -e stderr -c "$TMP/nginx.conf"
start caddy env HOME="$TMP" XDG_DATA_HOME="$TMP/caddy" XDG_CONFIG_HOME="$TMP/caddy" caddy run --config "$TMP/Caddyfile" --adapter caddyfile
start apache "$apache" -f "$TMP/apache.conf" -DFOREGROUND
start python python3 -m http.server --bind 127.0.0.1 --directory "$WWW" "${AT[python]}"
start node env NODE_PATH=/usr/share/nodejs node "$ROOT/tests/tools/web_app.js" "${AT[node]}"
for s in "${SERVERS[@]}" node; do
	wait_for listening "${AT[$s]}"
	host_section "$s" public "$s.test"
	ingress "$s" "hostname = $s.test" "service = http://127.0.0.1:${AT[$s]}"
done
ingress rest "service = http_status:404"
start_web

status() { web "$@" -o "$TMP/body" -w '%{http_code}'; }
digest() { sha256sum | cut -d' ' -f1; }
want=$(digest <"$WWW/file")
for s in "${SERVERS[@]}"; do
	same "$(web "$s.test" /file | digest)" "$want" "the file from $s"
	same "$(web "$s.test" /hello)" "hello from behind" "what $s says"
	same "$(status "$s.test" /not-there)" 404 "what $s has not"
	same "$(web "$s.test" /file -I | tr -d '\r' | sed -n 's/^[Cc]ontent-[Ll]ength: //p')" 3000000 "the length that $s announces to HEAD"
	if [ "$s" != python ]; then # has no ranges
		same "$(status "$s.test" /file -r 1000-1999)" 206 "a range from $s"
		cmp -s "$TMP/body" <(tail -c +1001 "$WWW/file" | head -c 1000) || fail "the range from $s holds something else"
	fi
	# Twenty requests on one connection of the visitor's.
	# shellcheck disable=SC2046 # a list
	same "$(curl -sS --max-time 60 --cacert "$WEB_CA" --connect-to "$s.test:443:127.0.0.1:$EDGE_PORT" -w '%{num_connects}\n' \
		$(for _ in {1..20}; do echo "-o /dev/null https://$s.test/hello"; done) | sort | uniq -c | tr -s ' ' | tr '\n' ,)" " 19 0, 1 1," "connections for 20 requests to $s"
	web "$s.test" /hello -i >"$TMP/head"
	same "$(grep -ci '^alt-svc' "$TMP/head")" 0 "Alt-Svc of $s"
done

# ---- an application -----------------------------------------------------------------------------------------------
web node.test /trailers -i >"$TMP/said"
has "$(<"$TMP/said")" "hello trailers"
lacks "$(<"$TMP/said")" "evil=1"
start events curl -sSN --max-time 60 --cacert "$WEB_CA" --connect-to "node.test:443:127.0.0.1:$EDGE_PORT" https://node.test/events
wait_for grep -q 'data: first' "$TMP/events.log" # the second does not exist yet
same "$(web node.test /go)" 1 "who waits for events"
join events
same "$STATUS/$(grep -c '^data: ' "$TMP/events.log")" 0/2 "the end of the events"

began=$EPOCHREALTIME
direct=$(curl -sS --max-time 3000 "http://127.0.0.1:${AT[node]}/bytes?n=$BYTES" | digest)
for how in "" "&chunked"; do
	same "$(web node.test "/bytes?n=$BYTES$how" --max-time 3000 | digest)" "$direct" "the digest of $BYTES bytes down$how"
done
curl -sS --max-time 3000 "http://127.0.0.1:${AT[node]}/bytes?n=$BYTES" | web node.test /hash --max-time 3000 -T - >"$TMP/up"
same "$(<"$TMP/up")" "{\"length\":$BYTES,\"sha256\":\"$direct\"}" "$BYTES bytes up in chunks"
echo "figure: bytes through the tunnel with their digest, three times: $BYTES, $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms with making them"
edge_is_alive
