"""hapeer: an origin that notes every request, and visitors who note what became of theirs. For copies.inc.sh."""
import collections
import json
import os
import re
import socket
import ssl
import sys
import threading
import time

HOST = "app.test"


# ---- the origin ------------------------------------------------------------------------------

def read_head(f):
    """Method, path, length of the body; None at the end."""
    line = f.readline()
    if not line:
        return None
    method, path, _ = line.decode().split()
    length = 0
    while (field := f.readline().strip()):
        name, value = field.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    return method, path, length


def serve(c, wait, log):
    f = c.makefile("rb")
    try:
        while (head := read_head(f)) is not None:
            method, path, length = head
            os.write(log, f"{time.time():.6f} {method} {path}\n".encode())  # it has come: whatever happens now
            if len(f.read(length)) < length:
                return
            time.sleep(wait)
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path.encode()))
    except (ConnectionError, ValueError):
        pass
    finally:
        c.close()


def origin(port, ms, log):
    log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    s = socket.create_server(("127.0.0.1", int(port)), backlog=512)
    while True:
        threading.Thread(target=serve, args=(s.accept()[0], int(ms) / 1000, log), daemon=True).start()


# ---- visitors --------------------------------------------------------------------------------

KINDS = [("GET", 0), ("POST", 64), ("POST", 0), ("PUT", 40000)]


class Visitor(threading.Thread):
    def __init__(self, n, port, ctx, log, stop, pause, fresh):
        super().__init__(daemon=True)
        self.n, self.port, self.ctx, self.log, self.stop, self.pause = n, port, ctx, log, stop, pause
        self.end = "Connection: close\r\n" if fresh else ""
        self.c = self.f = None

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.c = self.ctx.wrap_socket(s, server_hostname=HOST)
        self.f = self.c.makefile("rb")

    def ask(self, method, length, path):
        """Status and body. Once on a connection that was kept; one that ended meanwhile is not the edge's fault."""
        if self.c is None:
            self.connect()
        body = b"x" * length
        self.c.sendall(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n{self.end}\r\n".encode() + body)
        line = self.f.readline()
        if not line:
            raise ConnectionError("no answer")
        status, left, keep = int(line.split()[1]), 0, True
        while (field := self.f.readline().strip()):
            name, value = field.lower().split(b":", 1)
            left = int(value) if name == b"content-length" else left
            keep = keep and not (name == b"connection" and b"close" in value)
        got = self.f.read(left)
        if len(got) < left:
            raise ConnectionError("half an answer")
        if not keep:
            self.c.close()
            self.c = None
        return status, got.decode(errors="replace")

    def run(self):
        i = 0
        while not os.path.exists(self.stop):
            method, length = KINDS[(i + self.n) % len(KINDS)]
            path, began = f"/{self.n}-{i}", time.time()
            try:
                status, text = self.ask(method, length, path)
            except (OSError, ValueError) as e:
                status, text, self.c = 0, repr(e), None
            os.write(self.log, (json.dumps({"method": method, "path": path, "began": began, "took": time.time() - began,
                                            "status": status, "text": text if status != 200 else "",
                                            "right": status != 200 or text == path}) + "\n").encode())
            i += 1
            time.sleep(self.pause)


def load(port, ca, n, log, stop, pause, fresh, first):
    ctx = ssl.create_default_context(cafile=ca)
    log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    first = int(first)
    who = [Visitor(i, int(port), ctx, log, stop, float(pause), int(fresh)) for i in range(first, first + int(n))]
    for v in who:
        v.start()
    for v in who:
        v.join()


# ---- what became of it -----------------------------------------------------------------------

def outcome(*paths):
    return [json.loads(line) for path in paths for line in open(path)]


def counted(path):
    """How often each (method, path) of these visitors has come to the origin."""
    return collections.Counter(tuple(line.split()[1:]) for line in open(path) if re.search(r" /\d+-\d+$", line))


def never_twice(asked, seen):
    """Nothing was done twice, what was answered was done, nothing else came; answers are those of the question."""
    twice = {k: n for k, n in seen.items() if n > 1}
    assert not twice, f"done more than once: {twice}"
    for a in asked:
        assert a["right"], f"the answer to something else: {a}"
        assert a["status"] in (200, 502, 503), f"an answer that is none of these: {a}"
        if a["status"] == 200:
            assert seen[a["method"], a["path"]] == 1, f"answered, and never done: {a}"
    stray = set(seen) - {(a["method"], a["path"]) for a in asked}
    assert not stray, f"nobody asked for {stray}"


if __name__ == "__main__":
    {"origin": origin, "load": load}[sys.argv[1]](*sys.argv[2:])
