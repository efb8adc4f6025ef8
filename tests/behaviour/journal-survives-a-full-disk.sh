#!/bin/bash
# A file system of 64 KiB fills up under a journal: the append that does not fit is refused with
# a sentence, everything acknowledged is there, and when there is space again the next writer
# goes on. A read-only file system is refused with a sentence.
. "$(dirname "$0")/lib.sh"

JW=${JW:-$ROOT/build/rel/tests/tools/jwriter}
[ -x "$JW" ] || skip "$JW is not built (make tools)"
need_root
need mount umount

M=$TMP/disk F=$TMP/disk/state/test.journal
mkdir "$M"
mount -t tmpfs -o size=64k,mode=700 tmpfs "$M" 2>/dev/null || skip "this machine does not let root mount"
trap 'umount -l "$M"; cleanup' EXIT
mkdir -m 700 "$M/state"

"$JW" log "$M/state" 1 2000 0 >"$TMP/acked" 2>"$TMP/err"
code=$?
same "$code" 1 "exit code on a full disk"
has "$(cat "$TMP/err")" "No space left on device"
acked=$(wc -l <"$TMP/acked")
[ "$acked" -gt 50 ] || fail "only $acked records fitted"
expect 0 "$ZT" journal check "$F"
lacks "$OUT" torn # the part that had been written was cut off
"$JW" log-check "$M/state" >"$TMP/there" || fail "the next writer refuses the file"
cmp -s "$TMP/acked" "$TMP/there" || fail "acknowledged and present differ"

# A snapshot needs space too; without it the old file serves on.
mount -o remount,size=128k "$M" || fail "remount"
"$JW" log "$M/state" $((acked + 1)) 3 0 >"$TMP/more" || fail "it cannot go on with space"
"$JW" log "$M/state" $((acked + 4)) 1 1 >"$TMP/more" 2>"$TMP/err"
code=$?
same "$code" 1 "exit code of a snapshot without space"
has "$(cat "$TMP/err")" "test.journal.new: cannot be written: No space left on device"
same "$(cat "$TMP/more")" $((acked + 4)) "what was acknowledged before the snapshot"
[ ! -e "$F.new" ] || fail "the snapshot that failed is still there"
same "$("$JW" log-check "$M/state" | wc -l)" $((acked + 4)) "records after it"

mount -o remount,ro "$M" || fail "remount read-only"
expect 1 "$JW" log-check "$M/state"
has "$ERR" "test.journal.lock: cannot be opened: Read-only file system"
expect 0 "$ZT" journal check "$F"
pass "$acked records on 64 KiB"
