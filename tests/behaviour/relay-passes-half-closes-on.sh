#!/bin/bash
# core
# Whoever has finished sending still gets the whole answer, through any mix of plain and TLS: the
# origin here answers only when it has seen the end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
cat >"$TMP/origin.py" <<'PY'
import hashlib, sys, threading, tlspeer
ls = tlspeer.listen(sys.argv[1])
ls.settimeout(None)
def serve(c):
    got = c.recv_all()
    if c.end() == "end":
        c.send(hashlib.sha256(got).hexdigest().encode() + got[::-1])
        c.finish()
    c.close()
while True:
    threading.Thread(target=serve, args=(tlspeer.accept(ls),), daemon=True).start()
PY
cat >"$TMP/ask.py" <<'PY'
import hashlib, os, sys, threading, tlspeer
port, ca = sys.argv[1:3]
ctx = tlspeer.context(ca) if ca else None
for size in (0, 1, 16384, 3000000):
    c = tlspeer.dial(port, ctx, "far.test" if ctx else None)
    data = os.urandom(size)
    c.send(data)
    c.finish()
    got = c.recv_all()
    assert c.end() == "end", f"{size}: {c.end()}"
    assert got == hashlib.sha256(data).hexdigest().encode() + data[::-1], f"{size}: {len(got)} bytes"
    c.close()
PY
origin=$(free_port)
start origin env PYTHONPATH="$ROOT/tests/behaviour" PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/origin.py" "$origin"
wait_for listening "$origin"
start_pair "$origin"
peer "$TMP/ask.py" "${AT[far]}" "$PKI/pair.pem" || fail "TLS to plain"
peer "$TMP/ask.py" "${AT[near]}" "" || fail "plain to TLS to plain"
for name in near far; do
	logged "$name" closed 'by=client' 'why="finished first"' || fail "$name does not say who finished first"
done

# TLS to TLS, and plain to plain.
relay_conf both "to = 127.0.0.1:${AT[far]}" 'accept = tls' 'connect = tls' 'connect_name = far.test' \
	"connect_ca = $PKI/pair.pem" "$(host far far 'names = far.test')"
start_relay both
peer "$TMP/ask.py" "${AT[both]}" "$PKI/pair.pem" || fail "TLS to TLS"
relay_conf none "to = 127.0.0.1:$origin"
start_relay none
peer "$TMP/ask.py" "${AT[none]}" "" || fail "plain to plain"
pass
