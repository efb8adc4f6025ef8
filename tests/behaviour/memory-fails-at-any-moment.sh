#!/bin/bash
# waits
# An allocator that fails at the 1st, 3rd, 6th, 10th ... call, up to STARVE_UP_TO failures, in the edge's worker, then in the
# connector's, while visitors come, download and upload: no process dies, each request has an answer or a closed connection,
# never a wrong one, and when memory is there again all is as before.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
UP_TO=${STARVE_UP_TO:-40}
STARVED=$ROOT/build/rel/tests/zt-starved
[ -x "$STARVED" ] || fail "no $STARVED: make tools"

storm_tunnel
start_authority
join_role edge
join_role connector
head -c 300000 "$TMP/www/big" >"$TMP/www/part"
cp "$STARVED" "$TMP/zt-starved"
chmod 755 "$TMP/zt-starved"

cat >"$TMP/visits.py" <<'PY'
import collections, socket, ssl, subprocess, sys, time
PORT, CA, conf, zt, role, kind, want = int(sys.argv[1]), sys.argv[2], *sys.argv[3:7], int(sys.argv[7])
C = ssl.create_default_context(cafile=CA); told = collections.Counter()
def answer(s):
    got = b""
    while b"\r\n\r\n" not in got:
        part = s.recv(65536)
        if not part: return "closed", b""
        got += part
    head, body = got.split(b"\r\n\r\n", 1)
    n = next((int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), None)
    while n is None or len(body) < n:
        part = s.recv(65536)
        if not part: break
        body += part
    return head.split()[1].decode() if n is None or len(body) == n else "cut", body
def visit(i):
    what = i % 3
    try:
        s = socket.create_connection(("127.0.0.1", PORT), timeout=20)
        s = C.wrap_socket(s, server_hostname="sink.test" if what == 2 else "app.test", suppress_ragged_eofs=False)
        if what == 2: s.sendall(b"POST / HTTP/1.1\r\nHost: sink.test\r\nContent-Length: 200000\r\n\r\n" + b"u" * 200000)
        else: s.sendall(b"GET %s HTTP/1.1\r\nHost: app.test\r\n\r\n" % (b"/", b"/part")[what])
        code, body = answer(s)
        s.close()
    except socket.timeout: raise SystemExit(f"visit {i} hung")
    except (OSError, ssl.SSLError): return "closed"
    if code == "200": assert body == (b"ok\n", bytes(300000), b"taken")[what], f"visit {i}: a wrong answer of {len(body)} bytes"
    return code
good, n, end = 0, 0, time.monotonic() + 60 + 3 * int(sys.argv[8])
while good < want and time.monotonic() < end: # it is over when so many in a row are answered
    code = visit(n); told[code] += 1; n += 1
    good = good + 1 if code == "200" else 0
    # A connector that had no memory to connect comes again within 2 s, each time; one whose edge had none within half a minute.
    if code == "503": time.sleep(.02)
assert good == want, f"still failing: {told}"
assert set(told) <= {"200", "502", "503", "504", "closed", "cut"}, told
print(n, dict(told))
PY

starve() { # ROLE KIND
	local role=$1 kind=$2 conf=$EDGE_CONF port
	[ "$role" = edge ] || conf=$CONNECTOR_CONF
	echo "$kind $UP_TO" >"$TMP/zt-starved.starve"
	start "$role" "$TMP/zt-starved" "$role" -c "$conf"
	if [ "$role" = edge ]; then start_connector; else start_edge; fi
	ready() { [ "$(web app.test / -m 3)" = ok ]; }
	wait_for ready
	port=$EDGE_HEALTH
	[ "$role" = edge ] || port=$CONNECTOR_HEALTH
	curl -s -m 5 --interface 127.9.9.9 -o /dev/null "http://127.0.0.1:$port/ready" # from here on
	python3 "$TMP/visits.py" "$EDGE_PORT" "$WEB_CA" "$conf" "$ZT" "$role" "$kind" 30 "$UP_TO" >"$TMP/visits" || fail "$kind: see above"
	echo "figure: memory that fails in $kind, $UP_TO times: visits and what they were told: $(<"$TMP/visits")"
	same "$("$ZT" status "$role" --json -c "$conf" | python3 -c '
import json, sys
print(sum(k["restarts"] for k in json.load(sys.stdin)["children"]))')" 0 "restarts of $role's children"
	[ "$role" = edge ] || ! grep -E 'dialled again.* memory.* in_ms=(2[1-9]..|[3-9]...|.....)' "$TMP/connector.log" || fail "the connector stays away"
	stop edge
	stop connector
	rm "$TMP/zt-starved.starve"
}
start_edge() { start edge "$ZT" edge -c "$EDGE_CONF"; }
start_connector() { start connector "$ZT" connector -c "$CONNECTOR_CONF"; }
edge_conf
connector_conf
starve edge edge-worker
starve connector connector-worker
pass
