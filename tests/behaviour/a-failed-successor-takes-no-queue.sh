#!/usr/bin/env bash
# core
# One of a successor's workers dies again and again while the process before still serves: the sockets are those of both,
# so none of them is put to rest for it. The successor is given up, and every worker of the one that goes on has its queue.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/workers.inc.sh"
need ss
N=$(free_port)
drip_origin home "$N"
host_section home public home.test "origin = http://127.0.0.1:$N"
start_authority
join_role edge
start_edge
wait_for "$ZT" health edge -c "$EDGE_CONF"
FIRST=${PIDS[edge]}
queues() { ss -Hltn "sport = :$EDGE_PORT" | wc -l; }
same "$(queues)" "$WORKERS" "accept queues"

# killer.py PID: whoever becomes worker 1 of a supervisor that this one starts is killed, and that one hears of it before
# it hears that it was ready: it stands still while it is looked at. Says how often.
cat >"$TMP/killer.py" <<'PY'
import os, signal, sys, time
def words(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f: return f.read().split(b"\0")
    except OSError: return []
def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f: return f.read().split()
    except OSError: return []
def tell(pid, signo):
    try: os.kill(int(pid), signo)
    except OSError: pass
try: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) # it has to be faster than a start, on a busy machine too
except OSError: pass
killed = set()
print("there", flush=True)
while True:
    pause = 0.005
    for heir in children(sys.argv[1]):
        if b"--heir" not in words(heir): continue
        pause = 0.0005 # a worker is ready 5 ms after its start
        tell(heir, signal.SIGSTOP)
        for kid in set(children(heir)) - killed:
            while b"--heir" in (w := words(kid)): time.sleep(0.0005) # it was forked, and is nobody yet
            if w[1:3] == [b"--child", b"edge-worker"] and w[4:5] == [b"1"] and w[5].endswith(b"+"):
                tell(kid, signal.SIGKILL)
                killed.add(kid)
                print("killed", len(killed), flush=True)
        tell(heir, signal.SIGCONT)
    time.sleep(pause)
PY
start killer python3 "$TMP/killer.py" "$FIRST"
wait_for grep -q there "$TMP/killer.log"
# One that was ready all the same is a successor like any other: then the next one is tried.
for ((i = 0; i < 5; i++)); do
	said=$("$ZT" upgrade edge -c "$EDGE_CONF" 2>&1) || break
done
has "$said" "did not get ready within 10 s"
stop killer
[ "$(tail -1 "$TMP/killer.log" | cut -d' ' -f2)" -ge 4 ] || fail "it died too seldom: $(tail -1 "$TMP/killer.log")"
same "$(queues)" "$WORKERS" "accept queues behind it"
before=$(of_workers "[c(i, 'accepted') for i in range($WORKERS)]")
same "$(ask_many 30 home.test /)" "30 200" "answers"
of_workers "all(c(i, 'accepted') > b for i, b in enumerate($before))" || fail "a worker takes nobody any more"
upgraded() { "$ZT" upgrade edge -c "$EDGE_CONF" >"$TMP/last" 2>&1 || ! grep -q 'still ending' "$TMP/last"; }
wait_for upgraded
lacks "$(<"$TMP/last")" "refused"
same "$(ask_many 6 home.test /)" "6 200" "answers of a successor"
stop edge
same "$STATUS" 0 "the exit code"
pass
