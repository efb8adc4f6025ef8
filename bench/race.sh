#!/bin/bash
# The race: zt's tunnel beside everything else that brings a service at home to a machine outside. Bytes near and far,
# small messages, requests, memory, processor time, and how it comes back; every figure beside each peer's of the same run.
#
# What no distribution packages is built by bench/peers/install.sh first (RACE_INSTALL=no: what is there is taken). What
# is missing, or does not start, is printed as not measured, with the reason.
#
#   BENCH_ROUNDS   rounds of everything, alternated (3)       BENCH_SECONDS  of one step (0.8)
#   BENCH_ONLY     of: flow ping far web memory recovery      BENCH_PEERS    names as in peers=() below
#   BENCH_HOLD     idle streams (9000)                        BENCH_VISITORS idle visitors (3000)
#   BENCH_CUT, BENCH_SILENT  seconds without a path (5, 40)   BENCH_SVG      where the plot goes (docs/race.svg)
. "$(dirname "$0")/../tests/behaviour/lib.sh"
. "$ROOT/tests/behaviour/web.inc.sh"
rounds=${BENCH_ROUNDS:-3} step=$(awk -v s="${BENCH_SECONDS:-0.8}" 'BEGIN { printf "%d", s * 1000 }') only=${BENCH_ONLY:-flow ping far web memory recovery} held=${BENCH_HOLD:-9000} visitors=${BENCH_VISITORS:-3000}
away_cut=${BENCH_CUT:-5} away_silent=${BENCH_SILENT:-40} # seconds without a path
wants() { [[ " $only " == *" $1 "* ]]; }
need nginx wrk curl openssl pgrep taskset ss python3
WEB_DIR=$WEB
. "$ROOT/bench/race.inc.sh"
for measure in flow ping far web memory recovery; do
	# shellcheck source=/dev/null # one of bench/measures
	. "$ROOT/bench/measures/$measure.sh"
done
ulimit -n "$(ulimit -Hn)"

tunnels=(direct zt ssh nginx haproxy stunnel rathole:tls rathole:plain frp:mux frp:plain chisel bore)
fronts=(nginx haproxy caddy zt ssh rathole:tls frp:mux chisel)
holders=(zt ssh nginx rathole:tls frp:mux chisel bore)
fallers=(zt ssh:again rathole:tls frp:mux frp:plain chisel)
some() { # NAME...: those of them that are wanted
	local p
	for p in "$@"; do [[ -n ${BENCH_PEERS:-} && " $BENCH_PEERS " != *" $p "* ]] || echo "$p"; done
}
mapfile -t tunnels < <(some "${tunnels[@]}")
mapfile -t fronts < <(some "${fronts[@]}")
mapfile -t holders < <(some "${holders[@]}")
mapfile -t fallers < <(some "${fallers[@]}")
mapfile -t tls_fronts < <(some nginx haproxy caddy zt) # of their own

# ---- what is needed, and who is there
[ "${RACE_INSTALL:-yes}" = no ] || bash "$ROOT/bench/peers/install.sh" >"$TMP/install" 2>&1 || cat "$TMP/install" >&2
layout one
mkdir -p "$TMP/www" && chmod 755 "$TMP/www" && head -c 1024 /dev/zero | tr '\0' k >"$TMP/www/small" && chmod 644 "$TMP/www/small"
ORIGIN=$(free_port)
nginx_conf origin "sendfile on; server { listen 127.0.0.1:$ORIGIN backlog=4096; root $TMP/www; }" >"$TMP/origin.conf"
start origin "${DRIVER[@]}" nginx -e stderr -c "$TMP/origin.conf"
host_section web public "web.test localhost"
EDGE_GRANTED+=(raw.test)
web_cert far far.test
start_authority
join_role edge
# What a connector is let in for; how it runs says bench/peers/zt.sh.
ingress web "service = http://127.0.0.1:$ORIGIN"
join_role connector

declare -A LACKS=() ABOUT=()
layout both
everyone=$(printf '%s\n' "${tunnels[@]}" "${fronts[@]}" "${holders[@]}" "${fallers[@]}" | awk '!seen[$0]++')
for name in $everyone; do
	peer "$name"
	LACKS[$name]=$(lacks)
	[ -z "${LACKS[$name]}" ] || note "$name is not measured: ${LACKS[$name]}"
done
# each FUNCTION PEER...: for those that are there
each() {
	local name what=$1
	shift
	for name in "$@"; do
		[ -z "${LACKS[$name]}" ] || continue
		peer "$name"
		note "$what $name"
		"$what" "$name"
	done
}

# ---- the rounds
loads=
for ((round = 1; round <= rounds; round++)); do
	loads+=" $(cut -d' ' -f1 /proc/loadavg)"
	note "round $round of $rounds, load$loads"
	if wants flow || wants ping; then each one_round "${tunnels[@]}"; fi
	if wants flow; then each flow_round "${tunnels[@]}"; fi
	if wants far; then each far_round "${tunnels[@]}"; fi
	if wants web; then each web_round "${fronts[@]}"; fi
done
if wants memory; then
	each hold_streams "${holders[@]}"
	each hold_visitors "${tls_fronts[@]}"
fi
if wants recovery; then recovery "${fallers[@]}"; fi
for name in $everyone; do
	peer "$name"
	[ -n "${LACKS[$name]}" ] || ABOUT[$name]=$(about)
done

# ---- what is said
. "$ROOT/bench/race-report.inc.sh"
report
