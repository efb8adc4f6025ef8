#!/usr/bin/env bash
# Streams beyond what a connector serves at a time are refused as full, whatever edges they come from, and the next one is
# served as soon as there is room.
# FLOODS(BOUND_SERVINGS)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need curl
start_ca
H=$(free_port)
start_origin h "$H"
add h http "service = http://127.0.0.1:$H"
ALL=
for e in one two three; do
	join_as edge "$e" "$TMP/$e.id"
	start_bridge "$e"
	ALL+="${ALL:+, }127.0.0.1:$EDGE_AT"
done
new_token connector nas
printf '[state]\ndir = %s/home\nrun_dir = %s/run\n' "$TMP" "$TMP" >"$HOME_CONF"
connector 0 join --token-file "$TMP/token"
connector_conf "$ALL" "$RULES$CATCH_ALL
[tunnel]
streams = 16"
start_connector
for EDGE in one two three; do
	wait_for heard "$EDGE" 'e["ev"] == "health"'
	doors h
	[ "$EDGE" = three ] && break
	HANGING=()
	for _ in {1..16}; do
		curl -s --max-time 60 "http://127.0.0.1:${DOOR[h]}/hang" >/dev/null 2>&1 &
		HANGING+=($!)
	done
done
# Twice what one connection may have.
wait_for says streams_live 32
reset_of h 10 "as many streams as it may"
same "$(child worker counters.connector_streams)" 32 "streams that are served"
tell two cut
wait_for says streams_live 16
same "$(get h /)" h "who answered when there was room"
[ "$(child worker counters.connector_streams_full)" -gt 0 ] || fail "the refusals were not counted"
kill "${HANGING[@]}" 2>/dev/null
lacks "$(<"$TMP/connector.log")" "child died"

# More in a second than one connection may open: refused, and one line says so for all of them.
stop connector
connector_conf "$ALL" "$RULES$CATCH_ALL
[tunnel]
opens = 2"
start_connector
announced_again() { [ "$(count three 'e["ev"] == "health"')" -gt 1 ]; } # its door leads there
wait_for announced_again
for _ in {1..30}; do curl -s --max-time 20 -o /dev/null "http://127.0.0.1:${DOOR[h]}/" & done
refusals() { logged 'why="more streams a second than [tunnel] opens"'; }
wait_for refusals
[ "$(grep -c 'streams were refused' "$TMP/connector.log")" -le 2 ] || fail "a line for each: $(grep 'streams were refused' "$TMP/connector.log")"
served_again() { [ "$(get h /)" = h ]; }
wait_for served_again
pass
