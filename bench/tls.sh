#!/bin/bash
# TLS beside its peers: bytes through a pair plain -> TLS -> plain, memory of idle connections,
# handshakes, and a live stream's answer times while handshakes flood in.
#
# TLS_ROUNDS, TLS_MS, TLS_IDLE, TLS_PINGS make it shorter for a look.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
for tool in openssl taskset nginx haproxy stunnel hitch; do
	command -v $tool >/dev/null || command -v ${tool}4 >/dev/null || { echo "$tool is not installed"; exit 77; }
done
stream_module=$(find /usr/lib/nginx/modules /usr/lib/nginx -name ngx_stream_module.so 2>/dev/null | head -n 1)
[ -n "$stream_module" ] || { echo "nginx has no stream module (libnginx-mod-stream)"; exit 77; }
zt=${ZT:-$PWD/zt}
load=$PWD/build/rel/bench/bench_tls
tmp=${TMP:-$(mktemp -d)}/tls
rounds=${TLS_ROUNDS:-3} ms=${TLS_MS:-2000} idle=${TLS_IDLE:-9000} pings=${TLS_PINGS:-4000}
suite=ECDHE-ECDSA-AES128-GCM-SHA256
mkdir -p "$tmp" && chmod 755 "$tmp"
ulimit -n "$(ulimit -Hn)"
pids=()
cleanup() {
	local p
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
note() { echo "tls: $*" >&2; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Two processors and more: what is measured runs on 1, the generator on 0.
if [ "$(nproc)" -ge 2 ]; then subject=(taskset -c 1) driver=(taskset -c 0); else subject=() driver=(); fi
on=("${subject[@]}") # where run() puts what it starts
# Who measures goes before who makes load: the relay's delay is looked for, not the generator's.
ahead=() behind=(nice -n 19)
if chrt -f 10 true 2>/dev/null; then ahead=(chrt -f 10); elif nice -n -10 true 2>/dev/null; then ahead=(nice -n -10); fi

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench-ca \
	-keyout "$tmp/ca.key" -out "$tmp/ca.pem" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=far.test -keyout "$tmp/far.key" -out "$tmp/far.csr" 2>/dev/null
printf 'subjectAltName=DNS:far.test\nbasicConstraints=CA:false\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n' >"$tmp/ext"
openssl x509 -req -in "$tmp/far.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -CAcreateserial -days 2 -extfile "$tmp/ext" -out "$tmp/far.pem" 2>/dev/null
cat "$tmp/far.pem" "$tmp/far.key" >"$tmp/both.pem"
chmod 600 "$tmp/far.key" "$tmp/both.pem"

# ports: near and far relay, and what is behind them; each peer has its own
port=21000
declare -A NEAR FAR BEHIND ROOT_NEAR ROOT_FAR
for p in zt nginx haproxy stunnel hitch; do
	NEAR[$p]=$((port++)) FAR[$p]=$((port++)) BEHIND[$p]=$((port++))
done

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# run PORT CMD...: in the background on the subject's processor, until it listens; pid in $started
run() {
	local port=$1 tries
	shift
	"${on[@]}" "$@" >>"$tmp/said" 2>&1 </dev/null &
	started=$!
	pids+=("$started")
	for tries in $(seq 500); do
		listens "$port" && return 0
		kill -0 "$started" 2>/dev/null || break
		sleep 0.02
	done
	note "$1 does not serve after $tries tries:"
	tail -n 20 "$tmp/said" >&2
	exit 1
}

conf_zt() {
	printf '[state]\ndir = %s/zt-%s\nrun_dir = %s/zt-%s.run\n[log]\nlevel = warn\n' "$tmp" "$1" "$tmp" "$1"
	printf '[tls]\nper_address = 1000000\nburst = 1000000\n[relay]\nlisten = 127.0.0.1:%s\nto = 127.0.0.1:%s\n' "$2" "$3"
}
start_zt() {
	{
		conf_zt far "${FAR[zt]}" "${BEHIND[zt]}"
		printf 'accept = tls\nmax_conns = 20000\n[host far]\nnames = far.test\ncert = %s/far.pem\nkey = %s/far.key\n' "$tmp" "$tmp"
	} >"$tmp/zt-far.conf"
	{
		conf_zt near "${NEAR[zt]}" "${FAR[zt]}"
		printf 'connect = tls\nconnect_name = far.test\nconnect_ca = %s/ca.pem\n' "$tmp"
	} >"$tmp/zt-near.conf"
	run "${FAR[zt]}" "$zt" relay -c "$tmp/zt-far.conf"
	ROOT_FAR[zt]=$started
	run "${NEAR[zt]}" "$zt" relay -c "$tmp/zt-near.conf"
	ROOT_NEAR[zt]=$started
}
conf_nginx() {
	printf 'load_module %s; daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid %s/nginx-%s.pid; error_log stderr crit;\n' \
		"$stream_module" "$tmp" "$1"
	printf 'events { worker_connections 19900; } stream { %s server { listen 127.0.0.1:%s%s; proxy_pass 127.0.0.1:%s; %s } }\n' \
		"${5:-}" "$2" "$3" "$4" "$6"
}
start_nginx() {
	conf_nginx far "${FAR[nginx]}" " ssl" "${BEHIND[nginx]}" "proxy_buffer_size ${1:-16k};" \
		"ssl_certificate $tmp/far.pem; ssl_certificate_key $tmp/far.key; ssl_protocols TLSv1.2; ssl_ciphers $suite; ssl_session_cache shared:s:4m;" >"$tmp/nginx-far.conf"
	conf_nginx near "${NEAR[nginx]}" "" "${FAR[nginx]}" "proxy_buffer_size ${1:-16k};" \
		"proxy_ssl on; proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers $suite; proxy_ssl_verify on; proxy_ssl_trusted_certificate $tmp/ca.pem; proxy_ssl_name far.test; proxy_ssl_server_name on;" >"$tmp/nginx-near.conf"
	run "${FAR[nginx]}" nginx -e stderr -c "$tmp/nginx-far.conf"
	ROOT_FAR[nginx]=$started
	run "${NEAR[nginx]}" nginx -e stderr -c "$tmp/nginx-near.conf"
	ROOT_NEAR[nginx]=$started
}
conf_haproxy() {
	printf 'global\n nbthread 1\n maxconn 9900\n %s\ndefaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n timeout server 1h\n' "$1"
	printf 'listen l\n bind 127.0.0.1:%s %s\n server s 127.0.0.1:%s %s\n' "$2" "$3" "$4" "$5"
}
start_haproxy() {
	conf_haproxy "${1:-}" "${FAR[haproxy]}" "ssl crt $tmp/both.pem force-tlsv12 ciphers $suite" "${BEHIND[haproxy]}" "" >"$tmp/haproxy-far.cfg"
	conf_haproxy "${1:-}" "${NEAR[haproxy]}" "" "${FAR[haproxy]}" \
		"ssl verify required ca-file $tmp/ca.pem verifyhost far.test sni str(far.test) force-tlsv12 ciphers $suite" >"$tmp/haproxy-near.cfg"
	run "${FAR[haproxy]}" haproxy -db -f "$tmp/haproxy-far.cfg"
	ROOT_FAR[haproxy]=$started
	run "${NEAR[haproxy]}" haproxy -db -f "$tmp/haproxy-near.cfg"
	ROOT_NEAR[haproxy]=$started
}
start_stunnel() {
	local stunnel
	stunnel=$(command -v stunnel4 || command -v stunnel)
	printf 'foreground = yes\npid =\ndebug = 0\nsyslog = no\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\nsslVersion = TLSv1.2\nciphers = %s\n' $suite >"$tmp/stunnel"
	{
		cat "$tmp/stunnel"
		printf '[far]\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\ncert = %s/both.pem\n' "${FAR[stunnel]}" "${BEHIND[stunnel]}" "$tmp"
	} >"$tmp/stunnel-far.conf"
	{
		cat "$tmp/stunnel"
		printf '[near]\nclient = yes\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\nCAfile = %s/ca.pem\nverifyChain = yes\ncheckHost = far.test\nsni = far.test\n' \
			"${NEAR[stunnel]}" "${FAR[stunnel]}" "$tmp"
	} >"$tmp/stunnel-near.conf"
	run "${FAR[stunnel]}" "$stunnel" "$tmp/stunnel-far.conf"
	ROOT_FAR[stunnel]=$started
	run "${NEAR[stunnel]}" "$stunnel" "$tmp/stunnel-near.conf"
	ROOT_NEAR[stunnel]=$started
}
start_hitch() {
	printf 'frontend = "[127.0.0.1]:%s"\nbackend = "[127.0.0.1]:%s"\npem-file = "%s/both.pem"\nworkers = 1\ntls-protos = TLSv1.2\nciphers = "%s"\nuser = "root"\n' \
		"${FAR[hitch]}" "${BEHIND[hitch]}" "$tmp" $suite >"$tmp/hitch.conf"
	run "${FAR[hitch]}" hitch --config="$tmp/hitch.conf"
	ROOT_FAR[hitch]=$started
}
stop_all() {
	local p
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	pids=()
}

# tree PID...: those processes and all below them
tree() {
	local p
	for p in "$@"; do
		echo "$p"
		# shellcheck disable=SC2046
		tree $(pgrep -P "$p")
	done
}
# ticks PID...: processor time of the trees, in hundredths of a second
ticks() {
	local p
	for p in $(tree "$@"); do cat "/proc/$p/stat" 2>/dev/null; done | sed 's/.*) //' | awk '{ t += $12 + $13 } END { print t + 0 }'
}
pss() { # summed, in KiB
	local p
	for p in $(tree "$@"); do cat "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '/^Pss:/ { t += $2 } END { print t + 0 }'
}

# ---- bytes
flow_once() { # PEER STREAMS REVERSE: "Gbit/s cpu-ms-per-GB"
	local before after line gen
	rm -f "$tmp/gen" && mkfifo "$tmp/gen"
	"${driver[@]}" "$load" flow "${NEAR[$1]}" "${BEHIND[$1]}" "$2" "$ms" "$3" >"$tmp/gen" &
	gen=$!
	exec 8<"$tmp/gen"
	read -r line <&8
	before=$(ticks "${ROOT_NEAR[$1]}" "${ROOT_FAR[$1]}")
	read -r line <&8
	after=$(ticks "${ROOT_NEAR[$1]}" "${ROOT_FAR[$1]}")
	exec 8<&-
	wait "$gen"
	echo "$line" | awk -v t=$((after - before)) '{ printf "%s %.0f\n", $1, $2 ? t * 10 / ($2 / 1e9) : 0 }'
}
flow_table() {
	local peer round streams reverse
	for round in $(seq "$rounds"); do
		for streams in 1 16; do
			for reverse in 0 1; do
				for peer in zt nginx haproxy stunnel; do
					note "round $round: $peer, $streams streams, reverse $reverse"
					echo "$peer $streams $reverse $(flow_once $peer $streams $reverse)" >>"$tmp/flows"
				done
			done
		done
	done
	cell() { awk -v p="$1" -v s="$2" -v r="$3" -v c="$4" '$1 == p && $2 == s && $3 == r { print $c }' "$tmp/flows" | median; }
	echo "| relay pair | 1 stream | 1, other way | 16 streams | 16, other way | CPU ms/GB, 16 streams |"
	echo "|---|---|---|---|---|---|"
	for peer in zt nginx haproxy stunnel; do
		echo "| $peer | $(cell $peer 1 0 4) | $(cell $peer 1 1 4) | $(cell $peer 16 0 4) | $(cell $peer 16 1 4) | $(cell $peer 16 0 5) |"
	done
	printf '| zt to the best of the others |'
	for streams in 1 16; do
		for reverse in 0 1; do
			best=$(for peer in nginx haproxy stunnel; do cell $peer $streams $reverse 4; done | sort -n | tail -n 1)
			printf ' %s |' "$(awk -v a="$(cell zt $streams $reverse 4)" -v b="$best" 'BEGIN { printf "%.2f", a / b }')"
		done
	done
	best=$(for peer in nginx haproxy stunnel; do cell $peer 16 0 5; done | sort -n | head -n 1)
	printf ' %s |\n' "$(awk -v a="$(cell zt 16 0 5)" -v b="$best" 'BEGIN { printf "%.2f", a / b }')"
}

# ---- memory
hold_once() { # PEER: "KiB before, KiB after, held"
	local before line hold
	rm -f "$tmp/in" "$tmp/out" && mkfifo "$tmp/in" "$tmp/out"
	before=$(pss "${ROOT_FAR[$1]}")
	"${driver[@]}" "$load" hold "${FAR[$1]}" "${BEHIND[$1]}" "$idle" <"$tmp/in" >"$tmp/out" &
	hold=$!
	exec 8>"$tmp/in" 9<"$tmp/out"
	read -r line <&9
	sleep 0.5
	echo "$before $(pss "${ROOT_FAR[$1]}") ${line#held }"
	exec 8>&- 9<&-
	wait "$hold"
}

# ---- handshakes
shake_once() { # PEER RESUME: handshakes for a second of the peer's processor time, wall rate
	local before after n
	before=$(ticks "${ROOT_FAR[$1]}")
	n=$("${driver[@]}" "$load" shake "${FAR[$1]}" 4 "$ms" "$2")
	sleep 0.2
	after=$(ticks "${ROOT_FAR[$1]}")
	awk -v n="$n" -v t=$((after - before)) -v ms="$ms" 'BEGIN { printf "%.0f %.0f\n", t ? n / (t / 100) : 0, n / (ms / 1000) }'
}

one() { awk -v p="$1" -v k="$2" -v c="$3" '$1 == p && $2 == k { print $c }' "$tmp/shakes" | median; }

echo "### TLS: bytes, memory, handshakes"
echo
echo "Load average at the start: $(cut -d' ' -f1-3 /proc/loadavg). TLS 1.2, $suite, P-256 leaf, one worker each;"
echo "$(nginx -v 2>&1 | sed 's/.*: //'), haproxy $(haproxy -v | awk '{ print $3; exit }'), $( (stunnel4 -version || stunnel -version) 2>&1 | grep -om1 'stunnel [0-9.]*'), $(hitch --version 2>&1 | head -n 1), $(openssl version | cut -d' ' -f1-2)."
[ ${#subject[@]} = 0 ] || echo "All relays run on processor 1, generator and far ends on processor 0."
echo
echo "Plain to TLS to plain through two relays of a kind on one processor, certificate verified, Gbit/s,"
echo "median of $rounds interleaved rounds of $ms ms. nginx and haproxy have 64 KiB buffers here."
echo
start_zt
start_nginx 64k
start_haproxy 'tune.bufsize 65536'
start_stunnel
flow_table
stop_all

echo
echo "TLS terminated and passed on to a plain far end; $idle idle connections, growth of the summed PSS of"
echo "all processes; full and resumed handshakes for each second of processor time of all processes,"
echo "the far end dialled for each (and in brackets a second of time, 4 clients). Default settings."
echo
for peer in zt nginx haproxy hitch stunnel; do
	start_$peer
	if [ $peer != stunnel ]; then
		note "$peer: $idle idle connections"
		echo "$peer hold $(hold_once $peer)" >>"$tmp/shakes"
		stop_all
		start_$peer
	fi
	on=("${driver[@]}")
	run "${BEHIND[$peer]}" "$load" sink "${BEHIND[$peer]}"
	on=("${subject[@]}")
	sleep 0.3
	"${driver[@]}" "$load" shake "${FAR[$peer]}" 1 200 0 >/dev/null # warm
	for round in $(seq "$rounds"); do
		note "$peer: handshakes, round $round"
		echo "$peer full $(shake_once $peer 0)" >>"$tmp/shakes"
		echo "$peer resumed $(shake_once $peer 1)" >>"$tmp/shakes"
	done
	stop_all
done
echo "| relay | before, KiB | with $idle, KiB | bytes each | full/s | resumed/s |"
echo "|---|---|---|---|---|---|"
for peer in zt nginx haproxy hitch stunnel; do
	before=$(one $peer hold 3) after=$(one $peer hold 4) held=$(one $peer hold 5)
	each=$(awk -v b="${before:-0}" -v a="${after:-0}" -v n="${held:-0}" 'BEGIN { if (n) printf "%.0f", (a - b) * 1024 / n; else printf "not tried" }')
	echo "| $peer | ${before:--} | ${after:--} | $each | $(one $peer full 3) ($(one $peer full 4)) | $(one $peer resumed 3) ($(one $peer resumed 4)) |"
done

# ---- a live stream while handshakes flood in
echo
echo "One TLS stream through the relay to an echo: 64 bytes there and back every half millisecond,"
echo "microseconds; then the same while 4 clients make full handshakes as fast as they are served."
echo
echo "| relay | idle p50 / p99 / most | flood p50 / p99 / most | p99 flood to idle |"
echo "|---|---|---|---|"
for peer in zt nginx haproxy; do
	start_$peer
	printf '[state]\ndir = %s/echo\nrun_dir = %s/echo.run\n[log]\nlevel = warn\n[echo]\nlisten = 127.0.0.1:%s\nmax_conns = 5000\n' \
		"$tmp" "$tmp" "${BEHIND[$peer]}" >"$tmp/echo.conf"
	on=("${driver[@]}" "${ahead[@]}")
	run "${BEHIND[$peer]}" "$zt" echo -c "$tmp/echo.conf"
	on=("${subject[@]}")
	for round in $(seq "$rounds"); do
		note "$peer: pings, round $round"
		echo "$peer idle $("${driver[@]}" "${ahead[@]}" "$load" ping "${FAR[$peer]}" "$pings")" >>"$tmp/pings"
		"${driver[@]}" "${behind[@]}" "$load" shake "${FAR[$peer]}" 4 $((pings * 4)) 0 >/dev/null &
		flood=$!
		sleep 0.3
		echo "$peer flood $("${driver[@]}" "${ahead[@]}" "$load" ping "${FAR[$peer]}" "$pings")" >>"$tmp/pings"
		kill "$flood" 2>/dev/null # the one that waits; its clients end with their time
		wait "$flood" 2>/dev/null
		sleep 0.5
	done
	stop_all
	p() { awk -v p="$peer" -v k="$1" -v c="$2" '$1 == p && $2 == k { print $c }' "$tmp/pings" | median; }
	echo "| $peer | $(p idle 3) / $(p idle 4) / $(p idle 5) | $(p flood 3) / $(p flood 4) / $(p flood 5) | $(awk -v a="$(p flood 4)" -v b="$(p idle 4)" 'BEGIN { printf "%.1f", a / b }') |"
done
