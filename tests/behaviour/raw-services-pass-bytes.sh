#!/usr/bin/env bash
# core
# FLOODS(BOUND_RAW_CONNS)
# Ports and names that the edge passes on unread, to origins on its own machine: every byte in order in both
# directions, half-closes and resets as they are, the origin's own certificate end to end, a line for each in the
# log; and what a reload, a limit and silence do to them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
. "$(dirname "$0")/nginx.inc.sh"
need nginx curl python3
E=$(free_port) P=$(free_port) IDLE=$(free_port) DOWN=$(free_port) HOLD=$(free_port)
ORIGIN=$(free_port) NGINX=$(free_port) NOBODY=$(free_port)

ca home
ca edge
cert inner home serverAuth "DNS:inner.test, DNS:a.pass.test"
cert web edge serverAuth "DNS:web.test"
chmod 755 "$TMP" "$PKI"
start_nginx "$NGINX" "$PKI/inner"
start origin python3 "$ROOT/tests/behaviour/digest.py" origin "$ORIGIN"
wait_for listening "$ORIGIN"

# conf LINE...: the edge's, the LINEs at its end.
conf() {
	printf '[state]\ndir = %s/edge.state\nrun_dir = %s/edge.run\n[tls]\nper_address = 100000\nburst = 100000\nwatch = false\n[limits]\ndrain = 3s\n' "$TMP" "$TMP"
	printf '[edge]\nlisten = 127.0.0.1:%s\nmax_conns = 12\n' "$E"
	printf '[host web]\nnames = web.test\ncert = %s/web.pem\nkey = %s/web.key\naccess = public\norigin = http://127.0.0.1:%s\n' "$PKI" "$PKI" "$NOBODY"
	printf '[service plain]\nlisten = 127.0.0.1:%s\norigin = 127.0.0.1:%s\npublic = unauthenticated\n' "$P" "$ORIGIN"
	printf '[service pass]\nsni = inner.test, *.pass.test\norigin = 127.0.0.1:%s\npublic = unauthenticated\n' "$NGINX"
	printf '[service nobody]\nlisten = 127.0.0.1:%s\nsni = nobody.test\norigin = 127.0.0.1:%s\npublic = unauthenticated\n' "$DOWN" "$NOBODY"
	printf '[service quiet]\nlisten = 127.0.0.1:%s\norigin = 127.0.0.1:%s\npublic = unauthenticated\nidle = 1s\n' "$IDLE" "$ORIGIN"
	printf '[service told]\nlisten = 127.0.0.1:%s\norigin = 127.0.0.1:%s\npublic = unauthenticated\nproxy_protocol = v1\n' "$HOLD" "$ORIGIN"
	printf '%s\n' "$@"
}
conf >"$TMP/edge.conf"
expect 0 "$ZT" check -c "$TMP/edge.conf"
has "$OUT$ERR" "unauthenticated: whoever knows the port or name gets through"
start edge "$ZT" edge -c "$TMP/edge.conf"
wait_for listening "$P"
wait_for listening "$E"
lines() { # PART...: a line of the log that has them all
	local text part
	text=$(grep '"logger":"zt.log.stream"' "$TMP/edge.log")
	for part in "$@"; do
		text=$(grep -F -- "$part" <<<"$text") || return 1
	done
}

# 64 MB there, its digest and 64 MB back, with a half-close between them.
python3 "$ROOT/tests/behaviour/digest.py" client "$P" $((64 << 20)) || fail "64 MB through a raw port"
wait_for lines '"kind":"tcp"' '"route":"plain"' "\"bytes_read\":$((64 << 20))" "\"size\":$(((64 << 20) + 64))" '"decision":"allowed"' '"by":"visitor"'

# End to end: the certificate is home's, under the names of sni alone; others are the edge's own business.
subject() { openssl s_client -connect "127.0.0.1:$E" -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null; }
has "$(subject inner.test)" "CN = inner"
has "$(subject a.pass.test)" "CN = inner"
has "$(subject web.test)" "CN = web"
same "$(subject other.test)" "" "what an unknown name is shown"
same "$(subject b.a.pass.test)" "" "what a name two labels below the wildcard is shown"
same "$(curl -sS --cacert "$PKI/home.pem" --resolve "inner.test:$E:127.0.0.1" "https://inner.test:$E/hello")" "hello from home" "the page"
wait_for lines '"kind":"pass-through"' '"route":"pass"' '"decision":"allowed"'

