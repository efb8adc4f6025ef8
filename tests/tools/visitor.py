"""visitor: a client that sends what bytes it likes, over TLS or plain, and reads answers strictly: whole, cut off, or
none, and how the connection ended. Not a test."""
import os, re, socket, ssl, struct


class Reply:
    """status 0: no head came. whole: the body came to its end as the head had announced it."""

    def __init__(self):
        self.status, self.fields, self.body, self.whole, self.interim, self.raw = 0, [], b"", False, [], b""

    def get(self, name):
        return [v for n, v in self.fields if n == name]

    def keeps(self):
        return self.whole and "close" not in ",".join(self.get("connection")).lower()

    def __repr__(self):
        return f"<{self.status} {'whole' if self.whole else 'cut'} {len(self.body)} bytes {self.body[:60]!r}>"


class Cut(Exception):
    pass


class Visitor:
    def __init__(self, port, ca=None, sni=None, cert=None, timeout=30, session=None, source=None, alpn=None):
        """ca None: plain. sni None: none is sent. cert: (certificate, key)."""
        self.kept, self.ended = b"", ""
        sock = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=source)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = sock.getsockname()
        if ca:
            sock = context(ca, cert, alpn).wrap_socket(sock, server_hostname=sni, session=session, suppress_ragged_eofs=False)
        self.sock = sock

    @property
    def session(self):
        return self.sock.session

    def send(self, data):
        """False: the other side has ended."""
        try:
            self.sock.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            return False

    def fill(self):
        try:
            more = self.sock.recv(262144)
            self.ended = "" if more else "end"
        except socket.timeout:
            more, self.ended = b"", "silence"
        except ssl.SSLError:
            more, self.ended = b"", "cut"  # without close_notify
        except OSError:
            more, self.ended = b"", "reset"
        if not more:
            raise Cut
        self.kept += more

    def until(self, mark):
        while mark not in self.kept:
            self.fill()
        line, _, self.kept = self.kept.partition(mark)
        return line + mark

    def exactly(self, n, reply):
        while n:
            if not self.kept:
                self.fill()
            part, self.kept = self.kept[:n], self.kept[n:]
            reply.body += part
            n -= len(part)

    def _head(self, reply):
        reply.raw = self.until(b"\r\n\r\n")
        lines = reply.raw[:-4].decode("latin-1").split("\r\n")
        first = re.match(r"HTTP/1\.[01] ([1-5][0-9][0-9]) ", lines[0] + " ")
        if not first:
            raise ValueError(f"no HTTP: {lines[0]!r}")
        reply.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not re.match(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z", name):
                raise ValueError(f"no field: {line!r}")
            reply.fields.append((name.lower(), value.strip(" \t")))
        return int(first[1])

    def reply(self, method="GET"):
        """The next answer. ValueError: it is not even HTTP."""
        r = Reply()
        try:
            status = self._head(r)
            while 100 <= status < 200 and status != 101:
                r.interim.append(status)
                status = self._head(r)
            r.status = status
            if method == "HEAD" or status in (101, 204, 304):
                r.whole = True
            elif r.get("transfer-encoding"):
                if r.get("content-length") or [v.lower() for v in r.get("transfer-encoding")] != ["chunked"]:
                    raise ValueError(f"framing: {r.fields}")
                self._chunks(r)
            elif r.get("content-length"):
                if len(r.get("content-length")) > 1:
                    raise ValueError("two lengths")
                self.exactly(int(r.get("content-length")[0]), r)
                r.whole = True
            else:
                self._to_end(r)
        except Cut:
            pass
        return r

    def _chunks(self, r):
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            self.exactly(size, r)
            if self.until(b"\r\n") != b"\r\n":
                raise ValueError("chunks")
            if not size:
                r.whole = True
                return

    def _to_end(self, r):
        try:
            while True:
                r.body, self.kept = r.body + self.kept, b""
                self.fill()
        except Cut:
            r.whole = self.ended == "end"

    def ask(self, raw, method="GET"):
        self.send(raw)
        return self.reply(method)

    def rest(self):
        """All that comes until the end, or until it is silent: self.ended says which."""
        try:
            while True:
                self.fill()
        except Cut:
            data, self.kept = self.kept, b""
            return data

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def reset(self):
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_contexts = {}


def context(ca, cert=None, alpn=None):
    key = (ca, cert, alpn)
    if key not in _contexts:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False  # names are what some of these tests lie about; the authority is checked
        c.load_verify_locations(ca)
        if cert:
            c.load_cert_chain(*cert)
        if alpn:
            c.set_alpn_protocols([alpn])
        _contexts[key] = c
    return _contexts[key]


def unescape(text):
    """The text of a case of tests/vectors/http: \\r \\n \\t \\0 \\\\ and \\xNN."""
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|[rnt0\\])",
                  lambda m: {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}.get(m[1]) or bytes([int(m[1][1:], 16)]),
                  text)


def vectors(name):
    """(line number, ID, WANT, text) of each case of a file of tests/vectors/http."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "http", name)
    with open(path, "rb") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip(b"\n")
            if not line or line.startswith(b"#"):
                continue
            name, want, text = (line.split(b" ", 2) + [b""])[:3]
            yield number, name.decode(), want, text
