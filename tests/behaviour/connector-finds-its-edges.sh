#!/usr/bin/env bash
# core
# A connector starts with no edge in reach and waits; it finds each edge that its configuration names, comes back
# to one that was gone, follows a reload without dropping what it has, and tells each edge its rules with the epoch.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
start_ca
ONE=$(free_port) TWO=$(free_port)
join_as edge one "$TMP/one.id"
join_as edge two "$TMP/two.id"
new_token connector nas
printf '[state]\ndir = %s/home\nrun_dir = %s/run\n' "$TMP" "$TMP" >"$HOME_CONF"
connector 0 join --token-file "$TMP/token"

# Without an edge it says what to write.
connector 3
has "$ERR" "[connector] edge is not set"

# Nobody is there: it runs, is healthy as a process, and waits.
connector_conf "127.0.0.1:$ONE" "$CATCH_ALL"
start_connector
wait_for logged "127.0.0.1:$ONE: connection refused"
"$ZT" health connector -c "$HOME_CONF" || fail "it is not healthy while it waits"
same "$(child worker counters.uplinks_up)" 0 "the number of edges"
lacks "$(<"$TMP/connector.log")" "Connector started successfully"

start_edge one "$ONE"
wait_for heard one 'e["ev"] == "health" and e["epoch"] == 1 and e["up"] == [1]'
wait_for logged "Connected to network: 127.0.0.1:$ONE"
wait_for logged "Connector started successfully"
heard one 'e["ev"] == "hello" and e["role"] == 2 and e["count"] == 1 and e["streams"] == 16384' || fail "what it said of itself"
# First the list by which it is judged, then the rules.
same "$(python3 -c '
import json, sys
print(*[e["ev"] for e in map(json.loads, open(sys.argv[1]))][:5])' "$TMP/one.log")" "conn hello status rules health" "the order"
same "$(child worker counters.uplinks_up)" 1 "the number of edges"

# A second edge and one more rule by a reload: the connection to the first lives on and is told.
connector_conf "127.0.0.1:$ONE, 127.0.0.1:$TWO" "$(rule new 'hostname = app.test' 'service = http://127.0.0.1:1')
$CATCH_ALL"
start_edge two "$TWO"
wait_for listening "$TWO"
expect 0 "$ZT" reload connector -c "$HOME_CONF"
wait_for heard two 'e["ev"] == "health" and e["epoch"] == 2 and len(e["up"]) == 2'
wait_for heard one 'e["ev"] == "rules" and "app.test" in e["text"]'
wait_for heard one 'e["ev"] == "health" and e["epoch"] == 2'
same "$(count one 'e["ev"] == "conn"')" 1 "the number of connections to the first"
wait_for says uplinks_up 2

# What changes at the authority reaches both.
before=$(count two 'e["ev"] == "status"')
new_token service other --dns other.test
expect 0 "$ZT" join --to "$TMP/other" --token-file "$TMP/token"
wait_for heard one "e['ev'] == 'status' and $(count one 'e["ev"] == "status"') < 1000"
more_lists() { [ "$(count two 'e["ev"] == "status"')" -gt "$before" ]; }
wait_for more_lists

# The first goes and comes back.
stop one KILL
wait_for says uplinks_up 1
start_edge one "$ONE"
wait_for heard one 'e["ev"] == "health" and e["epoch"] == 2'
wait_for says uplinks_up 2
same "$(grep -c 'Connector started successfully' "$TMP/connector.log")" 1 "how often it started"

# An edge that the configuration names no more is left, tidily.
connector_conf "127.0.0.1:$ONE" "$CATCH_ALL"
expect 0 "$ZT" reload connector -c "$HOME_CONF"
wait_for heard two 'e["ev"] == "goaway" and e["reason"] == 1'
wait_for heard two 'e["ev"] == "end" and e["why"] == "clean"'
same "$(child worker counters.uplinks)" 1 "the number of edges in the configuration"
same "$(count one 'e["ev"] == "conn"')" 1 "the number of connections to the first"

# And the end.
stop connector
same "$STATUS" 0 "the exit code"
wait_for heard one 'e["ev"] == "goaway" and e["reason"] == 1'
wait_for heard one 'e["ev"] == "end" and e["why"] == "clean"'
lacks "$(<"$TMP/connector.log")" "child died"
