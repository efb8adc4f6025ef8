#!/bin/bash
# security
# A worker that the kernel ends for a forbidden system call (SIGSYS; here sent by hand) is
# replaced, and the log and the status say why it died.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
old=$(worker_pid)
kill -SYS "$old"
replaced() { is_healthy && [ "$(worker_pid)" != "$old" ]; }
wait_for replaced
echo_check || fail "not served after the breach"
has "$(status children.0.last_death)" "tried a system call that its jail forbids (SIGSYS)"
has "$(cat "$TMP/echo.log")" "tried a system call that its jail forbids (SIGSYS)"
stop echo
pass
