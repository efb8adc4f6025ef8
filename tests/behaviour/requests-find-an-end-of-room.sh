#!/usr/bin/env bash
# FLOODS(BOUND_EDGE_EXCHANGES) FLOODS(BOUND_EDGE_UPSTREAMS) FLOODS(BOUND_EDGE_ORIGINS)
# As many requests run as there are visitors; a connection to a local origin that will not end takes the place of
# another for as long as it lingers, and who finds none is told so with 503, and later served again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
O=$(free_port)
host_section app public 'app.test' "origin = http://127.0.0.1:$O"
edge_line 'max_conns = 4'
start_edge
cat >"$TMP/try.py" <<'PY'
import sys
from webpeer import *
port, origin_port, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
go, asked, held = threading.Event(), [], []

def serve(p, line, fields, path):
    asked.append(path)
    if path == "/wait":
        go.wait(WAIT)
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return
    p.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    held.append(p)
    threading.Event().wait(WAIT)  # and never closes

Origin(serve, port=origin_port)
def get(p, path):
    p.send(b"GET %s HTTP/1.1\r\nHost: app.test\r\n\r\n" % path)

busy = [visitor(port, "app.test", ca) for _ in range(4)]
for p in busy:
    get(p, b"/wait")
wait_until(lambda: asked.count("/wait") == 4, "four requests run")
late = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
try:
    same(late.recv(1), b"", "what the fifth visitor hears")
except ConnectionError:
    pass
go.set()
for p in busy:
    same(p.answer()[0], 200, "an answer of the four")
# Eight connections to origins are as many as there may be; four are kept for the visitors.
p, got = busy[0], []
for i in range(12):
    get(p, b"/stay")
    got.append(p.answer()[0])
same(set(got), {200, 503}, "the answers while the origin keeps its connections")
same(got.index(503) <= 8 and all(s == 503 for s in got[got.index(503):]), True, f"that the end of room is one: {got}")
def again():
    get(p, b"/stay")
    return p.answer()[0] == 200
wait_until(again, "there is room again")
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/try.py" "$EDGE_PORT" "$O" "$WEB_CA" || fail "see above"
edge_is_alive
pass
