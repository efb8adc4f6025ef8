"""webpeer: an origin that does what the path says, and raw visitors of an edge. Imported by behaviour scripts."""
import hashlib
import re
import select
import socket
import ssl
import threading
import time

WAIT = 30  # hang guard


class Closed(Exception):
    """The other side is gone: .clean says whether it said so."""

    def __init__(self, clean):
        super().__init__("closed" if clean else "cut")
        self.clean = clean


class Peer:
    """Bytes of a socket, by lines and lengths."""

    def __init__(self, sock):
        self.s, self.buf = sock, bytearray()
        sock.settimeout(WAIT)

    def more(self):
        try:
            got = self.s.recv(65536)
        except (ssl.SSLEOFError, ssl.SSLSyscallError, ConnectionError):
            raise Closed(False) from None
        except ssl.SSLZeroReturnError:
            raise Closed(True) from None
        if not got:
            raise Closed(True)
        self.buf += got

    def until(self, end):
        while end not in self.buf:
            self.more()
        return self.cut(self.buf.index(end) + len(end))

    def exactly(self, n):
        while len(self.buf) < n:
            self.more()
        return self.cut(n)

    def cut(self, n):
        got = bytes(self.buf[:n])
        del self.buf[:n]
        return got

    def some(self, most=1 << 30):
        """What is there, at most so much; waits when nothing is."""
        if not self.buf:
            self.more()
        return self.cut(min(most, len(self.buf)))

    def to_end(self):
        try:
            while True:
                self.more()
        except Closed as e:
            return self.cut(len(self.buf)), e.clean

    def send(self, data):
        self.s.sendall(data)

    def both(self, pieces, take):
        """Sends them while what comes is taken, until as much came as was sent. One thread does both: an SSL object of
        python's is not made for two at a time, and takes one's WANT_READ for the other's end."""
        left, out = sum(map(len, pieces)), iter(pieces)
        piece = next(out, None)
        assert not self.buf, "what nobody asked for"
        self.s.setblocking(False)
        while left > 0:
            for _ in range(20):
                if piece is None:
                    break
                try:
                    piece = piece[self.s.send(piece):] or next(out, None)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    break
            try:
                while left > 0:
                    self.more()
                    left -= len(self.buf)
                    take(self.cut(len(self.buf)))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                ready = select.select([self.s], [self.s] if piece is not None else [], [], WAIT)
                assert any(ready), "nothing moves"
        self.s.settimeout(WAIT)

    def close(self):
        self.s.close()

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = [tuple(x.split(": ", 1)) for x in lines[1:-2]]
        return lines[0], fields

    def chunked(self):
        chunks = []
        while True:
            n = int(self.until(b"\r\n").split(b";")[0], 16)
            if n == 0:
                trailers = self.until(b"\r\n")
                while not trailers.endswith(b"\r\n\r\n") and trailers != b"\r\n":
                    trailers += self.until(b"\r\n")
                return chunks, trailers
            chunks.append(self.exactly(n))
            assert self.exactly(2) == b"\r\n"

    def body(self, fields, has_body=True):
        got = {k.lower(): v for k, v in fields}
        if not has_body:
            return b""
        if got.get("transfer-encoding") == "chunked":
            return b"".join(self.chunked()[0])
        return self.exactly(int(got.get("content-length", 0)))

    def answer(self, has_body=True):
        line, fields = self.head()
        return int(line.split()[1]), dict((k.lower(), v) for k, v in fields), self.body(fields, has_body)


class Origin:
    """serve(peer, line, fields, path) for each request; connections and requests are counted."""

    def __init__(self, serve, tls=None, port=0):
        self.serve, self.connections, self.requests = serve, 0, 0
        self.l = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.l.getsockname()[1]
        self.tls, self.first = tls, b""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s, _ = self.l.accept()
            self.connections += 1
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
            p = Peer(s)
            while True:
                line, fields = p.head()
                self.requests += 1
                if self.serve(p, line, fields, line.split()[1]) is False:
                    break
        except (Closed, OSError):
            pass
        s.close()


def visitor(port, host, ca, **kw):
    c = ssl.create_default_context(cafile=ca)
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if kw.get("rcvbuf"):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kw["rcvbuf"])
    return Peer(c.wrap_socket(s, server_hostname=host, suppress_ragged_eofs=False))


def same(got, want, what):
    if got != want:
        raise SystemExit(f"{what} is {got!r}, not {want!r}")


def wait_until(f, what):
    end = time.monotonic() + WAIT
    while not f():
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(0.005)


def edge_to_origin(port):
    """Connections of this machine to that port that the kernel still has in use: ESTABLISHED or CLOSE_WAIT."""
    n = 0
    for row in open("/proc/net/tcp").read().splitlines()[1:]:
        f = row.split()
        n += f[2].endswith(":%04X" % port) and f[3] in ("01", "08")
    return n
