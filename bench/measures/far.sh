# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Home is far away: one stream down over a path of 10 and of 50 ms, and how long a new stream's first byte takes there.
far_round() { # PEER
	far_at "$1" 10
	far_at "$1" 50
}
far_at() { # PEER RTT-MS
	local got
	layout both
	peer "$1"
	DIAL=$PATHWAY
	if [ "$1" != bore ]; then
		pathway path "$PATHWAY" "$LISTEN" "delay $(($2 / 2))" || fail "no path"
	else
		DIAL_HOST=127.0.0.2
		pathway path "127.0.0.2:$BORE_PORT" "$BORE_PORT" "delay $(($2 / 2))" || fail "no path"
	fi
	if begin tunnel "$1"; then
		got=$(flow_once 1 1 1000) && row "far-$2" "$1" "$got"
		[ "$2" != 50 ] || { got=$(timeout 60 "$RAW" first "$NEAR" "$TO" 5) && row first "$1" "$got"; }
		quit_subject
	fi
	end_pathway path
}
