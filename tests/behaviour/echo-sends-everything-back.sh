#!/bin/bash
# core
# security
# Every byte comes back, in order, for many connections at once, and a peer that has finished
# sending still gets the rest.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
cat >"$TMP/many.py" <<'PY'
import hashlib, os, socket, sys, threading
port, conns, size = int(sys.argv[1]), 40, 1 << 20
bad = []
def one(i):
    data = os.urandom(size)
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    def send():
        s.sendall(data); s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send); t.start()
    got = b""
    while True:
        part = s.recv(65536)
        if not part: break
        got += part
    t.join()
    if hashlib.sha256(got).digest() != hashlib.sha256(data).digest(): bad.append((i, len(got)))
ts = [threading.Thread(target=one, args=(i,)) for i in range(conns)]
[t.start() for t in ts]; [t.join() for t in ts]
sys.exit(f"wrong: {bad}" if bad else 0)
PY
python3 "$TMP/many.py" "$PORT" || fail "bytes were lost"
same "$(status children.0.counters.accepted)" 40 "accepted"
same "$(status children.0.counters.bytes)" $((40 << 20)) "bytes"
stop echo
same "$STATUS" 0 "exit code after SIGTERM"
pass
