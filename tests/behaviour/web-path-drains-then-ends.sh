#!/usr/bin/env bash
# SIGTERM on the web path. A connector says that it leaves: what runs through it goes on, every new request is another
# connector's, and none fails; what does not end by itself is cut after [limits] drain. An edge takes no new connection,
# closes those that wait, tells its connectors, and lets what runs finish as long. A second SIGTERM ends either at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
ORIGIN=$(free_port)
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
export ZT_LIMITS_DRAIN=4s
start_authority
join_role edge
join_role connector
join_second
start_edge
start_connector
# at STAGE: when the visitors are that far. stage: what they may begin with.
at() { wait_for grep -qx "$1" "$TMP/visitors.log"; }
stage() { : >"$TMP/stage.$1"; }
start visitors env PYTHONPATH="$ROOT/tests/behaviour" PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/behaviour/webdrain.py" "$EDGE_PORT" \
	"$ORIGIN" "$WEB_CA" "$TMP"
connected() { [ "$(grep -c 'a connector announced its rules' "$TMP/edge.log")" -ge "$1" ]; }

# A connector, while another is there.
at open
start second "$ZT" connector -c "$SECOND"
wait_for connected 2
stage load
at loaded
kill -TERM "${PIDS[connector]}"
wait_for grep -q 'a connector leaves' "$TMP/edge.log"
stage leaving
at "the download is whole"
at "the WebSocket is cut"
join connector
same "$STATUS" 0 "the end of the connector"
grep -q "drain took too long" "$TMP/connector.log" || fail "the WebSocket was not waited for"
stage over
at "not one request failed"

# An edge.
at "open again"
kill -TERM "${PIDS[edge]}"
wait_for grep -q 'the edge leaves' "$TMP/second.log"
! listening "$EDGE_PORT" || fail "the edge still accepts"
stage draining
at "who waited is closed"
at "the second download is whole"
at "the second WebSocket is cut"
join edge
same "$STATUS" 0 "the end of the edge"
join visitors
same "$STATUS" 0 "the end of the visitors"

# At once, though there is an hour and something that runs.
export ZT_LIMITS_DRAIN=1h
stop second
rm -f "$TMP/second.log"
start second "$ZT" connector -c "$SECOND"
for who in edge second; do
	rm -f "$TMP"/stage.* "$TMP/edge.log" "$TMP/visitors.log"
	start_edge
	start visitors env PYTHONPATH="$ROOT/tests/behaviour" PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/behaviour/webdrain.py" \
		"$EDGE_PORT" "$ORIGIN" "$WEB_CA" "$TMP"
	at open
	kill -TERM "${PIDS[$who]}"
	wait_for grep -q "stopping" "$TMP/$who.log"
	running "$who" || fail "$who did not wait for what runs"
	kill -TERM "${PIDS[$who]}"
	join "$who"
	same "$STATUS" 0 "the end of $who"
	stop visitors
done
pass
