#!/bin/bash
# security
# A role serves, restarts its worker, reloads and stops, whatever it inherits: ignored or blocked
# signals, open descriptors, missing ones, few, a huge environment, no directory of its own, no
# /proc, process number 1.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
cd "$TMP" || fail "no $TMP"

# lives WHAT CMD...
lives() {
	local what=$1 old
	shift
	start echo "$@"
	wait_for is_healthy
	old=$(worker_pid)
	kill -KILL "$old"
	back() { is_healthy && [ "$(worker_pid)" != "$old" ]; }
	wait_for back
	echo_check || fail "$what: not served"
	expect 0 "$ZT" reload echo -c "$CONF"
	stop echo
	same "$STATUS" 0 "$what: exit code"
}

python='import os, signal, sys'
lives "ignored signals" python3 -c "$python
for s in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE): signal.signal(s, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])" "$ZT" echo -c "$CONF"
lives "blocked signals" python3 -c "$python
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
os.execv(sys.argv[1], sys.argv[1:])" "$ZT" echo -c "$CONF"
lives "stray descriptors" bash -c "exec '$ZT' echo -c '$CONF' 3</ 5</ 6</ 7</ 8</ 9</ 200</"
lives "no standard descriptors" bash -c "exec '$ZT' echo -c '$CONF' <&- >&- 2>&-"
lives "24 descriptors" bash -c "ulimit -n 24; exec '$ZT' echo -c '$CONF'"
lives "a huge environment" env HUGE="$(head -c 100000 /dev/zero | tr '\0' x)" "$ZT" echo -c "$CONF"
lives "a relative file" "$ZT" echo -c zt.conf
mkdir gone
lives "no directory" bash -c "cd gone && rmdir ../gone && exec '$ZT' echo -c '$CONF'"
if [ "$(id -u)" = 0 ] && unshare -mpf true 2>/dev/null; then
	lives "no /proc" unshare -m bash -c "mount -t tmpfs none /proc && exec '$ZT' echo -c '$CONF'"
fi
pass
