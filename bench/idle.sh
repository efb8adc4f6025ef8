#!/bin/bash
# Binary size, start to ready, and the memory of an idle role (summed PSS of its processes).
set -eu
cd "$(dirname "$0")/.."
. bench/memory.inc.sh
zt=$PWD/zt
tmp=$(mktemp -d)
pid=
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$tmp"; }
trap cleanup EXIT
chmod 700 "$tmp"
printf '[state]\ndir = %s/state\nrun_dir = %s/run\n[echo]\nlisten = 127.0.0.1:0\n' "$tmp" "$tmp" >"$tmp/zt.conf"

start() { # starts the role; sets pid; waits for its "ready" line
	"$zt" echo -c "$tmp/zt.conf" 2>"$tmp/log" &
	pid=$!
	for _ in $(seq 500); do
		grep -q 'super: ready' "$tmp/log" && return 0
		sleep 0.01
	done
	cat "$tmp/log" >&2
	return 1
}
stop() { kill "$pid"; wait "$pid" || true; pid=; }

echo "### Size, start, idle memory"
echo
echo "| measure | value |"
echo "|---|---|"
echo "| stripped binary | $(stat -c %s "$zt") bytes |"
echo "| fork to READY=1 at the service manager, median (min..max) of 21 | $(python3 bench/ready.py "$zt" "$tmp") |"
start
pss_rows "$pid" "idle "
echo "| idle role, supervisor and one child: summed PSS | $total KiB |"
stop
echo
