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
pass
