#!/usr/bin/env bash
# core
# security
# An edge that breaks the tunnel's protocol, in whatever way, ends its own connection with the connector and nothing
# else: what another edge has goes on, no process dies, and no origin is met. An edge that asks for what is not in the
# rules is told so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
cat >"$TMP/hostile.py" <<'PY'
import os, socket, struct, sys, threading
from edgepeer import *

def frames(*all):
    def then(c):
        for f in all:
            c.frame(*f)
    return then
def record(data):
    def then(c):
        with c.out:
            c.sock.sendall(data)
    return then
def opening(stream, kind=1, rule=0):
    return (OPEN, stream, struct.pack("<BBHII", kind, 0, rule, 1, 0) + bytes(18) + string("app.test") + string("r"))

# name: (how it says hello, what it does when it is let in, the reason that it is told, the words in the log)
CASES = {
    "speaks-before-hello": (lambda c: c.frame(PING, 0, bytes(8)), None, 4, "it did not say hello first"),
    "another-version": (lambda c: c.say_hello(version=2), None, 6, "no version of the tunnel protocol"),
    "another-role": (lambda c: c.say_hello(role=2), None, 4, "something else than an edge"),
    "malformed-hello": (lambda c: c.frame(HELLO, 0, bytes(20)), None, 4, "a malformed"),
    "no-tunnel-at-all": (lambda c: record(b"GET / HTTP/1.1\r\n\r\n")(c), None, 4, "a frame"),
    "second-hello": (None, lambda c: c.say_hello(), 4, "a second hello"),
    "our-stream-numbers": (None, frames(opening(1)), 4, "a stream number that is not the next"),
    "numbers-go-back": (None, frames(opening(4), opening(2)), 4, "a stream number that is not the next"),
    "data-of-no-stream": (None, frames((DATA, 8, b"x")), 4, "data of a stream that is not open"),
    "more-than-credit": (None, frames(opening(2), *[(DATA, 2, bytes(16376))] * 5), 4, "more data than the stream's credit"),
    "credit-taken-back": (None, frames((CREDIT, 0, struct.pack("<Q", 1))), 4, "credit was taken back"),
    "unknown-but-must": (None, frames((77, 0, b"", 128)), 4, "a frame that we had to know"),
    "datagrams": (None, frames((DGRAM, 2, bytes(4))), 4, "datagrams were not agreed on"),
    "unasked-pong": (None, frames((PONG, 0, bytes(8)), (PONG, 0, bytes(8))), 4, "an answer to a ping that was not sent"),
    "malformed-open": (None, frames((OPEN, 2, bytes(20))), 4, "a malformed"),
    "half-a-frame": (None, record(struct.pack("<BBHI", DATA, 0, 100, 2) + b"x"), 4, "a frame that does not end with its record"),
    "endless-message": (None, frames(*[(CTRL, 0, struct.pack("<H", 1) + bytes(16374))] * 520), 4, "a message longer than any"),
    "mixed-messages": (None, frames((CTRL, 0, struct.pack("<H", 1)), (CTRL, 0, struct.pack("<H", 2))), 4, "a message within another one"),
    "too-many-pings": (None, frames(*[(PING, 0, bytes(8))] * 3000), 4, "too many frames that move nothing"),
}

def serve(name, listener, context):
    hello, then, _, _ = CASES[name]
    while True:
        raw, _ = listener.accept()
        Conn(name, raw, context, hello, then).start()

if sys.argv[1] == "judge": # has every case ended for its own reason? (Who still talks may not hear the last words.)
    lines = open(sys.argv[2]).read().splitlines()
    port = dict(line.split()[1:] for line in lines if line.startswith("port "))
    seen = [json.loads(line) for line in lines if line.startswith("{")]
    log = open(sys.argv[3]).read().splitlines()
    for name, (_, _, reason, words) in CASES.items():
        mine = [e for e in seen if e.get("conn") == name]
        if not any(e["ev"] == "end" for e in mine) or not any(f":{port[name]} " in line and words in line for line in log):
            sys.exit(f"{name} was not ended")
        if any(e["ev"] == "goaway" and e["reason"] != reason for e in mine):
            sys.exit(f"{name} was told another reason than {reason}")
    if sum(e["ev"] == "goaway" for e in seen) < 10:
        sys.exit("nobody is told why")
else:
    context = tls(sys.argv[1], sys.argv[2])
    for name in CASES:
        listener = socket.create_server(("127.0.0.1", 0))
        print("port", name, listener.getsockname()[1], flush=True)
        threading.Thread(target=serve, args=(name, listener, context)).start()
    print("all listen", flush=True)
PY
start_ca
GOOD=$(free_port) ORIGIN=$(free_port)
join_as edge good "$TMP/good.id"
join_as edge bad "$TMP/bad.id"
new_token connector nas
# An origin that counts who comes.
start origin python3 -c '
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    print("hit", flush=True)
    c.close()' "$ORIGIN"
wait_for grep -q ready "$TMP/origin.log"

start bad python3 "$TMP/hostile.py" "$TMP/bad.id/identity.pem" "$TMP/bad.id/trust/infra.pem"
wait_for grep -q "all listen" "$TMP/bad.log"
more=$(sed -n 's/^port .* /\t127.0.0.1:/p' "$TMP/bad.log") # a list goes on in the next line
connector_conf "127.0.0.1:$GOOD"$'\n'"$more" "$(rule app 'hostname = app.test' 'path = ^/never' "service = http://127.0.0.1:$ORIGIN")
$CATCH_ALL"
connector 0 join --token-file "$TMP/token"
start_edge good "$GOOD"
wait_for listening "$GOOD"
start_connector
wait_for heard good 'e["ev"] == "health"'

judged() { python3 "$TMP/hostile.py" judge "$TMP/bad.log" "$TMP/connector.log" 2>"$TMP/judge.log"; }
wait_for judged

# What is not in the rules: another epoch, a number that is none, a kind that the rule does not serve.
tell good open 7 0
wait_for heard good 'e["ev"] == "reset" and e["stream"] == 2 and e["code"] == 8 and e["delivered"] == 0'
tell good open 1 999
wait_for heard good 'e["ev"] == "reset" and e["stream"] == 4 and e["code"] == 8'
tell good open 1 0
wait_for heard good 'e["ev"] == "reset" and e["stream"] == 6 and e["code"] == 8'

same "$(count good 'e["ev"] == "conn"')/$(count good 'e["ev"] == "goaway"')" 1/0 "connections to the good edge, and how often it was left"
same "$(child worker restarts)$(child keeper restarts)$(child tlsd restarts)" 000 "restarts"
has "$("$ZT" status connector -c "$HOME_CONF")" "uplink_up{127.0.0.1:$GOOD} 1" || fail "the good edge is not up"
lacks "$(<"$TMP/origin.log")" hit
