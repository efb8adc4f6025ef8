#!/bin/bash
# The two-hop path: a TLS front, a tunnel home, an origin. zt's edge and connector beside nginx to nginx (TLS between
# them), HAProxy to HAProxy where it is installed, and nginx in front of `ssh -R`. Requests a second, processor per
# request, one stream both ways, memory.
#
# WEB_ROUNDS, WEB_SECONDS, WEB_MB make it shorter for a look.
. "$(dirname "$0")/../tests/behaviour/lib.sh"
. "$ROOT/tests/behaviour/web.inc.sh"
need nginx wrk curl ssh sshd ssh-keygen taskset openssl pgrep
rounds=${WEB_ROUNDS:-5} seconds=${WEB_SECONDS:-5} mb=${WEB_MB:-1024}
suite=ECDHE-ECDSA-AES128-GCM-SHA256
if [ "$(nproc)" -ge 2 ]; then subject=1 driver=(taskset -c 0); else subject=0 driver=(); fi
note() { echo "web: $*" >&2; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
tree() {
	local p
	for p in "$@"; do
		echo "$p"
		# shellcheck disable=SC2046 # a list
		tree $(pgrep -P "$p")
	done
}
pss() { for p in $(tree "$@"); do cat "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '/^Pss:/ { t += $2 } END { print t + 0 }'; }
ticks() { for p in $(tree "$@"); do cat "/proc/$p/stat" 2>/dev/null; done | sed 's/.*) //' | awk '{ t += $12 + $13 } END { print t + 0 }'; }
# on_subject NAME...: what was started as NAME runs on the processor of those who are measured.
on_subject() {
	local name p
	for name in "$@"; do
		for p in $(tree "${PIDS[$name]}"); do taskset -acp "$subject" "$p" >/dev/null; done
	done
}

# ---- origins: a file of 1 KiB and a large one, and a sink for what is sent up; on the driver's processor
ORIGIN=$(free_port) SINK=$(free_port)
mkdir -p "$TMP/www" && chmod 755 "$TMP/www"
head -c 1024 /dev/zero | tr '\0' k >"$TMP/www/small"
head -c $((mb << 20)) /dev/zero >"$TMP/www/large"
chmod 644 "$TMP/www"/*
nginx_conf() { # NAME LINES: one worker, its folders in $TMP
	printf 'daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid %s/%s.pid; error_log %s/%s.err crit;\n' "$TMP" "$1" "$TMP" "$1"
	printf 'events { worker_connections 4000; }\nhttp { access_log %s; keepalive_requests 100000000; client_max_body_size 0;\n' "${3:-off}"
	for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s.%s;\n' "$d" "$TMP" "$1" "$d"; done
	printf 'ssl_protocols TLSv1.2; ssl_ciphers %s; ssl_session_cache shared:s:4m;\n%s\n}\n' "$suite" "$2"
}
run_nginx() { # NAME LINES PORT
	nginx_conf "$1" "$2" "${4:-off}" >"$TMP/$1.conf"
	start "$1" nginx -e stderr -c "$TMP/$1.conf"
	wait_for listening "$3"
}
run_nginx origin "sendfile on; server { listen 127.0.0.1:$ORIGIN; root $TMP/www; }" "$ORIGIN"
start sink python3 "$ROOT/bench/web_sink.py" "$SINK"
for p in "${PIDS[origin]}" "${PIDS[sink]}"; do for q in $(tree "$p"); do [ ${#driver[@]} = 0 ] || taskset -acp 0 "$q" >/dev/null; done; done

# ---- zt: edge and connector
host_section web public "web.test localhost"
host_section sink public "sink.test"
ingress sink "hostname = sink.test" "service = http://127.0.0.1:$SINK"
ingress web "service = http://127.0.0.1:$ORIGIN"
start_web
on_subject edge connector

# ---- nginx: front (TLS), home (TLS, verified), both keep connections
# Buffers of 64 KiB, and nothing goes to disk: as one would set it up for this.
proxy_lines='proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0; proxy_request_buffering off;'
server() { # LISTEN NAME TO MORE
	printf 'server { listen 127.0.0.1:%s; server_name %s; %s location / { proxy_pass %s; %s } }\n' "$1" "$2" "${5:-}" "$3" "$4"
}
web_cert far far.test
NGINX=$(free_port) NGINX_HOME=$(free_port)
certs() { printf 'ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key;' "$WEB" "$1" "$WEB" "$1"; }
inner="proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers $suite; proxy_ssl_verify on; proxy_ssl_trusted_certificate $WEB_CA; proxy_ssl_name far.test; proxy_ssl_server_name on;"
run_nginx home "$proxy_lines upstream o { server 127.0.0.1:$ORIGIN; keepalive 64; } upstream s { server 127.0.0.1:$SINK; }
$(certs far) $(server "$NGINX_HOME ssl" 'web.test localhost' http://o "")
$(server "$NGINX_HOME ssl" sink.test http://s "")" "$NGINX_HOME"
run_nginx front "$proxy_lines $inner upstream o { server 127.0.0.1:$NGINX_HOME; keepalive 64; }
$(server "$NGINX ssl" 'web.test localhost' https://o "" "$(certs web)")
$(server "$NGINX ssl" sink.test https://o "" "$(certs sink)")" "$NGINX" "$TMP/front.access"
on_subject home front

# ---- nginx in front of ssh -R
SSHD=$(free_port) SSH=$(free_port) SSH_WEB=$(free_port) SSH_SINK=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f "$TMP/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$TMP/user_key" || fail "ssh-keygen"
cp "$TMP/user_key.pub" "$TMP/authorized"
printf '%s\n' "Port $SSHD" "ListenAddress 127.0.0.1" "HostKey $TMP/host_key" "AuthorizedKeysFile $TMP/authorized" "StrictModes no" "UsePAM no" \
	"PidFile none" "PermitRootLogin yes" "PasswordAuthentication no" "Ciphers aes128-gcm@openssh.com" >"$TMP/sshd.conf"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
start sshd "$(command -v sshd)" -D -e -f "$TMP/sshd.conf"
wait_for listening "$SSHD"
start ssh ssh -N -F none -i "$TMP/user_key" -p "$SSHD" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ExitOnForwardFailure=yes \
	-c aes128-gcm@openssh.com -R "127.0.0.1:$SSH_WEB:127.0.0.1:$ORIGIN" -R "127.0.0.1:$SSH_SINK:127.0.0.1:$SINK" "$(id -un)@127.0.0.1"
wait_for listening "$SSH_WEB"
run_nginx sshfront "$proxy_lines upstream o { server 127.0.0.1:$SSH_WEB; keepalive 64; } upstream s { server 127.0.0.1:$SSH_SINK; }
$(server "$SSH ssl" 'web.test localhost' http://o "" "$(certs web)")
$(server "$SSH ssl" sink.test http://s "" "$(certs sink)")" "$SSH" "$TMP/sshfront.access"
on_subject sshd ssh sshfront

peers=(zt nginx ssh)
declare -A PORT=([zt]=$EDGE_PORT [nginx]=$NGINX [ssh]=$SSH)

# ---- haproxy: front and home as above; its log goes to its output, line by line
run_haproxy() { # NAME PORT LINES
	printf '%s\n' global "maxconn 4000" "nbthread 1" "log stdout format raw local0" "ssl-default-bind-ciphers $suite" \
		"ssl-default-bind-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2" "ssl-default-server-ciphers $suite" \
		"ssl-default-server-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2" "tune.bufsize 65536" defaults "mode http" \
		"timeout connect 5s" "timeout client 600s" "timeout server 600s" "http-reuse safe" "$3" >"$TMP/$1.cfg"
	start "$1" haproxy -db -f "$TMP/$1.cfg"
	wait_for listening "$2"
}
if command -v haproxy >/dev/null; then
	for name in web sink far; do cat "$WEB/$name.pem" "$WEB/$name.key" >"$WEB/$name.both"; done
	HAPROXY=$(free_port) HAPROXY_HOME=$(free_port)
	run_haproxy hahome "$HAPROXY_HOME" "frontend f
 bind 127.0.0.1:$HAPROXY_HOME ssl crt $WEB/far.both
 use_backend s if { hdr(host) -m beg sink.test }
 default_backend o
backend o
 server o 127.0.0.1:$ORIGIN
backend s
 server s 127.0.0.1:$SINK"
	run_haproxy hafront "$HAPROXY" "frontend f
 log global
 option httplog
 bind 127.0.0.1:$HAPROXY ssl crt $WEB/web.both crt $WEB/sink.both
 default_backend o
backend o
 server o 127.0.0.1:$HAPROXY_HOME ssl verify required ca-file $WEB_CA sni str(far.test) verifyhost far.test"
	on_subject hahome hafront
	peers+=(haproxy)
	PORT[haproxy]=$HAPROXY
fi
roots() {
	case $1 in
	zt) echo "${PIDS[edge]} ${PIDS[connector]}" ;;
	nginx) echo "${PIDS[front]} ${PIDS[home]}" ;;
	haproxy) echo "${PIDS[hafront]} ${PIDS[hahome]}" ;;
	ssh) echo "${PIDS[sshfront]} ${PIDS[ssh]} ${PIDS[sshd]}" ;;
	esac
}
get() { # PEER HOST CURL-OPTION...: bytes a second and what curl waited for
	local peer=$1 host=$2
	shift 2
	"${driver[@]}" curl -sS --max-time 600 --cacert "$WEB_CA" --tls-max 1.2 --connect-to "$host:443:127.0.0.1:${PORT[$peer]}" -o "$TMP/body" "$@"
}
for peer in "${peers[@]}"; do # they do what they should before they are measured
	get "$peer" web.test https://web.test/small
	cmp -s "$TMP/body" "$TMP/www/small" || fail "$peer does not bring the small file"
done

once() { # PEER: "requests/s us-of-cpu-per-request down-MB/s up-MB/s ms-of-cpu-per-GB-down"
	local peer=$1 rate each down up before after
	# shellcheck disable=SC2046 # lists
	before=$(ticks $(roots "$peer"))
	rate=$("${driver[@]}" wrk -t 1 -c 32 -d "${seconds}s" "https://localhost:${PORT[$peer]}/small" 2>&1)
	# shellcheck disable=SC2046
	after=$(ticks $(roots "$peer"))
	[[ $rate != *Non-2xx* && $rate != *"Socket errors"* ]] || fail "$peer: $rate"
	each=$(awk -v t=$((after - before)) '/ requests in / { printf "%.1f", t * 10000 / $1 }' <<<"$rate") # ticks of 10 ms
	rate=$(sed -n 's/^Requests.sec: *//p' <<<"$rate")
	# shellcheck disable=SC2046
	before=$(ticks $(roots "$peer"))
	down=$(get "$peer" web.test -o /dev/null -w '%{speed_download} %{size_download}' https://web.test/large)
	# shellcheck disable=SC2046
	after=$(ticks $(roots "$peer"))
	[ "${down#* }" = $((mb << 20)) ] || fail "$peer brought ${down#* } bytes"
	up=$(get "$peer" sink.test -w '%{speed_upload}' -H 'Expect:' -T "$TMP/www/large" https://sink.test/up)
	[ "$(<"$TMP/body")" = $((mb << 20)) ] || fail "$peer took $(<"$TMP/body") bytes up"
	echo "$rate $each $(awk -v d="${down% *}" -v u="$up" -v t=$((after - before)) -v mb="$mb" 'BEGIN { printf "%.0f %.0f %.0f", d / 1e6, u / 1e6, t * 10 / (mb / 1024) }')"
}
for ((round = 0; round <= rounds; round++)); do
	for peer in "${peers[@]}"; do
		note "round $round of $rounds: $peer"
		got=$(once "$peer") || exit 1
		[ "$round" = 0 ] || echo "$peer $got" >>"$TMP/rows" # the first is to get warm
	done
done
cell() { awk -v p="$1" -v c="$2" '$1 == p { print $c }' "$TMP/rows" | median; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

declare -A TITLE=([zt]="zt edge, connector" [nginx]="nginx to nginx" [ssh]="nginx, ssh -R" [haproxy]="HAProxy to HAProxy") MEM
for peer in "${peers[@]}"; do
	# shellcheck disable=SC2046
	MEM[$peer]=$(pss $(roots "$peer"))
done
echo "### The two-hop path"
echo
echo "Load average at the end: $(cut -d' ' -f1-3 /proc/loadavg). Visitor to TLS front to tunnel to a plain origin (nginx; for what is sent"
echo "up a sink in python), all on loopback; TLS 1.2, $suite, P-256 leaf, one worker each; front and tunnel on one"
echo "processor, clients and origin on another. $(nginx -v 2>&1 | sed 's/.*: //') with 64 KiB buffers, verified TLS and kept connections between"
echo "front and home; $(ssh -V 2>&1 | cut -d, -f1), aes128-gcm@openssh.com; $(haproxy -v 2>/dev/null | sed -n '1s/ [0-9]\{4\}.*//p'). Medians of $rounds interleaved rounds: wrk with 32 connections for"
echo "$seconds s and 1 KiB answers, each front writing its access log to a file; one stream of $mb MiB by curl. PSS is summed over all processes of front and tunnel, after the load."
echo
echo "| path | requests/s | CPU us/request | one stream down, MB/s | up, MB/s | CPU ms/GiB down | PSS, KiB |"
echo "|---|---|---|---|---|---|---|"
for peer in "${peers[@]}"; do
	echo "| ${TITLE[$peer]} | $(printf '%.0f' "$(cell "$peer" 2)") | $(cell "$peer" 3) | $(cell "$peer" 4) | $(cell "$peer" 5) | $(cell "$peer" 6) | ${MEM[$peer]} |"
done
for peer in "${peers[@]:1}"; do
	printf '| zt to %s |' "${TITLE[$peer]}"
	for c in 2 3 4 5 6; do printf ' %s |' "$(ratio "$(cell zt "$c")" "$(cell "$peer" "$c")")"; done
	printf ' %s |\n' "$(ratio "${MEM[zt]}" "${MEM[$peer]}")"
done
