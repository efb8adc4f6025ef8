#!/usr/bin/env bash
# core
# Whoever watches the process that was started (a service manager, a container) watches the same one after every upgrade:
# it passes signals on, speaks for the others, leaves no zombie, ends with the exit code of the one in charge, and nobody
# outlives it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3 pgrep
echo_conf
cat >"$TMP/listen.py" <<'PY'
# A service manager: who says what.
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1); print("bound", flush=True)
while True:
    data, anc, _, _ = s.recvmsg(1000, 100)
    print(struct.unpack("iII", anc[0][2])[0], data.decode().replace("\n", " "), flush=True)
PY
start manager python3 "$TMP/listen.py" "$TMP/notify"
wait_for grep -q bound "$TMP/manager.log"
in_charge() { status process; }
said() { grep -c "^$FIRST $1" "$TMP/manager.log"; }
# WATCHDOG_PID is that of the process that becomes zt.
start echo sh -c 'NOTIFY_SOCKET=$1 WATCHDOG_USEC=200000 WATCHDOG_PID=$$ exec "$2" echo -c "$3"' sh "$TMP/notify" "$ZT" "$CONF"
FIRST=${PIDS[echo]}
wait_for is_healthy
upgraded() { [ "$(grep -c 'upgraded: another process' "$TMP/echo.log")" = "$1" ]; }
idle() { [ "$(status elders)" = "[]" ]; }
for n in 1 2 3; do
	before=$(in_charge) ready=$(said READY=1)
	kill -USR2 "$FIRST"
	wait_for upgraded $n
	wait_for idle
	[ "$(in_charge)" != "$before" ] || fail "the same process is in charge after upgrade $n"
	more_ready() { [ "$(said READY=1)" -gt "$ready" ]; }
	wait_for more_ready
	same "$(pgrep -P "$FIRST" | wc -l)" 1 "processes of the first one after upgrade $n" # a zombie would count
	echo_check || fail "not served after upgrade $n"
done
[ "$(said RELOADING=1)" -ge 3 ] || fail "the service manager was not told that something changes"
beats=$(said WATCHDOG=1)
more_beats() { [ "$(said WATCHDOG=1)" -gt $((beats + 3)) ]; }
wait_for more_beats
if grep -v "^$FIRST \|^bound" "$TMP/manager.log"; then fail "another process spoke to the service manager"; fi

# What it is told is for the one in charge.
epoch=$(status epoch)
kill -HUP "$FIRST"
reloaded() { [ "$(status epoch)" = $((epoch + 1)) ]; }
wait_for reloaded
kill -USR1 "$FIRST"
expect 0 "$ZT" reload echo -c "$CONF"

# The one in charge ends by itself: with its code.
kill -TERM "$(in_charge)"
join echo
same "$STATUS" 0 "the exit code after a stop of the one in charge"

# It crashes: the service manager is told by an error, and finds nothing that is in the way of another start.
again() {
	start echo "$ZT" echo -c "$CONF"
	FIRST=${PIDS[echo]}
	wait_for is_healthy
	expect 0 "$ZT" upgrade echo -c "$CONF"
	wait_for idle
}
again
kill -KILL "$(in_charge)"
join echo
same "$STATUS" 1 "the exit code after a crash"
again
# It is killed itself: so is everybody.
CHARGE=$(in_charge) WORKER=$(worker_pid)
kill -KILL "$FIRST"
join echo
wait_for gone "$CHARGE"
wait_for gone "$WORKER"
again
stop echo
same "$STATUS" 0 "the exit code"

# As number 1 of a container, with somebody who stays connected: it is both then, one that drains and the shepherd.
[ "$(id -u)" = 0 ] && unshare -pf true 2>/dev/null || pass "no process namespaces here"
start echo unshare -pf --kill-child --mount-proc "$ZT" echo -c "$CONF"
wait_for is_healthy
exec 7<>"/dev/tcp/127.0.0.1/$PORT"
say() { echo "$1" >&7 && read -r -t 60 line <&7 && [ "$line" = "$1" ] || fail "the one who is connected hears nothing: $1"; }
say before
first=$(pgrep -P "${PIDS[echo]}")
for n in 1 2; do
	kill -USR2 "$first"
	wait_for upgraded $n
	say "after $n"
done
lingers() { [[ $(status elders) == *'"pid": 1, "live": 1'* ]]; }
wait_for lingers
nsenter -t "$first" -p -m sh -c '(sleep 0.1 &)' # an orphan, which it inherits
# The worker of before, the one in charge; the one between them had nobody.
only_ours() { [ "$(pgrep -P "$first" | wc -l)" = 2 ]; }
wait_for only_ours
exec 7>&-
only_one() { [ "$(pgrep -P "$first" | wc -l)" = 1 ] && [ "$(status elders)" = "[]" ]; }
wait_for only_one
echo_check || fail "not served"
kill -TERM "$first"
join echo
same "$STATUS" 0 "exit code of number 1"
pass
