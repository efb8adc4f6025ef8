#!/bin/bash
# security
# One address gets an eighth of max_conns and eight more, on the public port and on services' ports together, whatever it
# does there; somebody else finds room, and so does he when he has let go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

N=$(free_port) RAW=$(free_port)
start origin socat "TCP-LISTEN:$N,fork,reuseaddr,bind=127.0.0.1" EXEC:cat
wait_for listening "$N"
host_section app public app.test "origin = http://127.0.0.1:$N"
edge_line 'max_conns = 40' 'proxy_from = 127.0.0.2' '[service echo]' "listen = 127.0.0.1:$RAW" "origin = 127.0.0.1:$N" 'public = unauthenticated'
start_edge
cat >"$TMP/crowd.py" <<'PY'
import socket, ssl, sys, time
WEB, RAW = int(sys.argv[1]), int(sys.argv[2])
C = ssl.create_default_context(cafile=sys.argv[3])
def come(port, who, tls=False):
    s = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=("127.0.0.2", 0))
    s.sendall(b"PROXY TCP4 %s 192.0.2.1 1000 443\r\n" % who.encode() + (b"" if tls else b"\x16"))
    return C.wrap_socket(s, server_hostname="app.test") if tls else s
def is_open(s, port):
    if port == RAW: # it answers
        try:
            return s.recv(1) != b""
        except OSError:
            return False
    try:
        s.setblocking(False)
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
def held(who, port, n):
    all = [come(port, who) for _ in range(n)]
    for tries in range(300): # those that are refused are closed soon
        if port == RAW or sum(is_open(s, port) for s in all) <= 3: # thirteen with those on RAW
            break
        time.sleep(0.05)
    return [s for s in all if is_open(s, port)]
greedy = held("198.51.100.7", RAW, 10)
assert len(greedy) == 10, len(greedy)
greedy += held("198.51.100.7", WEB, 60)
assert len(greedy) == 13, len(greedy) # 40 / 8 + 8
come(WEB, "198.51.100.8", True).close()
come(WEB, "203.0.113.9", True).close()
try:
    come(WEB, "198.51.100.7", True)
    raise SystemExit("a fourteenth")
except (OSError, ssl.SSLError):
    pass
for s in greedy:
    s.close()
for tries in range(300):
    try:
        come(WEB, "198.51.100.7", True)
        break
    except (OSError, ssl.SSLError):
        time.sleep(0.05)
else:
    raise SystemExit("what he let go stayed taken")
PY
python3 "$TMP/crowd.py" "$EDGE_PORT" "$RAW" "$WEB_CA" || fail "see above"
edge_is_alive
pass
