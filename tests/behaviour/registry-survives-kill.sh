#!/bin/bash
# The authority's registry is killed at every one of its system calls while it issues certificates, counts
# tokens, takes numbers and writes its file anew, its very first start included. Every certificate that was
# acknowledged is there afterwards with its bytes, in order, at most the one that was being written beside
# them; no serial number stands twice; a token was used as often as certificates say; no number of a list
# comes again; and the next start goes on.
. "$(dirname "$0")/lib.sh"
JW=$ROOT/build/rel/tests/tools/regwriter
. "$(dirname "$0")/kill.inc.sh"

D=$TMP/state F=$TMP/state/registry
COUNT=0 MISSED=0 LEFT=0 CALLS=()

fresh() {
	rm -rf "$D"
	mkdir -m 700 "$D"
}

# certs FILE: its lines of certificates; last NAME FILE: the highest number of that list, or 0.
certs() { grep -E '^[0-9a-f]{32} [0-9a-f]{64}$' "$1"; }
last() { sed -n "s/^$1 //p" "$2" | sort -n | tail -n 1 | grep . || echo 0; }

# there WHEN: what the next start finds, against what was acknowledged so far.
there() {
	local name
	"$JW" check "$D" >"$TMP/found" 2>"$TMP/err" || fail "$1: the next start: $(cat "$TMP/err")"
	certs "$TMP/acked" >"$TMP/want"
	certs "$TMP/found" >"$TMP/got"
	cmp -s "$TMP/want" <(head -n "$(wc -l <"$TMP/want")" "$TMP/got") || fail "$1: acknowledged and not there, or not the same"
	[ "$(wc -l <"$TMP/got")" -le $(($(wc -l <"$TMP/want") + 1)) ] || fail "$1: more there than was asked for"
	[ -z "$(cut -d ' ' -f 1 "$TMP/got" | sort | uniq -d)" ] || fail "$1: a serial number twice"
	for name in list crl; do
		[ ! -s "$TMP/got" ] || [ "$(last $name "$TMP/found")" -gt "$(last $name "$TMP/acked")" ] ||
			fail "$1: $name number $(last $name "$TMP/found") again"
	done
}

one_kill() {
	local at="$1 $2"
	fresh
	killed_at "$1" "$2" "$TMP/acked" "$JW" issue "$D" "$COUNT" 3 || MISSED=$((MISSED + 1))
	[ ! -e "$F.new" ] || LEFT=$((LEFT + 1))
	if [ ! -e "$F" ]; then
		[ ! -s "$TMP/acked" ] || fail "$at: something was acknowledged and there is no file"
	else
		"$ZT" journal check "$F" >"$TMP/check" 2>&1 || fail "$at: zt journal check: $(cat "$TMP/check")"
		# Killed before its first record: as good as none.
		if "$JW" check "$D" >"$TMP/none" 2>&1; then there "$at"; else
			[ ! -s "$TMP/acked" ] || fail "$at: $(cat "$TMP/none")"
			grep -q 'zt ca init' "$TMP/none" || fail "$at: $(cat "$TMP/none")"
		fi
	fi
	[ -e "$TMP/found" ] && cat "$TMP/found" >"$TMP/before"
	"$JW" issue "$D" 3 2 >"$TMP/more" 2>"$TMP/err" || fail "$at: cannot go on: $(cat "$TMP/err")"
	# What was there and what came since, all of it acknowledged.
	if [ -s "$TMP/got" ]; then cat "$TMP/got" "$TMP/before" "$TMP/more" >"$TMP/all"; else cp "$TMP/more" "$TMP/all"; fi
	awk '!seen[$0]++' "$TMP/all" >"$TMP/acked"
	there "$at, after going on"
	rm -f "$TMP/found" "$TMP/before" "$TMP/got"
}

while [ ${#CALLS[@]} -lt "$KILLS" ]; do
	COUNT=$((COUNT + 3))
	[ "$COUNT" -le "$KILLS" ] || fail "$COUNT certificates make only ${#CALLS[@]} calls"
	fresh
	list_calls "$JW" issue "$D" "$COUNT" 3
	same "$(certs "$TMP/calls.out" | wc -l)" "$COUNT" "certificates without a kill"
done
kill_at_each_call
