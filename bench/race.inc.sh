# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Sourced by race.sh after lib.sh: what is raced, where it runs, what it costs. Not a bench itself.
#
# A peer is a file bench/peers/NAME.sh of one shape; its functions read $VARIANT and the ports below:
#
#   lacks            says why it cannot be measured here, or nothing
#   about            one line: version and configuration
#   tunnel           starts both ends: who dials $NEAR speaks with 127.0.0.1:$TO; the outer end listens on $LISTEN, the other
#                    one dials $DIAL_HOST:$DIAL, which is the same, or a path to it
#   http             the same for HTTP, with TLS on $FRONT in front. What has no TLS front of its own has nginx there: fronted
#
# `subject NAME CMD...` starts what is measured; `quit_subject` ends it all. With THREADS as many processors as a peer may
# use at a time, where it can be told.
SUITE=ECDHE-ECDSA-AES128-GCM-SHA256
PEERS_BIN=$ROOT/build/peers/bin
RAW=$ROOT/build/rel/bench/bench_raw HTTP_LOAD=$ROOT/build/rel/bench/bench_http
SUBJECT=()
note() { echo "race: $*" >&2; }

# ---- where everything runs
# layout one: the subject on processor 1, load and origins on 0. layout both: wherever the kernel likes.
layout() {
	THREADS=1 ON=() DRIVER=()
	[ "$(nproc)" -ge 2 ] || return 0
	case $1 in
	one) ON=(taskset -c 1) DRIVER=(taskset -c 0) ;;
	both) THREADS=$(nproc) ;;
	esac
}

