#!/bin/bash
# core
# zt status and zt health answer through the control socket, and say so when nobody is there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
expect 5 "$ZT" status echo -c "$CONF"
has "$ERR" "not running"
expect 5 "$ZT" status -c "$CONF"
expect 1 "$ZT" health -c "$CONF"
expect 5 "$ZT" reload echo -c "$CONF"
start_echo
expect 0 "$ZT" health -c "$CONF"
has "$OUT" "healthy"
expect 0 "$ZT" status -c "$CONF"
has "$OUT" "listening on 127.0.0.1:$PORT"
has "$OUT" "worker"
same "$(status role)" echo role
same "$(status healthy)" true healthy
same "$(status epoch)" 1 epoch
same "$(status children.0.state)" up state
kill -0 "$(worker_pid)" || fail "the worker's pid is wrong"
expect 2 "$ZT" health --json -c "$CONF"
expect 2 "$ZT" status echo more -c "$CONF"
stop echo
expect 1 "$ZT" health -c "$CONF"
[ ! -e "$TMP/run/echo.sock" ] || fail "the control socket is left behind"
pass
