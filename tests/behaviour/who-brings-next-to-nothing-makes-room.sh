#!/bin/bash
# waits
# Bodies of a byte a second: while places are scarce, those that bring less than a KiB a second over twice head_timeout are
# ended with 408, until there is room again. Nobody is ended while it is the origin that takes nothing. STORM_SLOW: how
# many.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
need ss
slow_edge

start bodies "$STORM" "$EDGE_PORT" app.test kind=body n="$N" at=sink.test s=$((60 + 4 * LONG)) calm=1
were_cut() { [ "$(edge_child worker counters.cut_slow)" -ge $((N / 12)) ] && [ "$(edge_child worker counters.visitors)" -le $(((N + N / 8 + 20) * 3 / 4)) ]; }
wait_for were_cut
all_read() { ss -Htn "dport = :$EDGE_PORT" | awk '{ n += $2 } END { exit n > 0 }'; } # the last answers have reached them
wait_for all_read
stop bodies
grep '^{' "$TMP/bodies.log" >"$TMP/storm.json"
figures bodies
served
# With a quarter of the places free again the others may go on as they like.
storm_is "s['open'] == $N and s['cut'] >= $N // 12 and s['held'] <= $(((N + N / 8 + 20) * 3 / 4)) and set(s['status']) == {'408'}"
storm_is "1900 <= s['first_cut_ms']"

cat >"$TMP/patient.py" <<'PY'
import socket, ssl, sys, time
C = ssl.create_default_context(cafile=sys.argv[2])
def post(path, n):
    s = C.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30), server_hostname="sink.test")
    s.sendall(b"POST %s HTTP/1.1\r\nHost: sink.test\r\nContent-Length: %d\r\n\r\n" % (path, n)); return s
fast = post(b"/wait", 8000000)          # more than the buffers on the way hold
fast.setblocking(False); sent = 0; end = time.monotonic() + 25
while sent < 8000000 and time.monotonic() < end:
    try: sent += fast.send(bytes(min(65536, 8000000 - sent)))
    except ssl.SSLWantWriteError: time.sleep(0.01)
assert sent == 8000000, f"cut after {sent} bytes while the origin took nothing"
fast.setblocking(True)
assert fast.recv(99).startswith(b"HTTP/1.1 200"), "its answer"
PY
start drips "$STORM" "$EDGE_PORT" app.test kind=body at=sink.test n=$((N + N / 10)) s=$((9 + 3 * LONG)) calm=0
enough() { [ "$(edge_child worker counters.visitors)" -gt $((N * 3 / 4)) ]; }
wait_for enough
python3 "$TMP/patient.py" "$EDGE_PORT" "$WEB_CA" || fail "see above"
join drips
edge_is_alive
pass
