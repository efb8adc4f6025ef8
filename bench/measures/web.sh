# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Requests of 1 KiB over kept TLS connections: how many, what they cost, and how long they take at half of that rate.
web_round() { # PEER
	local before after said rate got
	layout one
	TO=$ORIGIN
	begin http "$1" || return 0
	watch_all
	before=$(ticks)
	said=$(timeout 60 "${DRIVER[@]}" wrk -t 1 -c 32 -d "$(((2 * step + 999) / 1000))s" "https://localhost:$FRONT/small" 2>&1)
	after=$(ticks)
	if [[ $said == *Non-2xx* || $said == *"Socket errors"* || $said != *Requests/sec* ]]; then
		note "$1: $said"
	else
		rate=$(sed -n 's/^Requests.sec: *//p' <<<"$said")
		# ticks of 10 ms; seconds for 10,000
		row web "$1" "$rate $(awk -v t=$((after - before)) '/ requests in / { printf "%.3f", t * 100 / $1 }' <<<"$said")"
		got=$(calm "$rate") && row calm "$1" "$got"
		# Beside the pair that is asked less: at its rate too.
		if [ "$1" = zt ] && [ -n "$(cell web nginx)" ]; then got=$(calm "$(cell web nginx)") && row calm-nginx zt "$got"; fi
	fi
	quit_subject
}
calm() { timeout 60 "${DRIVER[@]}" "$HTTP_LOAD" rate "$FRONT" localhost "$(awk -v r="$1" 'BEGIN { printf "%.0f", r / 2 }')" 32 $((step * 2)); }
