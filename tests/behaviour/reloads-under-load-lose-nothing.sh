#!/bin/bash
# core
# 200 reloads and a storm of SIGHUP, with a listener that comes and goes, while connections are
# made and used all the time: none is reset, no descriptor is left open, no process is replaced.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
second=$(free_port)
echo_conf
start_echo
cat >"$TMP/load.py" <<'PY'
import os, socket, sys, threading
port, stop, bad, n = int(sys.argv[1]), threading.Event(), [], [0]
def one():
    while not stop.is_set():
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=60)
            for _ in range(3):
                data = os.urandom(3000); s.sendall(data); got = b""
                while len(got) < len(data):
                    part = s.recv(4096)
                    if not part: raise OSError("closed early")
                    got += part
                if got != data: raise OSError("other bytes")
            s.close(); n[0] += 1
        except OSError as e: bad.append(str(e))
ts = [threading.Thread(target=one) for _ in range(4)]
[t.start() for t in ts]
print("loaded", flush=True)
sys.stdin.readline(); stop.set(); [t.join() for t in ts]
print(f"{n[0]} connections, {len(bad)} bad {bad[:3]}", flush=True)
sys.exit(bool(bad) or n[0] < 100)
PY
mkfifo "$TMP/hold"
start load sh -c "exec python3 '$TMP/load.py' $PORT <'$TMP/hold'"
exec 9>"$TMP/hold"
loaded() { grep -q loaded "$TMP/load.log"; }
wait_for loaded

worker=$(worker_pid)
reloads() { # N
	local i
	for ((i = 0; i < $1; i++)); do
		echo_conf "	127.0.0.1:$second"
		"$ZT" reload echo -c "$CONF" >/dev/null || fail "reload $i"
		echo_conf
		"$ZT" reload echo -c "$CONF" >/dev/null || fail "reload $i back"
	done
}
reloads 100
same "$(status epoch)" 201 "epoch"
for _ in {1..300}; do kill -HUP "${PIDS[echo]}"; done
answered() { is_healthy && "$ZT" reload echo -c "$CONF"; }
wait_for answered
echo bye >&9
exec 9>&-
join load
same "$STATUS" 0 "the load ($(tail -n 1 "$TMP/load.log"))"
same "$(worker_pid)" "$worker" "worker"

# With nobody connected and nothing in flight both hold what they held at the start.
count() { find "/proc/$1/fd" 2>/dev/null | wc -l; }
if [ "$(id -u)" = 0 ]; then
	super=$(count "${PIDS[echo]}") child=$(count "$worker")
	reloads 20
	settled() { [ "$(count "${PIDS[echo]}")" = "$super" ] && [ "$(count "$worker")" = "$child" ]; }
	wait_for settled
	[ "$super" -lt 30 ] && [ "$child" -lt 20 ] || fail "$super and $child descriptors are open"
fi
stop echo
same "$STATUS" 0 "exit code"
pass
