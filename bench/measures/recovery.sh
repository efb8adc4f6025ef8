# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# The path comes back: how long until it carries again. Everybody at a time, each with a path of its own: who waits costs
# no processor time.

# Rows MEASURE PEER ms: from now to the first answer of each
returns() { # MEASURE MOST-MS PEER...
	local name most=$2 measure=$1 asking=()
	shift 2
	for name in "$@"; do path_says "path-$name" go "new pass"; done
	for name in "$@"; do
		timeout 120 "$RAW" reach "${NEAR_OF[$name]}" "${TO_OF[$name]}" "$most" >"$TMP/reached-$measure-$name" &
		asking+=($!)
	done
	wait "${asking[@]}" # each ends after $most
	for name in "$@"; do row "$measure" "$name" "$(sed "s/never/$NEVER/" "$TMP/reached-$measure-$name")"; done
	rm "$TMP"/reached-*
}
recovery() { # PEER...
	local name round running=() all=()
	declare -A NEAR_OF TO_OF
	layout both
	for name in "$@"; do
		peer "$name"
		[ -z "$(lacks)" ] || continue
		DIAL=$PATHWAY
		pathway "path-$name" "$PATHWAY" "$LISTEN" || fail "no path"
		all=("${SUBJECT[@]}")
		SUBJECT=()
		if begin tunnel "$name"; then
			running+=("$name") NEAR_OF[$name]=$NEAR TO_OF[$name]=$TO
		else
			end_pathway "path-$name"
		fi
		SUBJECT=("${all[@]}" "${SUBJECT[@]}")
	done
	for ((round = 0; round < rounds; round++)); do
		note "recovery: cut, round $((round + 1)) of $rounds"
		for name in "${running[@]}"; do path_says "path-$name" "new refuse" "cut rst"; done
		sleep "$away_cut"
		returns cut 30000 "${running[@]}"
		sleep 1
	done
	note "recovery: silence"
	for name in "${running[@]}"; do path_says "path-$name" lose "new hold"; done
	sleep "$away_silent"
	returns silent 60000 "${running[@]}"
	quit_subject
	for name in "${running[@]}"; do end_pathway "path-$name"; done
}
