#!/usr/bin/env bash
# soak.sh [PATTERN]
#
# The long versions of the tests: the whole suite (or the jobs that PATTERN names) with its knobs turned up, then chaos.sh,
# then every fuzz target for a while. Bounded by SOAK_GUARD_S per test. Prints a table of date, machine, seed and every
# figure, chaos.sh's table, and ends with "N passed, N failed".
#
# How long, on two processors that had other work (load 10 to 20); a knob is an environment variable:
#
#   CHAOS_S        28800    8 h      chaos.sh; 0 leaves it out
#   SOAK_FUZZ_S    300      4 h      47 targets, one after the other; 0 leaves them out
#   IDLE_REAL_S    3600     1 h      streams that nobody uses, beside everything else
#   FLIPS          100      26 min   damaged tunnels: each has to come back, later every time
#   STARVE_UP_TO   200      4 min    failing allocations: a connector stays away for up to half a minute each time
#   DIFFER_CASES   100000   5 min    IDLE_S          88000    5 min    ZT_HA_STORM     200    3 min
#   ZT_UPGRADES    50       3 min, two scripts       ZT_RELOADS      1000     3 min    ZT_HA_PARTITION_S  60   2 min
#   PARTITION_S    60       1 min    ZT_HA_KILLS     50       1 min    STORM_IDLE      9000   1 min
#   STORM_SHAKES   10000    30 s     STORM_SLOW      5000     1 min each of 2 scripts
#   CHAIN_MUTANTS, ZT_KILLS, WEB_BYTES, WEB_MESSAGES, STORM_READERS, UPLINK_*, LOSS_BYTES, LATENCY_BYTES, SLOW_READERS, UPLOAD_BYTES:
#   minutes each
#
# In all, where two scripts run at a time: an hour and 8 h of chaos and 4 h of fuzzing. In less: CHAOS_S=0 SOAK_FUZZ_S=0 IDLE_REAL_S=0
# tests/soak.sh. One row of docs/reliability.md: FLIPS=100 HANG_GUARD_S=7200 tests/run.sh all behaviour/damaged-tunnels.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export ZT_KILLS=${ZT_KILLS:-1000}                   # calls after each of which a writer is killed
export CHAIN_MUTANTS=${CHAIN_MUTANTS:-20000}         # certificates changed at random places, judged by three
export ZT_SEED=${ZT_SEED:-$(($(date +%s) % 2147483647))} # of the fuzzers, so that a run can be repeated
export DIFFER_CASES=${DIFFER_CASES:-100000} # mutated requests through the edge to two servers
export ZT_UPGRADES=${ZT_UPGRADES:-50}        # of each role under load
export WEB_BYTES=${WEB_BYTES:-1073741824}    # through the tunnel, each way, with their digest
export WEB_MESSAGES=${WEB_MESSAGES:-100000}  # of a WebSocket
export ZT_RELOADS=${ZT_RELOADS:-1000}        # of an edge and of a connector, under load
export ZT_HA_KILLS=${ZT_HA_KILLS:-50}          # connectors that are killed under load
export ZT_HA_PARTITION_S=${ZT_HA_PARTITION_S:-60}
export ZT_HA_STORM=${ZT_HA_STORM:-200}         # connectors that lose their edge at once
export STORM_SLOW=${STORM_SLOW:-5000}        # slow peers of each kind
export STORM_IDLE=${STORM_IDLE:-9000}        # idle visitors
export STORM_SHAKES=${STORM_SHAKES:-10000}   # handshakes in a storm
export STORM_READERS=${STORM_READERS:-1000}  # slow readers under a limit of memory
export STARVE_UP_TO=${STARVE_UP_TO:-200}     # failures of an allocator in each worker
export PARTITION_S=${PARTITION_S:-60} HALF_OPEN_DIRS=${HALF_OPEN_DIRS:-up down both} FLIPS=${FLIPS:-100} # faults.inc.sh
export FLIP_SEED=${FLIP_SEED:-$ZT_SEED}
export UPLINK_KBIT=${UPLINK_KBIT:-64} UPLINK_FILL_S=${UPLINK_FILL_S:-20} UPLINK_ASKS=${UPLINK_ASKS:-20}
export LOSS_BYTES=${LOSS_BYTES:-20000000} LATENCY_BYTES=${LATENCY_BYTES:-200000000}
export SLOW_READERS=${SLOW_READERS:-200} STALLED=${STALLED:-1000} UPLOAD_BYTES=${UPLOAD_BYTES:-1000000000}
export CHAOS_S=${CHAOS_S:-28800} CHAOS_SEED=${CHAOS_SEED:-$ZT_SEED} # tests/chaos.sh; 0 leaves it out
export IDLE_S=${IDLE_S:-88000} IDLE_REAL_S=${IDLE_REAL_S:-3600}
export DIFFER_SEED=${DIFFER_SEED:-$ZT_SEED}
export CHAIN_SEED=${CHAIN_SEED:-$ZT_SEED}
export HANG_GUARD_S=${SOAK_GUARD_S:-7200}
fuzz_seconds=${SOAK_FUZZ_S:-300} # per target; 0 leaves fuzzing out

log=build/soak.log
mkdir -p build
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
{
	bash tests/run.sh all "${1:-}"
	[ "$CHAOS_S" = 0 ] || SOAK_S=$CHAOS_S bash tests/chaos.sh || echo "0 passed, 1 failed" # mixed traffic and faults
	[ "$fuzz_seconds" = 0 ] || bash tests/fuzz/run.sh "$fuzz_seconds"
} >"$log" 2>&1

echo "| soak of | $started |"
echo "|---|---|"
echo "| commit | $(git rev-parse --short HEAD 2>/dev/null || echo none) |"
echo "| machine | $(nproc) × $(uname -m), Linux $(uname -r) |"
echo "| kills per script | $ZT_KILLS |"
echo "| mutated requests | $DIFFER_CASES, seed $DIFFER_SEED |"
echo "| fuzzing | $fuzz_seconds s per target, seed $ZT_SEED |"
sed -n 's/^figure: \([^:]*\): \(.*\)/| \1 | \2 |/p' build/test-figures.txt
sed -n 's/^ok    \([a-z0-9_]*\): \([0-9]* inputs .*\)/| fuzz \1 | \2 |/p' "$log"
echo
echo "slowest:"
head -n 10 build/test-times.txt
sed -n '/^| process |/,/^\(failed\|[0-9]* passed\)/p' "$log" | grep -E '^\||^figure|^[0-9.]+ s ' # of chaos.sh
grep -A 62 '^FAIL' "$log"
grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | awk '
	{ passed += $1; failed += $3 }
	END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || passed == 0 }'
