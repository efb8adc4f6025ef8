# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# The path comes back: how long until it carries again. Everybody at a time, each with a path of its own: who waits costs
# no processor time.

# Rows MEASURE PEER ms: from now to the first answer of each
returns() { # MEASURE MOST-MS PEER...
	local name most=$2 measure=$1 asking=() began left
	shift 2
	began=$(date +%s%3N)
	for name in "$@"; do path_says "path-$name" go "new pass"; done
	for name in "$@"; do
		timeout 120 "$RAW" reach "${NEAR_OF[$name]}" "${TO_OF[$name]}" "$most" >"$TMP/reached-$measure-$name" &
		asking+=($!)
	done
	wait "${asking[@]}" # each ends after $most
	for name in "$@"; do row "$measure" "$name" "$(sed "s/never/$NEVER/" "$TMP/reached-$measure-$name")"; done
	if [ "$measure" = cut ] && [ -e "$TMP/reached-cut-zt" ] && left=$(back_off_left "$began"); then
		row cut-behind zt "$(awk -v left="$left" '{ print ($1 > left ? $1 - left : 0) }' "$TMP/reached-cut-zt")"
	fi
	rm "$TMP"/reached-*
}
# back_off_left MS: what zt's connector had still to wait at that time, by its log
back_off_left() {
	local line at
	line=$(grep 'is dialled again' "$TMP/connector.log" | tail -n 1)
	at=$(date -d "${line%% *}" +%s%3N) || return 1
	line=${line##*in_ms=}
	at=$((at + ${line%% *} - $1))
	echo $((at > 0 ? at : 0))
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
