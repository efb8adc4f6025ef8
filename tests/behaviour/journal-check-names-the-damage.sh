#!/bin/bash
# core
# zt journal check and dump: a whole file is OK, a torn tail is named and no fault, damage ends
# with code 6 and its offset on stderr, and none of it changes the file.
. "$(dirname "$0")/lib.sh"

JW=${JW:-$ROOT/build/rel/tests/tools/jwriter}
[ -x "$JW" ] || skip "$JW is not built (make tools)"
need python3

D=$TMP/state F=$TMP/state/test.journal
mkdir -m 700 "$D"
"$JW" log "$D" 1 5 3 >/dev/null || fail "jwriter"
cp "$F" "$TMP/good"

# dump: one JSON object per line, offsets that follow one another, sequence numbers without gaps.
expect 0 "$ZT" journal dump "$F"
printf '%s\n' "$OUT" >"$TMP/dump"
python3 - "$TMP/dump" "$F" <<'PY' || fail "the dump is not what the file holds"
import json, struct, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
data = open(sys.argv[2], "rb").read()
at = 16
for i, r in enumerate(lines):
    assert r["offset"] == at, (r["offset"], at)
    units, flipped = struct.unpack_from("<HH", data, at)
    assert units ^ flipped == 0xFFFF
    assert struct.unpack_from("<Q", data, at + 8)[0] == r["seq"] == lines[0]["seq"] + i
    assert struct.unpack_from("<HH", data, at + 16) == (r["type"], r["version"])
    fields = b"".join(struct.pack("<HH", t["tag"], len(t["hex"]) // 2) + bytes.fromhex(t["hex"]) for t in r["tlvs"])
    assert data[at + 20:].startswith(fields)
    at += units * 8
assert at == len(data)
assert [r["type"] for r in lines] == [1, 1, 1, 0xFF00, 1, 1]
PY
LAST=$(tail -n 1 "$TMP/dump" | json offset)
SIZE=$(stat -c %s "$F")
SEQ=$(tail -n 1 "$TMP/dump" | json seq)

expect 0 "$ZT" journal check "$F"
same "$OUT" "OK: 6 records, last sequence $SEQ, $SIZE bytes" "check of a whole file"

truncate -s $((SIZE - 1)) "$F"
expect 0 "$ZT" journal check "$F"
has "$OUT" "torn tail: $((SIZE - 1 - LAST)) bytes at offset $LAST"
expect 0 "$ZT" journal dump "$F"
has "$ERR" "torn tail"
same "$(printf '%s\n' "$OUT" | wc -l)" 5 "lines of the dump without the torn record"

cp "$TMP/good" "$F"
printf 'x' | dd of="$F" bs=1 seek=$((SIZE - 20)) conv=notrunc status=none
cp "$F" "$TMP/bad"
expect 6 "$ZT" journal check "$F"
has "$ERR" "$F: damaged at offset $LAST "
same "$OUT" "" "stdout of a damaged file"
expect 6 "$ZT" journal dump "$F"
has "$ERR" "damaged at offset $LAST "
same "$(printf '%s\n' "$OUT" | wc -l)" 5 "lines of the dump before the damage"
cmp -s "$F" "$TMP/bad" || fail "checking changed the file"

expect 6 "$JW" log-check "$D" # a writer refuses it too
cmp -s "$F" "$TMP/bad" || fail "refusing changed the file"

: >"$F"
expect 6 "$ZT" journal check "$F"
has "$ERR" "damaged at offset 0 "
expect 1 "$ZT" journal check "$D/none"
has "$ERR" "$D/none: cannot be opened: No such file"
ln -s test.journal "$D/link"
expect 1 "$ZT" journal check "$D/link"
has "$ERR" "is a symbolic link"
expect 1 "$ZT" journal check "$D"
has "$ERR" "not a regular file"
expect 2 "$ZT" journal
expect 2 "$ZT" journal check
expect 2 "$ZT" journal mend "$F"
expect 0 "$ZT" journal --help
has "$OUT" "usage: zt journal check FILE"
pass
