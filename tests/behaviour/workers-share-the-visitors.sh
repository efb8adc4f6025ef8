#!/bin/bash
# core
# security
# An edge of three workers and two connectors: whichever worker a visitor meets, every service is there. Its health and
# its metrics are the same whoever answers. A reload reaches all workers or none. A connector that is revoked is cut from
# all of them. A stop lets a download end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/workers.inc.sh"

A=$(free_port) B=$(free_port)
drip_origin first "$A"
drip_origin second "$B"
host_section both public both.test
host_section only public only.test
edge_line 'idle = 60s'
start_authority
join_role edge
ingress both 'hostname = both.test' "service = http://127.0.0.1:$A"
ingress rest 'service = http_status:404'
join_role connector
first=$CONNECTOR_ID
# The other connector has what the first one has not.
sed -e "s|$TMP/connector\.|$TMP/other.|; s|127.0.0.1:$CONNECTOR_HEALTH||; s|both.test|only.test|; s|127.0.0.1:$A|127.0.0.1:$B|" \
	"$CONNECTOR_CONF" >"$TMP/other.conf"
new_token connector other
expect 0 "$ZT" connector join -c "$TMP/other.conf" --token-file "$TMP/token"
other=$(sed -n 's/^joined as connector \([0-9a-f]*\),.*/\1/p' <<<"$OUT")
CONNECTOR_ID="$first, $other"
start_edge
connector_conf
start connector "$ZT" connector -c "$CONNECTOR_CONF"
start other "$ZT" connector -c "$TMP/other.conf"
wait_for all_have tunnels 2
same "$(of_workers "all(k['counters']['tunnels_in'] == 2 for k in w)")" True "one tunnel of each connector to each worker"

same "$(ask_many 40 both.test /)" "40 200" "answers of the first connector"
same "$(ask_many 40 only.test /)" "40 200" "answers of the second connector"
of_workers "all(c(i, 'requests') > 0 for i in range($WORKERS)) and total['requests'] == 80" >/dev/null ||
	fail "requests of each worker: $(of_workers "[c(i, 'requests') for i in range($WORKERS)] + [total['requests']]")"

# Whoever answers speaks for all. A connector counts edges, and says of how many workers.
for _ in {1..12}; do
	same "$(curl -sS --max-time 30 "http://127.0.0.1:$EDGE_HEALTH/ready")" '{"status":200,"readyConnections":2}' "/ready"
	same "$(curl -sS --max-time 30 "http://127.0.0.1:$EDGE_HEALTH/metrics" | sed -n 's/^zt_edge_requests{worker="[0-2]"} //p' |
		awk '{n++; s += $1} END {print n, s}')" "3 80" "requests that /metrics tells"
done
has "$(curl -sS "http://127.0.0.1:$CONNECTOR_HEALTH/healthcheck")" \
	"{\"edge\":\"127.0.0.1:$EDGE_PORT\",\"up\":true,\"connections\":3,\"workers\":3}"
has "$(curl -sS "http://127.0.0.1:$CONNECTOR_HEALTH/ready")" '"readyConnections":1,'

# No two numbers of one process have the same name: whoever reads JSON would see one of them.
for role in edge connector; do
	"$ZT" status "$role" --json -c "$TMP/$role.conf" >"$TMP/status.$role"
	same "$(python3 -c '
import json, sys
def told(pairs):
    names = [name for name, _ in pairs]
    twice.update(name for name in names if names.count(name) > 1)
    return dict(pairs)
twice = set(); json.load(open(sys.argv[1]), object_pairs_hook=told); print(*twice)' "$TMP/status.$role")" "" "names that $role has twice"
done

# All of them, or none.
cp "$EDGE_CONF" "$TMP/good.conf"
echo nonsense >>"$EDGE_CONF"
expect 3 "$ZT" reload edge -c "$TMP/good.conf"
cp "$TMP/good.conf" "$EDGE_CONF"
sed -i 's/^workers = 3/workers = 2/' "$EDGE_CONF"
expect 3 "$ZT" reload edge -c "$EDGE_CONF"
has "$ERR" '[edge] workers cannot change in a reload; it takes an upgrade or a restart'
"$ZT" reload edge -c "$EDGE_CONF" 2>"$TMP/refused" || true
same "$(wc -l <"$TMP/refused")" 2 "lines of a refusal, whole ones"
host_section new public new.test "origin = http://127.0.0.1:$A"
PLAIN=$(free_port)
EDGE_HTTP=$PLAIN # a listener moves
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
same "$(ask_many 30 new.test /)" "30 200" "answers of a host that is new"
for _ in {1..12}; do same "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: new.test' "http://127.0.0.1:$PLAIN/")" 301 "a redirect"; done
of_workers "all(k['epoch'] == 2 for k in w) and total['redirected'] == 12" >/dev/null || fail "the moved listener: $(status_json)"
same "$(of_workers "all(k['counters']['tunnels'] == 2 for k in w)")" True "tunnels after a reload"

# Revoked: cut everywhere.
before=$(ms)
ca 0 revoke other
wait_for all_have tunnels 1
echo "figure: a revoked connector was cut from $WORKERS workers within $(($(ms) - before)) ms (the command included)"
same "$(ask_many 12 only.test /)" "12 503" "answers of what only it had"
same "$(ask_many 12 both.test /)" "12 200" "answers of the other one's"
[ "$(grep -c "a tunnel was refused connector=$other .*revoked" "$TMP/edge.log")" -ge 3 ] || fail "not every worker says why"

# A stop: what runs goes on until the end of [limits] drain.
edge_is_alive
start load curl -sSN --cacert "$WEB_CA" --connect-to "both.test:443:127.0.0.1:$EDGE_PORT" https://both.test/drip
wait_for grep -q drip "$TMP/load.log"
n=$(wc -l <"$TMP/load.log")
kill -TERM "${PIDS[edge]}"
not_listening() { ! listening "$EDGE_PORT"; }
wait_for not_listening
more() { [ "$(wc -l <"$TMP/load.log")" -gt $((n + 5)) ]; }
wait_for more
stop load
join edge
same "$STATUS" 0 "the end of the edge"
pass
