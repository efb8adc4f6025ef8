#!/bin/bash
# core
# Type=notify: READY=1 when the role serves, RELOADING=1 around a reload, STOPPING=1, and
# WATCHDOG=1 while healthy.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
. "$(dirname "$0")/manager.inc.sh"
start echo env NOTIFY_SOCKET="$TMP/notify" WATCHDOG_USEC=200000 "$ZT" echo -c "$CONF"
wait_for told READY=1
wait_for told WATCHDOG=1
expect 0 "$ZT" reload echo -c "$CONF"
wait_for told RELOADING=1
stop echo
wait_for told STOPPING=1
pass
