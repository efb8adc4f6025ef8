#!/usr/bin/env bash
# soak.sh
#
# The long versions of tests that `make test` runs short: the same scripts and programs, with
# the knobs below turned up. Knobs are environment variables that a test reads (each has a small
# default there); set one yourself to go further. Bounded: SOAK_GUARD_S per test. Prints a table
# with date, seed and time, and ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export SOAK=1
export ZT_SEED=${ZT_SEED:-$(date +%s)} # printed, so that a failure can be repeated
export ZT_KILLS=${ZT_KILLS:-1000}      # how often a journal's writer is killed
export ZT_ROUNDS=${ZT_ROUNDS:-100000}  # steps of tests that compare with a model
export HANG_GUARD_S=${SOAK_GUARD_S:-7200}

log=build/soak.log
mkdir -p build
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
bash tests/run.sh all "${1:-}" >"$log" 2>&1
code=$?

echo "| soak of | $started |"
echo "|---|---|"
echo "| commit | $(git rev-parse --short HEAD 2>/dev/null || echo none) |"
echo "| machine | $(uname -m), $(nproc) processors, Linux $(uname -r) |"
echo "| seed | $ZT_SEED |"
echo "| kills, rounds | $ZT_KILLS, $ZT_ROUNDS |"
# What tests printed as "figure: NAME: VALUE".
sed -n 's/^figure: \([^:]*\): \(.*\)/| \1 | \2 |/p' build/test-figures.txt 2>/dev/null
echo
echo "slowest (build/test-times.txt):"
head -n 10 build/test-times.txt
grep -A "$((60 + 2))" '^FAIL' "$log"
tail -n 1 "$log"
exit "$code"
