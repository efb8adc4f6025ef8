#!/bin/bash
# core
# One state directory, one role process: the second says who has it and exits 7. Directories
# that others can enter are refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
expect 7 "$ZT" echo -c "$CONF"
has "$ERR" "${PIDS[echo]}"
has "$ERR" "already runs"
echo_check || fail "the first instance suffered"
is_healthy >/dev/null || fail "the second took the control socket away"
other=$(free_port)
sed "s|$TMP/state|$TMP/state2|; s|:$PORT|:$other|" "$CONF" >"$TMP/two.conf" # same run_dir
expect 7 "$ZT" echo -c "$TMP/two.conf"
has "$ERR" "$TMP/run"
is_healthy >/dev/null || fail "another state directory took the control socket away"
stop echo

chmod 755 "$TMP/state/echo"
expect 1 "$ZT" echo -c "$CONF"
has "$ERR" "chmod 700"
chmod 700 "$TMP/state/echo"
rm -rf "$TMP/state/echo" && mkdir "$TMP/elsewhere" && ln -s "$TMP/elsewhere" "$TMP/state/echo"
expect 1 "$ZT" echo -c "$CONF"
has "$ERR" "$TMP/state/echo"
rm "$TMP/state/echo"

start taken python3 -c "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',$PORT)); s.listen(); time.sleep(600)"
wait_for listening "$PORT"
expect 7 "$ZT" echo -c "$CONF"
has "$ERR" "127.0.0.1:$PORT"
pass
