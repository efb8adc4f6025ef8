#!/usr/bin/env bash
# core
# What lasts: WebSockets byte by byte both ways, bodies of 64 MiB both ways, to local origins plain and over TLS; what a
# reload does not allow any more ends at once. An origin that cannot be reached is told as such.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
O=$(free_port) S=$(free_port) X=$(free_port)
web_cert origin localhost
P=sha256:$(openssl x509 -in "$WEB/origin.pem" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -c1-64)
host_section app public 'app.test' "origin = http://127.0.0.1:$O"
host_section pinned public 'pinned.test' "origin = https://127.0.0.1:$S" "origin_pin = $P"
host_section wrong public 'wrong.test' "origin = https://127.0.0.1:$S" "origin_pin = sha256:$(printf 'ab%.0s' {1..32})"
host_section known public 'known.test' "origin = https://localhost:$S" "origin_ca = $WEB_CA"
host_section down public 'down.test' "origin = http://127.0.0.1:$(free_port)"
host_section nobody public 'nobody.test' "origin = http://nobody.invalid:80"
host_section v1 public 'v1.test' "origin = http://127.0.0.1:$X" 'proxy_protocol = v1'
host_section v2 public 'v2.test' "origin = http://127.0.0.1:$X" 'proxy_protocol = v2'
host_section gone public 'gone.test' "origin = http://127.0.0.1:$O"
start_edge
head -c 67108864 /dev/urandom >"$TMP/big"
cat >"$TMP/try.py" <<'PY'
import os, sys
from webpeer import *

port, origin_port, tls_port, raw_port, ca, cert, conf, zt = sys.argv[1:]
port, tmp = int(port), os.path.dirname(conf)
sums, said, state = [], [], {}

def frame(data):
    n = len(data)
    head = b"\x82" + (bytes([128 | n]) if n < 126 else b"\xfe" + n.to_bytes(2, "big"))
    return head + b"\0\0\0\0" + data

def serve(p, line, fields, path):
    names = {k.lower(): v for k, v in fields}
    state[path] = names
    if path == "/ws":
        same((names.get("upgrade"), names.get("connection").lower()), ("websocket", "upgrade"), "what the origin is asked")
        p.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Accept: x\r\n\r\nhello")
        while True:
            p.send(p.some())
    if path == "/no-ws":
        p.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        return
    if path == "/other":
        p.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
        return
    h, n, left = hashlib.sha256(), 0, int(names.get("content-length", 0))
    if names.get("transfer-encoding") == "chunked":
        while (n := int(p.until(b"\r\n"), 16)):
            h.update(p.exactly(n)); p.exactly(2)
        p.until(b"\r\n")
    while left:
        got = p.some(left)
        h.update(got); left -= len(got)
    if path == "/big":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n" + big)
    elif path == "/big-chunks":
        p.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(big), 100001):
            piece = big[i:i + 100001]
            p.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        p.send(b"0\r\n\r\n")
    else:
        got = h.hexdigest().encode()
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(got) + got)

big = open(tmp + "/big", "rb").read()
want = hashlib.sha256(big).hexdigest()
Origin(serve, port=int(origin_port))
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(cert + ".pem", cert + ".key")
Origin(serve, tls=ctx, port=int(tls_port))

class Header(Origin):
    def one(self, s):
        said.append(s.recv(65536))
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
Header(None, port=int(raw_port))

def v(host):
    return visitor(port, host, ca)
def ask(p, host, path, more=b"", method=b"GET"):
    p.send(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n" + more + b"\r\n")
UP = b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
def upgraded(host):
    p = v(host)
    ask(p, host, "/ws", UP)
    line, fields = p.head()
    same(line, "HTTP/1.1 101 Switching Protocols", "the answer")
    same(p.exactly(5), b"hello", "what stands behind it")
    return p

# ---- WebSockets: 10,000 messages, in both kinds of connections
for host in ("app.test", "pinned.test"):
    p = upgraded(host)
    h, got = hashlib.sha256(), hashlib.sha256()
    messages = [frame(big[i * 37:i * 37 + i * 131 % 1500]) for i in range(10000)]
    for m in messages:
        h.update(m)
    p.both(messages, got.update)
    same(got.hexdigest(), h.hexdigest(), "what 10,000 messages came back as")
    p.close()
p = v("app.test")
ask(p, "app.test", "/no-ws", UP); same(p.answer()[0], 400, "an Upgrade that the origin refuses")
ask(p, "app.test", "/other", UP); same(p.answer()[0], 502, "a protocol that was not asked for")
ask(p, "app.test", "/x", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"); same(p.answer()[0], 200, "an Upgrade that is passed over")
same("upgrade" in state["/x"], False, "h2c at the origin")

# ---- Large bodies
for host in ("app.test", "known.test"):
    p = v(host)
    ask(p, host, "/big"); same(hashlib.sha256(p.answer()[2]).hexdigest(), want, f"64 MiB from {host}")
    ask(p, host, "/big-chunks")
    line, fields = p.head()
    same(hashlib.sha256(b"".join(p.chunked()[0])).hexdigest(), want, f"64 MiB in chunks from {host}")
    ask(p, host, "/sum", b"Content-Length: 67108864\r\n", b"POST"); p.send(big)
    same(p.answer()[2].decode(), want, f"64 MiB to {host}")
    ask(p, host, "/sum", b"Transfer-Encoding: chunked\r\n", b"POST")
    for i in range(0, len(big), 65537):
        piece = big[i:i + 65537]
        p.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    p.send(b"0\r\n\r\n")
    same(p.answer()[2].decode(), want, f"64 MiB in chunks to {host}")

# ---- Origins that cannot be asked
import json
for host, status, reason in (("down.test", 502, "origin-refused"), ("nobody.test", 502, "origin-name"), ("wrong.test", 502, "origin-tls")):
    p = v(host)
    ask(p, host, "/")
    got, fields, body = p.answer()
    same((got, json.loads(body)["reason"]), (status, reason), f"the answer of {host}")
    same(len(json.loads(body)["request_id"]), 26, "its id")
    ask(p, host, "/"); same(p.answer()[0], status, "the next request on the same connection")

# ---- PROXY headers
for host in ("v1.test", "v2.test"):
    p = v(host)
    me = p.s.getsockname()
    ask(p, host, "/"); p.answer()
    if host == "v1.test":
        same(said[-1].startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nGET / " % (me[1], port)), True, "the PROXY line")
    else:
        same(said[-1][:16] + said[-1][24:28], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + me[1].to_bytes(2, "big") + port.to_bytes(2, "big"),
             "the PROXY header")

# ---- What is not allowed any more
p, q = upgraded("gone.test"), upgraded("app.test")
text = open(conf).read()
before, section, after = text.partition("[host gone]")
cut = before + section + after.replace("access = public", "access = none", 1)
assert cut != text
open(conf, "w").write(cut)
os.spawnlp(os.P_WAIT, zt, zt, "reload", "edge", "-c", conf)
same(p.to_end()[1], False, "a clean end of a WebSocket that is not allowed any more")
q.send(frame(b"still")); same(q.exactly(11), frame(b"still"), "a WebSocket that a reload leaves alone")
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/try.py" "$EDGE_PORT" "$O" "$S" "$X" "$WEB_CA" "$WEB/origin" "$EDGE_CONF" "$ZT" || fail "see above"
edge_is_alive
stop edge
same "$STATUS" 0 "the exit code of the edge"
grep -q '"logger":"zt.log.stream".*"kind":"websocket"' "$TMP/edge.log" || fail "no line for a WebSocket"
pass
