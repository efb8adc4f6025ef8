#!/usr/bin/env bash
# core
# An origin that is sick is taken out and comes back, and edges are told which rules have nobody left. A reload does not
# forget who was down, nor does it end a stream. Looks at origins are bounded, and those that wait come to it.
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

add looked http "service = http://127.0.0.1:$A, http://127.0.0.1:$B" 'health_every = 1s' 'health_path = /health'
add hole http "service = http://127.0.0.1:$HOLE"
add none http "service = http://127.0.0.1:$NOBODY" 'health_every = 1s'
serve_rules one
# The last that was told.
now_is() { [ "$(python3 -c '
import json, sys
print([e["up"][int(sys.argv[2])] for e in map(json.loads, open(sys.argv[1])) if e["ev"] == "health"][-1])' "$TMP/one.log" "${NUMBER[$1]}")" = "$2" ]; }

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
wait_for now_is none 0
now_is hole 1 || fail "a rule is down though nobody looks at its origin"

# More origins that never answer than may be looked at: the others wait, and are looked at.
many=$(for _ in {1..20}; do printf 'http://127.0.0.1:%s,\n\t' "$HOLE"; done)
add many http "service = ${many%,*}" 'health_every = 1s' 'connect_timeout = 1s'
connector_conf "127.0.0.1:$EDGE_AT" "$RULES$CATCH_ALL"
curl -s --max-time 60 "http://127.0.0.1:${DOOR[looked]}/hang" >/dev/null 2>&1 &
hanging=$!
wait_for says streams_live 1
echo 500 >"$TMP/a.health"
wait_for logged 'origin=http://127.0.0.1:'"$A why=\"it answered 500\""
expect 0 "$ZT" reload connector -c "$HOME_CONF"
full() { [ "$(child worker counters.health_looks_full)" -gt 0 ] && [ "$(child worker counters.health_looks)" -le 16 ]; }
wait_for full
wait_for now_is many 0 # all of them were looked at
# A reload forgets neither who was down nor a stream that runs.
same "$(child worker counters.streams_live)" 1 "streams that outlived the reload"
kill -0 "$hanging" || fail "the reload ended a stream"
kill "$hanging" 2>/dev/null
tell one cut # with the stream: a drain would wait for it
wait_for says streams_live 0
wait "$hanging" 2>/dev/null
stop connector
lacks "$(<"$TMP/connector.log")" "child died"
