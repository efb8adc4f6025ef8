#!/usr/bin/env bash
# run.sh [NAME...]
#
# Runs every bench/*.sh (or the named ones) and puts their sections together into one markdown
# page on standard output: what docs/benchmarks.md is made from. A bench prints its own section,
# heading first; says on its own what it compares and how; and exits 77 to be left out, with the
# reason as its last line. Its notes for the person who waits go to stderr.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export ZT=$PWD/zt TMP
[ -x "$ZT" ] || { echo "bench: ./zt is not built" >&2; exit 1; }

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "# Benchmarks"
echo
echo "$(date -u +%Y-%m-%d), zt $("$ZT" --version | awk '{print $2; exit}'), $(nproc) × ${cpu:-$(uname -m)}, Linux $(uname -r)."

failed=0
for bench in bench/*.sh; do
	name=$(basename "$bench" .sh)
	[ "$name" = run ] && continue
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	echo "bench: $name" >&2
	TMP=$(mktemp -d)
	out=$(bash "$bench" </dev/null)
	code=$?
	rm -rf "$TMP"
	echo
	case $code in
	0) echo "$out" ;;
	77) echo "<!-- $name left out: $(echo "$out" | tail -n 1) -->" ;;
	*)
		echo "bench: $name failed with exit code $code" >&2
		failed=1
		;;
	esac
done
exit "$failed"
