#!/usr/bin/env bash
# core
# Several origins of one rule: shares by weight, another origin when one is not there, but never once something was
# delivered.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need curl
start_ca
join_as edge one "$TMP/one.id"
A=$(free_port) B=$(free_port) HOLE=$(free_port) NOBODY=$(free_port)
start_origin a "$A"
start_origin b "$B"
start_hole "$HOLE"

add shares http "service = http://127.0.0.1:$A, http://127.0.0.1:$B" 'weights = 3, 1' 'health_every = 1h'
add over http "service = http://127.0.0.1:$NOBODY, http://127.0.0.1:$B" 'health_every = 1h'
add hole http "service = http://127.0.0.1:$HOLE" 'connect_timeout = 1s'
serve_rules one

# 40 requests, each on a connection of its own: 30 and 10, one look at each apart.
for _ in {1..40}; do get shares /share -o /dev/null; done
same "$(requests_at a /share)" 30 "requests at the origin of weight 3"
same "$(requests_at b /share)" 10 "requests at the origin of weight 1"

# One of two is not there: every request is served all the same.
for _ in {1..10}; do same "$(get over /over)" b "who answered"; done

# Nobody looks for longer than connect_timeout at a hole.
fails hole 3 "http://127.0.0.1:$HOLE" "no answer in time"

# What was delivered is never delivered again: the origin dies behind the request.
before=$(($(requests_at a) + $(requests_at b)))
get shares /reset >/dev/null 2>&1 && fail "a reset answer looked whole"
wait_for heard one "e['ev'] == 'reset' and e['door'] == ${DOOR[shares]} and e['code'] == 7 and e['delivered'] > 0"
same "$(($(requests_at a /reset) + $(requests_at b /reset)))" 1 "how often the request was made"
[ "$before" -gt 0 ]

# A dies under load: later requests are served by B, and few fail at the moment itself.
for i in {1..30}; do
	[ "$i" != 10 ] || stop origin-a KILL
	get shares /load -o /dev/null 2>/dev/null && echo fine || echo lost
done >"$TMP/load"
[ "$(grep -c lost "$TMP/load")" -le 1 ] || fail "$(grep -c lost "$TMP/load") of 30 requests were lost"
same "$(tail -15 "$TMP/load" | grep -c fine)" 15 "requests served after the death of an origin"

stop connector
lacks "$(<"$TMP/connector.log")" "child died"
