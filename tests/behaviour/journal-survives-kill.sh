#!/bin/bash
# A journal's writer is killed at every one of its system calls, snapshots and the very first
# start included. Every number that it had acknowledged is there afterwards, in order, at most
# the one it was working on beside them; no half-written file has the journal's name; and the
# next writer goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill.inc.sh"

D=$TMP/state F=$TMP/state/test.journal
COUNT=0 MISSED=0 LEFT=0 CALLS=()

fresh() {
	rm -rf "$D"
	mkdir -m 700 "$D"
}

# whole: zt itself accepts the file.
whole() {
	"$ZT" journal check "$F" >"$TMP/check" 2>&1 || fail "$1: zt journal check: $(cat "$TMP/check")"
}

one_kill() {
	local at="$1 $2" acked there
	fresh
	killed_at "$1" "$2" "$TMP/acked" "$JW" log "$D" 1 "$COUNT" 3 || MISSED=$((MISSED + 1))
	acked=$(tail -n 1 "$TMP/acked")
	[ ! -e "$F.new" ] || LEFT=$((LEFT + 1))
	if [ ! -e "$F" ]; then
		[ -z "$acked" ] || fail "$at: $acked was acknowledged and there is no file"
		return
	fi
	whole "$at"
	"$JW" log-check "$D" >"$TMP/there" || fail "$at: the next writer refuses the file"
	there=$(wc -l <"$TMP/there")
	[ "$there" = 0 ] || seq "$there" | cmp -s - "$TMP/there" || fail "$at: out of order: $(tr '\n' ' ' <"$TMP/there")"
	[ "$there" -ge "${acked:-0}" ] || fail "$at: $acked were acknowledged, $there are there"
	[ "$there" -le $((${acked:-0} + 1)) ] || fail "$at: $acked were acknowledged, but $there are there"
	[ ! -e "$F.new" ] || fail "$at: the next writer left the half-written snapshot"
	"$JW" log "$D" $((there + 1)) 2 2 >"$TMP/more" || fail "$at: the next writer cannot go on"
	whole "$at, after going on"
	grep -q torn "$TMP/check" && fail "$at: a torn tail is left after the next writer"
	same "$("$JW" log-check "$D" | wc -l)" $((there + 2)) "$at: records after going on"
}

while [ ${#CALLS[@]} -lt "$KILLS" ]; do
	COUNT=$((COUNT + 3))
	[ "$COUNT" -le "$KILLS" ] || fail "$COUNT records make only ${#CALLS[@]} calls"
	fresh
	list_calls "$JW" log "$D" 1 "$COUNT" 3
	same "$(tail -n 1 "$TMP/calls.out")" "$COUNT" "the last number without a kill"
done
kill_at_each_call
