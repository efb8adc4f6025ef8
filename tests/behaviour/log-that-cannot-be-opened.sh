#!/bin/bash
# core
# A log directory that zt may not write is refused at the start, by name. A log file that cannot
# be opened is told on stderr, and logd lives to tell it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
mkdir -m 700 "$TMP/logs" "$TMP/logs/zt.log"
[ "$(id -u)" != 0 ] || chown 65532:65532 "$TMP/logs"
echo_conf '[log]' "file = $TMP/logs/zt.log"
start_echo
told() { grep -q "cannot open the log file" "$TMP/echo.log"; }
wait_for told
same "$(status children.0.restarts)" 0 "restarts of logd"
echo_check || fail "not served without a log file"
rmdir "$TMP/logs/zt.log"
echo_check
wait_for test -s "$TMP/logs/zt.log"
stop echo
same "$STATUS" 0 "exit code"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 711 "$TMP"
	mkdir "$TMP/mine"
	chown 12345 "$TMP/mine"
	chmod 755 "$TMP/logs"
	sed -i "s|$TMP/state|$TMP/mine/state|; s|$TMP/run|$TMP/mine/run|" "$CONF"
	chmod 644 "$CONF"
	cp "$ZT" "$TMP/mine/zt" # from where the stranger may run it
	cd "$TMP/mine" || fail "cd"
	for up in "$TMP" "$(dirname "$TMP")" "$(dirname "$(dirname "$TMP")")"; do
		setpriv --reuid 12345 --clear-groups test -x "$up" || pass "the rest needs a scratch directory open to others"
	done
	expect 1 setpriv --reuid 12345 --clear-groups "$TMP/mine/zt" echo -c "$CONF"
	has "$ERR" "$TMP/logs/ is not writable for user 12345"
fi
pass
