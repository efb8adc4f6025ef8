#!/usr/bin/env bash
# security
# Somebody has the authority's TLS key and its address, but no key of ca-sign: he gets agents to talk to
# him, and neither anchors of his own into their trust nor a certificate of his own into their identity.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca
new_token connector nas
expect 0 "$ZT" join --to "$TMP/id" --token-file "$TMP/token"
FAKE=$(free_port)
echo "127.0.0.1:$FAKE" >"$TMP/id/where"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/rogue.key" -out "$TMP/rogue.pem" -days 99 \
	-subj "/CN=zt infra CA 00000000" -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null || fail "no rogue authority"
openssl x509 -in "$CA/infra.pem" -outform DER -out "$TMP/infra.der"
openssl x509 -in "$TMP/rogue.pem" -outform DER -out "$TMP/rogue.der"
cat >"$TMP/fake.py" <<'PY'
import os, socket, ssl, struct, sys
from enrolpeer import *
port, tmp, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3]
der = lambda name: open(tmp + "/" + name, "rb").read()
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(ca + "/serve.pem")
ctx.set_alpn_protocols(["zt-enrol/1"])
ctx.load_verify_locations(ca + "/infra.pem")
ctx.verify_mode = ssl.CERT_OPTIONAL
listener = socket.create_server(("127.0.0.1", port))
trust = struct.pack("<QQ", 9, 9) + bytes.fromhex("3006020101020101")
both = der("rogue.der") + der("infra.der")
for _ in range(2):
    conn, _ = listener.accept()
    conn.settimeout(20)
    p = Peer.__new__(Peer)
    p.sock, p.have = ctx.wrap_socket(conn, server_side=True), b""
    type, fields = p.read()
    if type == WATCH:
        p.send(frame(ANCHORS, INFRA=both, TRUST=trust))
    else:
        key = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER", "-in", tmp + "/rogue.key"], stdout=subprocess.PIPE).stdout
        registry = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER", "-in", tmp + "/id/registry.pem"], stdout=subprocess.PIPE).stdout
        p.send(frame(GRANTED, CHAIN=der("rogue.der"), INFRA=both, REGISTRY=registry, TRUST=trust))
    open(tmp + "/met", "a").write(f"{type}\n")
    try:
        while p.sock.recv(4096):
            pass
    except OSError:
        pass
PY
before=$(cat "$TMP/id/trust/"*.pem "$TMP/id/registry.pem" "$TMP/id/identity.pem" | sha256sum)
start fake python3 "$TMP/fake.py" "$FAKE" "$TMP" "$CA"
is_listening() { grep -qi ":$(printf %04X "$FAKE") 00000000:0000 0A" /proc/net/tcp; }
wait_for is_listening
expect 4 "$ZT" id renew "$TMP/id"
has "$ERR" "not signed by the key of its registry"
start keep "$ZT" id keep "$TMP/id"
met_both() { [ "$(sort -n "$TMP/met" 2>/dev/null | tr '\n' ' ')" = "3 4 " ]; }
wait_for met_both
told() { grep -q "not signed by the key of its registry" "$TMP/keep.log"; }
wait_for told
stop keep
stop ca
same "$(cat "$TMP/id/trust/"*.pem "$TMP/id/registry.pem" "$TMP/id/identity.pem" | sha256sum)" "$before" "what the agent trusts and is"
