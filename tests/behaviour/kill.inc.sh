# shellcheck shell=bash
# kill.inc.sh: ends a program at its n-th system call. Sourced after lib.sh. The scripts make
# their program live long enough for $ZT_KILLS calls (100) and kill it at every one of them.
#
# strace counts each system call's name for itself, so a first run without a kill lists the
# names in order, and "the 17th call" becomes "the 3rd fsync". The signal arrives when the call
# is entered: it has not happened, and everything before it has.
# shellcheck disable=SC2034 # for the scripts that source this
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

# killed_at NAME OCCURRENCE OUTPUT CMD...: 0 if CMD was killed there, 1 if it ended before.
killed_at() {
	local name=$1 when=$2 out=$3 code
	shift 3
	# In a shell of its own, whose word about the killed job goes where strace's does.
	(
		strace -o /dev/null -e "trace=$name" -e "inject=$name:signal=KILL:when=$when" "$@" >"$out"
		exit $?
	) 2>"$TMP/killed.err"
	code=$?
	[ $code = 137 ] && return 0
	[ $code = 0 ] || fail "$name $when: not killed, ended with $code: $(cat "$TMP/killed.err")"
	return 1
}
# kill_at_each_call: one_kill PROC CALL, which counts in MISSED and LEFT, for each of CALLS; then it passes.
kill_at_each_call() {
	local call
	for call in "${CALLS[@]}"; do
		# shellcheck disable=SC2086 # two words
		one_kill $call
	done
	[ "$MISSED" -le $((${#CALLS[@]} / 20)) ] || fail "$MISSED runs were not killed"
	# A snapshot that was being written must have been hit, or this shows nothing about them.
	[ "$LEFT" -gt 0 ] || fail "no kill hit a snapshot"
	pass "killed at $((${#CALLS[@]} - MISSED)) of ${#CALLS[@]} system calls, $LEFT times within a snapshot"
}
