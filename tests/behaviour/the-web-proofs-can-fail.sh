#!/usr/bin/env bash
# waits
# The tables of nothing-bad-reaches-an-origin and a-hostile-origin-hurts-nobody, tried on nginx as a plain reverse proxy:
# they find what it is known to let through, so they would find it in zt. What nginx does well passes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
need nginx
ORIGIN=$(free_port) EAGER=$(free_port)
web_cert all a.example a '*.w.example' small.example none.example secret.example main.example eager.example
server() { # NAMES UPSTREAM LINE
	printf 'server { listen 127.0.0.1:%s ssl; server_name %s; %s location / { proxy_pass http://%s; proxy_http_version 1.1;\n' \
		"$EDGE_PORT" "$1" "${3:-}" "$2"
	# shellcheck disable=SC2016 # nginx's
	printf '%s\n' 'proxy_set_header Connection ""; proxy_set_header Host $host; proxy_request_buffering off; } }'
}
{
	printf 'daemon off; pid %s/nginx.pid; worker_processes 1; error_log %s/nginx.err; events { }\n' "$TMP" "$TMP"
	printf 'http { access_log off; ssl_certificate %s/all.pem; ssl_certificate_key %s/all.key; ssl_protocols TLSv1.2;\n' "$WEB" "$WEB"
	for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' "$d" "$TMP" "$d"; done
	printf 'client_header_timeout 1s; client_body_timeout 1s; proxy_read_timeout 1s; keepalive_timeout 2s;\n'
	printf 'upstream main { server 127.0.0.1:%s; keepalive 4; }\nupstream eager { server 127.0.0.1:%s; }\n' "$ORIGIN" "$EAGER"
	server "a.example a secret.example" main
	server "*.w.example" main
	server small.example main "client_max_body_size 1k;"
	server none.example main "deny all;"
	server main.example main
	server eager.example eager
	printf '}\n'
} >"$TMP/nginx.conf"
start nginx nginx -e stderr -c "$TMP/nginx.conf"
wait_for listening "$EDGE_PORT"

# failed ID: how many of that ID's checks did not hold.
failed() { awk -v id="$1" '$1 == id { print $4 }' <<<"$OUT"; }
expect 0 python3 "$ROOT/tests/tools/web_negative.py" "$EDGE_PORT" "$WEB_CA" "$ORIGIN" --tell --patience 0.15 \
	--only requests_vectors path_vectors identity names others one_visitor_never_gets_anothers
for id in T-03 T-05 T-07 T-11 T-12 T-13 T-17 T-18 T-20 T-21 T-23 ws; do
	[ "$(failed "$id")" -gt 0 ] || fail "$id finds nothing wrong with nginx"$'\n'"$OUT"
done
for id in last T-09; do same "$(failed "$id")" 0 "what $id finds wrong with nginx"; done

wrong=(bad-status no-http two-lengths length-and-chunks chunk-bare-lf 101-unasked our-names)
right=(body-cut until-the-end gzip-bomb second-answer)
expect 0 python3 "$ROOT/tests/tools/web_hostile.py" "$EDGE_PORT" "$ORIGIN" "$EAGER" --ca "$WEB_CA" --tell --patience 2 \
	--only "${wrong[@]}" "${right[@]}"
for name in "${wrong[@]}"; do has "$OUT" "fails: $name: "; done
for name in "${right[@]}"; do lacks "$OUT" "fails: $name: "; done
