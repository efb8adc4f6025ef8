#!/usr/bin/env bash
# core
# A supervisor that is killed takes all of its processes with it, those too that hang, and the first process of a role
# whoever came by an upgrade: else their sockets and locks would be in the way of the next start. The kernel's signal for
# that is forgotten with a change of user, and by a program file that has capabilities.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
[ "$(id -u)" = 0 ] || { echo "skipped: only root has another user to be"; exit 77; }
need python3 setpriv
echo_conf
in_charge() { status process; }

# Of root: the worker is another user, and hangs.
start_echo
FIRST=${PIDS[echo]} WORKER=$(worker_pid)
[ "$(stat -c %u "/proc/$WORKER")" != 0 ] || fail "the worker is root"
kill -STOP "$WORKER"
kill -KILL "$FIRST"
join echo
wait_for gone "$WORKER"
start_echo # nothing is in its way
stop echo

# Of a plain user, from a file with a capability, as "setcap cap_net_bind_service=+ep" makes one.
PLAIN=65534
cp "$ZT" "$TMP/zt"
rm -rf "$TMP/state" "$TMP/run"
chown -R "$PLAIN:$PLAIN" "$TMP" # before the capability, which a change of owner takes away
python3 - "$TMP/zt" <<'PY' || fail "no capabilities for files here"
import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
PY
as_plain() { setpriv --reuid "$PLAIN" --regid "$PLAIN" --clear-groups "$@"; }
ZT=$TMP/zt
start_plain() {
	start echo setpriv --reuid "$PLAIN" --regid "$PLAIN" --clear-groups "$ZT" echo -c "$CONF"
	FIRST=${PIDS[echo]}
	wait_for is_healthy
}
start_plain
WORKER=$(worker_pid)
kill -STOP "$WORKER"
kill -KILL "$FIRST"
join echo
wait_for gone "$WORKER"

for upgrades in 1 2; do
	start_plain
	for ((i = 0; i < upgrades; i++)); do as_plain "$ZT" upgrade echo -c "$CONF" || fail "no upgrade"; done
	has "$(<"/proc/$FIRST/status")" "NoNewPrivs:	1"
	HEIR=$(in_charge) WORKER=$(worker_pid)
	[ "$HEIR" != "$FIRST" ] || fail "the first process is in charge"
	lacks "$(grep CapEff "/proc/$HEIR/status")" 0000000000000000 # it is the case that is meant
	kill -KILL "$FIRST"
	join echo
	wait_for gone "$HEIR"
	wait_for gone "$WORKER"
done
start_plain
as_plain "$ZT" upgrade echo -c "$CONF" || fail "no upgrade"
echo_check || fail "not served"
stop echo
same "$STATUS" 0 "the exit code"
pass
