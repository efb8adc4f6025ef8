#!/bin/bash
# core
# What others write into the log pipe without an end, of any length, of any bytes: logd goes on,
# and the lines after it are lines.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
need_root # to reach another process's standard error
mkdir -m 700 "$TMP/logs"
chown 65532:65532 "$TMP/logs"
log=$TMP/logs/zt.log
echo_conf '[log]' "file = $log" 'format = json'
start_echo
said() { # TEXT: is it in the file?
	grep -qaF "$1" "$log"
}
wait_for said '"msg":"ready"'
into=/proc/$(status children.1.pid)/fd/2
head -c 100 /dev/urandom >"$into"
python3 -c 'print("y" * 20000, end="END")' >"$into"
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)' >"$into"
printf 'unfinished' >"$into"
printf '\n' >"$into"
kill -KILL "$(status children.1.pid)" # its death is the next line
wait_for is_healthy
wait_for said '"msg":"child died"'
same "$(status children.0.restarts)" 0 "restarts of logd"
echo_check
stop echo
same "$STATUS" 0 "exit code"
python3 - "$log" <<'PY' || fail "a line of ours is not one"
import json, sys
ours = [l for l in open(sys.argv[1], "rb").read().split(b"\n") if b'"msg":' in l]
msgs = [json.loads(l)["msg"] for l in ours]
assert "child died" in msgs and msgs[-1] == "stopped", msgs
PY
pass
