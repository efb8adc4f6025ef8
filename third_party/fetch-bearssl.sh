#!/bin/sh
# fetch-bearssl.sh [DIR]
#
# Puts BearSSL's pinned head (VERSIONS: bearssl-head) into DIR, build/bearssl by default, and
# builds its static archive there, for `make BEARSSL=DIR`. Refuses anything but exactly the
# pinned commit: its id is a hash over every byte of the tree. BEARSSL_URL names a mirror.
set -u
cd "$(dirname "$0")/.." || exit 1

die() {
	echo "fetch-bearssl: $*" >&2
	exit 1
}

dir=${1:-build/bearssl}
row=$(grep '^bearssl-head ' third_party/VERSIONS) || die "third_party/VERSIONS names no bearssl-head"
# shellcheck disable=SC2086 # the row's columns
set -- $row
commit=${3#git:}
url=${BEARSSL_URL:-$5}

command -v git >/dev/null || die "git is missing; install it and run this again"
if [ ! -e "$dir/.git" ]; then
	mkdir -p "$(dirname "$dir")"
	rm -rf "$dir.part"
	# No --depth: the upstream server speaks the plain-file protocol, which cannot.
	if ! git -c transfer.fsckObjects=true clone -q --no-checkout "$url" "$dir.part"; then
		rm -rf "$dir.part"
		die "cannot download $url (no network?); a plain 'make' uses the distribution's library"
	fi
	mv "$dir.part" "$dir"
fi
git -C "$dir" checkout -q --detach "$commit" || die "$url does not hold the pinned commit $commit"
[ "$(git -C "$dir" rev-parse HEAD)" = "$commit" ] || die "$dir is not at the pinned commit $commit"
[ -z "$(git -C "$dir" status --porcelain --untracked-files=no)" ] || die "files in $dir were changed"
make -s BEARSSL="$dir" bearssl || die "the build in $dir failed"
echo "fetch-bearssl: $dir is at $commit; now: make BEARSSL=$dir"
