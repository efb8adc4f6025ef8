#!/bin/bash
# Two workers of an edge against one, where the edge is what is waited for: answers that it gives itself (`http_status`),
# over connections that stay and over new ones. On a machine of two processors the driver shares them, so the part of the
# edge's own time is said, too: with one worker at most one processor.
#
# WORKERS_ROUNDS, WORKERS_SECONDS make it shorter for a look.
. "$(dirname "$0")/../tests/behaviour/lib.sh"
. "$ROOT/tests/behaviour/web.inc.sh"
need wrk openssl pgrep
rounds=${WORKERS_ROUNDS:-5} seconds=${WORKERS_SECONDS:-5}
note() { echo "workers: $*" >&2; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# Ticks that the edge's processes have used.
# shellcheck disable=SC2046 # a list
ticks() { sed 's/.*) //' $(pgrep -P "${PIDS[edge]}" | sed 's|.*|/proc/&/stat|') | awk '{ t += $12 + $13 } END { print t + 0 }'; }

host_section web public "web.test localhost"
ingress web 'service = http_status:204'
start_web
declare -A RATE=() SHARE=()
hz=$(getconf CLK_TCK)
ready() { [ "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print(sum(k["counters"].get("tunnels", 0) for k in json.load(sys.stdin)["children"] if k["name"] == "worker"))')" = "$1" ]; }
with() { # N: an edge of so many workers
	stop edge
	export ZT_EDGE_WORKERS=$1
	start_edge
	wait_for ready "$1"
}
measure() { # NAME WRK-OPTION...: one round
	local name=$1 before
	shift
	before=$(ticks)
	wrk -t 1 -c 64 -d "${seconds}s" "$@" "https://localhost:$EDGE_PORT/" >"$TMP/wrk" 2>&1 || fail "wrk: $(<"$TMP/wrk")"
	! grep -q 'Non-2xx' "$TMP/wrk" || fail "$(grep Non-2xx "$TMP/wrk")"
	awk '/^Requests\/sec/ { print $2 }' "$TMP/wrk" >>"$TMP/rate.$name"
	echo $((100 * ($(ticks) - before) / (hz * seconds))) >>"$TMP/share.$name"
}
for ((r = 1; r <= rounds; r++)); do # in turn, so that what else the machine does meets both alike
	for n in 1 2; do
		with "$n"
		note "round $r of $rounds, $n worker(s)"
		measure "kept.$n"
		measure "new.$n" -H 'Connection: close'
	done
done
for f in kept new; do for n in 1 2; do
	RATE[$f.$n]=$(median <"$TMP/rate.$f.$n")
	SHARE[$f.$n]=$(median <"$TMP/share.$f.$n")
done; done
ratio() { awk -v a="${RATE[$1.2]}" -v b="${RATE[$1.1]}" 'BEGIN { printf "%.2f", a / b }'; }
row() { printf '| %s | %.0f (%.0f %%) | %.0f (%.0f %%) | %s |\n' "$1" "${RATE[$2.1]}" "${SHARE[$2.1]}" "${RATE[$2.2]}" "${SHARE[$2.2]}" "$(ratio "$2")"; }
cat <<END
## Workers of an edge

204 answered by the edge, 64 connections of one wrk on the same $(nproc) processors, TLS 1.2; medians of $rounds rounds of $seconds s, in
turn. In brackets the processor that the edge's processes took. New connections are full handshakes and resumed
ones as wrk asks; they are made in one key process, whatever the number of workers.

| requests/s | 1 worker | 2 workers | ratio |
|---|---|---|---|
$(row "kept connections" kept)
$(row "a connection each" new)
END
