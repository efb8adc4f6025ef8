#!/bin/bash
# The cost of one turn of the event loop with many idle descriptors.
set -eu
cd "$(dirname "$0")/.."
echo "### One turn of the event loop, one ready descriptor among idle ones"
echo
echo "Median of 5 rounds of 2,000 turns; includes the write() that makes it ready."
echo
build/rel/bench/bench_loop
echo
