#!/bin/bash
# The Dockerfile ends in an empty image with nothing but zt, run as nobody, checked and started
# without a shell; and the binary does run where there is nothing else at all.
. "$(dirname "$0")/lib.sh"
file=$ROOT/Dockerfile
final=$(awk '/^FROM /{stage = ""} {stage = stage $0 "\n"} END {printf "%s", stage}' "$file")
has "$(echo "$final" | head -n 1)" "FROM scratch"
has "$final" $'\nUSER 65532:65532\n'
has "$final" $'\nSTOPSIGNAL SIGTERM\n'
has "$final" $'\nVOLUME /var/lib/zt\n'
has "$final" $'\nENTRYPOINT ["/zt"]'
[[ $final =~ HEALTHCHECK[^$'\n']*CMD\ \[\"/zt\",\ \"health\"\] ]] || fail "HEALTHCHECK is not in exec form"
lacks "$final" $'\nRUN '
lacks "$final" $'\nADD '
# What the final stage copies and the build stage runs must exist in this tree.
for f in $(grep -o 'third_party/[a-z-]*\.sh' "$file" | sort -u); do
	[ -e "$ROOT/$f" ] || fail "the Dockerfile runs $f, which does not exist"
done
[[ $'\n'$(<"$ROOT/.dockerignore")$'\n' == *$'\nbuild\n'* ]] || fail ".dockerignore lets build/ into the image's context"

need_root
need chroot
mkdir -p "$TMP/image/var/lib/zt"
cp "$ZT" "$TMP/image/zt"
chown 65532:65532 "$TMP/image/var/lib/zt"
chmod 755 "$TMP" "$TMP/image" # $TMP is private to root; the image's root is not
in_image() { chroot --userspec=65532:65532 "$TMP/image" "$@"; }
expect 0 in_image /zt --version
has "$OUT" "zt "
expect 0 in_image /zt --list
# No configuration, nothing running: still an answer with a sentence, not a crash.
in_image /zt health >"$TMP/out" 2>&1
code=$?
[ "$code" -ge 1 ] && [ "$code" -le 9 ] || fail "zt health ended with $code: $(<"$TMP/out")"
[ -s "$TMP/out" ] || fail "zt health says nothing"
pass
