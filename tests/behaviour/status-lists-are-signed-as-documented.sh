#!/usr/bin/env bash
# core
# Status lists by somebody who knows docs/formats.md and not our code: what zt writes is signed as the page
# says, judged by OpenSSL with the page's own commands; what Python lays out and OpenSSL signs, zt reads.
. "$(dirname "$0")/lib.sh"
need openssl python3
TOOL=$ROOT/build/rel/tests/tools/statlist_tool
[ -x "$TOOL" ] || fail "no $TOOL: make tools"
cd "$TMP" || exit 1
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out registry.key 2>/dev/null
openssl pkey -in registry.key -pubout -out registry.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key 2>/dev/null

# The page's commands, as they stand there.
sed -n '/^By hand, with the list in `list`/,/^## /{s/^    //p}' "$ROOT/docs/formats.md" >by-hand.sh
same "$(wc -l <by-hand.sh)" 4 "the number of commands on the page"
by_hand() { bash by-hand.sh 2>&1; }

entries=$'1 1 00112233445566778899aabbccddeeff\n1 3 01112233445566778899aabbccddeeff\n2 4 00000000000000000000000000000001\n4 2 ffffffffffffffffffffffffffffffff'
"$TOOL" make registry.key 1 3 7 0 1800000000 <<<"$entries" >list || fail "no list"
has "$(by_hand)" "Verified OK"
"$TOOL" make registry.key 2 3 8 7 1800000001 <<<"1 5 00112233445566778899aabbccddeeff" >list || fail "no delta"
has "$(by_hand)" "Verified OK"
"$TOOL" make registry.key 1 1 1 0 1 </dev/null >list || fail "no empty list"
has "$(by_hand)" "Verified OK"
"$TOOL" make other.key 1 1 1 0 1 </dev/null >list
lacks "$(by_hand)" "Verified OK"

# Laid out by Python: theirs LABEL ENTRY..., signed by OpenSSL.
theirs() {
	python3 - "$@" <<'PY'
import struct, sys
rows = [r.split() for r in sys.argv[2:]]
body = b"ztstatl1" + bytes([1]) + bytes(7) + struct.pack("<QQQqI", 3, 7, 0, 1800000000, len(rows))
for what, state, key in rows:
    body += bytes([int(what), int(state), 0, 0]) + bytes.fromhex(key)
open("body", "wb").write(body)
open("signed", "wb").write(sys.argv[1].encode() + (b"\0" if sys.argv[1] else b"") + body)
PY
	openssl dgst -sha256 -sign registry.key -out signature signed
	python3 -c 'import struct; b = open("body", "rb").read(); s = open("signature", "rb").read(); open("list", "wb").write(b + struct.pack("<H", len(s)) + s)'
}
mapfile -t rows <<<"$entries"
theirs "zt status list" "${rows[@]}"
same "$("$TOOL" read registry.key <list)" "ok 1 3 7 0 1800000000 4"$'\n'"$entries"$'\n'"signed" "theirs"
has "$("$TOOL" read other.key <list)" "unsigned"
theirs "" "${rows[@]}" # without the label another thing that this key signs would be a list
has "$("$TOOL" read registry.key <list)" "unsigned"
theirs "zt status list" "${rows[1]}" "${rows[0]}"
has "$("$TOOL" read registry.key <list)" "refused: the status list is malformed: entries that are not in order"
theirs "zt status list" "${rows[0]}" "${rows[0]}"
has "$("$TOOL" read registry.key <list)" "refused: the status list is malformed: entries that are not in order"
pass
