#!/usr/bin/env bash
# A reload that leaves a service fewer addresses, three before and one now: who came by one that is gone may
# finish for [limits] drain and is cut then; who came by the one that is left stays, and nobody comes by another.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
E=$(free_port) P=$(free_port) ORIGIN=$(free_port)
ca edge
cert web edge serverAuth "DNS:web.test"
chmod 755 "$TMP" "$PKI"
start origin python3 "$ROOT/tests/behaviour/digest.py" origin "$ORIGIN"
wait_for listening "$ORIGIN"
conf() { # ADDRESS...: where the service listens
	printf '[state]\ndir = %s/edge.state\nrun_dir = %s/edge.run\n[tls]\nwatch = false\n[limits]\ndrain = 2s\n' "$TMP" "$TMP"
	printf '[edge]\nlisten = 127.0.0.1:%s\n' "$E"
	printf '[host web]\nnames = web.test\ncert = %s/web.pem\nkey = %s/web.key\naccess = public\norigin = http://127.0.0.1:9\n' "$PKI" "$PKI"
	printf '[service plain]\nlisten = %s\norigin = 127.0.0.1:%s\npublic = unauthenticated\n' "$*" "$ORIGIN"
}
conf "127.0.0.1:$P, 127.0.0.2:$P, 127.0.0.3:$P" >"$TMP/edge.conf"
start edge "$ZT" edge -c "$TMP/edge.conf"
wait_for "$ZT" health edge -c "$TMP/edge.conf"
start held python3 -c '
import os, socket, sys, time
port, reloaded = int(sys.argv[1]), sys.argv[2]
def held(host):
    c = socket.create_connection((host, port), timeout=50)
    c.sendall(b"hold")
    assert c.recv(4) == b"held"
    return c
def done(c):
    c.sendall(b"more")
    c.shutdown(socket.SHUT_WR)
    assert len(c.recv(64)) > 0
quick, slow, here = held("127.0.0.2"), held("127.0.0.3"), held("127.0.0.1")
print("there", flush=True)
while not os.path.exists(reloaded):
    time.sleep(0.02)
done(quick)
try:
    held("127.0.0.2")
    sys.exit("somebody came by an address that is gone")
except ConnectionError:
    pass
try:
    assert slow.recv(1) == b""
except ConnectionResetError:
    pass
done(here)' "$P" "$TMP/reloaded"
wait_for grep -q there "$TMP/held.log"
conf "127.0.0.1:$P" >"$TMP/edge.conf"
expect 0 "$ZT" reload edge -c "$TMP/edge.conf"
: >"$TMP/reloaded"
join held
same "$STATUS" 0 "the end of those that were held"
wait_for grep -q '"fault":"its service is gone"' "$TMP/edge.log"
same "$(grep -c '"fault":"its service is gone"' "$TMP/edge.log")" 1 "how many were cut"
pass
