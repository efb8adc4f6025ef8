#!/bin/bash
# A visitor asks on and on, and reads nothing, of an origin that closes behind each answer. One answer has no room any more,
# and its origin's end is known: the edge waits for the visitor, and does not ask for that end again and again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

O=$(free_port)
cat >"$TMP/origin.py" <<'PY'
import socket, sys
l = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nX-Long: " + 6000 * b"a" + b"\r\n\r\n"
while True:
    c, _ = l.accept()
    c.settimeout(10)
    had = b""
    while b"\r\n\r\n" not in had and (part := c.recv(65536)):
        had += part
    c.sendall(answer)
    c.close()
    print("answered", flush=True)
PY
start origin python3 "$TMP/origin.py" "$O"
wait_for listening "$O"
host_section app public app.test "origin = http://127.0.0.1:$O"
start_edge
cat >"$TMP/visitor.py" <<'PY'
import os, socket, ssl, sys, threading, time
port, C = int(sys.argv[1]), ssl.create_default_context(cafile=sys.argv[2])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.settimeout(60)
s.connect(("127.0.0.1", port))
s = C.wrap_socket(s, server_hostname="app.test")
N = 2000
def asks():
    for _ in range(N):
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
threading.Thread(target=asks, daemon=True).start()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
s.settimeout(30)
got = b""
while got.count(b"X-Long") < 50:
    part = s.recv(65536)
    assert part, "cut"
    got += part
print("it went on")
PY
start visitor python3 "$TMP/visitor.py" "$EDGE_PORT" "$WEB_CA" "$TMP/go"
worker=$(grep -o "child ready child=worker pid=[0-9]*" "$TMP/edge.log" | sed "s/.*=//")
ticks() { awk '{ print $14 + $15 }' "/proc/$worker/stat"; }
answers() { grep -c answered "$TMP/origin.log"; }
stands_still() {
	local before
	before=$(answers)
	sleep 0.3
	[ "$before" -gt 0 ] && [ "$(answers)" = "$before" ]
}
wait_for stands_still
spent=1000
for _ in 1 2 3 4 5; do # 100 ticks are a second
	before=$(ticks)
	sleep 1
	now=$(($(ticks) - before))
	[ "$now" -ge "$spent" ] || spent=$now
done
echo "figure: $(answers) answers; then $spent ticks of a second, at the least"
[ "$spent" -lt 20 ] || fail "a visitor who reads nothing costs $spent % of a processor"
touch "$TMP/go"
join visitor
same "$STATUS" 0 "when it reads: $(<"$TMP/visitor.log")"
edge_is_alive
pass
