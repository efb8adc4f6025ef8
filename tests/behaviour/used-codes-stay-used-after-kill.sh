#!/bin/bash
# The store's owner is killed at every one of its system calls while it marks codes as used and
# counts them. Whatever it had answered holds after the restart: no code is usable twice, and
# the counter has not lost a step.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill.inc.sh"

D=$TMP/state
COUNT=0 MISSED=0 CALLS=()

fresh() {
	rm -rf "$D"
	mkdir -m 700 "$D"
}

one_kill() {
	local at="$1 $2" acked sum n first total
	fresh
	killed_at "$1" "$2" "$TMP/first" "$JW" store "$D" 1 "$COUNT" || MISSED=$((MISSED + 1))
	acked=$(wc -l <"$TMP/first")
	sum=$(tail -n 1 "$TMP/first" | cut -d' ' -f3)
	# The second life tries every code again.
	"$JW" store "$D" 1 "$COUNT" >"$TMP/second" || fail "$at: the next owner ended with $?"
	while read -r n first total; do
		if [ "$n" -le "$acked" ] && [ "$first" != 0 ]; then
			fail "$at: code $n was used before the kill and again after it"
		fi
		if [ "$n" -gt $((acked + 1)) ] && [ "$first" != 1 ]; then
			fail "$at: code $n was never asked for and is refused"
		fi
		if [ "$n" = 1 ] && { [ "$total" -lt $((${sum:-0} + 1)) ] || [ "$total" -gt $((${sum:-0} + 2)) ]; }; then
			fail "$at: the counter stood at ${sum:-0} and goes on with $total"
		fi
	done <"$TMP/second"
	same "$(wc -l <"$TMP/second")" "$COUNT" "$at: answers of the second life"
	"$ZT" journal check "$D/test.journal" >"$TMP/check" 2>&1 || fail "$at: $(cat "$TMP/check")"
}

while [ ${#CALLS[@]} -lt "$KILLS" ]; do
	COUNT=$((COUNT + 5))
	[ "$COUNT" -le "$KILLS" ] || fail "$COUNT codes make only ${#CALLS[@]} calls"
	fresh
	list_calls "$JW" store "$D" 1 "$COUNT"
done
for call in "${CALLS[@]}"; do
	# shellcheck disable=SC2086 # two words
	one_kill $call
done
[ "$MISSED" -le $((${#CALLS[@]} / 20)) ] || fail "$MISSED runs were not killed"
pass "killed at $((${#CALLS[@]} - MISSED)) of ${#CALLS[@]} system calls"
