#!/bin/bash
# security
# A worker: empty environment, nothing secret in its arguments, descriptors that can be listed,
# no core dumps, another user when started as root.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
SECRET_IN_ENV=hunter2 start echo "$ZT" echo -c "$CONF"
wait_for is_healthy
pid=$(worker_pid)
same "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "zt --child echo-worker 1 0 " "arguments"
if [ "$(id -u)" = 0 ]; then # the kernel hides the rest of an undumpable process from others
	same "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -v '^JOURNAL_STREAM=')" "" "environment"
	if [ "${ZT_LIMITS_INSECURE_NO_SANDBOX:-}" != true ]; then
		same "$(awk '/^Uid:/ {print $2, $3, $4}' "/proc/$pid/status")" "65532 65532 65532" "user ids"
		same "$(awk '/^CapEff:/ {print $2}' "/proc/$pid/status")" 0000000000000000 "capabilities"
		same "$(awk '/^NoNewPrivs:/ {print $2}' "/proc/$pid/status")" 1 "no_new_privs"
		same "$(awk '/^Seccomp:/ {print $2}' "/proc/$pid/status")" 2 "seccomp mode"
		same "$(awk '/Max core file size/ {print $5}' "/proc/$pid/limits")" 0 "core limit"
	fi
	# 0 1 null, 2 log, 3 orders, 4 words, 6 listener; the poller and the listener's spare: no file of the disk
	for fd in /proc/"$pid"/fd/*; do
		case $(readlink "$fd") in
		/dev/null | socket:* | pipe:* | anon_inode:* | "$TMP"/echo.log) ;;
		*) fail "descriptor ${fd##*/} of the worker is $(readlink "$fd")" ;;
		esac
	done
fi
stop echo
pass
