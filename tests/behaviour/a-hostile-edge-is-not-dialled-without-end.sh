#!/usr/bin/env bash
# security
# An edge that says another number of workers with each HELLO, and drops each connection: workers that are new to a connector are
# dialled at once, and an edge that always has new ones is not dialled for each of them. WINDOW: seconds that it is watched.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
WINDOW=${WINDOW:-6}
cat >"$TMP/fickle.py" <<'PY'
# fickle.py PORT IDENTITY INFRA: its first workers say in turn that there are 16, and that there are none after them.
import sys
from edgepeer import *
MOST = 16
said = {}
class Fickle(Conn):
    def say_hello(self):
        name = getattr(self.sock, "name", None) or ""
        index = int(name[7:].split(".")[0]) if name.startswith("worker-") else 0
        said[index] = said.get(index, 0) + 1
        count = index + 1 if index < 4 and said[index] % 2 == 0 else MOST
        self.frame(HELLO, 0, struct.pack("<HHBBBB16sIIQI", 1, 1, 1, index, count, 0, os.urandom(16), 0, 100, 1 << 26,
                                         65536) + string("fickle"))
    def announced(self):
        self.sock.close()
context = tls(sys.argv[2], sys.argv[3])
def named(sock, name, _): sock.name = name
context.sni_callback = named
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256)
n = 0
while True:
    raw, _ = listener.accept()
    print("came", flush=True)
    Fickle(n, raw, context, Fickle.say_hello, Fickle.announced).start()
    n += 1
PY
start_ca
BAD=$(free_port)
join_as edge bad "$TMP/bad.id"
new_token connector nas
start fickle python3 "$TMP/fickle.py" "$BAD" "$TMP/bad.id/identity.pem" "$TMP/bad.id/trust/infra.pem"
wait_for listening "$BAD"
connector_conf "127.0.0.1:$BAD" "$CATCH_ALL"
connector 0 join --token-file "$TMP/token"
start_connector
wait_for grep -q came "$TMP/fickle.log"
sleep "$WINDOW" # what is counted is what comes in it
came=$(grep -c came "$TMP/fickle.log")
echo "figure: in $WINDOW s an edge that always has new workers was dialled $came times"
# What an edge with sixteen workers gets that drops every connection, and little more: 80 to 98, and 196 to 238 where all that
# are new are dialled at once.
[ "$came" -le $((60 + 15 * WINDOW)) ] || fail "it was dialled $came times in $WINDOW s"
pass
