#!/bin/bash
# security
# Strangers who say that they mean another worker of an edge: one that there is not, one that is dead or dies just then, one
# that stands still, a thousand times, and by halves. They are closed or wait their time, nothing of it piles up, visitors are served
# and connectors come and go as before.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/workers.inc.sh"

N=$(free_port) MANY=${MANY:-1000}
drip_origin home "$N"
host_section home public home.test
ingress home 'hostname = home.test' "service = http://127.0.0.1:$N"
ingress rest 'service = http_status:404'
start_web
wait_for all_have tunnels 1

cat >"$TMP/knock.py" <<'PY'
# knock.py PORT TIMES PART NAME...: that many hellos of zt-tunnel/1 for each name, as many bytes of each as PART says
# ("all", or a number), 100 at a time; each waits for its end. Prints how many were closed, how many answered, and how
# many were still waiting after a while.
import select, socket, ssl, sys, time
port, times, part, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_alpn_protocols(["zt-tunnel/1"])
def hello(name):
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
closed = answered = waiting = 0
hellos = [hello(n) for n in names for _ in range(times)]
while hellos:
    batch, hellos = hellos[:100], hellos[100:]
    socks = []
    for h in batch:
        s = socket.create_connection(("127.0.0.1", port), timeout=60)
        try:
            s.sendall(h if part == "all" else h[:int(part)])
        except OSError:
            pass
        socks.append(s)
    end = time.monotonic() + (30 if part == "all" and times < 100 else 0.3)
    while socks and (left := end - time.monotonic()) > 0:
        for s in select.select(socks, [], [], left)[0]:
            try:
                more = s.recv(4096)
            except OSError:
                more = b""
            closed, answered = closed + (not more), answered + bool(more)
            socks.remove(s)
            s.close()
    waiting += len(socks)
    for s in socks: s.close()
print(closed, answered, waiting)
PY
knock() { python3 "$TMP/knock.py" "$EDGE_PORT" "$@"; }
w() { printf 'worker-%s.zt-tunnel.invalid\n' "$@"; }
files_of() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

# Each that there is answers; none that there is not.
mapfile -t there < <(w 0 1 2)
mapfile -t not_there < <(w 3 15 16 99 255 256 65536 -1 01 1x)
same "$(knock 4 all "${there[@]}" app.zt-tunnel.example)" "0 16 0" "hellos for workers that there are, and for none"
same "$(knock 4 all "${not_there[@]}" x.zt-tunnel.invalid worker.zt-tunnel.invalid)" "48 0 0" \
	"hellos for workers that there are not"
same "$(of_workers "total['handed_over'] > 0 and total['handed_lost'] == 40 + 8")" True "what was counted: $(of_workers "[total[k] for k in ('handed_over', 'taken_over', 'handed_lost')]")"

# A thousand, by halves, of one that there is: what is not a whole hello is handed to nobody.
before=$(of_workers "total['handed_over'] + total['handed_lost']")
same "$(knock "$MANY" 60 worker-1.zt-tunnel.invalid | awk '{print $2}')" 0 "half hellos that were answered"
same "$(of_workers "total['handed_over'] + total['handed_lost'] == $before")" True "half hellos that were handed over"
same "$(ask_many 12 home.test /)" "12 200" "visitors beside half hellos"

# One that stands still: what its line takes waits, the rest is closed, the others hold none of it.
victim=$(pid_of 1) other=$(pid_of 0)
idle=$(files_of "$other")
kill -STOP "$victim"
same "$(of_workers "w[1]['counters'] is not None")" True "a status that does not wait for it"
knock "$MANY" all worker-1.zt-tunnel.invalid >"$TMP/still"
held=$(($(files_of "$other") - idle))
[ "$held" -lt 64 ] || fail "$held descriptors are held for a worker that stands still"
kill -CONT "$victim"
echo "figure: $MANY hellos for a worker that stood still: closed, answered, still waiting: $(<"$TMP/still"); held elsewhere: $held"
[ "$(awk '{print $1}' "$TMP/still")" -gt 0 ] || fail "all of them were taken"
quiet() { [ "$(files_of "$victim")" -le $((idle + 8)) ]; }
wait_for quiet
wait_for all_have tunnels 1
same "$(ask_many 12 home.test /)" "12 200" "visitors when it goes on"

# One that dies with some on their way to it: they end with it, or are served by its successor where they waited in its own
# queue; nobody waits, and nobody keeps them.
before=$(of_workers "total['handed_over']") || before=0
kill -STOP "$victim"
knock 20 all worker-1.zt-tunnel.invalid >"$TMP/dying" &
on_their_way=$!
wait_for of_workers "total['handed_over'] > $before"
kill -KILL "$victim"
wait "$on_their_way"
read -r closed answered waiting <"$TMP/dying"
[ "$closed" -gt 0 ] && [ $((closed + answered)) = 20 ] && [ "$waiting" = 0 ] || fail "on their way to one that died: $(<"$TMP/dying")"
wait_for of_workers "w[1]['state'] == 'up' and c(1, 'tunnels') == 1"
quiet_again() { [ "$(files_of "$other")" -le $((idle + 8)) ]; }
wait_for quiet_again
same "$(ask_many 12 home.test /)" "12 200" "visitors after that"
echo "figure: 20 hellos for a worker that died with them on their way: $closed closed, $answered answered by its successor"
victim=$(pid_of 1)

# One that is dead: closed at once.
kill -KILL "$victim"
knock 50 all worker-1.zt-tunnel.invalid >/dev/null
wait_for of_workers "w[1]['state'] == 'up' and c(1, 'tunnels') == 1"
same "$(of_workers "[k['restarts'] for k in w]")" "[0, 2, 0]" "restarts"
same "$(ask_many 12 home.test /)" "12 200" "visitors in the end"
lacks "$(<"$TMP/edge.log")" "says what no worker says"
pass
