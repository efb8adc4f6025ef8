#!/bin/bash
# waits
# Places are scarce. Who reads 3 KiB a second goes on, though that leaves the edge in steps of a whole record every few
# seconds; who takes nothing is cut.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
storm_origin
edge_line 'max_conns = 24' 'head_timeout = 1s' 'idle = 10m'
start_edge
cat >"$TMP/readers.py" <<'PY'
import os, socket, ssl, sys, time
port, C = int(sys.argv[1]), ssl.create_default_context(cafile=sys.argv[2])
def asks(i, path):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(30)
    s.bind((f"127.4.0.{1 + i}", 0))
    s.connect(("127.0.0.1", port))
    s = C.wrap_socket(s, server_hostname="app.test")
    s.sendall(b"GET %s HTTP/1.1\r\nHost: app.test\r\n\r\n" % path)
    return s
held = [asks(i, b"/") for i in range(20)] # the places; they have their answers, and wait
steady, still = asks(30, b"/big"), asks(31, b"/big")
raw = socket.socket(fileno=os.dup(steady.fileno())) # as it comes: TLS would take a record, then nothing for seconds
raw.settimeout(30)
begun, n = time.monotonic(), 0
while time.monotonic() - begun < 11: # five times twice head_timeout
    part = raw.recv(1024)
    assert part, f"cut after {time.monotonic() - begun:.1f} s and {n} bytes"
    n += len(part)
    time.sleep(max(0, n / 3072 - (time.monotonic() - begun)))
print(f"read {n} bytes")
PY
start readers python3 "$TMP/readers.py" "$EDGE_PORT" "$WEB_CA"
join readers
same "$STATUS" 0 "who reads steadily: $(<"$TMP/readers.log")"
same "$(edge_child worker counters.cut_slow)" 1 "cut: who takes nothing"
edge_is_alive
pass
