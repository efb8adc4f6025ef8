# shellcheck shell=bash
# faults.inc.sh: faults on the way, made while something runs. Source lib.sh first. Not a test itself.
#
#   relay NAME PORT [OPTION]… [COMMAND]…   a path to 127.0.0.1:PORT; who wants to be on it connects to ${RELAY[NAME]}
#   relay_do NAME COMMAND                  what is to happen there now; returns when it has
#
#       relay wan "$EDGE_PORT" 'delay 50'           # 50 ms each way, the bandwidth kept
#       relay_do wan 'stall'; …; relay_do wan go    # nothing moves, nobody is told
#       relay_do wan 'cut rst'
#
# Commands and options: tests/tools/l4relay.c, at the top.
#
#   two_houses [COMMAND]…      two network namespaces with a TUN device each and tunrelay between them: from here on the
#                              script runs in `home` (10.90.0.1); at_vps CMD… runs something in the other (10.90.0.2)
#   relay_do wire COMMAND      what is to happen there: tests/tools/tunrelay.c
#
#   hidden_clock [WHOSE]       $ZT is a zt whose clock can be set, whatever role is started
#   clock_do wall|mono|both SECONDS, clock_do run SECONDS STEP_MS      tests/tools/clockctl.c
#
#   inject NAME CHILD RULE…    strace's inject rules for one living child (worker, tlsd, …) of a role that `start` began,
#                              until `stop inject-NAME`: inject edge worker 'accept4:error=EMFILE:when=3+2'. Only with
#                              ZT_LIMITS_INSECURE_NO_SANDBOX=true: a call made to fail is call -1, for which the jail kills
TOOLS=$ROOT/build/rel/tests/tools
[ -x "$TOOLS/l4relay" ] || skip "$TOOLS/l4relay is not built (make tools)"
# shellcheck disable=SC2034 # for the script that sources this
declare -A RELAY=()

