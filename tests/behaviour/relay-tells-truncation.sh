#!/bin/bash
# core
# security
# Half a stream never looks like a whole one: what ends without close_notify, by a reset or by the
# death of a process arrives as a reset on the other side, and the log says who it was.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
cat >"$TMP/cut.py" <<'PY'
import sys, tlspeer
port, ca, how, want = sys.argv[1:5]
worker = int(sys.argv[5]) if len(sys.argv) > 5 else 0
ls = tlspeer.listen(sys.stdin.readline().strip())
ctx = tlspeer.context(ca) if ca else None
c = tlspeer.dial(port, ctx, "far.test" if ctx else None)
o = tlspeer.accept(ls)
c.send(b"half of it")
assert o.recv_exactly(10) == b"half of it"
o.send(b"half of the answer")
assert c.recv_exactly(18) == b"half of the answer"
if how == "kill":
    import os, signal
    os.kill(worker, signal.SIGKILL)
    assert c.recv() == b"" and c.end() in ("reset", "cut"), f"the client saw: {c.end()}"
elif how == "origin":
    o.abort()
    assert c.recv() == b"" and c.end() in ("reset", "cut"), f"the client saw: {c.end()}"
    sys.exit(0)
else:
    getattr(c, how)()
assert o.recv() == b""
assert o.end() == want, f"{how}: the origin saw: {o.end()}"
PY
origin=$(free_port)
start_pair "$origin"
try() { peer "$TMP/cut.py" "$@" <<<"$origin" || fail "port $1, ${2:+TLS,} $3"; }
ca=$PKI/pair.pem
try "${AT[far]}" "$ca" finish end
try "${AT[far]}" "$ca" leave reset
wait_for logged far closed by=client "without the peer's farewell"
try "${AT[far]}" "$ca" abort reset
wait_for logged far closed by=client "reset the connection"
try "${AT[far]}" "$ca" origin -
wait_for logged far closed 'by="far side"' "reset the connection"
# Across two hops, of which the middle one is TLS.
try "${AT[near]}" "" finish end
try "${AT[near]}" "" abort reset
try "${AT[near]}" "" origin -
try "${AT[far]}" "$ca" kill reset "$(child_of far worker pid)"
wait_for relay_is_healthy far
try "${AT[near]}" "" kill reset "$(child_of near worker pid)"
pass
