#!/usr/bin/env bash
# core
# security
# An edge says in its hello which of how many workers it is. A connector that is met by one dials the others by their
# names, has one connection to each, and follows when there are more or fewer. One that lies about it is dialled no more
# often than one that breaks off, and holds no more than sixteen places.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
cat >"$TMP/many.py" <<'PY'
# An edge of several workers, all of them in here. The file `as` says what it claims: COUNT, and how it answers:
# honest, or "wrong": always the index after the one that was asked for, or "flips":
# sixteen workers to who asks for none of them, one to who asks for one.
import re
from edgepeer import *
class Many(Conn):
    def say_hello(self, version=1, role=1):
        count, how = open(sys.argv[4] + ".as").read().split()
        count, name = int(count), names.pop(id(self.context), "") or ""
        asked = int(m[1]) if (m := re.fullmatch(r"worker-(\d+)\.zt-tunnel\.invalid", name)) else None
        if how == "flips":
            count = 16 if asked is None else 1
        index = 1 % count if asked is None else asked % count
        if how == "wrong":
            index = (index + 1) % count
        say("said", conn=self.number, name=name, index=index, count=count)
        self.frame(HELLO, 0, struct.pack("<HHBBBB16sIIQI", version, version, role, index, count, 0, os.urandom(16), 0, 100, 1 << 26,
                                         65536) + string("many"))
    def command(conns, word, rest):
        if word == "cutall":
            for c in conns:
                try: c.sock.shutdown(socket.SHUT_RDWR)
                except (OSError, AttributeError): pass
names = {}
def fresh(number, raw, context):
    own = tls(*sys.argv[2:4])
    own.sni_callback = lambda sock, name, c: names.__setitem__(id(own), name)
    return Many(number, raw, own, Many.say_hello)
fresh.command = Many.command
main(fresh)
PY
claim() { echo "$1 $2" >"$TMP/one.ctl.as"; }
start_many() { start one env PYTHONPATH="$ROOT/tests/behaviour" python3 "$TMP/many.py" "$ONE" "$TMP/one.id/identity.pem" "$TMP/one.id/trust/infra.pem" "$TMP/one.ctl"; }
said() { count one "e['ev'] == 'said' and ($1)"; }

start_ca
ONE=$(free_port)
join_as edge one "$TMP/one.id"
claim 3 honest
start_many
wait_for listening "$ONE"
connector_conf "127.0.0.1:$ONE" "$CATCH_ALL"
new_token connector nas
connector 0 join --token-file "$TMP/token"
start_connector
wait_for says "uplink_connections{127.0.0.1:$ONE}" 3
same "$(said "e['name'] == '' and e['index'] == 1")" 1 "dials without a name, met by worker 1"
for k in 0 2; do same "$(said "e['name'] == 'worker-$k.zt-tunnel.invalid'")" 1 "dials of worker $k"; done
same "$(said "e['name'] == 'worker-1.zt-tunnel.invalid'")" 0 "dials of worker 1, which was met"
wait_for eval '[ "$(count one "e[\"ev\"] == \"health\"")" = 3 ]' # each was told the rules
says uplinks 1 && says uplinks_up 1 || fail "edges are counted, not connections"

# More of them, fewer, and one alone: as an edge that is started again with another number.
claim 5 honest
tell one cutall
wait_for says "uplink_connections{127.0.0.1:$ONE}" 5
claim 1 honest
tell one cutall
single() { says uplinks_up 1 && ! child worker "counters.uplink_connections{127.0.0.1:$ONE}" >/dev/null; }
wait_for single

# Lies: who answers for another one is left, and asked again as seldom as one that breaks off. Each time a fresh
# connector, whose patience is not used up.
lies() { # COUNT HOW
	stop connector
	same "$STATUS" 0 "the end of the connector"
	lacks "$(<"$TMP/connector.log")" "child died"
	claim "$1" "$2"
	start_connector
}
several() { [ "$(child worker "counters.uplink_retries{127.0.0.1:$ONE}")" -ge "$1" ]; }
lies 3 wrong
wait_for logged "another worker of the edge answered than was asked for"
wait_for several 3
says uplinks_up 1 || fail "the worker that was met is no good any more"
lies 200 honest
wait_for several 3
says uplinks_up 0 || fail "an edge of 200 workers"
[ "$(said "e['count'] == 200")" -le 20 ] || fail "it was dialled without a pause: $(said "e['count'] == 200") times"

# Sixteen workers, then one: that is at most sixteen dials, and each that is refused waits its time.
n=$(said True)
lies 1 flips
wait_for eval '[ "$(said "e[\"count\"] == 16")" -ge 1 ]'
sleep 1 # an observation, not a proof: what would spin makes thousands of dials in it
[ $(($(said True) - n)) -le 100 ] || fail "$(($(said True) - n)) dials of an edge that flips"
stop connector
same "$STATUS" 0 "the end of the connector"
lacks "$(<"$TMP/connector.log")" "child died"
pass
