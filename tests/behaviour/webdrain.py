"""webdrain: visitors and the origin of web-path-drains-then-ends.sh. Says how far it is; waits for TMP/stage.NAME."""
import base64, hashlib, itertools, os, sys
from webpeer import *

port, origin_port, ca, tmp = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
BLOCK = bytes(range(251)) * 65
rest = [threading.Event(), threading.Event()]


def serve(p, line, fields, path):
    got = {k.lower(): v for k, v in fields}
    if "upgrade" in got:
        key = hashlib.sha1((got["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        p.send(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n")
        while True:
            p.send(p.some())
    if path == "/page":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
        return
    p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (80 * len(BLOCK)))
    for i in range(80):
        if i == 40:
            rest[int(path[1:])].wait(WAIT)
        p.send(BLOCK)


Origin(serve, port=origin_port)


def say(text):
    print(text, flush=True)


def stage(name):
    wait_until(lambda: os.path.exists(f"{tmp}/stage.{name}"), f"the stage {name}")


def download(n):
    p = visitor(port, "app.test", ca)
    p.send(b"GET /%d HTTP/1.1\r\nHost: app.test\r\n\r\n" % n)
    line, fields = p.head()
    assert " 200 " in line, line
    assert p.exactly(40 * len(BLOCK)) == BLOCK * 40
    return p


def whole(p):
    assert p.exactly(40 * len(BLOCK)) == BLOCK * 40, "other bytes"


def websocket():
    p = visitor(port, "app.test", ca)
    p.send(b"GET /ws HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://app.test\r\n\r\n")
    line, _ = p.head()
    assert " 101 " in line, line
    p.send(b"hello")
    assert p.exactly(5) == b"hello"
    return p


def served():
    try:
        p = visitor(port, "app.test", ca)
        p.send(b"GET /page HTTP/1.1\r\nHost: app.test\r\n\r\n")
        return p.answer()[0] == 200
    except (Closed, OSError):
        return False


wait_until(served, "somebody serves")
one, ws = download(0), websocket()
say("open")

# New requests while a connector leaves: on kept connections and new ones.
stage("load")
done, failed, counts = threading.Event(), [], [0, 0]


def load(which):
    p = visitor(port, "app.test", ca)
    try:
        while not done.is_set():
            if which:
                p = visitor(port, "app.test", ca)
            p.send(b"GET /page HTTP/1.1\r\nHost: app.test\r\n\r\n")
            got = p.answer()
            if got[0] != 200:
                failed.append(got)
            counts[which] += 1
    except Exception as e:
        failed.append(repr(e))


threads = [threading.Thread(target=load, args=(w,), daemon=True) for w in (0, 0, 1)]
for t in threads:
    t.start()
wait_until(lambda: all(counts), "some are served")
say("loaded")
stage("leaving")
ws.send(b"still here")
same(ws.exactly(10), b"still here", "what the WebSocket sends back meanwhile")
before = list(counts)
wait_until(lambda: all(c > b + 20 for c, b in zip(counts, before)) or failed, "others are served meanwhile")
rest[0].set()
whole(one)
say("the download is whole")
ws.to_end()
say("the WebSocket is cut")
stage("over")
done.set()
for t in threads:
    t.join(WAIT)
if failed:
    raise SystemExit(f"{len(failed)} of {sum(counts)} failed: {failed[:3]}")
say("not one request failed")

two, ws, idle = download(1), websocket(), visitor(port, "app.test", ca)
idle.send(b"GET /page HTTP/1.1\r\nHost: app.test\r\n\r\n")
same(idle.answer()[0], 200, "an answer before")
say("open again")
stage("draining")
same(idle.to_end(), (b"", True), "what hears who waits between requests")
say("who waited is closed")
ws.send(b"still here")
same(ws.exactly(10), b"still here", "what the WebSocket sends back meanwhile")
rest[1].set()
whole(two)
say("the second download is whole")
ws.to_end()
say("the second WebSocket is cut")
