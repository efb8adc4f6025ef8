#!/bin/bash
# core
# security
# kill -9 of the worker: a new one serves on the same socket; of the supervisor: all are gone,
# and the next start takes over what was left behind.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
for i in 1 2 3; do
	old=$(worker_pid)
	kill -KILL "$old"
	echo_check || fail "kill $i: not served after the worker died" # it waits in the backlog
	wait_for is_healthy
	[ "$(worker_pid)" != "$old" ] || fail "kill $i: the dead worker's pid is still shown"
	same "$(status children.0.restarts)" "$i" "restarts"
done
has "$(status children.0.last_death)" "signal 9"
worker=$(worker_pid)
for sig in TERM INT HUP USR1 USR2; do # a service manager signals the whole group: not for it
	kill -$sig "$worker"
	echo_check || fail "not served after SIG$sig to the worker"
done
same "$(worker_pid)" "$worker" "worker after signals that are for the supervisor"
kill -STOP "$(worker_pid)"
expect 0 "$ZT" status echo --json -c "$CONF" # a child that hangs does not hang the question
kill -CONT "$(worker_pid)"

worker=$(worker_pid)
kill -KILL "${PIDS[echo]}"
wait_for gone "$worker"
wait "${PIDS[echo]}" 2>/dev/null
unset "PIDS[echo]"
start_echo # the stale socket and lock are no obstacle
echo_check || fail "not served after the supervisor was killed"

# Six deaths within a minute: served on, but no longer healthy.
for _ in 1 2 3 4 5 6; do
	old=$(worker_pid)
	kill -KILL "$old"
	wait_for gone "$old"
	is_up() { [ "$(status children.0.state)" = up ] && [ "$(worker_pid)" != "$old" ]; }
	wait_for is_up
done
expect 1 "$ZT" health echo -c "$CONF"
echo_check || fail "not served while unhealthy"
stop echo
pass
