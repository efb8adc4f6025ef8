#!/usr/bin/env bash
# core
# A SIGHUP that comes while an upgrade runs is for whoever serves behind it: the successor may have read its configuration
# before the change, and nobody would be told that it is not in force.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
echo_conf
start_echo
FIRST=${PIDS[echo]} OTHER=$(free_port)
ready() { [ "$(grep -c 'echo/super: ready' "$TMP/echo.log")" -ge "$1" ]; }
upgraded() { [ "$(grep -c 'upgraded: another process' "$TMP/echo.log")" = "$1" ]; }
# Twice: the first process gives its place away otherwise than those that came by an upgrade.
for n in 1 2; do
	kill -USR2 "$FIRST"
	wait_for ready $((n + 1)) # it serves, and has a second of trial
	OTHER=$(free_port)
	sed -i "s/^listen = .*/listen = 127.0.0.1:$PORT, 127.0.0.1:$OTHER/" "$CONF"
	kill -HUP "$FIRST"
	upgraded "$n" && fail "the upgrade was over before the signal: nothing was tried"
	wait_for upgraded "$n"
	wait_for echo_check "$OTHER"
	echo_check || fail "not served after upgrade $n"
done
same "$(grep -c 'echo/super: reloaded' "$TMP/echo.log")" 2 "reloads"
stop echo
same "$STATUS" 0 "the exit code"
pass
