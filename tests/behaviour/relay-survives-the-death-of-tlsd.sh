#!/bin/bash
# core
# security
# The process that holds the keys is killed: streams that are open go on, handshakes work again as
# soon as it is back, and the worker never noticed more than that.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
start_relay near
cat >"$TMP/live.py" <<'PY'
import os, signal, socket, sys, time, tlspeer
port, ca, pid = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ctx = tlspeer.context(ca)
def ping(c):
    c.send(b"ping"); got = c.recv_exactly(4)
    assert got == b"ping", f"{got} {c.end()}"
live = [tlspeer.dial(port, ctx, "a.test") for _ in range(20)]
for c in live: ping(c)
half = socket.create_connection(("127.0.0.1", port), timeout=60)   # says half a hello, in nobody's hands yet
half.sendall(b"\x16\x03\x01\x00\x80")
os.kill(pid, signal.SIGKILL)
for c in live: ping(c)
for _ in range(3000):            # what is handed to a process that is being killed is lost with it
    try: ping(tlspeer.dial(port, ctx, "a.test")); break
    except (OSError, AssertionError): time.sleep(0.01)
else: sys.exit("no handshake works any more")
for _ in range(5): ping(tlspeer.dial(port, ctx, "a.test"))
for c in live: ping(c); c.finish(); assert c.recv() == b"" and c.end() == "end"
PY
worker=$(child_of near worker pid)
for _ in 1 2 3; do
	wait_for relay_is_healthy near
	tlsd=$(child_of near tlsd pid)
	peer "$TMP/live.py" "${AT[near]}" "$PKI/home.pem" "$tlsd" || fail "streams or handshakes were lost with tlsd"
	wait_for relay_is_healthy near
	[ "$(child_of near tlsd pid)" != "$tlsd" ] || fail "tlsd was not started again"
done
same "$(child_of near worker pid)" "$worker" "the worker"
same "$(child_of near worker restarts)" 0 "restarts of the worker"
same "$(child_of near tlsd restarts)" 3 "restarts of tlsd"
pass
