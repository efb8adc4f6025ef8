#!/usr/bin/env bash
# security
# An edge that has sixteen workers, eight, sixteen again, and a stream open on each connection to one that is no more: a
# connector lets them finish, and not without end. Beside it another edge is served all the while. CYCLES.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
CYCLES=${CYCLES:-24}
cat >"$TMP/fickle.py" <<'PY'
# fickle.py PORT IDENTITY INFRA CYCLES: an edge whose number of workers changes with each connection that it asks for.
import sys, time
from edgepeer import *
MOST, LEAST, AGAIN = 16, 8, 4
count, newest, lived = MOST, {}, []
class Fickle(Conn):
    def say_hello(self):
        name = getattr(self.sock, "name", None) or ""
        self.index = int(name[7:].split(".")[0]) if name.startswith("worker-") else 0
        self.frame(HELLO, 0, struct.pack("<HHBBBB16sIIQI", 1, 1, 1, self.index, count, 0, os.urandom(16), 0, 100, 1 << 26,
                                         65536) + string("fickle"))
        lived.append(self)
    def announced(self):
        self.open(1, 0)
        self.at = time.monotonic()
        newest[self.index] = self
def until(what):
    end = time.monotonic() + 20
    while not what():
        if time.monotonic() > end: sys.exit("in vain")
        time.sleep(0.01)
context = tls(sys.argv[2], sys.argv[3])
def named(sock, name, _): sock.name = name
context.sni_callback = named
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256)
def accept():
    n = 0
    while True:
        raw, _ = listener.accept()
        Fickle(n, raw, context, Fickle.say_hello, Fickle.announced).start()
        n += 1
threading.Thread(target=accept, daemon=True).start()
until(lambda: len(newest) == MOST)
for cycle in range(2 * int(sys.argv[4])):
    who = newest[cycle % LEAST]
    until(lambda: time.monotonic() > who.at + 1.1) # sooner it would be made to wait
    count = LEAST if count == MOST else MOST
    before = dict(newest)
    who.frame(CTRL, 0, struct.pack("<H", AGAIN), FIN)
    until(lambda: newest[cycle % LEAST] is not who)
    if count == MOST: until(lambda: all(newest[i] is not before[i] for i in range(LEAST, MOST)))
print("ended", len(lived), flush=True)
time.sleep(600)
PY
start_ca
GOOD=$(free_port) BAD=$(free_port) ORIGIN=$(free_port)
join_as edge good "$TMP/good.id"
join_as edge bad "$TMP/bad.id"
new_token connector nas
# Whoever comes may stay.
start origin python3 -c '
import socket, sys
s, held = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256), []
while True: held.append(s.accept()[0])' "$ORIGIN"
wait_for listening "$ORIGIN"
start fickle python3 "$TMP/fickle.py" "$BAD" "$TMP/bad.id/identity.pem" "$TMP/bad.id/trust/infra.pem" "$CYCLES"
wait_for listening "$BAD"
connector_conf "127.0.0.1:$GOOD, 127.0.0.1:$BAD" "$(rule app 'hostname = app.test' "service = tcp://127.0.0.1:$ORIGIN")
$CATCH_ALL"
sed -i "s/^drain = .*/drain = 1h/" "$HOME_CONF"
connector 0 join --token-file "$TMP/token"
start_edge good "$GOOD"
wait_for listening "$GOOD"
start_connector
wait_for grep -q "^ended" "$TMP/fickle.log"
held=$(ss -Htn state established "dport = :$BAD" | wc -l)
echo "figure: an edge that changed its workers $((2 * CYCLES)) times got $(cut -d' ' -f2 <<<"$(grep "^ended" "$TMP/fickle.log")") connections; $held are held"
[ "$held" -le 160 ] || fail "$held connections are held for one edge"
has "$("$ZT" status connector -c "$HOME_CONF")" "uplink_up{127.0.0.1:$GOOD} 1" || fail "the good edge is not up"
same "$(child worker restarts)$(child keeper restarts)$(child tlsd restarts)" 000 "restarts"
pass
