#!/bin/bash
# The binary carries its own example: the same bytes as config.ini.example, valid as it is and
# with every key set to the default it names (a section with a name has none of its own).
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/a" "$TMP/b"
"$ZT" check --example >"$TMP/a/zt.conf" || fail "--example"
cmp "$TMP/a/zt.conf" "$ROOT/config.ini.example" || fail "config.ini.example is not what the binary prints"
sed -e '/^#\[/,/^\[/b' -e 's/^#\([a-z]\)/\1/' "$TMP/a/zt.conf" >"$TMP/b/zt.conf"
cmp -s "$TMP/a/zt.conf" "$TMP/b/zt.conf" && fail "no key was found in the example"
expect 0 "$ZT" check -c "$TMP/a/zt.conf"
plain=$OUT
same "$ERR" "" "warnings"
expect 0 "$ZT" check -c "$TMP/b/zt.conf"
same "$OUT" "$plain" "the example with every key set"
pass
