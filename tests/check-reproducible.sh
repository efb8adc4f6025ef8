#!/usr/bin/env bash
# check-reproducible.sh
#
# Builds zt twice, in folders of different names, at different times (file dates), under
# different locales, time zones, umasks, users' homes and numbers of jobs, and compares the two
# binaries. What is built is the working copy as it is, ignored files left out.
set -euo pipefail
cd "$(dirname "$0")/.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

copy_to() {
	mkdir -p "$1"
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		# Files of the index that the working copy no longer has are not built either.
		git ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' f; do [ -e "$f" ] && printf '%s\0' "$f"; done |
			tar -c --null -T - | tar -x -C "$1"
	else
		tar -c --exclude=./build --exclude=./zt . | tar -x -C "$1"
	fi
}

# build DIR DATE UMASK JOBS NAME=VALUE...
build() {
	local dir=$1 date=$2 mask=$3 jobs=$4
	shift 4
	copy_to "$dir"
	find "$dir" -exec touch -h -d "$date" {} +
	if ! (umask "$mask" && cd "$dir" &&
		env -i PATH="$PATH" "$@" make -s -j"$jobs" zt >"$tmp/log" 2>&1 </dev/null); then
		cat "$tmp/log" >&2
		echo "check-reproducible: the build in $dir failed" >&2
		exit 1
	fi
}

a=$tmp/a b="$tmp/another-folder/deeper"
build "$a" 2001-02-03 022 1 HOME=/ TZ=UTC LC_ALL=C
build "$b" 2024-10-11 077 "$(nproc)" HOME="$tmp" TZ=Asia/Kathmandu LC_ALL=C.UTF-8 USER=somebody

sum_a=$(sha256sum <"$a/zt") sum_b=$(sha256sum <"$b/zt")
if [ "$sum_a" != "$sum_b" ]; then
	echo "check-reproducible: two builds of one source differ" >&2
	cmp -l "$a/zt" "$b/zt" 2>/dev/null | wc -l | sed 's/$/ bytes differ/' >&2
	echo "0 passed, 1 failed"
	exit 1
fi
echo "both builds have SHA-256 ${sum_a%% *}"
echo "1 passed, 0 failed"
