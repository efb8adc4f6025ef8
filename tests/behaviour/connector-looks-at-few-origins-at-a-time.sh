#!/usr/bin/env bash
# Looks at origins are bounded: of many that never answer, those that wait come to it. A reload forgets neither who was
# down nor a stream that runs.
# FLOODS(BOUND_LOOKS)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need curl
start_ca
join_as edge one "$TMP/one.id"
A=$(free_port) HOLE=$(free_port) NOBODY=$(free_port)
start_origin a "$A"
start_hole "$HOLE"

add a http "service = http://127.0.0.1:$A"
add none http "service = http://127.0.0.1:$NOBODY" 'health_every = 1h'
serve_rules one
# The last that was told.
now_is() { [ "$(python3 -c '
import json, sys
print([e["up"][int(sys.argv[2])] for e in map(json.loads, open(sys.argv[1])) if e["ev"] == "health"][-1])' "$TMP/one.log" "${NUMBER[$1]}")" = "$2" ]; }

# More origins that never answer than may be looked at: the others wait, and are looked at.
many=$(for _ in {1..20}; do printf 'http://127.0.0.1:%s,\n\t' "$HOLE"; done)
add many http "service = ${many%,*}" 'health_every = 1s' 'connect_timeout = 1s'
connector_conf "127.0.0.1:$EDGE_AT" "$RULES$CATCH_ALL"
curl -s --max-time 60 "http://127.0.0.1:${DOOR[a]}/hang" >/dev/null 2>&1 &
hanging=$!
wait_for says streams_live 1
wait_for now_is none 0
expect 0 "$ZT" reload connector -c "$HOME_CONF"
full() { [ "$(child worker counters.health_looks_full)" -gt 0 ] && [ "$(child worker counters.health_looks)" -le 16 ]; }
wait_for full
wait_for now_is many 0 # all of them were looked at
# A reload forgets neither who was down nor a stream that runs.
now_is none 0 || fail "the reload forgot who was down"
same "$(child worker counters.streams_live)" 1 "streams that outlived the reload"
kill -0 "$hanging" || fail "the reload ended a stream"
kill "$hanging" 2>/dev/null
tell one cut # with the stream: a drain would wait for it
wait_for says streams_live 0
wait "$hanging" 2>/dev/null
stop connector
lacks "$(<"$TMP/connector.log")" "child died"
