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
