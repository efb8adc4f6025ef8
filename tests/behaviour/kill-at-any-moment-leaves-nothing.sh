#!/bin/bash
# security
# SIGKILL to the supervisor at 50 random moments of its start, restarts and reloads: nothing of it
# lives on, and the next start needs no help.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
need_root
mkdir -m 700 "$TMP/logs"
chown 65532:65532 "$TMP/logs"
echo_conf '[log]' "file = $TMP/logs/zt.log"
# Whoever has our log as standard error, or a pipe that leads to it, shares no other name with us:
# the children's environment is empty. Their binary and session are ours.
ours() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(stat -c %i -L "$p/exe" 2>/dev/null)" = "$inode" ] && [ "$(cut -d ' ' -f 6 "$p/stat" 2>/dev/null)" = "$session" ] &&
			tr '\0' ' ' <"$p/cmdline"
	done
}
cp "$ZT" "$TMP/zt-here" # an inode that no other test runs
inode=$(stat -c %i "$TMP/zt-here") session=$(cut -d ' ' -f 6 /proc/$$/stat)
ZT=$TMP/zt-here
chmod 711 "$TMP"
nobody_left() { [ -z "$(ours)" ]; }
for i in {1..50}; do
	start echo "$ZT" echo -c "$CONF"
	case $((i % 3)) in
	0) wait_for is_healthy && kill -HUP "${PIDS[echo]}" ;;
	1) wait_for is_healthy && kill -KILL "$(status children.1.pid)" ;;
	esac
	sleep "0.0$((RANDOM % 3))$((RANDOM % 10))"
	kill -KILL "${PIDS[echo]}"
	wait "${PIDS[echo]}" 2>/dev/null
	unset "PIDS[echo]"
	wait_for nobody_left
done
start_echo
echo_check || fail "not served after 50 kills"
stop echo
same "$STATUS" 0 "exit code"
nobody_left || fail "still there: $(ours)"
pass
