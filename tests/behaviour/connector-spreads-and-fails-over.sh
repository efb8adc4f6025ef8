#!/usr/bin/env bash
# core
# Several origins of one rule: shares by weight, another origin when one is not there, but never once something was
# delivered; a sick one is taken out and comes back; who is down is told to the edge. Looks at origins are bounded.
# FLOODS(BOUND_LOOKS)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need curl
start_ca
join_as edge one "$TMP/one.id"
A=$(free_port) B=$(free_port) HOLE=$(free_port) NOBODY=$(free_port)
echo 200 >"$TMP/a.health"
echo 200 >"$TMP/b.health"
start_origin a "$A" "health=$TMP/a.health"
start_origin b "$B" "health=$TMP/b.health"
# A listener whose queue is full: it accepts nothing and refuses nothing.
start hole python3 -c '
import socket, sys, time
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", int(sys.argv[1]))); l.listen(0)
full = [socket.socket() for i in range(4)]
for s in full: s.setblocking(False); s.connect_ex(("127.0.0.1", int(sys.argv[1])))
print("full", flush=True); time.sleep(600)' "$HOLE"
wait_for grep -q full "$TMP/hole.log"

add shares http "service = http://127.0.0.1:$A, http://127.0.0.1:$B" 'weights = 3, 1' 'health_every = 1h'
add over http "service = http://127.0.0.1:$NOBODY, http://127.0.0.1:$B" 'health_every = 1h'
add looked http "service = http://127.0.0.1:$A, http://127.0.0.1:$B" 'health_every = 1s' 'health_path = /health'
add hole http "service = http://127.0.0.1:$HOLE" 'connect_timeout = 1s'
add none http "service = http://127.0.0.1:$NOBODY" 'health_every = 1s'
serve_rules one
up_is() { heard one "e['ev'] == 'health' and e['up'][${NUMBER[$1]}] == $2"; }
# The last that was told.
now_is() { [ "$(python3 -c '
import json, sys
print([e["up"][int(sys.argv[2])] for e in map(json.loads, open(sys.argv[1])) if e["ev"] == "health"][-1])' "$TMP/one.log" "${NUMBER[$1]}")" = "$2" ]; }

# 40 requests, each on a connection of its own: 30 and 10, one look at each apart.
for _ in {1..40}; do get shares /share -o /dev/null; done
same "$(requests_at a /share)" 30 "requests at the origin of weight 3"
same "$(requests_at b /share)" 10 "requests at the origin of weight 1"

# One of two is not there: every request is served all the same.
for _ in {1..10}; do same "$(get over /over)" b "who answered"; done

# Nobody looks for longer than connect_timeout at a hole.
fails hole 3 "http://127.0.0.1:$HOLE" "no answer in time"

# A sick one is taken out, and comes back.
echo 500 >"$TMP/a.health"
wait_for logged "origin is down ingress=looked origin=http://127.0.0.1:$A"
logged 'why="it answered 500"' || fail "why it is down is not said"
for _ in {1..6}; do same "$(get looked /)" b "who answered while a was sick"; done
echo 302 >"$TMP/a.health"
wait_for logged "origin is up ingress=looked origin=http://127.0.0.1:$A"
both() { get looked / >>"$TMP/who"; grep -q a "$TMP/who" && grep -q b "$TMP/who"; }
wait_for both
# All of them: the edge is told, and told when one is back.
now_is looked 1 || fail "the rule was told to be down while an origin was up"
echo 500 >"$TMP/a.health"
echo 404 >"$TMP/b.health"
wait_for now_is looked 0
echo 200 >"$TMP/b.health"
wait_for now_is looked 1
# A rule nobody looks after is not called down; one whose only origin is not there is.
wait_for up_is none 0
now_is over 1 || fail "a rule is down though one of its origins is up"
now_is hole 1 || fail "a rule is down though nobody looks at its origin"

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

# More origins that never answer than may be looked at: the others wait, and are looked at.
many=$(for _ in {1..20}; do printf 'http://127.0.0.1:%s,\n\t' "$HOLE"; done)
add many http "service = ${many%,*}" 'health_every = 1s' 'connect_timeout = 300ms'
connector_conf "127.0.0.1:$EDGE_AT" "$RULES$CATCH_ALL"
get shares /hang >/dev/null 2>&1 &
hanging=$!
wait_for says streams_live 1
expect 0 "$ZT" reload connector -c "$HOME_CONF"
full() { [ "$(child worker counters.health_looks_full)" -gt 0 ] && [ "$(child worker counters.health_looks)" -le 16 ]; }
wait_for full
wait_for now_is many 0 # all of them were looked at
# A reload forgets neither who was down nor a stream that runs.
same "$(child worker counters.streams_live)" 1 "streams that outlived the reload"
kill -0 "$hanging" || fail "the reload ended a stream"
kill "$hanging" 2>/dev/null
wait "$hanging" 2>/dev/null
stop connector
lacks "$(<"$TMP/connector.log")" "child died"
