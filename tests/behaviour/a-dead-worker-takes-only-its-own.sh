#!/bin/bash
# core
# One of three workers is killed under load: its visitors are cut, the others' downloads go on, and it is back with all
# its tunnels. One that dies again and again has no visitors waiting for it: the others get them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/workers.inc.sh"
need ss

N=$(free_port) LOAD=${LOAD:-50}
drip_origin home "$N"
host_section home public home.test
ingress home 'hostname = home.test' "service = http://127.0.0.1:$N"
ingress rest 'service = http_status:404'
start_web
wait_for all_have tunnels 1

cat >"$TMP/load.py" <<'PY'
# Downloads without an end, each on its own connection; said is how many live, and how many were cut.
import selectors, socket, ssl, sys, time
port, ca, n = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile=ca)
sel, live, cut, told = selectors.DefaultSelector(), 0, 0, None
for i in range(n):
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60), server_hostname="home.test")
    s.sendall(b"GET /drip HTTP/1.1\r\nHost: home.test\r\n\r\n")
    assert s.recv(4096).startswith(b"HTTP/1.1 200")
    s.setblocking(False)
    sel.register(s, selectors.EVENT_READ, [time.monotonic()])
    live += 1
while True:
    for key, _ in sel.select(0.2):
        try:
            more = key.fileobj.recv(65536)
        except ssl.SSLWantReadError:
            continue
        except OSError:
            more = b""
        if more:
            key.data[0] = time.monotonic()
        else:
            sel.unregister(key.fileobj)
            live, cut = live - 1, cut + 1
    slow = sum(time.monotonic() - k.data[0] > 5 for k in sel.get_map().values())
    if (live, cut, slow) != told:
        told = (live, cut, slow)
        print("live", live, "cut", cut, "slow", slow, flush=True)
PY
start load python3 "$TMP/load.py" "$EDGE_PORT" "$WEB_CA" "$LOAD"
wait_for grep -q "^live $LOAD " "$TMP/load.log"
wait_for of_workers "sum(c(i, 'visitors') for i in range($WORKERS)) == $LOAD"
victims=$(of_workers "c(1, 'visitors')")
[ "$victims" -gt 0 ] && [ "$victims" -lt "$LOAD" ] || fail "$victims of $LOAD visitors at one worker"

kill -KILL "$(pid_of 1)"
wait_for of_workers "w[1]['restarts'] == 1 and w[1]['state'] == 'up' and c(1, 'tunnels') == 1"
# By the log's own times: asking takes longer than it does.
back=$(python3 - "$TMP/edge.log" <<'PY'
import datetime, sys
died = None
for line in open(sys.argv[1]):
    if line.startswith("20"):
        at = datetime.datetime.fromisoformat(line.split()[0][:-1])
        if "child died child=worker" in line:
            died = at
        elif died and "a connector is connected" in line:
            print(int((at - died).total_seconds() * 1000))
            break
PY
)
echo "figure: a killed worker was back, with its tunnel, after $back ms; $victims of $LOAD downloads were its own"
[ "$back" -lt 5000 ] || fail "that took too long"
wait_for grep -q "^live $((LOAD - victims)) cut $victims " "$TMP/load.log"
same "$(ask_many 20 home.test /)" "20 200" "answers after it is back"
same "$(tail -1 "$TMP/load.log" | cut -d' ' -f1-4)" "live $((LOAD - victims)) cut $victims" "downloads in the end"
same "$(of_workers "[k['restarts'] for k in w]")" "[0, 1, 0]" "restarts"

# Again and again: from the fourth death in a row on nobody waits in its queue.
queues() { ss -Hltn "sport = :$EDGE_PORT" | wc -l; }
same "$(queues)" "$WORKERS" "accept queues"
for ((i = 2; i < 6; i++)); do
	wait_for of_workers "w[1]['restarts'] == $((i - 1)) and w[1]['state'] == 'up'"
	kill -KILL "$(pid_of 1)"
	[ "$i" -lt 4 ] || break
done
two_queues() { [ "$(queues)" = $((WORKERS - 1)) ]; }
wait_for two_queues
# (503 is what one says that is back and has no tunnel yet.)
same "$(ask_many 12 home.test / | grep -cvE ' (200|503)$')" 0 "other answers while it is away"
wait_for of_workers "w[1]['state'] == 'up' and c(1, 'tunnels') == 1"
same "$(queues)" "$WORKERS" "accept queues when it is back"
same "$(ask_many 24 home.test /)" "24 200" "answers when it is back"
wait_for of_workers "c(1, 'requests') > 0"
same "$(tail -1 "$TMP/load.log" | cut -d' ' -f2)" "$((LOAD - victims))" "the others' downloads"
stop load
pass
