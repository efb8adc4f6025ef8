#!/bin/bash
# As process number 1 of a container: it serves, reaps what others left behind, stops on SIGTERM.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3 unshare pgrep
need_root
unshare -pf true 2>/dev/null || skip "cannot make a process namespace"
echo_conf
start echo unshare -pf --kill-child --mount-proc "$ZT" echo -c "$CONF"
wait_for is_healthy
same "$(worker_pid)" 2 "the worker's number"
first=$(pgrep -P "${PIDS[echo]}")
# An orphan of the namespace: its parent leaves, number 1 inherits it, it ends.
nsenter -t "$first" -p -m sh -c '(sleep 0.1 &)'
only_the_worker() { [ "$(pgrep -P "$first" | wc -l)" = 1 ]; } # a zombie would count
wait_for only_the_worker
kill -KILL "$(pgrep -P "$first")"
back() { is_healthy && [ "$(worker_pid)" != 2 ]; }
wait_for back
echo_check || fail "not served"
kill -TERM "$first"
join echo
same "$STATUS" 0 "exit code"
pass
