#!/bin/bash
# core
# Standard error is a pipe that nobody reads, or is gone: everything is served, lines are counted
# as lost, reload and stop work.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
storm() {
	python3 - "$PORT" <<'PY'
import socket, sys
for _ in range(1500): # 100 bytes a line: more than the 64 KiB of a pipe
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
    s.sendall(b"x"); assert s.recv(1) == b"x"; s.close()
PY
}
mkfifo "$TMP/unread"
exec 8<>"$TMP/unread" # open, so that it is no closed pipe, and never read
echo_conf
start echo bash -c "exec '$ZT' echo -c '$CONF' 2>'$TMP/unread'"
wait_for is_healthy
storm || fail "a full pipe stopped the service"
[ "$(status children.0.counters.log_lines_lost)" -gt 0 ] || fail "no line was lost: the test is too small"
expect 0 "$ZT" reload echo -c "$CONF"
kill -KILL "$(worker_pid)"
wait_for is_healthy
stop echo
same "$STATUS" 0 "exit code with a full pipe"
exec 8>&-

start echo bash -c "exec '$ZT' echo -c '$CONF' 2> >(exit)"
wait_for is_healthy
storm || fail "a closed pipe stopped the service"
stop echo
same "$STATUS" 0 "exit code with a closed pipe"
pass
