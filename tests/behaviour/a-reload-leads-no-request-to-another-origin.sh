#!/usr/bin/env bash
# A GET over a connection to the origin that was kept, whose bytes the origin has: a reload leads its name to another
# origin, and the first one closes without a word of an answer. The other one gets nothing of it: beside the edge, and
# through a tunnel.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
A=$(free_port) B=$(free_port)
host_section here public here.test "origin = http://127.0.0.1:$A"
host_section home public home.test
ingress home 'hostname = home.test' "service = http://127.0.0.1:$A"
ingress last 'service = http_status:404'
start_web
cat >"$TMP/try.py" <<'PY'
import subprocess, sys
from webpeer import *

zt, port, ca, a, b = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
had, go = {a: [], b: []}, threading.Event()

def origin(own):
    def serve(p, line, fields, path):
        had[own].append(path)
        if own == a and path.startswith("/once"):
            go.wait(WAIT)
            return False
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + (b"a" if own == a else b"b"))
    return Origin(serve, port=own)

def ask(p, host, path):
    p.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

def who(host):
    p = visitor(port, host, ca)
    ask(p, host, "/who")
    return p.answer()[2]

origins = origin(a), origin(b)
for host, role, conf in ("here.test", "edge", sys.argv[6]), ("home.test", "connector", sys.argv[7]):
    p, path = visitor(port, host, ca), f"/once-{role}"
    ask(p, host, "/first")
    same(p.answer()[2], b"a", "who answers first")
    ask(p, host, path)
    wait_until(lambda: path in had[a], "the first origin has it")
    text = open(conf).read()
    open(conf, "w").write(text.replace(f"127.0.0.1:{a}\n", f"127.0.0.1:{b}\n"))
    same(subprocess.run([zt, "reload", role, "-c", conf]).returncode, 0, f"the reload of the {role}")
    wait_until(lambda: who(host) == b"b", "the second one serves")
    go.set()
    same(p.answer()[0], 502, f"what {host} answers")
    same((had[a].count(path), had[b].count(path)), (1, 0), f"how often each origin of {host} had it")
    go.clear()
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/try.py" "$ZT" "$EDGE_PORT" "$WEB_CA" "$A" "$B" \
	"$EDGE_CONF" "$CONNECTOR_CONF" || fail "see above"
edge_is_alive
pass
