#!/bin/bash
# waits
# Visitors who begin an upload through the tunnel, stop in the middle of a record, and keep the connection: many times as many as
# there are buffers to read with. Others are served as before meanwhile. STALLED: how many.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
STALLED=${STALLED:-150}
storm_tunnel
EDGE_HOSTS+=('[limits]' "memory = $((16 + STALLED / 50))M") # 72 buffers for 150 visitors, half of them to read with
start_web
cat >"$TMP/stall.py" <<'PY'
import socket, ssl, sys, time
port, ca, n = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
C = ssl.create_default_context(cafile=ca)
def visitor(i, name):
    s = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(f"127.3.{i % 7}.{1 + i % 200}", 0))
    return C.wrap_socket(s, server_hostname=name)
def page(s):
    t, b = time.monotonic(), b""
    s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
    while not b.endswith(b"ok\n"):
        part = s.recv(4096)
        assert part, f"a page ended behind {b!r}"
        b += part
    return time.monotonic() - t
kept, held, waits = visitor(1, "app.test"), [], []
for i in range(n):
    s = visitor(i, "sink.test")
    s.sendall(b"POST /wait HTTP/1.1\r\nHost: sink.test\r\nContent-Length: 80000000\r\n\r\n")
    s.setblocking(False)
    try:
        for _ in range(40): s.send(bytes(16384))
    except ssl.SSLWantWriteError: pass # the rest of that record never comes
    held.append(s)
    if i % 3 == 0: waits.append(page(kept))
waits.sort()
print(f"figure: {n} stalled uploads: a page beside them: p50 {waits[len(waits) // 2] * 1000:.1f} ms, slowest {waits[-1] * 1000:.0f} ms")
assert waits[-1] < 2.5, "somebody waited until others were ended" # three seconds and more, when buffers are sat on
PY
ulimit -n "$(ulimit -Hn)"
python3 "$TMP/stall.py" "$EDGE_PORT" "$WEB_CA" "$STALLED" || fail "see above"
[ "$(edge_child worker counters.duct_buffers_full)" -lt $((STALLED / 10)) ] || fail "visitors waited for buffers"
edge_is_alive
pass
