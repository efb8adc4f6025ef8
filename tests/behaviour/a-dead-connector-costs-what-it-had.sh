#!/usr/bin/env bash
# core
# Two connectors of one name under load, and all processes of one are killed: what it was working on is answered 502 with
# a sentence, everything else by the other one, at once; nothing is ever done twice, GET or POST, with or without a body.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
KILLS=${ZT_HA_KILLS:-3}

two_copies 40
start_load visitors 24

enough() { [ "$(wc -l <"$TMP/visitors.load")" -ge "$1" ]; }
more_than() { wait_for enough $(($(wc -l <"$TMP/visitors.load") + $1)); }
more_than 200
at=()
for ((i = 0; i < KILLS; i++)); do
	victim=$([ $((i % 2)) = 0 ] && echo one || echo two)
	at+=("$(now)")
	signal_copy "$victim" KILL
	wait "${PIDS[$victim]}" 2>/dev/null
	unset "PIDS[$victim]"
	more_than 200
	start_copy "$victim"
	wait_for edge_has tunnels 2
	more_than 100
done
end_load visitors
edge_is_alive
weigh visitors "${at[@]}" <<'PY'
never_twice(asked, seen)
kills = [float(a) for a in sys.argv[1:]]
lost = [a for a in asked if a["status"] != 200]
late = 0
for a in lost:
    assert a["status"] == 502 and "the connection to the connector was lost meanwhile" in a["text"], a
    ended = a["began"] + a["took"]
    cause = max(k for k in kills if k < ended + 0.5)
    assert ended < cause + 5, f"lost without a reason: {a}"
    late = max(late, a["began"] - cause)
wait = max(a["took"] for a in asked for k in kills if 0 <= a["began"] - k < 1)
assert lost, "nothing was on its way: this test shows nothing"
assert late < 5, "it was still asked long after its death"
print(f"figure: HA, requests lost with {len(kills)} killed connectors: {len(lost)} of {len(asked)}, from 24 visitors")
print(f"figure: HA, done twice: 0 of {sum(seen.values())}")
print(f"figure: HA, last request sent to a killed connector: {late * 1000:.0f} ms after its death; slowest of the second after: {wait * 1000:.0f} ms")
PY
echo "figure: HA, tried elsewhere: $(edge_counter retried)"
pass
