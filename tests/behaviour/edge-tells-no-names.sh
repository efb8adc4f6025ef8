#!/bin/bash
# security
# Who does not know a name learns nothing: no name, an unknown one, one label too many below a wildcard, a protocol
# that is not served and a tunnel where there is no identity all get the same bytes, and the connection closes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

host_section app public 'app.test *.wild.test' 'origin = http://127.0.0.1:9' 'alpn = http/1.1'
start_edge

cat >"$TMP/ask.py" <<'PY'
import socket, ssl, sys

def hello(name, alpn):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        c.set_alpn_protocols([alpn])
    inc, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = c.wrap_bio(inc, out, server_hostname=name)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()

def ask(name, alpn):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
    s.sendall(hello(name, alpn))
    got = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return got, "reset"
        got += more
        if not more:
            return got, "closed"
        if got[:1] == b"\x16" and len(got) > 100:
            return got[:1], "served"

for what, name, alpn in (("known", "app.test", None), ("wildcard", "a.wild.test", "http/1.1"),
                         ("none", None, None), ("unknown", "nobody.test", None), ("deep", "a.b.wild.test", None),
                         ("bare", "wild.test", None), ("protocol", "app.test", "h2"), ("tunnel", None, "zt-tunnel/1"),
                         ("enrol", None, "zt-enrol/1"), ("unknown-protocol", "nobody.test", "h2"),
                         ("client", None, "zt-client/1")):
    got, how = ask(name, alpn)
    print(what, how, got.hex())
PY
python3 "$TMP/ask.py" "$EDGE_PORT" >"$TMP/asked" || fail "$(<"$TMP/asked")"
for what in known wildcard; do
	grep -qx "$what served 16" "$TMP/asked" || fail "$what was not served: $(<"$TMP/asked")"
done
same "$(grep -v ' served ' "$TMP/asked" | cut -d' ' -f2- | sort -u | wc -l)" 1 "the number of different answers to strangers"$'\n'"$(<"$TMP/asked")"
same "$(grep -c ' closed 15' "$TMP/asked")" 9 "the number of alerts"

# What is no TLS at all gets no answer.
OUT=$(python3 - "$EDGE_PORT" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
try:
    print(s.recv(100))
except ConnectionResetError:
    print(b"")
PY
)
same "$OUT" "b''" "the answer to plain HTTP on the TLS port"
edge_is_alive
pass
