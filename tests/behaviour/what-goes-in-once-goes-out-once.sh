#!/usr/bin/env bash
# Mutated requests through edge and tunnel to nginx and to node: never more than one request out for one in, both see
# what was logged, and both are brought the same. DIFFER_CASES (5000) and DIFFER_SEED choose how many and which.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
need nginx node
ONE=$(free_port) TWO=$(free_port)
{
	printf 'daemon off; pid %s/nginx.pid; worker_processes 1; error_log %s/nginx.err; events { }\nhttp {\n' "$TMP" "$TMP"
	for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' "$d" "$TMP" "$d"; done
	# shellcheck disable=SC2016 # nginx's
	printf '%s\n' 'log_format seen escape=json '"'"'{"id":"$http_x_request_id","line":"$request","host":"$http_host","status":$status}'"';"
	printf 'access_log %s/one.seen seen; keepalive_requests 1000000; large_client_header_buffers 8 64k;\n' "$TMP"
	printf 'server { listen 127.0.0.1:%s; add_header X-Origin nginx always; location / { return 200 "nginx\\n"; } }\n}\n' "$ONE"
} >"$TMP/nginx.conf"
start nginx nginx -e stderr -c "$TMP/nginx.conf"
: >"$TMP/two.seen"
start node node "$ROOT/tests/tools/logging_origin.js" "$TWO" "$TMP/two.seen"
wait_for listening "$ONE"
wait_for listening "$TWO"
host_section one public one.example
host_section two public two.example
ingress one "hostname = one.example" "service = http://127.0.0.1:$ONE"
ingress two "service = http://127.0.0.1:$TWO"
start_web
python3 "$ROOT/tests/tools/web_differ.py" "$EDGE_PORT" --ca "$WEB_CA" --log "$TMP/edge.log" --cases "${DIFFER_CASES:-5000}" \
	--seed "${DIFFER_SEED:-1}" --origin one.example "$TMP/one.seen" --origin two.example "$TMP/two.seen" 2>"$TMP/tool.log" || fail "see above"
edge_is_alive
stop connector
same "$STATUS" 0 "the exit code of the connector"
stop edge
same "$STATUS" 0 "the exit code of the edge"
