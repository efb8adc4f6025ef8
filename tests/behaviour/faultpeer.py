"""faultpeer: an origin whose answers everybody can check, and visitors that say how it went. As a program, the origin:

  faultpeer.py PORT

  GET /bytes/N[/RATE]    N bytes of a sequence, at RATE bytes/s
  POST /sum[/RATE]       reads the body, at RATE bytes/s, and answers its SHA-256
  GET /echo, an Upgrade  every byte comes back, until one side ends; then the other may go on
  GET /slow/S            "slow" after S seconds
  anything else          "ok"

Imported, with webpeer: digest(N), Visit(...).get/put: each raises Wrong when bytes differ, Bad when it failed."""
import hashlib, os, random, socket, sys, threading, time
from webpeer import *

BLOCK = b"".join(hashlib.sha512(b"%d" % i).digest() for i in range(1024)) * 4


def pieces(n):
    while n > 0:
        yield BLOCK[:n]
        n -= len(BLOCK)


def digest(n):
    h = hashlib.sha256()
    for part in pieces(n):
        h.update(part)
    return h.hexdigest()


class Pace:
    """So many bytes a second; 0: as many as there are."""

    def __init__(self, rate):
        self.rate, self.begun, self.n = rate, time.monotonic(), 0

    def spend(self, n):
        self.n += n
        if self.rate:
            time.sleep(max(0, self.begun + self.n / self.rate - time.monotonic()))


def serve(p, line, fields, path):
    names = {k.lower(): v for k, v in fields}
    what, *numbers = path.split("?")[0].strip("/").split("/")
    n, rate = (int(x) for x in (numbers + ["0", "0"])[:2]) if what in ("bytes", "slow") else (0, int((numbers + ["0"])[0]) if what == "sum" else 0)
    pace, h = Pace(rate), hashlib.sha256()
    if what == "echo":
        p.s.settimeout(None) # who is silent for a day stays
        p.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
        try:
            while True:
                p.send(p.some())
        except Closed:
            pass
        p.send(b"after the end")
        return False
    left, chunked = int(names.get("content-length", 0)), names.get("transfer-encoding") == "chunked"
    step = min(65536, max(1, rate // 20)) if rate else 1 << 20
    while chunked or left:
        if chunked and left == 0:
            left = int(p.until(b"\r\n").split(b";")[0], 16) + 2
            if left == 2:
                p.until(b"\r\n")
                break
        got = p.some(min(left, step))
        h.update(got[:max(0, len(got) - max(0, 2 - (left - len(got))))] if chunked else got)
        left -= len(got)
        pace.spend(len(got))
    if what == "bytes":
        p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n)
        for part in pieces(n):
            for at in range(0, len(part), step):
                p.send(part[at:at + step])
                pace.spend(len(part[at:at + step]))
        return True
    if what == "slow":
        time.sleep(n)
    body = h.hexdigest().encode() if what == "sum" else b"slow" if what == "slow" else b"ok"
    p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return True


class Bad(Exception):
    """It failed, and the visitor could see that."""


class Wrong(Exception):
    """It looked well and was not: never to happen."""


class Visit:
    """One visitor's connection to an edge."""

    def __init__(self, port, ca, host="app.test", wait=60, **kw):
        self.host = host
        try:
            self.p = visitor(port, host, ca, **kw)
        except (OSError, ssl.SSLError) as e:
            raise Bad(f"no connection: {e}") from None
        self.p.s.settimeout(wait)

    def ask(self, path, method="GET", more=b""):
        try:
            self.p.send(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n".encode() + more + b"\r\n")
        except OSError as e:
            raise Bad(f"{method} {path}: {e}") from None

    def status(self, path="/"):
        """Asks, and tells the status alone; 0: the connection ended."""
        try:
            self.ask(path)
            return self.p.answer()[0]
        except (Closed, Bad, OSError):
            return 0

    def head_of(self, what):
        try:
            line, fields = self.p.head()
        except (Closed, OSError) as e:
            raise Bad(f"{what}: {e}") from None
        if int(line.split()[1]) != 200:
            n = {k.lower(): v for k, v in fields}.get("content-length", "0")
            self.p.exactly(int(n))
            raise Bad(f"{what}: {line}")
        return {k.lower(): v for k, v in fields}

    def get(self, n, rate=0, pace=0):
        """Seconds that it took. pace: what the visitor reads a second."""
        began, h, left, slow = time.monotonic(), hashlib.sha256(), n, Pace(pace)
        self.ask(f"/bytes/{n}/{rate}")
        if int(self.head_of(f"/bytes/{n}").get("content-length", -1)) != n:
            raise Wrong("another length")
        while left:
            try:
                got = self.p.some(min(left, max(1, pace // 4) if pace else left))
            except (Closed, OSError) as e:
                raise Bad(f"/bytes/{n}, {left} left: {e}") from None
            h.update(got)
            left -= len(got)
            slow.spend(len(got))
        if h.hexdigest() != digest(n):
            raise Wrong(f"/bytes/{n} has another digest")
        return time.monotonic() - began

    def put(self, n, rate=0, told=None):
        """The same for an upload; told(bytes so far) is called on the way."""
        began, sent = time.monotonic(), 0
        self.ask(f"/sum/{rate}", "POST", b"Content-Length: %d\r\n" % n)
        try:
            for part in pieces(n):
                for at in range(0, len(part), 65536):
                    self.p.send(part[at:at + 65536])
                    sent += len(part[at:at + 65536])
                    told and told(sent)
        except OSError as e:
            raise Bad(f"/sum of {n}: {e}") from None
        self.head_of(f"/sum of {n}")
        try:
            got = self.p.exactly(64).decode()
        except (Closed, OSError) as e:
            raise Bad(f"/sum of {n}: {e}") from None
        if got != digest(n):
            raise Wrong(f"/sum of {n} has another digest")
        return time.monotonic() - began


if __name__ == "__main__":
    Origin(serve, port=int(sys.argv[1]))
    threading.Event().wait()
