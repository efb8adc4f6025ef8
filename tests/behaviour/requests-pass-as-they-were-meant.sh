#!/usr/bin/env bash
# waits
# core
# One HTTP/1.1 request and its answer through an edge to a local origin, in every shape that bodies, heads and ends have:
# what was sent is what arrives, framed anew, in order, and half of something never passes for the whole.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
O=$(free_port)
host_section app public 'app.test' "origin = http://127.0.0.1:$O" 'max_body = 1M' 'response_timeout = 2s' 'idle = 3s'
host_section other public 'other.test' "origin = http://127.0.0.1:$O"
edge_line 'head_timeout = 1s'
start_edge
cat >"$TMP/try.py" <<'PY'
import sys
from webpeer import *

port, origin_port, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
go, early, seen, left = threading.Event(), threading.Event(), [], threading.Event()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

def serve(p, line, fields, path):
    names = {k.lower(): v for k, v in fields}
    seen.append((line, fields))
    what = path.split("?")[0].strip("/")
    if what == "echo":
        if names.get("transfer-encoding") == "chunked":
            chunks, trailers = p.chunked()
            same(trailers, b"\r\n", "the trailers that the origin was sent")
            body = b"".join(chunks)
            p.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n")
            for i in range(0, len(body), 7000):
                piece = body[i:i + 7000]
                p.send(b"%x%s\r\n%s\r\n" % (len(piece), b"" if i else b";ext=1", piece))
            p.send(b"0\r\nX-T: v\r\n\r\n")
        else:
            body = p.body(fields)
            p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    elif what == "big-head":
        p.send(OK.replace(b"\r\n\r\n", b"\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"v" * 1000) for i in range(15)) + b"\r\n"))
    elif what == "close":
        p.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100000)
        return False
    elif what == "short":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return False
    elif what == "short-chunks":
        p.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        return False
    elif what == "nothing":
        return False
    elif what == "half-head":
        p.send(b"HTTP/1.1 200 OK\r\nX-A")
        return False
    elif what == "garbage":
        p.send(b"SSH-2.0-OpenSSH\r\n\r\n")
    elif what == "bad-chunk":
        p.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfzz\r\n0\r\n\r\n")
    elif what == "silent":
        p.more()
    elif what == "stops":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        p.more()
    elif what == "204":
        p.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif what == "304":
        p.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"x\"\r\n\r\n")
    elif what == "head":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    elif what == "early":
        p.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!!")
        early.wait(WAIT)
        return False
    elif what == "103":
        p.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    elif what in ("100-end", "103-end"):
        p.send(b"HTTP/1.1 %s So Far\r\n\r\n" % what[:3].encode())
        return False
    elif what == "flood":
        p.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17 + OK)
    elif what == "events":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for i in range(20):
            p.send(b"data: %d\n\n" % i)
            go.wait(WAIT)
            go.clear()
        return False
    elif what == "hang":
        try:
            p.more()
        except Closed:
            left.set()
        return False
    elif what == "bye":
        p.send(OK)
        return False
    elif what == "extra":
        p.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    else:
        p.send(OK)

origin = Origin(serve, port=origin_port)

def v(host="app.test", **kw):
    return visitor(port, host, ca, **kw)

def ask(p, path, more=b"", method=b"GET", version=b"1.1"):
    p.send(method + b" " + path.encode() + b" HTTP/" + version + b"\r\nHost: app.test\r\n" + more + b"\r\n")

# In one connection, one after the other: one connection to the origin.
p = v()
before = origin.connections
for i in range(20):
    ask(p, f"/{i}")
    same(p.answer()[::2], (200, b"ok"), "an answer")
same(origin.connections - before, 1, "connections to the origin for 20 requests")
# At once.
p.send(b"".join(b"GET /p%d HTTP/1.1\r\nHost: app.test\r\n\r\n" % i for i in range(5)) +
       b"POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabcGET /last HTTP/1.1\r\nHost: app.test\r\n\r\n")
for i in range(5):
    same(p.answer()[2], b"ok", "a pipelined answer")
same(p.answer()[2], b"abc", "the body behind pipelined requests")
same(p.answer()[2], b"ok", "the last pipelined answer")
same([l for l, _ in seen[-7:]], [f"GET /p{i} HTTP/1.1" for i in range(5)] + ["POST /echo HTTP/1.1", "GET /last HTTP/1.1"], "their order")
same(origin.connections - before, 1, "connections to the origin after pipelining")
# The origin's end between two requests is no reason for an error.
ask(p, "/bye"); same(p.answer()[0], 200, "bye")
wait_until(lambda: edge_to_origin(origin_port) == 0, "the edge has seen the origin's end")
ask(p, "/next"); same(p.answer()[0], 200, "the request behind it")
# What an origin says without being asked answers nobody.
ask(p, "/extra"); same(p.answer()[2], b"ok", "the answer before the extra one")
ask(p, "/again"); same(p.answer()[2], b"ok", "the answer behind the extra one")

