#!/bin/bash
# waits
# Many visitors who asked once and keep their connection: what each of them costs in memory and processor time is told, and
# who comes anew beside them is served. STORM_IDLE: how many (10,000 need twice as many descriptors).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
N=${STORM_IDLE:-1000}
[ "$N" -le $(($(ulimit -Hn) - 500)) ] || skip "$N connections need a hard limit of more than $(ulimit -Hn) descriptors (ulimit -Hn)"

storm_origin
edge_line 'idle = 10m'
ulimit -Sn 256 # the edge raises it by itself
start_edge
ulimit -Sn "$(ulimit -Hn)"
W=$(edge_child worker pid)
same "$(awk '/^Max open files/ {print $4}' "/proc/$W/limits")" "$(ulimit -Hn)" "descriptors of the worker"
before=$(rss "$W")
start idle "$STORM" "$EDGE_PORT" app.test kind=idle n="$N" s=$((3 + N / 250)) hold=3 calm=0
all_in() { grep -q ^held "$TMP/idle.log"; }
wait_for all_in
in=$(edge_child worker counters.visitors) # the two who measure come and go
[ "$in" -ge "$N" ] || fail "$in of $N are connected"
each=$(((($(rss "$W") - before) * 1024) / N)) then=$(cpu "$W")
join idle
used=$(($(cpu "$W") - then))
grep '^{' "$TMP/idle.log" >"$TMP/storm.json"
storm_is "s['open'] == $N and s['held'] == $N and s['cut'] == 0 and s['status'] == {'200': $N}"
storm_is 's["fresh"]["during"]["failed"] == 0 and s["kept"]["during"]["failed"] == 0'
echo "figure: $N idle visitors: bytes of the worker's memory for each: $each"
echo "figure: $N idle visitors: ms of processor in 3 s, with 400 requests a second beside them: $used"
storm_figure "$N idle visitors: a new connection with its request takes p50 and p99 us" '"%d %d" % (s["fresh"]["during"]["p50"], s["fresh"]["during"]["p99"])'
[ "$each" -le 8192 ] || fail "an idle visitor costs $each bytes"
edge_is_alive
pass
