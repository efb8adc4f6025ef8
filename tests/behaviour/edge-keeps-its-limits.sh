#!/bin/bash
# core
# FLOODS(BOUND_EDGE_CONNS)
# With max_conns visitors there is still room for one more as long as some of them only wait: the one that waits
# longest goes. When all of them are at something, the new one is closed at once. Who is idle for too long is closed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

host_section app public app.test 'origin = http://127.0.0.1:9'
edge_line 'max_conns = 20' 'idle = 1h'
start_edge

cat >"$TMP/visit.py" <<'PY'
import socket, ssl, sys, time

AT = ("127.0.0.1", int(sys.argv[1]))
C = ssl.create_default_context(cafile=sys.argv[2])

def plain():
    return socket.create_connection(AT, timeout=30)

def tls():
    return C.wrap_socket(plain(), server_hostname="app.test")

def is_open(s):
    s.settimeout(0.05)
    try:
        return s.recv(1) != b""
    except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
        return True
    except (ConnectionError, ssl.SSLError):
        return False
    finally:
        s.settimeout(30)

def come_to(n, socks): # no more than n of them stay open; how many do when that is so
    for _ in range(50):
        alive = [s for s in socks if is_open(s)]
        if len(alive) <= n: break
    return alive

def ended(s): # waits until it does
    try:
        return s.recv(1) == b""
    except (ConnectionError, ssl.SSLError):
        return True
PY
cat >"$TMP/flood.py" <<'PY'
from visit import *
idle = [tls() for _ in range(60)]      # each of them gets in
assert ended(idle[0]) and ended(idle[30]), "the oldest stayed"
alive = come_to(20, idle)
assert idle[-1] in alive and 15 <= len(alive) <= 20, len(alive)
assert alive == idle[-len(alive):], "not the oldest have gone"
print(len(alive))
PY
cat >"$TMP/full.py" <<'PY'
from visit import *
shaking = [plain() for _ in range(20)] # a handshake that has not begun is not idle, and has half of the places at most
for s in shaking:
    s.sendall(b"\x16\x03\x01\x02\x00")
assert len(come_to(11, shaking)) == 11 and ended(plain()), "handshakes have all places"
for s in shaking:
    s.close()
def soon():                            # a place is free as soon as the end of who had it is seen
    until = time.monotonic() + 5
    while True:
        try: return tls()
        except (ConnectionError, ssl.SSLError):
            assert time.monotonic() < until, "the free place was not found"
            time.sleep(0.01)
busy = []
while len(busy) < 20:
    s = soon()
    s.sendall(b"GET / HTTP/1.1\r\n")
    busy.append(s)
late = plain()
assert ended(late), "the twenty-first got in"
busy.pop().close()
soon()
PY
cat >"$TMP/idle.py" <<'PY'
from visit import *
s = C.wrap_socket(plain(), server_hostname="app.test", suppress_ragged_eofs=False)
assert s.recv(1) == b""                # a close_notify: without one it raises
PY
run() { PYTHONPATH=$TMP python3 "$TMP/$1.py" "$EDGE_PORT" "$WEB_CA" || fail "$1"; }
run flood
run full
stop edge
EDGE_LINES=('idle = 1s')
start_edge
run idle
edge_is_alive
pass
