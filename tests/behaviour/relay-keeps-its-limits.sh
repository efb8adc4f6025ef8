#!/bin/bash
# core
# security
# FLOODS(BOUND_RELAY_CONNS)
# More connections than max_conns, more handshakes than one address may begin, peers that connect
# and say nothing: who is in is served, who is too many is closed at once, and it ends by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
cat >"$TMP/flood.py" <<'PY'
import sys, tlspeer
port, ca, inside, extra = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ctx = tlspeer.context(ca)
def serves(c):
    c.send(b"x"); return c.recv(1) == b"x"
def gets_in():
    try: c = tlspeer.dial(port, ctx, "a.test")
    except OSError: return None
    return c if serves(c) else None
held = [gets_in() for _ in range(inside)]
assert all(held), "one within the limit was not served"
assert not any(gets_in() for _ in range(extra)), "one over the limit was served"
assert all(serves(c) for c in held), "a served one suffered"
for c in held: c.close()
for _ in range(500):
    if gets_in(): sys.exit(0)
sys.exit("no room after all had left")
PY
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' 'max_conns = 20' "$(host a a 'names = a.test')"
start_relay near
peer "$TMP/flood.py" "${AT[near]}" "$PKI/home.pem" 20 30 || fail "max_conns"
[ "$(counter near relay_conns_full)" -ge 30 ] || fail "the full table was not counted"
stop near

# Ten handshakes at once from one address and no more for a long time.
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
sed -i 's/^per_address = .*/per_address = 1/; s/^burst = .*/burst = 10/' "${CONF[near]}"
start_relay near
peer - "${AT[near]}" "$PKI/home.pem" <<'PY' || fail "the budget of an address"
import sys, time, tlspeer
ctx = tlspeer.context(sys.argv[2])
def gets_in():
    try: return tlspeer.dial(sys.argv[1], ctx, "a.test")
    except OSError: return None
began = time.monotonic()
n = sum(1 for _ in range(40) if gets_in())
more = time.monotonic() - began
assert 10 <= n <= 11 + more and n < 40, f"{n} of 40 handshakes were begun in {more:.1f} s with a burst of 10 and one a second"
PY
[ "$(counter near tls_refused_budget)" -gt 0 ] || fail "refusals were not counted"
logged near 'not opened' by=zt "begins too many handshakes" || fail "the log does not say why"
stop near

# Silent peers hold a place until the handshake's deadline, then go by themselves.
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
sed -i 's/^\[tls\]/[tls]\nhandshakes = 4\nhandshake_timeout = 1s/' "${CONF[near]}"
start_relay near
peer - "${AT[near]}" "$PKI/home.pem" <<'PY' || fail "silent peers"
import socket, sys, time, tlspeer
ctx = tlspeer.context(sys.argv[2])
def fifth():
    """Whether one gets in beside four silent ones, and whether it was tried before the first of those had to go."""
    began = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) for _ in range(4)]
    try: tlspeer.dial(sys.argv[1], ctx, "a.test"); got_in = True
    except OSError: got_in = False
    soon = time.monotonic() - began < 1
    for s in silent: assert s.recv(1) == b"", "a silent peer was not closed"
    return got_in, soon
for _ in range(20):
    got_in, soon = fifth()
    if soon: break
else: sys.exit("the fifth never came in time")
assert not got_in, "a fifth handshake was begun"
for _ in range(20): # it has a second for it, too
    try: c = tlspeer.dial(sys.argv[1], ctx, "a.test"); break
    except OSError: pass
c.send(b"x"); assert c.recv(1) == b"x"
PY
logged near 'not opened' "was not over in time" || fail "the log does not say why"
stop near
pass
