#!/bin/bash
# core
# FLOODS(BOUND_PLAIN_CONNS)
# The plain port sends whoever asks for a host that is served to https, refuses everything else alike, reads no body,
# and is held up by nobody who is slow: with more of them than there is room for, the oldest go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

host_section app public 'app.test *.wild.test' 'origin = http://127.0.0.1:9'
edge_line 'head_timeout = 2s'
start_edge

# plain STATUS LOCATION [CURL OPTION...] HOST/PATH: one request to the plain port.
plain() {
	local status=$1 location=$2 url=${*: -1}
	OUT=$(curl -sS --max-time 30 -o /dev/null -w '%{http_code} %{redirect_url}' --connect-to "::127.0.0.1:$EDGE_HTTP" "${@:3:$#-3}" "http://$url")
	same "$OUT" "$status $location" "the answer to $url"
}
plain 301 'https://app.test/' app.test/
plain 301 'https://app.test/a/b?c=d&e' 'app.test/a/b?c=d&e'
plain 301 'https://a.wild.test//evil.test/x' a.wild.test//evil.test/x
plain 301 'https://app.test/x' -I app.test/x
plain 308 'https://app.test/upload' -d body app.test/upload
# Who names the port of http_listen is told the one of listen; another port is a router's, which says 443.
plain 301 "https://app.test:$EDGE_PORT/x?y" "app.test:$EDGE_HTTP/x?y"
plain 301 'https://app.test/x' app.test:81/x
plain 421 '' nobody.test/
plain 421 '' a.b.wild.test/
plain 421 '' 127.0.0.1/

# raw BYTES: what comes back to them, until the other side closes.
raw() {
	python3 - "$EDGE_HTTP" "$1" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
for part in sys.argv[2].encode().decode("unicode_escape").encode("latin1").split(b"|"):
    s.sendall(part)
    import time; time.sleep(0.01)
got = b""
while True:
    try:
        more = s.recv(65536)
    except ConnectionResetError:
        break
    if not more:
        break
    got += more
sys.stdout.buffer.write(got)
PY
}
OUT=$(raw 'GET /in|/pieces HTTP/1.1\r\nHo|st: app.te|st\r\n\r\n')
has "$OUT" 'Location: https://app.test/in/pieces'
has "$OUT" 'Connection: close'
OUT=$(raw 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\nGET /second HTTP/1.1\r\nHost: app.test\r\n\r\n')
same "$(grep -c '^HTTP/1.1' <<<"$OUT")" 1 "answers to two requests at once"
for bad in 'GET / HTTP/1.1\r\n\r\n' 'GET / HTTP/1.1\r\nHost: app.test\r\nHost: b.test\r\n\r\n' 'GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n' \
	'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n'; do
	OUT=$(raw "$bad")
	has "$OUT" 'HTTP/1.1 400'
	lacks "$OUT" 'Location'
done
OUT=$(raw 'OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n')
has "$OUT" 'HTTP/1.1 400'

# Whoever says nothing is closed after head_timeout; 300 of them hold nobody out meanwhile.
python3 - "$EDGE_HTTP" <<'PY' || fail "slow visitors"
import socket, sys, time
at = ("127.0.0.1", int(sys.argv[1]))
slow = []
for i in range(300):
    s = socket.create_connection(at, timeout=30)
    s.sendall(b"GET / HTTP/1.1\r\nHost: app.te")
    slow.append(s)
s = socket.create_connection(at, timeout=30)
s.sendall(b"GET /quick HTTP/1.1\r\nHost: app.test\r\n\r\n")
got = s.recv(4096)
assert b"301" in got, got
for s in slow: # each of them ends without an answer
    try:
        assert s.recv(4096) == b""
    except ConnectionResetError:
        pass
PY
edge_is_alive
pass
