#!/usr/bin/env bash
# core
# An edge without an identity serves its local origins and takes no tunnels; when it gets one it takes them, without a
# restart and without losing a visitor.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

ORIGIN=$(free_port)
mkdir -p "$TMP/www" && echo "a page" >"$TMP/www/page"
start origin python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$ORIGIN"
wait_for listening "$ORIGIN"
host_section local public local.test "origin = http://127.0.0.1:$ORIGIN"
host_section app public app.test
ingress last "service = http://127.0.0.1:$ORIGIN"
answers() { [ "$(web "$1" /page -o "$TMP/body" -w '%{http_code}')" = "$2" ]; }
pids() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print(*[k["pid"] for k in json.load(sys.stdin)["children"] if k["name"] in ("worker", "keeper")])'; }
identity() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["identity"])'; }
has_one() { [ "$(identity)" = "$1" ]; }

start_authority
join_role connector
start_edge
wait_for has_one 0
wait_for grep -q "there is no identity yet: nothing to keep" "$TMP/edge.log"
lacks "$(<"$TMP/edge.log")" "error"
answers local.test 200 || fail "a local origin is not served"
answers app.test 503 || fail "a name of a connector without one"
# A connector that calls is turned away, and goes on calling.
start connector "$ZT" connector -c "$CONNECTOR_CONF"
retries() { [ "$("$ZT" status connector --json -c "$CONNECTOR_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["links_up"])')" = 0 ]; }
wait_for retries
answers app.test 503 || fail "a tunnel to an edge without an identity"
before=$(pids)

new_token edge vps
expect 0 "$ZT" join --to "$TMP/vps" --token-file "$TMP/token"
id=$TMP/edge.state/edge/identity
(
	umask 077
	mkdir -p "$id/trust"
	cp "$TMP/vps"/trust/*.pem "$id/trust/" && cp "$TMP/vps/registry.pem" "$TMP/vps/where" "$id/" && cp "$TMP/vps/identity.pem" "$id/new"
	role_owns "$id"
	mv "$id/new" "$id/identity.pem"
) || fail "no identity"
wait_for has_one 1 # its files are looked at every ten seconds
stop connector     # which would wait a while until it calls again
start connector "$ZT" connector -c "$CONNECTOR_CONF"
wait_for answers app.test 200
same "$(pids)" "$before" "worker and keeper"
answers local.test 200 || fail "a local origin is not served any more"
edge_is_alive
pass
