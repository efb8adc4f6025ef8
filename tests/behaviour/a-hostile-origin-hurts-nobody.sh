#!/usr/bin/env bash
# waits
# security
# An origin that lies, stops, floods, speaks out of turn or is not there: the visitor is told so (502, 504) or sees that
# the answer was cut off, never a whole answer that is none, never somebody else's; the next visitor notices nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
MAIN=$(free_port) EAGER=$(free_port) HOLE=$(free_port)
# A port that nobody accepts on, its queue full: what is sent there is not answered.
start hole python3 -c '
import socket, sys, threading
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(0)
full = []
for _ in range(8):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); full.append(c)
print("full", flush=True); threading.Event().wait()' "$HOLE"
wait_for grep -q full "$TMP/hole.log"
for name in main eager refused hole; do
	host_section "$name" public "$name.example" "response_timeout = 1s" "idle = 1s"
done
ingress main "hostname = main.example" "service = http://127.0.0.1:$MAIN"
ingress eager "hostname = eager.example" "service = http://127.0.0.1:$EAGER"
ingress refused "hostname = refused.example" "service = http://127.0.0.1:$(free_port)"
ingress hole "hostname = hole.example" "service = http://127.0.0.1:$HOLE" "connect_timeout = 1s"
ingress rest "service = http_status:404"
start_web
python3 "$ROOT/tests/tools/web_hostile.py" "$EDGE_PORT" "$MAIN" "$EAGER" --ca "$WEB_CA" --connect 2>"$TMP/tool.log" || fail "see above"
edge_is_alive
stop connector
same "$STATUS" 0 "the exit code of the connector"
stop edge
same "$STATUS" 0 "the exit code of the edge"
