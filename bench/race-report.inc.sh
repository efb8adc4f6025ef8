# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Sourced by race.sh: the tables, what was wanted, and the plot.
declare -A TITLE=([direct]="no tunnel" [zt]="**zt**" [ssh]="ssh -R" [ssh:again]="ssh -R in a loop" [nginx]="nginx to nginx"
	[haproxy]="HAProxy to HAProxy" [caddy]="Caddy to Caddy" [stunnel]="stunnel to stunnel" [rathole:tls]="rathole, TLS"
	[rathole:plain]="rathole, unencrypted" [frp:mux]="frp, TLS, one connection" [frp:plain]="frp, TLS, a connection each" [chisel]="chisel" [bore]="bore, unencrypted")

# figure MEASURE PEER COLUMN FORMAT: median, spread, and what zt has for each of it
figure() {
	local mine
	mine=$(cell "$1" "$2" "$3")
	[ -n "$mine" ] || { echo "–"; return; }
	awk -v v="$mine" 'BEGIN { exit !(v > 1e8) }' && { echo "never"; return; } # one of two is as bad
	# shellcheck disable=SC2059 # the format is an argument
	printf "$4" "$mine"
	mine=$(spread "$1" "$2" "$3")
	[ -z "$mine" ] || printf ' ±%d %%' $(((mine + 1) / 2))
	case $2 in zt | direct) ;; *) printf ' · %s×' "$(ratio "$(cell "$1" zt "$3")" "$(cell "$1" "$2" "$3")")" ;; esac
}
# table "HEAD | HEAD" PEERS -- MEASURE COLUMN FORMAT ...
table() {
	local name columns peers=() line
	printf '| | %s |\n|---|%s\n' "$1" "$(tr -cd '|' <<<"$1|" | sed 's/|/---|/g')"
	shift
	while [ "$1" != -- ]; do peers+=("$1"); shift; done
	shift
	for name in "${peers[@]}"; do
		line="| ${TITLE[$name]} |"
		columns=("$@")
		if [ -n "${LACKS[$name]}" ]; then
			echo "$line not measured: ${LACKS[$name]} |"
			continue
		fi
		while [ ${#columns[@]} != 0 ]; do
			line+=" $(figure "${columns[0]}" "$name" "${columns[1]}" "${columns[2]}") |"
			columns=("${columns[@]:3}")
		done
		echo "$line"
	done
	echo
}
layout_words() {
	if [ "$(nproc)" -lt 2 ]; then echo "There is one processor here, for everything."; else
		echo "\"One processor\": all processes of both ends on processor 1, load and origins on 0, and Go and Rust peers with one thread"
		echo "(GOMAXPROCS=1, TOKIO_WORKER_THREADS=1). \"All processors\": nothing is pinned, and those have $(nproc)."
	fi
}
flow_heads="1 stream up, Gbit/s | down | 100 streams up | down"
tables() {
	local layout heads cost
	if wants flow; then
		for layout in one both; do
			echo "#### Bytes, $([ $layout = one ] && echo "one processor" || echo "all processors")"
			echo
			cost=() heads=$flow_heads
			[ $layout = both ] || cost=(one-1-0 2 %.2f one-100-1 2 %.2f) heads+=" | CPU s/GB, 1 stream up | 100 down"
			table "$heads" "${tunnels[@]}" -- $layout-1-0 1 %.2f $layout-1-1 1 %.2f $layout-100-0 1 %.2f $layout-100-1 1 %.2f "${cost[@]}"
		done
	fi
	if wants far; then
		echo "#### Far away: all processors, a relay in user space between the two ends"
		echo
		echo "It delays every byte and no more: a TCP connection is made at once, which spares those one round trip who make one for each stream."
		echo
		table "1 stream down at 10 ms, Gbit/s | at 50 ms | first byte of a new stream at 50 ms, us" "${tunnels[@]}" -- far-10 1 %.2f far-50 1 %.2f first 1 %.0f
	fi
	if wants ping; then
		echo "#### 64 bytes there and back, us: one processor; idle, and while 4 streams come down the same tunnel"
		echo
		table "idle p50 | p99 | under load p50 | p99" "${tunnels[@]}" -- ping-0 1 %.0f ping-0 2 %.0f ping-4 1 %.0f ping-4 2 %.0f
	fi
	if wants web; then
		echo "#### Requests: one processor; TLS front, tunnel, origin; 1 KiB, 32 kept connections, an access log"
		echo
		echo "nginx is the TLS front of what has none. The times are of requests at half of the rate before them, each from when it was due."
		echo
		table "requests/s | CPU s/10,000 | asked at half: p50, us | p99" "${fronts[@]}" -- web 1 %.0f web 2 %.2f calm 1 %.0f calm 2 %.0f
		[ -z "$(cell calm-nginx zt)" ] || echo "zt, asked at half of nginx's rate: p50 $(cell calm-nginx zt) us, p99 $(cell calm-nginx zt 2) us."
		echo
	fi
	if wants memory; then
		echo "#### Memory: summed PSS of all processes of both ends, $held idle streams, or $visitors idle visitors"
		echo
		echo "At rest: edge $(cell rest zt) KiB, connector $(cell rest zt 2) KiB."
		echo
		table "at rest, KiB | held | bytes for each idle stream" "${holders[@]}" -- streams 1 %.0f streams 3 %.0f streams 4 %.0f
		table "at rest, KiB | held | bytes for each visitor who asked nothing yet | for each who asked once" "${tls_fronts[@]}" -- \
			visitors-1 1 %.0f visitors-1 3 %.0f visitors-0 4 %.0f visitors-1 4 %.0f
	fi
	if wants recovery; then
		echo "#### The path returns: ms until the first answer"
		echo
		echo "Cut: every connection reset and none made for $away_cut s. Silent: nothing passes and nobody is told for $away_silent s, and what was"
		echo "connected then stays dead; never: not within 60 s (30 s after a cut). Everybody's own settings, but for ssh's: its keep-alives"
		echo "are 3 × 3 s at both ends, as zt's are."
		echo
		table "after a cut | after silence" "${fallers[@]}" -- cut 1 %.0f silent 1 %.0f
	fi
}

# best MEASURE COLUMN PEER...: of the peers, the most (or, with LEAST, the least)
best() {
	local measure=$1 column=$2 p
	shift 2
	for p in "$@"; do cell "$measure" "$p" "$column"; done | sort -g ${LEAST:-"-r"} | head -n 1
}
# wish WORDS OPERATOR BOUND ZT PEER: zt's figure divided by the peer's, against a bound
wish() {
	local got=${6:-}
	[ -n "$got" ] || got=$(ratio "$4" "$5")
	[ "$got" != – ] && [ -n "$got" ] || { echo "| $1 | $2 $3 | not measured | |"; return; }
	echo "| $1 | $2 $3 | $got | $(awk -v g="$got" -v o="$2" -v b="$3" 'BEGIN { print (o == "≥" ? g + 0 >= b + 0 : g + 0 <= b + 0) ? "met" : "**missed**" }') |"
}
# four WORDS LAYOUT BOUND PEER...: the same of 1 and 100 streams, up and down
four() {
	local m got=() met=0
	for m in 1-0 1-1 100-0 100-1; do
		got+=("$(ratio "$(cell "$2-$m" zt)" "$(best "$2-$m" 1 "${@:4}")")")
		met=$((met + $(awk -v g="${got[-1]}" -v b="$3" 'BEGIN { print (g + 0 >= b) }')))
	done
	echo "| bytes, $1 | ≥ $3 | 1 stream up ${got[0]}, down ${got[1]}; 100 up ${got[2]}, down ${got[3]} | $([ $met = 4 ] && echo met || echo "**$met of 4 met**") |"
}
wishes() {
	local l m words most
	echo "#### What was wanted: zt's figure divided by the other's"
	echo
	echo "| measure | wanted | is | |"
	echo "|---|---|---|---|"
	if wants flow; then
		for l in one both; do
			words=$([ $l = one ] && echo "one processor" || echo "all processors")
			four "$words: best of ssh -R, nginx, HAProxy" $l 1.0 ssh nginx haproxy
			four "$words: frp as it comes" $l 3 frp:mux
			four "$words: the better frp" $l 3 frp:mux frp:plain
			four "$words: chisel" $l 5 chisel
			four "$words: rathole, TLS" $l 1.2 rathole:tls
		done
		wish "CPU s/GB, 1 stream up: the least of all that encrypt" ≤ 1.0 "$(cell one-1-0 zt 2)" "$(LEAST=-s best one-1-0 2 ssh nginx haproxy stunnel rathole:tls frp:mux frp:plain chisel)"
		wish "CPU s/GB, 100 streams down: the least of all that encrypt" ≤ 1.0 "$(cell one-100-1 zt 2)" "$(LEAST=-s best one-100-1 2 ssh nginx haproxy stunnel rathole:tls frp:mux frp:plain chisel)"
	fi
	if wants far; then
		wish "1 stream at 10 ms: ssh -R" ≥ 4 "$(cell far-10 zt)" "$(cell far-10 ssh)"
		wish "1 stream at 50 ms: ssh -R" ≥ 8 "$(cell far-50 zt)" "$(cell far-50 ssh)"
		for m in 10 50; do
			wish "1 stream at $m ms: frp as it comes" ≥ 2 "$(cell far-$m zt)" "$(cell far-$m frp:mux)"
			wish "1 stream at $m ms: the better frp" ≥ 2 "$(cell far-$m zt)" "$(best far-$m 1 frp:mux frp:plain)"
			most=$(awk -v m="$m" 'BEGIN { print 16 * 1048576 * 8 / m / 1e6 }') # zt's largest window, once in each round trip
			wish "1 stream at $m ms: plain TCP on the same path, or the window of 16 MiB if that is less" ≥ 0.9 "$(cell far-$m zt)" \
				"$({ cell far-$m direct; echo "$most"; } | sort -g | head -n 1)"
		done
		wish "first byte of a new stream at 50 ms, in round trips" ≤ 1.1 "" "" "$(awk -v t="$(cell first zt)" 'BEGIN { if (t) printf "%.2f", t / 50000 }')"
	fi
	if wants ping; then
		wish "ping p99 under load: ssh -R" ≤ 0.2 "$(cell ping-4 zt 2)" "$(cell ping-4 ssh 2)"
		wish "ping p50, idle: stunnel" ≤ 1.0 "$(cell ping-0 zt)" "$(cell ping-0 stunnel)"
		wish "ping p99, idle: stunnel" ≤ 1.0 "$(cell ping-0 zt 2)" "$(cell ping-0 stunnel 2)"
	fi
	if wants web; then
		wish "requests/s: nginx to nginx" ≥ 1.0 "$(cell web zt)" "$(cell web nginx)"
		wish "requests/s: the best reverse tunnel" ≥ 2 "$(cell web zt)" "$(best web 1 ssh rathole:tls frp:mux chisel)"
		wish "p99 at half the rate: nginx to nginx" ≤ 1.0 "$(cell calm zt 2)" "$(cell calm nginx 2)"
		wish "p99 at half of nginx's rate: nginx to nginx" ≤ 1.0 "$(cell calm-nginx zt 2)" "$(cell calm nginx 2)"
		wish "CPU s/10,000: the least of all" ≤ 1.0 "$(cell web zt 2)" "$(LEAST=-s best web 2 nginx haproxy caddy ssh rathole:tls frp:mux chisel)"
	fi
	if wants memory; then
		wish "edge at rest, KiB" ≤ 4096 "" "" "$(cell rest zt)"
		wish "connector at rest, KiB" ≤ 4096 "" "" "$(cell rest zt 2)"
		wish "a visitor who asked nothing yet, bytes" ≤ 2048 "" "" "$(cell visitors-0 zt 4)"
		wish "a visitor who asked once, and what is kept for the next time, bytes" ≤ 2048 "" "" "$(cell visitors-1 zt 4)"
		wish "an idle stream, bytes" ≤ 1024 "" "" "$(cell streams zt 4)"
	fi
	if wants recovery; then wish "after a cut, ms behind what was left of the back-off" ≤ 500 "" "" "$(cell cut-behind zt)"; fi
	echo
}

plot_rows() { # PANEL, better, unit, peer, value
	local name
	panel() { # TITLE BETTER MEASURE COLUMN SCALE PEER...
		local got
		for name in "${@:6}"; do
			got=$(cell "$3" "$name" "$4")
			[ -z "$got" ] || printf '%s\t%s\t%s\t%s\n' "$1" "$2" "${TITLE[$name]//\*/}" \
				"$(awk -v v="$got" -v s="$5" 'BEGIN { print (v > 1e8 ? "never" : v * s) }')"
		done
	}
	local real=()
	for name in "${tunnels[@]}"; do [ "$name" = direct ] || real+=("$name"); done
	panel "1 stream up, one processor, Gbit/s" more one-1-0 1 1 "${real[@]}"
	panel "100 streams down, one processor, Gbit/s" more one-100-1 1 1 "${real[@]}"
	panel "1 stream down at 50 ms, Gbit/s" more far-50 1 1 "${real[@]}"
	panel "First byte of a new stream at 50 ms, round trips" less first 1 0.00002 "${real[@]}"
	panel "64 bytes there and back under load, p99, ms" less ping-4 2 0.001 "${real[@]}"
	panel "CPU seconds per GB, 1 stream up" less one-1-0 2 1 "${real[@]}"
	panel "Requests a second, TLS front to origin" more web 1 1 "${fronts[@]}"
	panel "p99 at half of that rate, ms" less calm 2 0.001 "${fronts[@]}"
	panel "An idle stream, bytes of memory" less streams 4 1 "${holders[@]}"
	panel "An idle visitor who asked once, bytes of memory" less visitors-1 4 1 "${tls_fronts[@]}"
	panel "Path cut for $away_cut s: back after, s" less cut 1 0.001 "${fallers[@]}"
	panel "Path silent for $away_silent s: back after, s" less silent 1 0.001 "${fallers[@]}"
}
report() {
	local name svg=${BENCH_SVG:-$ROOT/docs/race.svg}
	echo "### The race"
	echo
	echo "One run; load average before its rounds:$loads. Medians of $rounds alternated rounds, each figure with half of its spread, and with"
	echo "zt's figure divided by it (1.30×: zt has 1.30 times as much). TLS 1.2 with $SUITE, X25519 and a P-256 leaf,"
	echo "certificates verified, one worker each, where it can be chosen; what chooses for itself is named. Steps of $step ms."
	layout_words
	echo
	echo "| peer | version and configuration |"
	echo "|---|---|"
	for name in $everyone; do echo "| ${TITLE[$name]} | ${ABOUT[$name]:-not measured: ${LACKS[$name]}} |"; done
	echo
	[ ! -s "$TMP/failed" ] || sort "$TMP/failed" | uniq -c | sed 's/^ *\([0-9]*\) /Not measured, \1 time(s): /; s/$/./' && echo
	if plot_rows >"$TMP/plot" && [ -s "$TMP/plot" ] && python3 "$ROOT/bench/plot.py" "$TMP/plot" "$svg"; then
		echo "![The race as a plot]($(basename "$svg"))"
		echo
	fi
	tables
	echo "Full and resumed handshakes are measured by \`bench/tls.sh\`, the journal, the authority and the rest by their own scripts."
	echo
	wishes
}
