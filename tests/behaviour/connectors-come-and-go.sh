#!/usr/bin/env bash
# core
# What a visitor sees while connectors come and go: 503 with Retry-After without one, its answer as soon as there is one,
# two of them side by side, and the other when one is killed. Rules for names that no grant gives are refused and
# said once for a table.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

ORIGIN=$(free_port)
mkdir -p "$TMP/www" && echo "from home" >"$TMP/www/page"
start origin python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$ORIGIN"
wait_for listening "$ORIGIN"

host_section app public app.test
host_section other public other.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress other 'hostname = other.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'

start_authority
join_role edge
join_role connector
# shellcheck disable=SC2034 # edge_conf reads it
EDGE_GRANTED=(app.test)
start_edge
answer() { web "$1" /page -o "$TMP/body" -D "$TMP/head" -w '%{http_code}'; }
answers() { [ "$(answer "$1")" = "$2" ]; }
logged() { grep -qF -- "$2" "$TMP/$1.log"; }
times() { grep -cF -- "$2" "$TMP/$1.log"; }

# Granted, and nobody is there; never granted: nobody's.
same "$(answer app.test)" 503 "without a connector"
grep -qi '^retry-after: ' "$TMP/head" || fail "no Retry-After: $(<"$TMP/head")"
same "$(answer other.test)" 404 "a name of nobody"

start connector "$ZT" connector -c "$CONNECTOR_CONF"
wait_for answers app.test 200
same "$(<"$TMP/body")" "from home" "the page"
wait_for logged edge "a connector is connected"
# It claims a name that no grant gives it: refused, and the log says which.
same "$(answer other.test)" 503 "a name that it is not granted"
wait_for logged edge "a connector claims a name that no [grant] gives it"
grep -F "claims a name" "$TMP/edge.log" | grep -qF other.test || fail "the log does not say which name"
same "$(times edge "claims a name")" 1 "how often it is said"

# A second one, with an identity of its own, that is granted the same.
join_second
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
start second "$ZT" connector -c "$SECOND"
edge_worker() {
	"$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"][sys.argv[1]])' "$1"
}
counts() { [ "$(edge_worker "$1")" = "$2" ]; }
wait_for counts tunnels 2

# One dies without a word: never a wrong answer, and the other serves.
kill -KILL "$("$ZT" status connector --json -c "$CONNECTOR_CONF" | json children.2.pid)"
for _ in {1..20}; do
	same "$(answer app.test)" 200 "with one of two"
done
wait_for counts tunnels 2 # it is started again

# Both stop in order: nothing is there, and that is said.
stop connector
stop second
wait_for answers app.test 503
wait_for counts tunnels 0
edge_is_alive
pass