# relay NAME PORT [OPTION]... [COMMAND]...
relay() {
	local name=$1 to=$2 options=()
	shift 2
	while [[ ${1-} == -* ]]; do
		options+=("$1")
		[ "$1" != -b ] || { options+=("$2") && shift; }
		shift
	done
	RELAY[$name]=$(free_port)
	start "$name" "$TOOLS/l4relay" ${options[@]+"${options[@]}"} "127.0.0.1:${RELAY[$name]}" "127.0.0.1:$to" "$TMP/$name.fifo" "$@"
	wait_for test -p "$TMP/$name.fifo"
	[ $# = 0 ] || wait_for answered "$name" $#
	wait_for holds_port "${RELAY[$name]}"
	! grep '^bad ' "$TMP/$name.log" || fail "$name does not understand that"
}
# relay_do NAME COMMAND: returns when it was done.
relay_do() {
	local n
	n=$(answers "$1")
	echo "$2" >"$TMP/$1.fifo"
	wait_for answered "$1" $((n + 1))
	grep '^did \|^bad ' "$TMP/$1.log" | tail -n 1 | grep -q '^did ' || fail "$1 does not understand: $2"
}
answers() { grep -c '^did \|^bad ' "$TMP/$1.log"; }
answered() { [ "$(answers "$1")" -ge "$2" ]; }
# holds_port PORT: somebody listens there; nobody connects to find out.
holds_port() { ss -Hltn "sport = :$1" | grep -q .; }
# relay_stat NAME DIR WORD: of its "stats" line: connections, made, bytes, held, lost, flips.
relay_stat() {
	relay_do "$1" stats
	sed -n "s/^stats: $2 .*\b$3 \([0-9]*\).*/\1/p" "$TMP/$1.log" | tail -n 1
}

# two_houses [COMMAND]...: to be called before anything is started. Nothing of this machine's own network is touched.
two_houses() {
	local ns code n
	need_root
	need ip nsenter
	[ -c /dev/net/tun ] || skip "no /dev/net/tun"
	if [ -z "${FAULT_NS:-}" ]; then # the outer script, which only tidies up
		FAULT_NS=zt-$$
		trap 'code=$?; for n in home vps; do ip netns del "$FAULT_NS-$n" 2>/dev/null; done; (exit $code); cleanup' EXIT
		for ns in home vps; do
			ip netns add "$FAULT_NS-$ns" || skip "cannot make network namespaces"
			ip -n "$FAULT_NS-$ns" link set lo up
		done
		export FAULT_NS
		nsenter --net="/run/netns/$FAULT_NS-home" bash "$0"
		exit $?
	fi
	RELAY[wire]=10.90.0.2
	start wire "$TOOLS/tunrelay" "/run/netns/$FAULT_NS-home" "/run/netns/$FAULT_NS-vps" "$TMP/wire.fifo" "$@"
	wait_for grep -q '^ready' "$TMP/wire.log"
	n=1
	for ns in home vps; do
		ip -n "$FAULT_NS-$ns" addr add 10.90.0.$n/30 dev zt0 && ip -n "$FAULT_NS-$ns" link set zt0 mtu 1500 up || fail "no device in $ns"
		n=$((n + 1))
	done
	[ $# = 0 ] || wait_for answered wire $#
	! grep '^bad ' "$TMP/wire.log" || fail "wire does not understand that"
}
at_vps() { nsenter --net="/run/netns/$FAULT_NS-vps" "$@"; }

# hidden_clock [WHOSE]: before anything of zt is started. Each WHOSE has a clock of its own, $ZT is its zt.
hidden_clock() {
	[ -x "$ROOT/build/clock/zt" ] || skip "build/clock/zt is not built (make tools)"
	mkdir -p "$TMP/hidden${1-}"
	cp "$ROOT/build/clock/zt" "$TMP/hidden${1-}/zt"
	chmod 755 "$TMP/hidden${1-}" "$TMP/hidden${1-}/zt"
	ZT=$TMP/hidden${1-}/zt
	clock_do new
}
clock_do() { "$TOOLS/clockctl" "$ZT" "$@" || fail "clockctl $*"; }

# child_pid NAME CHILD: of the role that `start NAME` began.
child_pid() {
	local pid
	for pid in $(pgrep -P "${PIDS[$1]}"); do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qw -- "$2" && echo "$pid" && return 0
	done
	return 1
}
# inject NAME CHILD RULE...
inject() {
	local pid rules=() r
	need strace
	pid=$(child_pid "$1" "$2") || fail "no child $2 of $1"
	for r in "${@:3}"; do rules+=(-e "inject=$r"); done
	start "inject-$1" strace -p "$pid" -o "$TMP/inject-$1.calls" -e "trace=$(printf '%s,' "${@:3}" | sed 's/:[^,]*//g; s/,$//')" "${rules[@]}"
	wait_for grep -q attached "$TMP/inject-$1.log"
}

# fault_origin: app.test, from an origin of faultpeer.py.
fault_origin() {
	ORIGIN=$(free_port)
	start origin python3 "$ROOT/tests/behaviour/faultpeer.py" "$ORIGIN"
	wait_for holds_port "$ORIGIN"
	host_section app public app.test
	ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
	ingress last 'service = http_status:404'
}
# fault_web [OPTION|COMMAND]…: web.inc.sh's path, sourced before, with fault_origin, the tunnel
# through the relay `wan`. Lines for edge and connector first: edge_line, connector_line, TUNNEL_LINES.
fault_web() {
	fault_origin
	relay wan "$EDGE_PORT" "$@"
	# shellcheck disable=SC2034 # connector_conf reads it
	EDGE_VIA=127.0.0.1:${RELAY[wan]}
	start_web
}
# far_web [COMMAND…]: the same behind two_houses: the edge and its visitors are at the other end of the wire; authority,
# connector and origin at home.
far_web() {
	fault_origin
	VISITS=(at_vps)
	# shellcheck disable=SC2034 # connector_conf reads it
	EDGE_VIA=10.90.0.2:$EDGE_PORT
	start_authority
	join_role edge
	join_role connector
	edge_conf
	sed -i "s/^listen = .*/listen = 127.0.0.1:$EDGE_PORT, 10.90.0.2:$EDGE_PORT/" "$EDGE_CONF"
	start edge nsenter --net="/run/netns/$FAULT_NS-vps" "$ZT" edge -c "$EDGE_CONF"
	wait_for "$ZT" health edge -c "$EDGE_CONF"
	start_connector
}
VISITS=()
# visits PYTHON…: with faultpeer, visit(…) for a Visit to app.test, relay("COMMAND") for relay_do, figure(ROW, TEXT).
visits() {
	{
		cat <<PY
import sys
sys.path.insert(0, "$ROOT/tests/behaviour")
from faultpeer import *
TMP, PORT, CA = "$TMP", $EDGE_PORT, "$WEB_CA"
def visit(**kw): return Visit(PORT, CA, **kw)
def figure(row, text): print(f"figure: row {row}: {text}", flush=True)
def relay(command, name="wan"):
    said = lambda: [x for x in open(f"{TMP}/{name}.log") if x.startswith(("did ", "bad "))]
    n = len(said())
    with open(f"{TMP}/{name}.fifo", "w") as f: f.write(command + "\n")
    wait_until(lambda: len(said()) > n, command + " is done")
    assert said()[-1].startswith("did "), said()[-1]
def log(role): return open(f"{TMP}/{role}.log").read()
def secs(since): return time.monotonic() - since
PY
		cat
	} >"$TMP/.visits.py"
	${VISITS[@]+"${VISITS[@]}"} python3 "$TMP/.visits.py" "$@" || fail "row $ROW"
}
