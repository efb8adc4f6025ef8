#!/usr/bin/env bash
# core
# When it has another certificate a connector makes a new connection, with the new certificate, before it leaves
# the old one. When an edge leaves, it is dialled anew at once; when one says that it does not want this
# connector, the log says why and it is left alone for longer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
start_ca
ONE=$(free_port)
join_as edge one "$TMP/one.id"
start_edge one "$ONE"
wait_for listening "$ONE"
connector_conf "127.0.0.1:$ONE" "$CATCH_ALL"
new_token connector nas
connector 0 join --token-file "$TMP/token"
first=$(serial_of "$ID/identity.pem")
start_connector
wait_for heard one 'e["ev"] == "health"'
heard one "e['ev'] == 'conn' and e['serial'] == '$first'" || fail "the certificate that it showed"

new_token connector nas2
connector 0 join --replace --token-file "$TMP/token"
expect 0 "$ZT" reload connector -c "$HOME_CONF" # its watch of the files would come to it too
second=$(serial_of "$ID/identity.pem")
[ "$first" != "$second" ] || fail "the certificate was not renewed"
wait_for heard one "e['ev'] == 'conn' and e['serial'] == '$second'"
wait_for heard one 'e["ev"] == "goaway" and e["reason"] == 2'
wait_for heard one 'e["ev"] == "end" and e["why"] == "clean"'
# The old one is left when the new one is up, and not before.
python3 - "$TMP/one.log" "$second" <<'PY' || fail "the order: $(<"$TMP/one.log")"
import json, sys
ev = [json.loads(line) for line in open(sys.argv[1])]
new = next(e["conn"] for e in ev if e["ev"] == "conn" and e["serial"] == sys.argv[2])
at = lambda f: next(i for i, e in enumerate(ev) if f(e))
assert at(lambda e: e["ev"] == "conn" and e["conn"] == new) < at(lambda e: e["ev"] == "goaway")
assert all(e["conn"] != new for e in ev if e["ev"] in ("goaway", "end"))
PY
wait_for says uplinks_up 1

# The edge leaves: the next connection comes although the first is still there.
conns() { [ "$(count one 'e["ev"] == "health"')" -ge "$1" ]; }
n=$(count one 'e["ev"] == "health"')
tell one goaway 1 4000 upgrade
wait_for conns $((n + 1))
wait_for logged "upgrade"

tell one goaway 3 0 this name was not granted
wait_for logged "the edge does not want this connector"
wait_for logged "this name was not granted"
wait_for says uplinks_up 0
grep -F 'the edge is dialled again' "$TMP/connector.log" | tail -1 | grep -qF 'this name was not granted' || fail "why it waits"
