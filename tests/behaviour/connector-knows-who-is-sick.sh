#!/usr/bin/env bash
# core
# An origin that is sick is taken out and comes back, and edges are told which rules have nobody left.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need curl
start_ca
join_as edge one "$TMP/one.id"
A=$(free_port) B=$(free_port) CLOSED=$(free_port) NOBODY=$(free_port)
echo 200 >"$TMP/a.health"
echo 200 >"$TMP/b.health"
start_origin a "$A" "health=$TMP/a.health"
start_origin b "$B" "health=$TMP/b.health"
add looked http "service = http://127.0.0.1:$A, http://127.0.0.1:$B" 'health_every = 1s' 'health_path = /health'
add hole http "service = http://127.0.0.1:$CLOSED"
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

stop connector
lacks "$(<"$TMP/connector.log")" "child died"
