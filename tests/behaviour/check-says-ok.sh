#!/bin/bash
# core
# A valid configuration is OK: how many files, and a fingerprint that anybody can compute from
# what --emit prints. Spelling, order and comments do not change it; values do.
. "$(dirname "$0")/lib.sh"
need sha256sum
mkdir -p "$TMP/c/conf.d"
printf '# a comment\n[echo]\nidle   =  60s\n[log]\nlevel = warn\n' >"$TMP/c/zt.conf"

expect 0 "$ZT" check -c "$TMP/c/zt.conf"
[[ $OUT =~ ^"OK: 1 file, fingerprint "([0-9a-f]{16})$ ]] || fail "unexpected answer: $OUT"
print=${BASH_REMATCH[1]}
same "$ERR" "" "standard error"

expect 0 "$ZT" check -c "$TMP/c/zt.conf" --emit
same "$(printf '%s\n' "$OUT" | sha256sum | cut -c1-16)" "$print" "hash of the printed text"
printf '%s\n' "$OUT" >"$TMP/emitted.conf"
has "$OUT" $'[echo]\nlisten =\n\t127.0.0.1:7007\nmax_conns = 1024\nidle = 1m'

mkdir "$TMP/again"
cp "$TMP/emitted.conf" "$TMP/again/zt.conf"
expect 0 "$ZT" check -c "$TMP/again/zt.conf"
has "$OUT" "$print"

printf '[log]\nlevel = warn\n' >"$TMP/c/zt.conf"
printf '[echo]\nidle = 1m\n' >"$TMP/c/conf.d/1.conf"
expect 0 "$ZT" check -c "$TMP/c/zt.conf"
same "$OUT" "OK: 2 files, fingerprint $print" "the same in two files"

printf '[echo]\nidle = 2m\n' >"$TMP/c/conf.d/1.conf"
expect 0 "$ZT" check -c "$TMP/c/zt.conf"
lacks "$OUT" "$print"
pass
