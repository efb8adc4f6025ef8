#!/bin/bash
# The log's disk fills up: the role serves on; when there is room again, lines come again and
# one says how many were lost.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
need_root
mkdir "$TMP/small"
unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
if [ -z "${IN_NS:-}" ]; then
	IN_NS=1 TMP=$TMP exec unshare -m bash "$0"
fi
mount -t tmpfs -o size=64k,mode=700 none "$TMP/small" || skip "cannot mount a tmpfs"
chown 65532:65532 "$TMP/small"
echo_conf '[log]' "file = $TMP/small/zt.log"
start_echo
head -c 48K /dev/zero >"$TMP/small/ballast"
storm() {
	python3 - "$PORT" <<'PY'
import socket, sys
for _ in range(500):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.close()
PY
}
storm
lost() { [ "$(status children.0.counters.log_lines_lost_disk)" -gt 0 ]; }
wait_for lost
echo_check || fail "not served on a full disk"
rm "$TMP/small/ballast"
echo_check
told() { grep -q "log lines were lost: the file could not be written lines=" "$TMP/small/zt.log"; }
wait_for told
echo_check || fail "not served afterwards"
stop echo
same "$STATUS" 0 "exit code"
umount "$TMP/small"
pass
