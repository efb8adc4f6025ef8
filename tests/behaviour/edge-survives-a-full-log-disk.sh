#!/bin/bash
# The disk of the access log is full: visitors are served on, lines are counted as lost, and come again when there is room.
# A second edge or connector on the same state is refused while the first one runs, and names it.
. "$(dirname "$0")/lib.sh"
need_root
unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
if [ -z "${IN_NS:-}" ]; then
	IN_NS=1 TMP=$TMP exec unshare -m bash "$0"
fi
. "$(dirname "$0")/web.inc.sh"
. "$(dirname "$0")/storm.inc.sh"
mkdir "$TMP/small"
mount -t tmpfs -o size=64k,mode=700 none "$TMP/small" || skip "cannot mount a tmpfs"
chown 65532:65532 "$TMP/small"
storm_origin
edge_line '[log]' "file = $TMP/small/zt.log"
start_edge
expect 7 "$ZT" edge -c "$EDGE_CONF"
has "$ERR" "${PIDS[edge]}"
has "$ERR" "already runs"
storm kind=none s=2 calm=0 # 400 requests a second, of 500 bytes of log each
lost() { [ "$("$ZT" status edge --json -c "$EDGE_CONF" | json log_lines_lost)" -gt 0 ] || [ "$(edge_child logd counters.log_lines_lost_disk)" -gt 0 ]; }
wait_for lost
storm_is 's["kept"]["during"]["failed"] == 0 and s["kept"]["during"]["n"] > 100'
same "$(web app.test /)" ok "an answer on a full disk"
: >"$TMP/small/zt.log" # somebody makes room
told() { web app.test / && grep -aq "log lines were lost: the file could not be written lines=" "$TMP/small/zt.log"; }
wait_for told
edge_is_alive
stop edge
umount "$TMP/small"
pass
