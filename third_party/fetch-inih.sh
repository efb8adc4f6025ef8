#!/bin/sh
# fetch-inih.sh
#
# Puts the pinned inih source (VERSIONS: inih) into build/inih and builds libinih.a there, for
# distributions that ship no static archive of it (Alpine). The Makefile looks there when the
# system has none. Refuses a file whose SHA-256 differs. INIH_URL names a mirror.
set -u
cd "$(dirname "$0")/.." || exit 1

die() {
	rm -rf build/inih.part
	echo "fetch-inih: $*" >&2
	exit 1
}

row=$(grep '^inih ' third_party/VERSIONS) || die "third_party/VERSIONS names no inih"
# shellcheck disable=SC2086 # the row's columns
set -- $row
sum=${3#sha256:}
url=${INIH_URL:-$5}

rm -rf build/inih build/inih.part
mkdir -p build/inih.part
file=build/inih.part/inih.tar.gz
if command -v curl >/dev/null; then
	curl -fsSL --max-time 120 -o "$file" "$url" || die "cannot download $url (no network?)"
else
	wget -q -T 120 -O "$file" "$url" || die "cannot download $url (no network?)"
fi
got=$(sha256sum "$file" | cut -d' ' -f1)
[ "$got" = "$sum" ] || die "$url has SHA-256 $got, but $sum is pinned: refused"
tar -xzf "$file" -C build/inih.part --strip-components=1 || die "cannot unpack $file"
(cd build/inih.part && ${CC:-cc} -O2 -fPIC -c ini.c && ar rcsD libinih.a ini.o) || die "ini.c does not compile"
mv build/inih.part build/inih
echo "fetch-inih: build/inih/libinih.a is built"
