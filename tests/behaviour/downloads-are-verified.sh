#!/bin/bash
# A download that is not exactly what third_party/VERSIONS pins is refused, and so is none.
. "$(dirname "$0")/lib.sh"
need git curl tar sha256sum
tree=$TMP/tree # a copy, so that its build/ is not ours
mkdir -p "$tree/build"
cp -r "$ROOT/third_party" "$ROOT/Makefile" "$tree/"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

# Another repository, or one whose history was replaced.
git init -q "$TMP/other"
touch "$TMP/other/file"
git -C "$TMP/other" add file
git -C "$TMP/other" commit -qm other
export BEARSSL_URL=$TMP/other
expect 1 sh "$tree/third_party/fetch-bearssl.sh"
has "$ERR" "does not hold the pinned commit 3c040368f6791553610e362401db1efff4b4c5b8"
export BEARSSL_URL=$TMP/nowhere
expect 1 sh "$tree/third_party/fetch-bearssl.sh" "$TMP/elsewhere"
has "$ERR" "cannot download"
[ ! -e "$TMP/elsewhere" ] || fail "half a download is left behind"

# A file with other contents under the right name.
mkdir "$TMP/inih-r62"
echo 'int ini_parse(void);' >"$TMP/inih-r62/ini.c"
tar -C "$TMP" -czf "$TMP/inih.tar.gz" inih-r62
export INIH_URL=file://$TMP/inih.tar.gz
expect 1 sh "$tree/third_party/fetch-inih.sh"
has "$ERR" "is pinned: refused"
[ ! -e "$tree/build/inih" ] && [ ! -e "$tree/build/inih.part" ] || fail "the refused file is left behind"
export INIH_URL=file://$TMP/nowhere.tar.gz
expect 1 sh "$tree/third_party/fetch-inih.sh"
has "$ERR" "cannot download"
pass