# ---- starting and ending
tree() { # PID...: those processes and all below them
	local p
	for p in "$@"; do
		echo "$p"
		# shellcheck disable=SC2046 # a list
		tree $(pgrep -P "$p")
	done
}
subject() { # NAME CMD...
	start "$1" "${ON[@]}" env GOMAXPROCS="$THREADS" TOKIO_WORKER_THREADS="$THREADS" "${@:2}"
	SUBJECT+=("$1")
}
roots() {
	local name
	for name in "${SUBJECT[@]}"; do echo "${PIDS[$name]}"; done
}
end_pids() { # PID...: asked, then made to
	local tries p
	kill -TERM "$@" 2>/dev/null
	for ((tries = 0; tries < 150; tries++)); do
		kill -0 "$@" 2>/dev/null || break
		for p in "$@"; do
			kill -0 "$p" 2>/dev/null && { sleep 0.02; continue 2; }
		done
		break
	done
	kill -KILL "$@" 2>/dev/null
	return 0
}
# shellcheck disable=SC2046 # lists
quit_subject() {
	local name all
	[ ${#SUBJECT[@]} != 0 ] || return 0
	all=$(tree $(roots))
	# shellcheck disable=SC2086
	end_pids $all
	for name in "${SUBJECT[@]}"; do
		wait "${PIDS[$name]}" 2>/dev/null
		unset "PIDS[$name]"
	done
	SUBJECT=()
}
# soon CMD...: until it succeeds; not for long, and then it says so.
soon() {
	local end=$((SECONDS + 15))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}
# Who only connected to find out would have opened a stream.
holds_port() { ss -Hltn "sport = :$1" | grep -q .; }
serves() { soon holds_port "$1"; }

# ---- what it costs
# processor time in hundredths of a second, of those that the last watch_all found: nothing is started to read it
# shellcheck disable=SC2046
watch_all() { mapfile -t WATCHED < <(tree $(roots)); }
ticks() {
	local p line fields sum=0
	for p in "${WATCHED[@]}"; do
		read -r line 2>/dev/null <"/proc/$p/stat" || continue
		read -ra fields <<<"${line##*) }" # utime and stime
		sum=$((sum + fields[11] + fields[12]))
	done
	echo "$sum"
}
pss_of() { for p in $(tree "$@"); do cat "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '/^Pss:/ { t += $2 } END { print t + 0 }'; }
# shellcheck disable=SC2046
pss() { pss_of $(roots); }

# ---- results: rows "MEASURE PEER VALUE...", one for each round
ROWS=$TMP/rows
: >"$ROWS"
NEVER=1e9 # ms, as good as
row() { echo "$*" >>"$ROWS"; }
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
values() { awk -v m="$1" -v p="$2" -v c="$((${3:-1} + 2))" '$1 == m && $2 == p { print $c }' "$ROWS"; } # MEASURE PEER [COLUMN]
cell() { values "$@" | median; }
# spread: from the least to the most of all rounds, as a part of the median
spread() { values "$@" | sort -g | awk '{ v[NR] = $1 } END { m = v[int((NR + 1) / 2)]; if (NR > 1 && m) printf "%.0f", (v[NR] - v[1]) * 100 / m }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b + 0) printf "%.2f", a / b; else printf "–" }'; }

# ---- peers
# A peer of the list is NAME or NAME:VARIANT, and names its rows.
peer() { # PEER: its functions and its ports
	local name=${1%%:*}
	VARIANT=${1#"$name"} VARIANT=${VARIANT#:}
	http() { fronted; }
	lacks() { :; }
	PEER_DIR=$TMP/peers/$1
	mkdir -p "$PEER_DIR"
	chmod 755 "$TMP" "$TMP/peers" "$PEER_DIR"
	# shellcheck source=/dev/null # one of bench/peers
	. "$ROOT/bench/peers/$name.sh"
	if [ ! -e "$PEER_DIR/ports" ]; then
		echo "NEAR=$(free_port) LISTEN=$(free_port) FRONT=$(free_port) FAR=$(free_port) PATHWAY=$(free_port)" >"$PEER_DIR/ports"
	fi
	# shellcheck source=/dev/null
	. "$PEER_DIR/ports"
	DIAL=$LISTEN DIAL_HOST=127.0.0.1 TO=$FAR
}
lacking() { # PROGRAM...: the first that is not there
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || [ -x "$PEERS_BIN/$p" ] || { echo "$p is not installed"; return; }
	done
}
failed() {
	note "$*"
	echo "$*" >>"$TMP/failed"
}
# begin tunnel|http PEER: it runs and does what it should; else said on stderr, and false.
begin() {
	local took
	if ! "$1"; then
		failed "$2 does not start"
	elif [ "$1" = http ]; then
		soon brings_small && return 0
		failed "$2 does not bring the small file"
	else
		took=$("${DRIVER[@]}" "$RAW" reach "$NEAR" "$TO" 15000)
		[[ ! $took =~ ^[0-9]+$ ]] || { sleep 0.3; return 0; } # what was asked meanwhile is over
		failed "$2 passes nothing on"
	fi
	for took in "${SUBJECT[@]}"; do tail -n 5 "$TMP/$took.log" >&2; done
	quit_subject
	return 1
}
brings_small() {
	curl -sS --max-time 10 --cacert "$WEB_CA" --tls-max 1.2 --connect-to "web.test:443:127.0.0.1:$FRONT" -o "$TMP/body" https://web.test/small &&
		cmp -s "$TMP/body" "$TMP/www/small"
}
# ---- a path between the two ends that can be made bad: tests/tools/l4relay
pathway() { # NAME PORT TARGET COMMAND...: listens on 127.0.0.1:PORT, or HOST:PORT
	local name=$1 from=$2 to=$3
	shift 3
	[[ $from == *:* ]] || from=127.0.0.1:$from
	start "$name" "$ROOT/build/rel/tests/tools/l4relay" "$from" "127.0.0.1:$to" "$TMP/$name.fifo" "$@"
	soon test -p "$TMP/$name.fifo" && serves "${from#*:}"
}
path_says() { printf '%s\n' "${@:2}" >"$TMP/$1.fifo"; }
end_pathway() {
	end_pids "${PIDS[$1]}"
	wait "${PIDS[$1]}" 2>/dev/null
	unset "PIDS[$1]"
	rm -f "$TMP/$1.fifo"
}

# ---- nginx, which is peer, front and origin
nginx_conf() { # NAME LINES [ACCESS-LOG]: HTTP, one worker, its folders in $TMP
	local d
	printf 'daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid %s/%s.pid; error_log %s/%s.err crit;\n' "$TMP" "$1" "$TMP" "$1"
	printf 'events { worker_connections 19900; }\nhttp { access_log %s; keepalive_requests 100000000; keepalive_timeout 600s;\n' "${3:-off}"
	for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s.%s;\n' "$d" "$TMP" "$1" "$d"; done
	printf 'ssl_protocols TLSv1.2; ssl_ciphers %s; ssl_ecdh_curve X25519; ssl_session_cache shared:s:4m;\n%s\n}\n' "$SUITE" "$2"
}
# Buffers of 64 KiB, connections kept, and nothing goes to disk: as one would set it up for this.
# shellcheck disable=SC2016 # nginx's own variable
PROXY_LINES='proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0; proxy_request_buffering off;'
nginx_front() { # UPSTREAM SCHEME MORE: TLS on $FRONT
	nginx_conf front "$PROXY_LINES $3 upstream o { server $1; keepalive 64; }
server { listen 127.0.0.1:$FRONT ssl backlog=4096; ssl_certificate $WEB_DIR/web.pem; ssl_certificate_key $WEB_DIR/web.key;
location / { proxy_pass $2://o; } }" "$TMP/front.access" >"$PEER_DIR/front.conf"
	subject front nginx -e stderr -c "$PEER_DIR/front.conf"
	serves "$FRONT"
}
fronted() { tunnel && nginx_front "127.0.0.1:$NEAR" http ""; }
