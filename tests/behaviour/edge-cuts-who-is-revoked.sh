#!/bin/bash
# security
# A phone's certificate of the own authority lets in until it is revoked. Then what it is downloading is cut at once,
# its idle connection is of no use, and a new one gets 403; another phone goes on. A computer's certificate, under the
# same authority but of another role, never gets in. Without a status list nobody does.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

N=$(free_port)
start origin python3 "$ROOT/tests/behaviour/drip.py" "$N"
wait_for listening "$N"

start_authority
ca 0 issue device tablet --user ann --out "$WEB/out"
join_role edge
host_section app cert app.test "origin = http://127.0.0.1:$N" 'client_role = device'
start_edge
list_is_fresh() { [ "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"].get("list_fresh", 0))')" = 1 ]; }
wait_for list_is_fresh

# as WHO PATH [CURL OPTION...]
as() { web app.test "$2" --cert "$WEB/out/$1.pem" --key "$WEB/out/$1.key" "${@:3}"; }
same "$(as phone / -w '%{http_code}')" $'ok\n200' "a phone's answer"
same "$(as tablet / -w '%{http_code}')" $'ok\n200' "a tablet's answer"
same "$(web app.test / -o /dev/null -w '%{http_code}' 2>/dev/null)" 000 "what comes without a certificate"

start phone curl -sSN --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$EDGE_PORT" --cert "$WEB/out/phone.pem" \
	--key "$WEB/out/phone.key" https://app.test/drip
start tablet curl -sSN --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$EDGE_PORT" --cert "$WEB/out/tablet.pem" \
	--key "$WEB/out/tablet.key" https://app.test/drip
wait_for grep -q drip "$TMP/phone.log"
wait_for grep -q drip "$TMP/tablet.log"
# One that has asked once and waits: does what it asks after the revocation get through?
cat >"$TMP/idle.py" <<'PY'
import os, socket, ssl, sys, time
c = ssl.create_default_context(cafile=sys.argv[2])
c.maximum_version = ssl.TLSVersion.TLSv1_2
c.load_cert_chain(sys.argv[3] + ".pem", sys.argv[3] + ".key")
s = c.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60), server_hostname="app.test")
ask = b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
s.sendall(ask)
got = b""
while not got.endswith(b"ok\n"):
    got += s.recv(4096)
print("first", got.split()[1].decode(), flush=True)
while not os.path.exists(sys.argv[4]):
    time.sleep(0.01)
try:
    s.sendall(ask)
    got = s.recv(4096)
except OSError:
    got = b""
print("second", got.split()[1].decode() if got else "closed", flush=True)
PY
start idle python3 "$TMP/idle.py" "$EDGE_PORT" "$WEB_CA" "$WEB/out/phone" "$TMP/revoked"
wait_for grep -q 'first 200' "$TMP/idle.log"

ca 0 revoke phone
wait_for grep -q 'the reader is gone' "$TMP/origin.log"
ended() { ! kill -0 "${PIDS[phone]}" 2>/dev/null; }
wait_for ended
touch "$TMP/revoked"
wait_for grep -q second "$TMP/idle.log"
grep -qE 'second (403|closed)' "$TMP/idle.log" || fail "an idle connection went on: $(<"$TMP/idle.log")"
same "$(as phone / -o "$TMP/body" -w '%{http_code}')" 403 "a revoked phone's answer"
lacks "$(<"$TMP/body")" revoked # what exactly is wrong is the owner's business
grep -qF '"decision":"cert-revoked"' "$TMP/edge.log" || fail "the log does not say why"
same "$(as tablet / -w '%{http_code}')" $'ok\n200' "the other one's answer"
kill -0 "${PIDS[tablet]}" || fail "the other one's download was cut, too"
same "$(grep -c 'the reader is gone' "$TMP/origin.log")" 1 "how many downloads were cut"
edge_is_alive
pass
