#!/bin/bash
# security
# Which authority gave a visitor's certificate is looked at once, at the handshake. When other authorities count after a
# reload, what was let in by the old one is cut at once, and a handshake that the reload has overtaken lets nobody in.
# A reload that leaves them as they are cuts nobody.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

N=$(free_port)
start origin python3 "$ROOT/tests/behaviour/drip.py" "$N"
wait_for listening "$N"
web_cert app app.test
for who in old new; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$who people" \
		-addext 'keyUsage = critical, keyCertSign' -keyout "$WEB/$who.ca.key" -out "$WEB/$who.ca.pem" 2>"$WEB/openssl.log" || fail "no authority"
done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ann -keyout "$WEB/ann.key" -out "$WEB/ann.csr" 2>"$WEB/openssl.log" &&
	openssl x509 -req -in "$WEB/ann.csr" -CA "$WEB/old.ca.pem" -CAkey "$WEB/old.ca.key" -CAcreateserial -days 28 -sha256 -out "$WEB/ann.pem" \
		-extfile <(printf 'basicConstraints = CA:false\nextendedKeyUsage = clientAuth\n') 2>>"$WEB/openssl.log" || fail "no certificate"
cp "$WEB/old.ca.pem" "$WEB/people.pem"
EDGE_HOSTS=('[host app]' 'names = app.test' "cert = $WEB/app.pem" "key = $WEB/app.key" 'access = cert' 'client_cert = required'
	"client_ca = $WEB/people.pem" "origin = http://127.0.0.1:$N")
start_edge
cat >"$TMP/slow.py" <<'PY'
# A handshake whose last flight waits for a file.
import os, socket, ssl, sys, time
c = ssl.create_default_context(cafile=sys.argv[2])
c.maximum_version = ssl.TLSVersion.TLSv1_2
c.load_cert_chain(sys.argv[3] + ".pem", sys.argv[3] + ".key")
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
t = c.wrap_bio(i, o, server_hostname="app.test")
def step(f):
    try:
        f()
        return True
    except ssl.SSLWantReadError:
        return False
step(t.do_handshake)
s.sendall(o.read())
while not o.pending: # until the server's flight was whole and ours is written
    i.write(s.recv(65536))
    step(t.do_handshake)
print("holds", flush=True)
while not os.path.exists(sys.argv[4]):
    time.sleep(0.01)
try:
    s.sendall(o.read())
    while not step(t.do_handshake):
        got = s.recv(65536)
        if not got:
            raise ConnectionError
        i.write(got)
    t.write(b"GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n")
    s.sendall(o.read())
    i.write(s.recv(65536))
    print("then", t.read(4096).split()[1].decode(), flush=True)
except (OSError, ssl.SSLError, IndexError):
    print("then closed", flush=True)
PY
start slow-same python3 "$TMP/slow.py" "$EDGE_PORT" "$WEB_CA" "$WEB/ann" "$TMP/same"
start drip curl -sSN --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$EDGE_PORT" --cert "$WEB/ann.pem" --key "$WEB/ann.key" https://app.test/drip
wait_for grep -q holds "$TMP/slow-same.log"
wait_for grep -q drip "$TMP/drip.log"
epoch() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c 'import json, sys; print(json.load(sys.stdin)["epoch"])'; }

before=$(epoch)
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
[ "$(epoch)" -gt "$before" ] || fail "nothing was reloaded"
touch "$TMP/same"
wait_for grep -q "^then" "$TMP/slow-same.log"
same "$(tail -n1 "$TMP/slow-same.log")" 'then 200' "a handshake that a harmless reload has overtaken"
kill -0 "${PIDS[drip]}" || fail "a harmless reload has cut what was allowed"

start slow python3 "$TMP/slow.py" "$EDGE_PORT" "$WEB_CA" "$WEB/ann" "$TMP/other"
wait_for grep -q holds "$TMP/slow.log"
before=$(epoch)
cp "$WEB/new.ca.pem" "$WEB/people.pem" # the same name, other people
"$ZT" reload edge -c "$EDGE_CONF" >/dev/null 2>&1 # or the watch has seen it first
later() { [ "$(epoch)" -gt "$before" ]; }
wait_for later
touch "$TMP/other"
wait_for grep -q "^then" "$TMP/slow.log"
same "$(tail -n1 "$TMP/slow.log")" 'then closed' "a handshake under authorities that do not count any more"
wait_for grep -q "the reader is gone" "$TMP/origin.log"
lacks "$(grep -c served "$TMP/origin.log")" 2
same "$(web app.test / -o /dev/null -w '%{http_code}' --cert "$WEB/ann.pem" --key "$WEB/ann.key" 2>/dev/null)" 000 "a new connection"
edge_is_alive
pass
