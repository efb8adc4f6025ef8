# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Bytes: what the generator brings through in Gbit/s, and what that costs the subject of its processors' time.

# flow_once STREAMS REVERSE WARM-MS: "Gbit/s CPU-s-per-GB", or nothing. What is still on its way from before may come in
# between once.
flow_once() { one_flow "$@" || { sleep 1 && one_flow "$@"; }; }
one_flow() {
	local before after line="" gen
	watch_all
	rm -f "$TMP/gen" && mkfifo "$TMP/gen"
	timeout 60 "${DRIVER[@]}" "$RAW" flow "$NEAR" "$TO" "$1" "$step" "$3" "$2" >"$TMP/gen" 2>"$TMP/gen.err" &
	gen=$!
	exec 8<"$TMP/gen"
	read -r line <&8
	before=$(ticks)
	read -r line <&8
	after=$(ticks)
	exec 8<&-
	wait "$gen" || { note "flow: $(<"$TMP/gen.err")"; return 1; }
	awk -v t=$((after - before)) '{ printf "%s %.3f\n", $1, $2 ? t / 100 / ($2 / 1e9) : 0 }' <<<"$line"
}
# all_flows LAYOUT PEER: 1 and 100 streams, both ways
all_flows() {
	local streams reverse got
	for streams in 1 100; do
		for reverse in 0 1; do
			got=$(flow_once "$streams" "$reverse" 200) && row "$1-$streams-$reverse" "$2" "$got"
		done
	done
}
flow_round() { # PEER
	layout both
	begin tunnel "$1" || return 0
	all_flows both "$1"
	quit_subject
}
# On one processor: with what else is measured there.
one_round() {
	local got
	layout one
	begin tunnel "$1" || return 0
	wants flow && all_flows one "$1"
	wants ping && pings "$1"
	quit_subject
}
