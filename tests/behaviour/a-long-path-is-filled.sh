#!/usr/bin/env bash
# A round trip of 200 ms between home and edge: a download's window grows with it, a request takes one round trip, and
# nobody is taken for dead. LATENCY_BYTES.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
two_houses 'delay 100'
. "$(dirname "$0")/web.inc.sh"
ROW=12
far_web
PLAIN=$(free_port)
start plain python3 -c '
import socket, sys
s = socket.create_server(("10.90.0.1", int(sys.argv[1])))
while True:
    c = s.accept()[0]
    c.sendall(bytes(int(sys.argv[2]))); c.close()' "$PLAIN" "${LATENCY_BYTES:-16000000}"
wait_for holds_port "$PLAIN"
visits "${LATENCY_BYTES:-16000000}" "$PLAIN" <<'PY'
many = int(sys.argv[1])
def timed(f):
    t = time.monotonic(); f(); return secs(t)
tunnels = log("edge").count("a connector is connected")
v = visit()
assert v.status() == 200
one = min(timed(lambda: v.status("/bytes/1000")) for _ in range(3))
began, v2, got, marks = time.monotonic(), visit(), 0, []
v2.ask(f"/bytes/{many}"); v2.head_of("a download")
while got < many:
    got += len(v2.p.some(many - got)); marks.append((secs(began), got))
plain, at, first = socket.create_connection(("10.90.0.1", int(sys.argv[2]))), [], 0
began = time.monotonic()
while part := plain.recv(1 << 20):
    first += len(part); at.append(secs(began))
half = next(m for m in marks if m[1] >= many / 2)
rate = (many - half[1]) / (marks[-1][0] - half[0])
same(log("edge").count("a connector is connected"), tunnels, "connections of the tunnel")
figure(12, f"200 ms round trip: a small request {one * 1000:.0f} ms; {many / 1e6:.0f} MB in {marks[-1][0]:.1f} s, plain TCP of the same path in {at[-1]:.1f} s; the second half at {rate * 8e-6:.0f} Mbit/s = {rate * 0.2 / 1048576:.1f} MiB a round trip; no connection was given up")
assert rate * 0.2 > 131072, "the window does not grow" # it begins with 64 KiB
PY
[ "$(grep -c 'a tunnel ended' "$TMP/edge.log")" = 0 ] || fail "a tunnel ended"
edge_is_alive
