#!/bin/bash
# core
# security
# A configuration with a fault changes nothing; a good one is served at once; live connections
# outlast both.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
cat >"$TMP/live.py" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
for line in sys.stdin:
    s.sendall(b"x"); print("back" if s.recv(1) == b"x" else "lost", flush=True)
PY
coproc LIVE { python3 "$TMP/live.py" "$PORT"; }
live_pid=$LIVE_PID # bash forgets it when the process ends
live() {
	local got
	echo go >&"${LIVE[1]}"
	read -r -t 60 got <&"${LIVE[0]}" || fail "the live connection was cut: $1"
	same "$got" back "live connection: $1"
}
live "before"
first=$(worker_pid)

echo_conf 'max_conns = many'
expect 3 "$ZT" reload echo -c "$CONF"
has "$ERR" "$CONF:6:"
echo_conf 'max_con = 5'
expect 3 "$ZT" reload echo -c "$CONF"
has "$ERR" "max_conns"
echo_check || fail "the old configuration does not serve"
same "$(status epoch)" 1 "epoch after refused reloads"

taken=$(free_port)
start taken python3 -c "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',$taken)); s.listen(); time.sleep(600)"
wait_for listening "$taken"
echo_conf "	127.0.0.1:$taken"
expect 7 "$ZT" reload echo -c "$CONF"
has "$ERR" "127.0.0.1:$taken"
echo_check || fail "the old listener does not serve"

second=$(free_port)
echo_conf "	127.0.0.1:$second" 'max_conns = 77'
expect 0 "$ZT" reload echo -c "$CONF"
same "$(status epoch)" 2 "epoch"
echo_check "$second" || fail "the new listener does not serve"
echo_check || fail "the kept listener does not serve"
live "after a reload that added a listener"
same "$(worker_pid)" "$first" "worker (a reload starts no new process)"

PORT=$second echo_conf
expect 0 "$ZT" reload echo -c "$CONF"
! listening "$PORT" || fail "the removed listener still accepts"
echo_check "$second" || fail "the listener that stays does not serve"
live "after its own listener was removed"

echo_conf 'idle = 5'
kill -HUP "${PIDS[echo]}"
refused() { grep -q "reload refused" "$TMP/echo.log" && grep -q ":6:" "$TMP/echo.log"; }
wait_for refused
printf '[log]\nfile = %s/new.log\n' "$TMP" >>"$CONF"
sed -i /idle/d "$CONF"
expect 3 "$ZT" reload echo -c "$CONF"
has "$ERR" "restart"
live "at the end"
kill "$live_pid"
wait "$live_pid" 2>/dev/null
stop echo
same "$STATUS" 0 "exit code"
pass
