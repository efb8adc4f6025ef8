#!/bin/bash
# waits
# Descriptors run out, at the edge and at the connector, by a low [limits] nofile and by the kernel's word (strace: accept4,
# socket and connect fail with EMFILE, ENFILE, ENOMEM): nothing spins, the tunnel and `zt status` stay, requests get an
# answer, and it is over when it is over.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
need strace
need_root

storm_tunnel
edge_line '[limits]' 'nofile = 160'
connector_line '[limits]' 'nofile = 72'
start_web
W=$(edge_child worker pid)
C=$("$ZT" status connector --json -c "$CONNECTOR_CONF" | json children.2.pid)
grep -qa connector-worker "/proc/$C/cmdline" || fail "which child is the connector's worker?"
serves() { [ "$(web app.test / -m 5)" = ok ]; }
wait_for serves

# More visitors than descriptors: 96 places, of which half may be shaking hands; the rest is closed at once.
storm kind=hello n=400 s=3 hands=100000 calm=1
storm_is 's["kept"]["during"]["failed"] == 0 and s["kept"]["during"]["n"] > 20 and s["failed"] + s["cut"] >= 300'
storm_figure "160 descriptors, 400 half hellos: visitor's p99 before, during in us" '"%d %d" % (s["kept"]["before"]["p99"], s["kept"]["during"]["p99"])'
same "$(edge_child worker counters.tunnels)" 1 "tunnels after a flood"
[ "$(edge_child worker counters.tls_handshakes_full)" -gt 0 ] || fail "the flood was not counted"
wait_for serves

# More requests than the connector has descriptors: 503 with a time to come again, for those that find none.
cat >"$TMP/many.py" <<'PY'
import collections, socket, ssl, sys
C = ssl.create_default_context(cafile=sys.argv[2]); told = collections.Counter(); held = []
for i in range(90):
    s = C.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30), server_hostname="sink.test")
    s.sendall(b"POST / HTTP/1.1\r\nHost: sink.test\r\nContent-Length: 2\r\n\r\nx"); held.append(s)
for s in held:
    try: s.sendall(b"y"); told[s.recv(4096).split(b"\r\n")[0].decode()] += 1
    except OSError: told["closed"] += 1
print(dict(told))
PY
stop edge
EDGE_LINES=('[limits]' 'nofile = 1000')
start_edge
wait_for serves
W=$(edge_child worker pid)
python3 "$TMP/many.py" "$EDGE_PORT" "$WEB_CA" >"$TMP/many" || fail "see above"
echo "figure: 90 requests, 72 descriptors of the connector: $(<"$TMP/many")"
has "$(<"$TMP/many")" "200 OK"
has "$(<"$TMP/many")" "503 Service Unavailable"
wait_for serves

# The kernel's word, for as long as strace is attached. Without the sandbox: its filter would see the call that strace
# has taken away, and end the process.
stop connector
stop edge
EDGE_LINES=('[limits]' 'insecure_no_sandbox = true')
CONNECTOR_LINES=('[limits]' 'insecure_no_sandbox = true')
chown -R 0:0 "$TMP/edge.state" "$TMP/connector.state"
start_edge
start_connector
W=$(edge_child worker pid)
C=$("$ZT" status connector --json -c "$CONNECTOR_CONF" | json children.2.pid)
wait_for serves
injected() { # PID CALL ERROR WHILE...
	local pid=$1 call=$2 error=$3 before after calls
	shift 3
	before=$(cpu "$pid")
	start strace strace -qq -p "$pid" -e trace="$call" -e inject="$call:error=$error" -o "$TMP/calls"
	attached() { ! grep -q '^TracerPid:.0$' "/proc/$pid/status"; }
	wait_for attached
	"$@"
	stop strace
	after=$(cpu "$pid")
	calls=$(grep -c "$call(" "$TMP/calls")
	echo "figure: $call fails with $error in $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f3): calls and ms of processor: $calls $((after - before))"
	[ "$calls" -gt 0 ] || fail "$call was not called"
	[ "$calls" -lt 400 ] || fail "$call was called $calls times: it spins"
	same "$(edge_child worker counters.tunnels)" 1 "tunnels after $call $error"
	wait_for serves
}
knock() { # with a connection that waits in the backlog for ever
	python3 -c '
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) for _ in range(20)]
time.sleep(1)' "$EDGE_PORT"
	same "$(edge_child worker counters.tunnels)" 1 "tunnels while nobody can be accepted" # and status answers
}
ask() { web sink.test / -m 10 -d x -o /dev/null -w '%{http_code}' >"$TMP/told" 2>/dev/null; }
answered() { ask; case $(<"$TMP/told") in 50[234]) ;; *) fail "while it lasts a visitor is told '$(<"$TMP/told")'" ;; esac; }
for e in EMFILE ENFILE ENOMEM; do injected "$W" accept4 "$e" knock; done
for e in EMFILE ENOMEM; do injected "$C" socket "$e" answered; done
injected "$C" connect EADDRNOTAVAIL answered
edge_is_alive
same "$("$ZT" status connector --json -c "$CONNECTOR_CONF" | python3 -c '
import json, sys
print(sum(k["restarts"] for k in json.load(sys.stdin)["children"]))')" 0 "restarts of the connector's children"
pass