# Bodies.
for n in (0, 1, 17, 4096, 65536, 700000):
    body = hashlib.shake_128(b"%d" % n).digest(n)
    p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: %d\r\n\r\n" % n + body)
    same(p.answer()[2] == body, True, f"an echo of {n} bytes")
    p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Evil\r\n\r\n")
    at, step = 0, 1
    while at < n:
        piece = body[at:at + step]
        p.send(b"%X;a=b\r\n%s\r\n" % (len(piece), piece) if at < 40 else b"%X\r\n%s\r\n" % (len(piece), piece))
        at, step = at + step, step * 3
    p.send(b"0\r\nX-Evil: 1\r\n\r\n")
    line, fields = p.head()
    chunks, trailers = p.chunked()
    same(b"".join(chunks) == body, True, f"a chunked echo of {n} bytes")
    same(trailers, b"\r\n", "the trailers that the visitor was sent")
same("trailer" in {k.lower() for k, _ in seen[-1][1]}, False, "a Trailer field at the origin")
# A byte at a time.
for c in b"POST /echo HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
    p.send(bytes([c]))
same(p.answer()[2], b"abc", "an echo sent a byte at a time")
# Heads near the limit, in both directions.
ask(p, "/big-head", b"".join(b"Y-%d: %s\r\n" % (i, b"w" * 1000) for i in range(15)))
status, fields, body = p.answer()
same((status, len([f for f in fields if f.startswith("x-")])), (200, 16), "an answer with 15 KB of fields, and our own")
same(len([f for f, _ in seen[-1][1] if f.startswith("Y-")]), 15, "fields at the origin")

