# shellcheck shell=bash
# kill.inc.sh: ends a program at its n-th system call, for every n. Sourced after lib.sh.
#
# strace counts each system call's name for itself, so a first run without a kill lists the
# names in order, and "the 17th call" becomes "the 3rd fsync". The signal arrives when the call
# is entered: it has not happened, and everything before it has.
KILLS=${ZT_KILLS:-100}
JW=${JW:-$ROOT/build/rel/tests/tools/jwriter}

need strace
[ -x "$JW" ] || skip "$JW is not built (make tools)"
strace -o /dev/null true 2>/dev/null || skip "this machine does not let strace trace"

# list_calls CMD...: fills CALLS with "name occurrence", one for each system call after execve.
list_calls() {
	strace -o "$TMP/calls" "$@" >"$TMP/calls.out" || fail "without a kill: '$*' ended with $?"
	mapfile -t CALLS < <(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$TMP/calls" | tail -n +2 |
		awk '{ print $1, ++n[$1] }')
	[ ${#CALLS[@]} -ge 20 ] || fail "strace listed only ${#CALLS[@]} calls"
}

# each_kill FUNCTION: calls FUNCTION NAME OCCURRENCE for KILLS of CALLS, spread evenly, first and
# last included; all of them when there are not more.
each_kill() {
	local total=${#CALLS[@]} n i
	n=$((KILLS < total ? KILLS : total))
	for ((i = 0; i < n; i++)); do
		# shellcheck disable=SC2086 # two words
		"$1" ${CALLS[i * (total - 1) / (n > 1 ? n - 1 : 1)]}
	done
	RAN=$n
}

# killed_at NAME OCCURRENCE OUTPUT CMD...: 0 if CMD was killed there, 1 if it ended before.
killed_at() {
	local name=$1 when=$2 out=$3 code
	shift 3
	strace -o /dev/null -e trace=none -e "inject=$name:signal=KILL:when=$when" "$@" >"$out" 2>"$TMP/killed.err"
	code=$?
	[ $code = 137 ] && return 0
	[ $code = 0 ] || fail "$name $when: not killed, ended with $code: $(cat "$TMP/killed.err")"
	return 1
}
