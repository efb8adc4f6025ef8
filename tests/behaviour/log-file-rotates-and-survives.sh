#!/bin/bash
# core
# The log file: every process writes into it through logd; rotation, reopening, a killed logd
# and a full disk lose at most lines, never the service.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
mkdir -m 700 "$TMP/logs"
[ "$(id -u)" != 0 ] || chown 65532:65532 "$TMP/logs"
log=$TMP/logs/zt.log
echo_conf '[log]' "file = $log" 'format = json' 'max_size = 64K' 'keep = 2'
if [ "$(id -u)" = 0 ] && [ "${ZT_LIMITS_INSECURE_NO_SANDBOX:-}" != true ]; then
	chown 0:0 "$TMP/logs"
	expect 1 "$ZT" echo -c "$CONF"
	has "$ERR" "chown 65532:65532 $TMP/logs"
	chown 65532:65532 "$TMP/logs"
fi
start_echo
ready() { grep -q '"msg":"ready"' "$log"; }
wait_for ready
echo_check
closed() { grep -q '"msg":"closed"' "$1"; }
wait_for closed "$log"
python3 - "$log" <<'PY' || fail "a line of the log is not JSON"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert {"ts", "level", "role", "proc", "msg"} <= set(lines[0]), lines[0]
assert {l["proc"] for l in lines} >= {"super", "worker"}
PY

mv "$log" "$TMP/logs/away"
kill -USR1 "${PIDS[echo]}"
wait_for test -e "$log"
echo_check
wait_for closed "$log"


python3 - "$PORT" <<'PY'
import socket, sys
for _ in range(800):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.close()
PY
wait_for test -e "$log.1"
[ "$(stat -c %s "$log.1")" -le 65536 ] || fail "rotated too late: $(stat -c %s "$log.1")"

kill -KILL "$(status children.0.pid)"
wait_for is_healthy
echo_check || fail "not served after logd died"
died() { grep -q '"msg":"child died","child":"logd"' "$log"; }
wait_for died
stop echo
same "$STATUS" 0 "exit code"
tail -n 1 "$log" | grep -q '"msg":"stopping"\|"msg":"stopped"\|child left' || fail "the last words are not in the file"
pass