# Expect.
p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
same(p.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n", "what is said before the body")
p.send(b"12345")
same(p.answer()[2], b"12345", "the echo behind Expect")
same("expect" in {k.lower() for k, _ in seen[-1][1]}, False, "an Expect field at the origin")
# 1xx.
ask(p, "/103")
same(p.until(b"\r\n\r\n").split(b"\r\n")[0], b"HTTP/1.1 103 Early Hints", "an interim answer, and no 100")
same(p.answer()[2], b"ok", "the answer behind it")
ask(p, "/103", version=b"1.0")
same(p.answer()[0], 200, "the first that a visitor of HTTP/1.0 is told")
same(p.to_end(), (b"", True), "the end of a connection of HTTP/1.0")
p = v()
ask(p, "/flood")
for i in range(16):
    same(p.head()[0], "HTTP/1.1 103 Early Hints", "an interim answer")
same(p.answer()[0], 502, "too many of them")

# An origin that has begun to answer is not asked again, as one is that closes what it had kept without a word.
for path, told in (("/100-end", 0), ("/103-end", 1)):
    p = v()
    ask(p, "/x"); same(p.answer()[0], 200, "a request before it")
    ask(p, path)
    for i in range(told):
        same(p.head()[0], "HTTP/1.1 103 So Far", "an interim answer")
    same(p.answer()[0], 502, f"the answer to {path}")
    same([l for l, _ in seen].count(f"GET {path} HTTP/1.1"), 1, f"how often an origin has had {path}")

# No body, whatever is said.
p = v()
ask(p, "/head", method=b"HEAD")
status, fields, _ = p.answer(False)
same((status, fields["content-length"]), (200, "1234"), "the answer to HEAD")
ask(p, "/204"); same(p.answer(False)[0], 204, "204")
ask(p, "/304")
status, fields, _ = p.answer(False)
same((status, fields["content-length"]), (304, "7"), "304")
ask(p, "/x"); same(p.answer()[0], 200, "the request behind them")

# Ends.
ask(p, "/close")
line, fields = p.head()
same(("Transfer-Encoding", "chunked") in fields, True, "chunks for what ends with its connection")
same(len(b"".join(p.chunked()[0])), 100000, "its length")
ask(p, "/x"); same(p.answer()[0], 200, "the request behind it")
ask(p, "/close", version=b"1.0")
p.head()
body, clean = p.to_end()
same((len(body), clean), (100000, True), "the same for HTTP/1.0")
for path, left_over in (("/short", b"half"), ("/short-chunks", b"4\r\nhalf\r\n"), ("/bad-chunk", b"4\r\nhalf\r\n")):
    p = v()
    ask(p, path)
    try:
        p.head()
        body, clean = p.to_end()
    except Closed as e:  # a reset overtakes
        body, clean = b"", e.clean
    same((left_over.startswith(body), clean), (True, False), f"what comes of {path}")
for path in ("/nothing", "/half-head", "/garbage"):
    p = v()
    ask(p, path)
    same(p.answer()[0], 502, f"the answer to {path}")
    ask(p, "/x"); same(p.answer()[0], 200, "the request behind it")
    # For HTTP/1.0 the end is all that tells a whole body from half of one.
p = v()
ask(p, "/short", version=b"1.0")
try:
    p.head()
    same(p.to_end()[1], False, "a clean end behind half an answer")
except Closed as e:
    same(e.clean, False, "a clean end instead of an answer")

# Too slow.
p = v(); ask(p, "/silent"); same(p.answer()[0], 504, "an origin that says nothing")
ask(p, "/x"); same(p.answer()[0], 200, "the request behind it")
p = v(); ask(p, "/stops")
try:
    p.head(); same(p.to_end()[1], False, "a clean end of an answer that stopped")
except Closed as e:
    same(e.clean, False, "a clean end")
p = v(); p.send(b"GET / HT"); same(p.answer()[0], 408, "half a head"); same(p.to_end(), (b"", True), "its end")
p = v(); p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\n\r\nhalf")
same(p.answer()[0], 408, "half a body"); p.to_end()

# Too large: said before, found on the way.
before = origin.requests
p = v(); p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1048577\r\n\r\n")
same(p.answer()[0], 413, "a body that says it is too large"); same(p.to_end(), (b"", True), "its end")
same(origin.requests - before, 0, "requests at the origin")
p = v(); p.send(b"POST /echo HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n")
try:
    for i in range(40):
        p.send(b"8000\r\n" + b"x" * 32768 + b"\r\n")
except OSError:
    pass
same(p.answer()[0], 413, "a body that turns out too large")

# An answer before the body has come: it is passed, and the connection ends.
p = v()
p.send(b"POST /early HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
status, fields, body = p.answer()
same((status, body, fields.get("connection")), (403, b"no!!", "close"), "an early answer")
same(p.to_end(), (b"", True), "its end")
early.set()

# As they come: each event is here before the origin is let go on.
p = v()
ask(p, "/events")
p.head()
for i in range(20):
    same(p.exactly(int(p.until(b"\r\n"), 16)), b"data: %d\n\n" % i, "an event")
    p.exactly(2)
    go.set()
same(p.until(b"0\r\n\r\n"), b"0\r\n\r\n", "the end of the events")

# Who leaves is missed at the origin.
p = v(); ask(p, "/hang")
wait_until(lambda: seen[-1][0].startswith("GET /hang"), "the origin was asked")
p.close()
same(left.wait(WAIT), True, "the origin saw that the visitor had left")

# Refusals: no origin is asked.
before = origin.requests
def refused(raw, status, what, host="app.test"):
    p = v(host)
    p.send(raw)
    same(p.answer()[0], status, what)
    got = p.to_end()
    same(got, (b"", True), f"the end after {what}")
refused(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 421, "another host's name")
refused(b"GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n", 421, "a name that nobody has")
refused(b"GET / HTTP/1.1\r\n\r\n", 400, "no host")
refused(b"GET / HTTP/1.1\nHost: app.test\n\n", 400, "bare line feeds")
refused(b"GET /%2e%2e%2fx HTTP/1.1\r\nHost: app.test\r\n\r\n", 400, "hidden dots")
refused(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "two framings")
refused(b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "another coding")
refused(b"CONNECT app.test:1 HTTP/1.1\r\nHost: app.test\r\n\r\n", 501, "CONNECT")
refused(b"GET / HTTP/2.0\r\nHost: app.test\r\n\r\n", 505, "another version")
refused(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414, "a long line")
refused(b"GET / HTTP/1.1\r\nHost: app.test\r\n" + b"A: " + b"a" * 17000 + b"\r\n\r\n", 431, "a long head")
refused(b"POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417, "an expectation")
same(origin.requests - before, 0, "requests at the origin")
# %2F is one program's slash: with no rule that looks at paths it may pass, as it is.
p = v(); ask(p, "/a%2fb"); same(p.answer()[0], 200, "an escaped slash"); same(seen[-1][0], "GET /a%2Fb HTTP/1.1", "how it passed")
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/try.py" "$EDGE_PORT" "$O" "$WEB_CA" || fail "see above"
edge_is_alive
stop edge
same "$STATUS" 0 "the exit code of the edge"
# A line for each, with what went wrong.
python3 - "$TMP/edge.log" <<'PY' || fail "the access log is not as it should be"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1]) if l.startswith("{")]
faults = {l["zt"].get("fault") for l in lines}
for want in ("origin-cut", "origin-reset", "bad-chunk", "origin-timeout", "idle", "slow-request", "too-large", "large-body", "visitor-gone"):
    if want not in faults:
        sys.exit(f"no line has fault {want!r}: {sorted(map(str, faults))}")
assert len({l["zt"]["request_id"] for l in lines}) == len(lines), "two lines have one id"
PY
pass
