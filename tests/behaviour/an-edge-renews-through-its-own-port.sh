#!/usr/bin/env bash
# waits
# An edge that cannot reach home otherwise keeps its identity alive through itself: its keeper dials the edge's own port,
# which passes zt-enrol/1 through the tunnel to the authority: it follows the status list, renews when it is time
# and goes on serving; strangers may speak to the authority the same way, and only so many of them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/home.inc.sh"
need nginx sshd ssh ssh-keygen ip

start_ca
start_home_programs
# Its token says an address that leads nowhere: the only way is its own.
join_edge vps --lifetime 60s --at "127.0.0.1:$NOBODY"
same "$(tr '\n' ' ' <"$TMP/vps/edge/identity/where")" "127.0.0.1:$E 127.0.0.1:$NOBODY " "where it looks for the authority"
before=$(openssl x509 -in "$TMP/vps/edge/identity/identity.pem" -noout -serial)
join_connector nas
edge_conf >"$TMP/edge.conf"
start_edge
start connector "$ZT" connector -c "$TMP/connector.conf"
wait_for edge_says tunnels 1
keeper() {
	"$ZT" status edge --json -c "$TMP/edge.conf" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "keeper"][-1]["counters"][sys.argv[1]])' "$1"
}
keeps() { [ "$(keeper "$1")" -ge "$2" ]; }
wait_for keeps lists 1 # which the connector may have brought
wait_for grep -qF "connected to the authority at=127.0.0.1:$E" "$TMP/edge.log"
wait_for keeps connected 1

# A stranger joins through the edge as he would at home: the token is what counts.
new_token client laptop --at "127.0.0.1:$E"
expect 0 "$ZT" join --to "$TMP/laptop" --token-file "$TMP/token"
wait_for lines '"kind":"enrol"' '"decision":"allowed"' '"host":"ca.internal"'
# Strangers of one address have six places at a time; what comes from the edge's own machine is not counted.
OTHER=$(ip -o -4 addr show scope global 2>/dev/null | sed -n '1s/.* inet \([0-9.]*\).*/\1/p')
python3 - "$E" ${OTHER:+"$OTHER"} <<'PY' || fail "how many may speak zt-enrol/1 at a time"
import socket, ssl, sys
def hello():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.maximum_version = ssl.TLSVersion.TLSv1_2; c.set_alpn_protocols(["zt-enrol/1"])
    out = ssl.MemoryBIO(); o = c.wrap_bio(ssl.MemoryBIO(), out)
    try: o.do_handshake()
    except ssl.SSLWantReadError: pass
    return out.read()
def talk(source):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30, source_address=(source, 0))
    try:
        s.sendall(hello())
        return s, s.recv(5)
    except (ConnectionResetError, BrokenPipeError): return s, b""
def answers(source, n):
    held = [talk(source) for _ in range(n)]
    return sum(got[:1] == b"\x16" for _, got in held)
assert answers("127.0.0.1", 10) == 10
for other in sys.argv[2:3]:  # an address of this machine that is not loopback; the connection does not leave it
    n = answers(other, 10)
    assert n == 6, f"{n} from {other}"
PY

# It renews, without a stop, and shows the new certificate from then on.
WAIT_S=80 wait_for keeps renewals 1
after=$(openssl x509 -in "$TMP/vps/edge/identity/identity.pem" -noout -serial)
[ "$before" != "$after" ] || fail "it says that it has renewed, and the certificate is the same"
ca 0 list --all --role edge --json
has "$OUT" "$(sed 's/.*=//' <<<"$after" | tr A-F a-f)"
python3 "$ROOT/tests/behaviour/digest.py" client "$RAW" 100000 || fail "what runs through the tunnel does not go on"
shown() { openssl s_client -connect "127.0.0.1:$E" -alpn zt-tunnel/1 </dev/null 2>/dev/null | openssl x509 -noout -serial; }
renewed_is_shown() { [ "$(shown)" = "$after" ]; }
wait_for renewed_is_shown
wait_for edge_says tunnels 1
pass
