#!/usr/bin/env bash
# security
# Smuggling, host confusion, lies about who asks, paths with two meanings, names that do not fit the connection,
# too much and too slow: each is answered as documented and not one byte of it becomes a request at the origin;
# what is good arrives exactly once, as it was decided about and logged. Through the whole tunnel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
ORIGIN=$(free_port)
edge_line "head_timeout = 1s"
host_section public public "a.example a"
host_section wild public "*.w.example"
host_section small public small.example "max_body = 1K" "idle = 1s"
host_section none none none.example
host_section rules public rules.example
host_section secret cert secret.example
ingress closed "hostname = rules.example" "path = ^/admin$" "service = http_status:403"
ingress all "service = http://127.0.0.1:$ORIGIN"
start_web
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stranger \
	-keyout "$WEB/stranger.key" -out "$WEB/stranger.pem" 2>/dev/null
python3 "$ROOT/tests/tools/web_negative.py" "$EDGE_PORT" "$WEB_CA" "$ORIGIN" --http "$EDGE_HTTP" --log "$TMP/edge.log" \
	--cert "$DEVICE_CERT" "$DEVICE_KEY" "$WEB/stranger.pem" "$WEB/stranger.key" 2>"$TMP/tool.log" || fail "see above"
edge_is_alive
stop connector
same "$STATUS" 0 "the exit code of the connector"
stop edge
same "$STATUS" 0 "the exit code of the edge"
