# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# What is held: by a role at rest, by visitors who have asked nothing yet or once, by streams on which nothing moves. Summed PSS.

# grown CMD...: KiB before, KiB while CMD holds, how many it holds
grown() {
	local before line=""
	rm -f "$TMP/hold.in" "$TMP/hold.out" && mkfifo "$TMP/hold.in" "$TMP/hold.out"
	before=$(pss)
	timeout 120 "$@" <"$TMP/hold.in" >"$TMP/hold.out" &
	exec 8>"$TMP/hold.in" 9<"$TMP/hold.out"
	read -r line <&9
	sleep 0.5
	[ -z "$line" ] || echo "$before $(pss) ${line#held }"
	exec 8>&- 9<&-
	wait $!
}
memory_of() { # MEASURE PEER CMD...
	local got
	got=$(grown "${@:3}") && [ -n "$got" ] && row "$1" "$2" "$got $(awk '{ printf "%.0f", $3 ? ($2 - $1) * 1024 / $3 : 0 }' <<<"$got")"
}
hold_streams() { # PEER
	layout both
	if begin tunnel "$1"; then
		sleep 0.5
		[ "$1" != zt ] || row rest zt "$(pss_of "${PIDS[edge]}") $(pss_of "${PIDS[connector]}")"
		memory_of streams "$1" "$RAW" hold "$NEAR" "$TO" "$held"
		quit_subject
	fi
}
hold_visitors() { # PEER
	local times
	layout both
	for times in 0 1; do
		TO=$ORIGIN
		begin http "$1" || return 0
		memory_of "visitors-$times" "$1" "$HTTP_LOAD" visit "$FRONT" localhost "$visitors" "$times"
		quit_subject
	done
}
