#!/usr/bin/env bash
# security
# A download and a WebSocket live through an upgrade of the edge and one of the connector, byte by byte, and status says
# that they do; the processes before end with them. What a status list cuts is cut in those too, in each worker of each
# generation, also when the keeper that tells them was started again. With [limits] linger over, what still lives is cut.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
export ZT_EDGE_WORKERS=2
ORIGIN=$(free_port)
cat >"$TMP/origin.py" <<'PY'
# /NAME: half of a body, and the rest when $TMP/NAME.go is there; with Upgrade: what comes goes back.
import hashlib, os, socket, sys, threading, time
def serve(c):
    got = b""
    while b"\r\n\r\n" not in got:
        part = c.recv(65536)
        if not part: return c.close()
        got += part
    head, rest = got.split(b"\r\n\r\n", 1)
    path = head.split()[1].decode()
    if b"upgrade: websocket" in head.lower():
        c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n" + rest)
        while part := c.recv(65536): c.sendall(part)
        return c.close()
    block = hashlib.sha256(path.encode()).digest()
    body = block * (1500000 // len(block))
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body[:len(body) // 2])
    for _ in range(6000):
        if os.path.exists(sys.argv[2] + path + ".go"): break
        time.sleep(0.01)
    c.sendall(body[len(body) // 2:]); c.close()
s = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=50)
def one(c):
    try: serve(c)
    except OSError: c.close()
while True: threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
PY
start origin python3 "$TMP/origin.py" "$ORIGIN" "$TMP"
wait_for listening "$ORIGIN"
cat >"$TMP/ws.py" <<'PY'
# A WebSocket: each line of stdin is a message, whose echo is printed; its end is printed.
import os, select, socket, ssl, sys
port, ca, host = int(sys.argv[1]), sys.argv[2], sys.argv[3]
c = ssl.create_default_context(cafile=ca)
if len(sys.argv) > 4: c.load_cert_chain(sys.argv[4], sys.argv[5])
s = c.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60), server_hostname=host)
s.sendall(b"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: https://%s\r\n\r\n" % (host.encode(), host.encode()))
got = b""
while b"\r\n\r\n" not in got: got += s.recv(4096) or sys.exit("closed")
assert got.startswith(b"HTTP/1.1 101"), got
print("open", flush=True)
s.setblocking(False)
def read():
    try: return s.recv(65536)
    except ssl.SSLWantReadError: return None
    except OSError: return b""
while True:
    ready = select.select([s, 0], [], [])[0]
    if s in ready:
        data = read()
        if data == b"": print("ended", flush=True); break
        continue
    line = os.read(0, 4096)
    if not line: break
    n = int(line); data = os.urandom(n)
    frame = b"\x82\xfe" + n.to_bytes(2, "big") + b"\0\0\0\0" + data
    s.setblocking(True); s.settimeout(60); s.sendall(frame); back = b""
    while len(back) < len(frame): back += s.recv(65536) or sys.exit("cut in a message")
    s.setblocking(False)
    assert back == frame, "another message came back"
    print("echo", n, flush=True)
PY
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress mine 'hostname = mine.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
edge_line
start_authority
host_section mine cert mine.test
join_role edge
join_role connector
limits() { # LINGER
	edge_conf && connector_conf
	printf '[limits]\nlinger = %s\ndrain = 1s\n' "$1" | tee -a "$EDGE_CONF" >>"$CONNECTOR_CONF"
}
limits 1h
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
start connector "$ZT" connector -c "$CONNECTOR_CONF"
touch "$TMP/probe.go"
is_served() { [ "$(web app.test /probe -o /dev/null -w '%{http_code}')" = 200 ]; }
wait_for is_served

declare -A WORDS=()
ws() { # NAME HOST [CERT KEY]
	local fd
	mkfifo "$TMP/$1.in"
	start "$1" sh -c 'in=$1; shift; exec python3 "$@" <"$in"' sh "$TMP/$1.in" "$TMP/ws.py" "$EDGE_PORT" "$WEB_CA" "${@:2}"
	exec {fd}>"$TMP/$1.in"
	WORDS[$1]=$fd
	wait_for grep -q '^open' "$TMP/$1.log"
}
message() { # NAME BYTES
	echo "$2" >&"${WORDS[$1]}"
	wait_for grep -q "^echo $2\$" "$TMP/$1.log"
}
elders() { "$ZT" status "$1" --json -c "$2" | json elders; }
lingers() { [[ $(elders "$@") == *'"live": '[1-9]* ]]; }
none_lingers() { [ "$(elders "$@")" = "[]" ]; }

start download web app.test /one -o "$TMP/one.body"
half_is_here() { [ "$(stat -c %s "$TMP/one.body")" -ge 500000 ]; }
wait_for half_is_here
ws chat app.test
for me in {1..5}; do ws "mine$me" mine.test "$DEVICE_CERT" "$DEVICE_KEY"; done # they meet both workers, as a rule
message chat 1000
expect 0 "$ZT" upgrade edge -c "$EDGE_CONF"
wait_for lingers edge "$EDGE_CONF"
message chat 2000
expect 0 "$ZT" upgrade connector -c "$CONNECTOR_CONF"
wait_for lingers connector "$CONNECTOR_CONF"
has "$("$ZT" status edge -c "$EDGE_CONF")" "before an upgrade: pid ${PIDS[edge]}, zt"
message chat 3000
message mine1 4000
wait_for is_served
ws between mine.test "$DEVICE_CERT" "$DEVICE_KEY"
expect 0 "$ZT" upgrade edge -c "$EDGE_CONF"
keeper() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c 'import json, sys; print([k["pid"] for k in json.load(sys.stdin)["children"] if k["name"] == "keeper" and k["state"] == "up"][0])' 2>/dev/null; }
was=$(keeper)
kill -9 "$was"
is_another() { local now; now=$(keeper) && [ "$now" != "$was" ]; }
wait_for is_another
wait_for is_served
# The list says no: in a process that was told to go, too.
"$ZT" ca list -c "$CONF" --json >"$TMP/listed" 2>/dev/null
ca 0 revoke "$(openssl x509 -in "$DEVICE_CERT" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p')"
for gone in mine{1..5} between; do wait_for grep -q '^ended' "$TMP/$gone.log"; done
message chat 5000
touch "$TMP/one.go"
join download
same "$STATUS" 0 "the download"
python3 - /one "$TMP/one.body" <<'PY' || fail "another body"
import hashlib, sys
block = hashlib.sha256(sys.argv[1].encode()).digest()
assert open(sys.argv[2], "rb").read() == block * (1500000 // len(block))
PY
lingers edge "$EDGE_CONF" || fail "the WebSocket does not live before the upgrade"
eval "exec ${WORDS[chat]}>&-"
wait_for none_lingers edge "$EDGE_CONF"
wait_for none_lingers connector "$CONNECTOR_CONF"

# Not for ever.
limits 1s
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
ws late app.test
message late 100
expect 0 "$ZT" upgrade edge -c "$EDGE_CONF"
wait_for grep -q '^ended' "$TMP/late.log"
wait_for none_lingers edge "$EDGE_CONF"
wait_for is_served
for role in edge connector; do
	stop "$role"
	same "$STATUS" 0 "the exit code of the $role"
done
pass
