#!/bin/bash
# security
# A visitor who sends requests ahead and then resets his connection holds neither a place nor a way to an origin that does
# not answer: what is left of him is no reason to wait.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

N=$(free_port)
start origin python3 -c '
import socket, sys
s, held = socket.create_server(("127.0.0.1", int(sys.argv[1]))), []
while True: held.append(s.accept()) # and never an answer' "$N"
wait_for listening "$N"
host_section app public app.test "origin = http://127.0.0.1:$N" 'response_timeout = 10m' 'idle = 10m'
start_edge
cat >"$TMP/reset.py" <<'PY'
import os, socket, ssl, struct, sys, time
C = ssl.create_default_context(cafile=sys.argv[2])
held = [C.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30), server_hostname="app.test") for _ in range(10)]
for s in held:
    s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n" * 3)
print("asked", flush=True)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.01)
for s in held:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
PY
start reset python3 "$TMP/reset.py" "$EDGE_PORT" "$WEB_CA" "$TMP/go"
counts() { [ "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["'"$1"'"])')" = "$2" ]; }
wait_for counts edge_upstreams 10
touch "$TMP/go"
WAIT_S=10
wait_for counts edge_upstreams 0
wait_for counts visitors 0
edge_is_alive
pass
