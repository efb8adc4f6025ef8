#!/bin/bash
# The tables of docs/sandbox.md are those that the filters are made from.
. "$(dirname "$0")/lib.sh"
sed -n '/^<!-- begin: zt doctor --profiles -->$/,/^<!-- end -->$/p' "$ROOT/docs/sandbox.md" | sed '1d;$d' >"$TMP/page"
[ "$(wc -l <"$TMP/page")" -gt 100 ] || fail "docs/sandbox.md has no tables between its marks"
expect 0 "$ZT" doctor --profiles
printf '%s\n' "$OUT" | diff "$TMP/page" - >"$TMP/diff" ||
	fail "docs/sandbox.md differs from zt doctor --profiles:"$'\n'"$(head -n 20 "$TMP/diff")"
pass "$(wc -l <"$TMP/page") lines"
