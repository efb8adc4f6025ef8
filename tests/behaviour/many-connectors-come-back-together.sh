#!/usr/bin/env bash
# Row 20: many connectors (ZT_HA_STORM, 200 in the long run) lose their edge at once, for as long as its restart takes. All
# are back soon, spread over time and not in a wave, without anything done by hand, and the edge is idle again afterwards.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
MANY=${ZT_HA_STORM:-20}
WAIT_S=$((WAIT_S + MANY))
counted_app 0
start_authority
join_role edge
mapfile -t who < <(seq -f 'c%g' "$MANY")
make_copies "${who[@]}"
CONNECTOR_ID='*'
start_edge
for name in "${who[@]}"; do start "$name" "$ZT" connector -c "$TMP/$name.conf"; done
wait_for edge_has tunnels "$MANY"

# shellcheck disable=SC2046 # a list
kill -KILL $(processes edge)
wait "${PIDS[edge]}" 2>/dev/null
unset "PIDS[edge]"
sleep "${ZT_HA_AWAY_S:-3}" # an edge that restarts; what is measured begins behind it
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
t0=${EPOCHREALTIME/./}
ticks() { # of all of the edge's processes
	local pid sum=0
	for pid in $(processes edge); do
		sum=$((sum + $(cut -d' ' -f14 "/proc/$pid/stat") + $(cut -d' ' -f15 "/proc/$pid/stat")))
	done
	echo $sum
}
wait_for edge_has tunnels "$MANY"
took=$(((${EPOCHREALTIME/./} - t0) / 1000))
busy=$(ticks)
same "$(web app.test /x)" /x "the page"
sleep 2
idle=$(($(ticks) - busy))
echo "figure: HA, $MANY connectors lost their edge for ${ZT_HA_AWAY_S:-3} s: all back $took ms after it was up, for $((busy * 10)) ms of its CPU, $((idle * 10 / 2)) ms a second afterwards"
grep -F "a connector is connected" "$TMP/edge.log" | python3 -c '
import datetime, sys
t = sorted(datetime.datetime.fromisoformat(l.split()[0].replace("Z", "+00:00")).timestamp() for l in sys.stdin)
most = max(sum(1 for b in t if a <= b < a + 1) for a in t)
print(f"figure: HA, most of {len(t)} that came back within one second: {most}")'
[ $took -lt 120000 ] || fail "the last one was back after $took ms"
[ $idle -lt 150 ] || fail "the edge is busy when all are back: $idle ticks in 2 s"
for name in "${who[@]}"; do lacks "$(<"$TMP/$name.log")" "child died"; done
edge_is_alive
# All at once: one after the other would take as long as all of them.
for name in "${who[@]}"; do kill -TERM "${PIDS[$name]}"; done
for name in "${who[@]}"; do join "$name"; done
pass
