#!/usr/bin/env bash
# FLOODS(BOUND_EDGE_EXCHANGES) FLOODS(BOUND_EDGE_UPSTREAMS) FLOODS(BOUND_EDGE_ORIGINS)
# As many requests run as there are visitors; a connection to a local origin that will not end takes the place of
# another for as long as it lingers, and who finds none is told so with 503, and later served again. When a reload
# leaves less room than is taken, who is there stays, and a new request finds none: of a visitor who was there it ends
# the connection, of another who was let in it is answered with 503.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
O=$(free_port) RAW=$(free_port)
host_section app public 'app.test' "origin = http://127.0.0.1:$O"
EDGE_HOSTS+=('[service raw]' "listen = 127.0.0.1:$RAW" "origin = 127.0.0.1:$O" 'public = unauthenticated')
edge_line 'max_conns = 4'
start_edge
cat >"$TMP/try.py" <<'PY'
import json, subprocess, sys
from webpeer import *
port, origin_port, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
raw_port, zt, conf = int(sys.argv[4]), sys.argv[5], sys.argv[6]
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

def counter(name):
    said = subprocess.run([zt, "status", "edge", "--json", "-c", conf], capture_output=True, check=True).stdout
    return [k for k in json.loads(said)["children"] if k["name"] == "worker"][-1]["counters"].get(name, 0)
text = open(conf).read()
def room(n):
    with open(conf, "w") as f: f.write(text.replace("max_conns = 4", f"max_conns = {n}"))
    subprocess.run([zt, "reload", "edge", "-c", conf], check=True, capture_output=True)
# Three requests run, the fourth visitor has asked for nothing; then there is room for three.
for p in held: p.s.close()
wait_until(lambda: counter("edge_exchanges") == 0 and counter("edge_local_origins") == 0, "what was before is over")
go.clear(), asked.clear()
for p in busy[1:]:
    get(p, b"/wait")
wait_until(lambda: asked.count("/wait") == 3, "three requests run")
room(3)
before = counter("edge_exchanges_full")
get(busy[0], b"/wait")
same(busy[0].to_end()[0], b"", "what a request hears for which there is no room")
same(counter("edge_exchanges_full") - before, 1, "how often there was no room for a request")
go.set()
for p in busy[1:]:
    same(p.answer()[0], 200, "an answer of the three")
for p in busy[1:]: p.s.close()
wait_until(lambda: counter("visitors") == 0, "nobody is there")
# Four ways to origins are open, then there is room for four: two visitors' and as many that are passed on unread.
room(4)
raws = [socket.create_connection(("127.0.0.1", raw_port), timeout=WAIT) for _ in range(4)]
wait_until(lambda: counter("edge_upstreams") == 4, "four ways to origins")
room(2)
before, p = counter("edge_upstreams_full"), visitor(port, "app.test", ca)
get(p, b"/wait")
same(p.answer()[0], 503, "a request for which there is no way")
same(counter("edge_upstreams_full") - before, 1, "how often there was no way")
raws.pop().close()
wait_until(lambda: counter("edge_upstreams") == 3, "one has gone")
p = visitor(port, "app.test", ca)
get(p, b"/wait")
same(p.answer()[0], 200, "a request for which there is one again")
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/try.py" "$EDGE_PORT" "$O" "$WEB_CA" "$RAW" "$ZT" "$EDGE_CONF" || fail "see above"
edge_is_alive
pass