# No origin: the connection ends without a byte, also for a hello.
same "$(python3 -c '
import socket, sys
c = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30); print(c.recv(10))' "$DOWN")" "b''" "what a visitor of a dead origin gets"
same "$(subject nobody.test)" "" "what is shown for a dead origin"
wait_for lines '"route":"nobody"' '"fault":"origin-refused"' '"kind":"pass-through"' '"by":"origin"'

# A reset stays one, in both directions; the address of the visitor is told where it is asked for.
python3 - "$P" "$HOLD" "$IDLE" <<'PY' || fail "resets, PROXY, silence"
import socket, struct, sys
def conn(port): return socket.create_connection(("127.0.0.1", int(port)), timeout=30)
c = conn(sys.argv[1]); c.sendall(b"reset"); assert c.recv(1) == b"x"; c.sendall(b"y")
try:
    assert c.recv(1) != b"", "an end in the place of a reset"
except ConnectionResetError: pass
c = conn(sys.argv[2]); c.sendall(b"hi")
line = c.recv(200)
assert line.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (c.getsockname()[1], int(sys.argv[2]))), line
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.close()
try:
    c = conn(sys.argv[3])
    assert c.recv(1) == b""
except ConnectionResetError: pass
PY
wait_for lines '"route":"quiet"' '"fault":"idle"' '"by":"edge"'
wait_for lines '"route":"plain"' '"fault":"reset"' '"by":"origin"'
wait_for lines '"route":"told"' '"fault":"reset"' '"by":"visitor"'

# One more than the limit is closed at once, and there is room again when one goes. Then a reload: whose service is
# gone may finish, and is cut when it does not in time; the others go on.
python3 - "$P" "$TMP" >"$TMP/held.log" 2>&1 <<'PY' &
import os, socket, sys, time
def conn(): return socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=50)
def held():
    try:
        c = conn(); c.sendall(b"hold")
        return c if c.recv(4) == b"held" else None
    except (ConnectionResetError, BrokenPipeError):
        return None
def wait(name):
    while not os.path.exists(sys.argv[2] + "/" + name): time.sleep(0.02)
some = [held() for _ in range(12)]
assert all(some), some
assert held() is None, "one more than the limit"
some.pop().close()
end = time.time() + 30
while not (last := held()):
    assert time.time() < end
    time.sleep(0.02)
print("full", flush=True)
for c in some: c.close()
wait("reloaded")
last.sendall(b"more"); last.shutdown(socket.SHUT_WR)
assert len(last.recv(64)) > 0
print("outlived", flush=True)
fin, last = held(), held()
print("again", flush=True)
wait("gone")
fin.sendall(b"more"); fin.shutdown(socket.SHUT_WR)
assert len(fin.recv(64)) > 0
print("finished", flush=True)
try:
    assert last.recv(1) == b""
except ConnectionResetError: pass
print("cut", flush=True)
PY
PIDS[held]=$!
wait_for grep -q full "$TMP/held.log"
conf '[service late]' 'sni = late.test' "origin = 127.0.0.1:$ORIGIN" 'public = unauthenticated' >"$TMP/edge.conf"
expect 0 "$ZT" reload edge -c "$TMP/edge.conf"
: >"$TMP/reloaded"
wait_for grep -q outlived "$TMP/held.log"
wait_for grep -q again "$TMP/held.log"
conf | sed "s/^\[service plain\]/[service another]/" >"$TMP/edge.conf"
expect 0 "$ZT" reload edge -c "$TMP/edge.conf"
: >"$TMP/gone"
wait_for grep -q finished "$TMP/held.log"
wait_for grep -q cut "$TMP/held.log"
wait_for lines '"route":"plain"' '"fault":"its service is gone"' '"by":"edge"'
join held
same "$STATUS" 0 "the end of those that were held"
stop edge
same "$STATUS" 0 "the end of the edge"
pass
