#!/bin/bash
# core
# security
# Behind a proxy of proxy_from the visitor is who its PROXY header says, version 1 or 2, in pieces or at once, and on
# the plain port as well; a proxy without one is refused. Anybody else who sends one is refused, and is himself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
need haproxy

N=$(free_port)
cat >"$TMP/origin.py" <<'PY'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        text = "%s %s\n" % (self.headers.get("X-Forwarded-For"), self.headers.get("X-Real-Ip"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *a):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
PY
start origin python3 "$TMP/origin.py" "$N"
wait_for listening "$N"
host_section app public app.test "origin = http://127.0.0.1:$N"
edge_line 'proxy_from = 127.0.0.2, 10.0.0.0/8'
start_edge

cat >"$TMP/visit.py" <<'PY'
import re, socket, ssl, struct, sys
PORT, HTTP, CA = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
SIG = b"\r\n\r\n\0\r\nQUIT\n"

def v1(text):
    return b"PROXY " + text + b"\r\n"
def v2(command, family, body):
    return SIG + bytes((0x20 | command, family)) + struct.pack("!H", len(body)) + body
def v2_of(frm, to, family=socket.AF_INET, more=b""):
    ip = socket.inet_pton(family, frm[0]) + socket.inet_pton(family, to[0])
    return v2(1, 0x11 if family == socket.AF_INET else 0x21, ip + struct.pack("!HH", frm[1], to[1]) + more)

def connect(source, port=PORT):
    return socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
def plain(source, head):
    s = connect(source, HTTP)
    s.sendall(head + b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
    got = b""
    try:
        while more := s.recv(4096):
            got += more
    except ConnectionResetError:
        pass
    return got.split()[1] if got else b""
def seen(source, head, pieces=None):
    """Whom the origin is told, or None: the connection came to nothing."""
    s = connect(source)
    for part in ([head] if not pieces else [head[i:i + pieces] for i in range(0, len(head), pieces)]):
        s.sendall(part)
    c = ssl.create_default_context(cafile=CA)
    try:
        t = c.wrap_socket(s, server_hostname="app.test")
        t.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
        got = b""
        while more := t.recv(4096):
            got += more
    except (ConnectionError, ssl.SSLError):
        return None
    return got.split(b"\r\n\r\n")[1].decode().split()[0]

def want(what, got, expected):
    assert got == expected, "%s: %r, not %r" % (what, got, expected)

P = "127.0.0.2"
want("v1", seen(P, v1(b"TCP4 192.0.2.7 198.51.100.1 4711 443")), "192.0.2.7")
want("v1, IPv6", seen(P, v1(b"TCP6 2001:db8::7 2001:db8::1 4711 443")), "2001:db8::7")
want("v1, byte by byte", seen(P, v1(b"TCP4 192.0.2.8 198.51.100.1 1 2"), 1), "192.0.2.8")
want("v1, unknown", seen(P, v1(b"UNKNOWN")), P)
want("v2", seen(P, v2_of(("192.0.2.9", 1), ("198.51.100.1", 443))), "192.0.2.9")
want("v2, IPv6", seen(P, v2_of(("2001:db8::9", 1), ("2001:db8::1", 443), socket.AF_INET6)), "2001:db8::9")
want("v2, mapped", seen(P, v2_of(("::ffff:192.0.2.10", 1), ("::ffff:198.51.100.1", 443), socket.AF_INET6)), "192.0.2.10")
want("v2, in pieces, with more behind the addresses",
     seen(P, v2_of(("192.0.2.11", 1), ("198.51.100.1", 443), more=b"\x04" + struct.pack("!H", 3000) + bytes(3000)), 7), "192.0.2.11")
want("v2, local", seen(P, v2(0, 0, b"")), P)
for what, head in (("none", b""), ("v1, no number", v1(b"TCP4 192.0.2.7 198.51.100.1 x 443")), ("v1, no end", b"PROXY TCP4 " + b"1" * 200),
                   ("v2, short", v2(1, 0x11, b"\x01\x02")), ("v2, too long", v2(1, 0x11, bytes(5000))),
                   ("v2, datagrams", v2(1, 0x12, bytes(12))), ("v3", SIG + b"\x31\x11\0\x0c" + bytes(12)), ("HTTP", b"GET / HTTP/1.1\r\n\r\n")):
    want("a proxy with " + what, seen(P, head), None)
want("a stranger without one", seen("127.0.0.1", b""), "127.0.0.1")
want("a stranger with v1", seen("127.0.0.1", v1(b"TCP4 192.0.2.7 198.51.100.1 4711 443")), None)
want("a stranger with v2", seen("127.0.0.3", v2_of(("192.0.2.9", 1), ("198.51.100.1", 443))), None)
want("the plain port, a proxy", plain(P, v1(b"TCP4 192.0.2.7 198.51.100.1 4711 80")), b"301")
want("the plain port, a proxy without one", plain(P, b""), b"")
want("the plain port, a stranger", plain("127.0.0.1", b""), b"301")
want("the plain port, a stranger with one", plain("127.0.0.1", v1(b"TCP4 192.0.2.7 198.51.100.1 4711 80")), b"400")
PY
python3 "$TMP/visit.py" "$EDGE_PORT" "$EDGE_HTTP" "$WEB_CA" >"$TMP/visit.log" 2>&1 || fail "a visit"

# A real proxy, both versions.
H1=$(free_port) H2=$(free_port)
cat >"$TMP/haproxy.cfg" <<END
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen one
  bind 127.0.0.1:$H1
  server edge 127.0.0.1:$EDGE_PORT send-proxy source 127.0.0.2
listen two
  bind 127.0.0.1:$H2
  server edge 127.0.0.1:$EDGE_PORT send-proxy-v2 source 127.0.0.2
END
start haproxy haproxy -f "$TMP/haproxy.cfg" -db
for port in "$H1" "$H2"; do
	wait_for listening "$port"
	same "$(curl -sS --max-time 30 --interface 127.0.0.4 --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$port" https://app.test/)" \
		'127.0.0.4 127.0.0.4' "whom the origin is told behind haproxy"
done
grep -qF '"client_ip":"127.0.0.4"' "$TMP/edge.log" || fail "the log does not know the visitor"

# A proxy that says nothing is not waited for without an end.
stop edge
edge_conf
sed -i '/^burst = /a handshake_timeout = 1s' "$EDGE_CONF"
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
same "$(python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30, source_address=("127.0.0.2", 0))
s.sendall(b"PROXY TCP4 192.0.2")
print(s.recv(10))' "$EDGE_PORT")" "b''" "what a silent proxy gets"
edge_is_alive
pass
