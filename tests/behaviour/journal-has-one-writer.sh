#!/bin/bash
# A second writer of a state directory is refused with the pid of the first, also when somebody
# has removed the lock file; checking is still allowed; a killed writer leaves no lock behind.
. "$(dirname "$0")/lib.sh"

JW=${JW:-$ROOT/build/rel/tests/tools/jwriter}
[ -x "$JW" ] || skip "$JW is not built (make tools)"

D=$TMP/state
mkdir -m 700 "$D"
"$JW" log "$D" 1 3 0 >/dev/null || fail "jwriter"
start holder "$JW" log-hold "$D"
wait_for grep -q held "$TMP/holder.log"

expect 7 "$JW" log "$D" 4 1 0
same "$ERR" "jwriter: test.journal: process ${PIDS[holder]} is using it: stop that one first" "the sentence"
expect 0 "$ZT" journal check "$D/test.journal"
rm "$D/test.journal.lock"
expect 7 "$JW" log "$D" 4 1 0
same "$ERR" "jwriter: test.journal: another process is using it: stop that one first" "the sentence without a lock file"
same "$OUT" "" "what the second writer acknowledged"

stop holder KILL
expect 0 "$JW" log "$D" 4 1 0
same "$("$JW" log-check "$D" | tr '\n' ' ')" "1 2 3 4 " "records"

# One that opened the file just before another one replaced it must not write to the old one. It
# is stopped where it is about to lock what it opened: its second flock().
command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null || pass "without strace"
stopped() {
	PID=$(cat "/proc/${PIDS[late]}/task/${PIDS[late]}/children" 2>/dev/null)
	[ "$(sed -n 's/^State:\s*\([Tt]\).*/\1/p' "/proc/${PID// /}/status" 2>/dev/null)" ] &&
		[ -n "$(find "/proc/${PID// /}/fd" -lname '*/test.journal' 2>/dev/null)" ]
}
PID=
trap '[ -z "$PID" ] || kill -KILL "${PID// /}" 2>/dev/null; cleanup' EXIT
start late strace -o "$TMP/late.calls" -e trace=flock -e inject=flock:signal=STOP:when=2 "$JW" log "$D" 5 1 0
wait_for stopped
cp -p "$D/test.journal" "$D/copy"
mv "$D/copy" "$D/test.journal"
kill -CONT "${PID// /}"
join late
PID=
same "$STATUS" 7 "exit code of the late one"
has "$(cat "$TMP/late.log")" "test.journal: another process has just replaced it"
same "$("$JW" log-check "$D" | wc -l)" 4 "records after it"
pass "and the one that came between was refused"
