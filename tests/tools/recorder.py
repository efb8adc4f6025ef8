"""recorder: an origin that writes down all it gets and believes nothing. A small, strict HTTP/1.1 server on
127.0.0.1: every connection and every request becomes a line of JSON (raw head, length and SHA-256 of the body), and
each answer names the number of its request, so that a visitor who is given somebody else's answer shows it.

A line: {"at": "conn"|"request"|"junk"|"end", "conn": N, ...}. "junk" is what is no request to a strict reader: behind
a proxy that writes heads anew there must never be one.

By hand: python3 tests/tools/recorder.py PORT [FILE]
"""
import hashlib, json, re, socket, struct, sys, threading

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
LINE = re.compile(rb"([A-Z-]+) (/[\x21-\x7e]*|\*) HTTP/1\.1\Z")


class Junk(Exception):
    pass


class Gone(Exception):
    """The other side has ended, or was made to."""


def read_head(raw):
    """raw: a head with its empty line. (method, target, [(name, value)]), or Junk."""
    lines = raw[:-4].split(b"\r\n")
    first = LINE.match(lines[0])
    if not first:
        raise Junk("first line")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name) or re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise Junk("field %r" % line[:60])
        fields.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    if len([1 for n, _ in fields if n == "host"]) != 1:
        raise Junk("hosts")
    return first[1].decode(), first[2].decode(), fields


def framing(fields):
    """"none", "chunked" or a number."""
    lengths = [v for n, v in fields if n == "content-length"]
    codings = [v for n, v in fields if n == "transfer-encoding"]
    if codings:
        if lengths or codings != ["chunked"]:
            raise Junk("framing")
        return "chunked"
    if not lengths:
        return "none"
    if len(lengths) > 1 or not re.match(r"(0|[1-9][0-9]{0,18})\Z", lengths[0]):
        raise Junk("length")
    return int(lengths[0])


class Request:
    def __init__(self, raw):
        self.raw = raw
        self.method, self.target, self.fields = read_head(raw)
        self.framing = framing(self.fields)
        self.number = self.length = 0
        self.sha256 = ""

    def get(self, name):
        """All values of a field."""
        return [v for n, v in self.fields if n == name]

    @property
    def path(self):
        return self.target.partition("?")[0]


class Unreadable(Request):
    """Stands where a request would, when there was none."""

    def __init__(self):
        self.raw, self.method, self.target, self.fields, self.framing = b"", "", "(junk)", [], "none"
        self.number = self.length = 0
        self.sha256 = ""


class Conn:
    """One connection; what a behaviour is given to be hostile with."""

    def __init__(self, origin, sock, number):
        self.origin, self.sock, self.number, self.kept = origin, sock, number, b""
        sock.settimeout(60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fill(self):
        try:
            more = self.sock.recv(262144)
        except (ConnectionError, OSError):
            more = b""
        if not more:
            raise Gone
        self.kept += more

    def until(self, mark, most=65536):
        while mark not in self.kept:
            if len(self.kept) > most:
                raise Junk("too long")
            self.fill()
        line, _, self.kept = self.kept.partition(mark)
        return line + mark

    def exactly(self, n, take):
        while n:
            if not self.kept:
                self.fill()
            part, self.kept = self.kept[:n], self.kept[n:]
            n -= len(part)
            take(part)

    def request(self):
        """The next one, its body still to come. Gone at a clean end."""
        if not self.kept:
            self.fill()
        return Request(self.until(b"\r\n\r\n"))

    def body(self, request):
        digest = hashlib.sha256()

        def take(part):
            request.length += len(part)
            digest.update(part)

        if request.framing == "chunked":
            while True:
                line = self.until(b"\r\n", 100)
                if not re.match(rb"[0-9a-fA-F]{1,16}\r\n\Z", line):
                    raise Junk("chunk line %r" % line)
                size = int(line, 16)
                if size:
                    self.exactly(size, take)
                if self.until(b"\r\n", 2 if size else 4096) != b"\r\n":
                    raise Junk("trailers, or no end of a chunk")
                if not size:
                    break
        elif request.framing != "none":
            self.exactly(request.framing, take)
        request.sha256 = digest.hexdigest()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone

    def drip(self, data, gap):
        for i in range(len(data)):
            self.send(data[i:i + 1])
            if self.origin.stopping.wait(gap):
                raise Gone

    def answer(self, request, body=None, status="200 OK", fields=""):
        body = f"request {request.number} {request.method} {request.target}\n".encode() if body is None else body
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nX-Number: {request.number}\r\n{fields}\r\n"
        self.send(head.encode() + (b"" if request.method == "HEAD" else body))

    def hold(self, seconds=60):
        """Says nothing until the other side ends, or this long."""
        self.sock.settimeout(seconds)
        self.fill()

    def end(self):
        raise Gone

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


class Origin:
    """behaviours: path -> function(conn, request), called when the head is there and the body not read; it answers as
    it likes. greet: bytes sent to whoever connects, before any request."""

    def __init__(self, port=0, record=None, behaviours=None, greet=b""):
        self.behaviours, self.greet = behaviours or {}, greet
        self.lines, self.requests, self.junk, self.conns = [], [], [], 0
        self.stopping, self.lock = threading.Event(), threading.Condition()
        self.file = open(record, "a") if record else None
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _note(self, **line):
        with self.lock:
            self.lines.append(line)
            if self.file:
                self.file.write(json.dumps(line) + "\n")
                self.file.flush()
            self.lock.notify_all()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.conns += 1
            threading.Thread(target=self._serve, args=(Conn(self, sock, self.conns),), daemon=True).start()

    def _seen(self, conn, request):
        with self.lock:
            self.requests.append(request)
            request.number, request.conn = len(self.requests), conn.number
            self.lock.notify_all()

    def _told(self, conn, request):
        self._note(at="request", conn=conn.number, n=request.number, head=request.raw.decode("latin-1"), method=request.method,
                   target=request.target, framing=request.framing, length=request.length, sha256=request.sha256)

    def _serve(self, conn):
        self._note(at="conn", conn=conn.number)
        how, request = "clean", None
        try:
            if self.greet:
                conn.send(self.greet)
            while True:
                request = None
                request = conn.request()
                self._seen(conn, request)
                act = self.behaviours.get(request.path)
                if act:
                    self._told(conn, request)
                    act(conn, request)
                    continue
                conn.body(request)
                self._told(conn, request)
                conn.answer(request)
        except Gone:
            how = "in a request" if request or conn.kept else "clean"
        except Junk as e:
            how = "junk"
            if not request:
                self._seen(conn, Unreadable())
            self.junk.append((str(e), conn.kept[:200]))
            self._note(at="junk", conn=conn.number, why=str(e), bytes=conn.kept[:4096].decode("latin-1"))
        except (socket.timeout, OSError):
            how = "silence"
        conn.sock.close()
        self._note(at="end", conn=conn.number, how=how)

    def hits(self):
        """How often something came that was a request, or should have been one."""
        with self.lock:
            return len(self.requests)

    def wait(self, true, seconds=20):
        """Until true() of what was noted; is it?"""
        with self.lock:
            return self.lock.wait_for(true, seconds)

    def since(self, n):
        with self.lock:
            return self.requests[n:]

    def stop(self):
        self.stopping.set()
        self.listener.close()


if __name__ == "__main__":
    here = Origin(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/dev/stdout")
    threading.Event().wait()
