#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]
#
# Runs every fuzz target for SECONDS on its committed corpus and on what earlier runs found
# interesting (build/fuzz/corpus, never committed). Inputs that crash, hang or leak are kept in
# build/fuzz/findings/TARGET-*; any of them makes the exit code 1. Reproduce one with
#   build/fuzz/fuzz_TARGET build/fuzz/findings/TARGET-crash-...
# ZT_SEED repeats a run. Ends with "N passed, N failed", a target each.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

seconds=${1:-}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: tests/fuzz/run.sh SECONDS [TARGET...]" >&2; exit 2; }
shift
targets=("$@")
if [ $# = 0 ]; then
	for src in tests/fuzz/fuzz_*.c; do
		[ -e "$src" ] && targets+=("$(basename "${src#tests/fuzz/fuzz_}" .c)")
	done
fi
[ "${#targets[@]}" != 0 ] || { echo "fuzz: no target"; echo "0 passed, 1 failed"; exit 1; }

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
findings=build/fuzz/findings logs=build/fuzz/logs
mkdir -p "$findings" "$logs"

fuzz() {
	local t=$1 code new
	mkdir -p "build/fuzz/corpus/$t"
	timeout -k 10 $((seconds + 120)) "build/fuzz/fuzz_$t" -max_total_time="$seconds" -timeout=10 \
		-seed="${ZT_SEED:-0}" -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 -artifact_prefix="$findings/$t-" \
		"build/fuzz/corpus/$t" "tests/fuzz/corpus/$t" >"$logs/$t.log" 2>&1 </dev/null
	code=$?
	new=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$t.log")
	if [ "$code" = 0 ] && [ "${new:-0}" -gt 0 ]; then
		echo "ok    $t: $new inputs in $seconds s, coverage $(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$logs/$t.log" | tail -n 1)"
	else
		echo "FAIL  $t: exit code $code"
		tail -n 40 "$logs/$t.log" | sed 's/^/     | /'
	fi
}
export -f fuzz
export seconds findings logs

# shellcheck disable=SC2016 # for the inner shell
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {} >"$logs/{}.verdict"'
passed=0 failed=0
for t in "${targets[@]}"; do
	cat "$logs/$t.verdict"
	if grep -q '^ok ' "$logs/$t.verdict"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
if [ -n "$(ls "$findings")" ]; then
	echo "findings of this and earlier runs, in $findings:"
	ls "$findings"
	[ "$failed" != 0 ] || failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
