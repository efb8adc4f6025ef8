#!/bin/bash
# core
# SIGTERM: what was sent still comes back, new connections are refused, exit 0. A peer that
# does not read is cut when the drain time is over. A second SIGTERM ends at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
cat >"$TMP/stuck.py" <<'PY'
import select, socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(("127.0.0.1", int(sys.argv[1]))); s.setblocking(False)
while not select.select([sys.stdin], [], [], 0.01)[0]:   # sends whenever it can, never reads
    try: s.send(b"x" * 65536)
    except (BlockingIOError, ConnectionError): pass
PY
# The worker holds bytes that it cannot send, and for a while nothing has moved.
stuck() {
	local now before
	before=$(status children.0.counters.bytes)
	sleep 0.3
	now=$(status children.0.counters.bytes)
	[ "$now" = "$before" ] && [ "$now" -gt 0 ] && [ "$(status children.0.counters.echo_buffers)" = 1 ]
}
begin() {
	start_echo
	mkfifo "$TMP/hold"
	start peer sh -c "exec python3 '$TMP/stuck.py' $PORT <'$TMP/hold'"
	exec 9>"$TMP/hold"
	wait_for stuck
}
end() {
	exec 9>&-
	join peer
	rm -f "$TMP/hold" "$TMP/peer.log"
}
refuses() { ! listening "$PORT"; }

echo_conf '[limits]' 'drain = 400ms'
begin
stop echo
same "$STATUS" 0 "exit code"
grep -q "drain took too long" "$TMP/echo.log" || fail "the stuck peer was not waited for"
end

echo_conf '[limits]' 'drain = 1h'
begin
worker=$(worker_pid)
kill -TERM "${PIDS[echo]}"
wait_for refuses
running echo || fail "did not wait for the peer"
kill -TERM "${PIDS[echo]}"
join echo
same "$STATUS" 0 "exit code"
wait_for gone "$worker"
end

echo_conf
start_echo # with nobody connected a stop waits for nothing
stop echo INT
same "$STATUS" 0 "exit code after SIGINT"
pass
