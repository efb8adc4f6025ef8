"""connectorpeer: the connector's side of zt-tunnel/1 written a second time, from docs/protocol.md and docs/formats.md
alone, for tests that play one that is honest, revoked or hostile; and status lists that OpenSSL signs. Not a test."""
import os, select, socket, ssl, struct, subprocess, tempfile, threading, time

HELLO, OPEN, DATA, CREDIT, RESET, DGRAM, PING, PONG, GOAWAY, CTRL = range(1, 11)
RULES, STATUS, HEALTH = 1, 2, 3
FIN, MUST = 1, 128
DRAIN, REKEY, DENIED, PROTOCOL, SILENT, VERSION, BUSY = range(1, 8)
GOOD, SUSPENDED, REVOKED, SUPERSEDED, GONE = range(1, 6)


def head(type, stream=0, n=0, flags=0):
    return struct.pack("<BBHI", type, flags, n, stream)


def frame(type, stream=0, payload=b"", flags=0):
    return head(type, stream, len(payload), flags) + payload


def hello(lo=1, hi=1, role=2, index=0, count=1, zero=0, instance=None, streams=4096, credit=1 << 26, each=65536, software=b"peer"):
    return struct.pack("<HHBBBB16sIIQIB", lo, hi, role, index, count, zero, instance or os.urandom(16), 0, streams, credit,
                       each, len(software)) + software


def ctrl(kind, message):
    """Frames of one message, in pieces."""
    pieces = [message[i:i + 16374] for i in range(0, len(message), 16374)] or [b""]
    return b"".join(frame(CTRL, 0, struct.pack("<H", kind) + p, FIN if i == len(pieces) - 1 else 0) for i, p in enumerate(pieces))


def rule(host=b"", path=b"", kind=1, flags=0, status=0, set=b"", name=b"r", prefix=b""):
    texts = [name, host, path, b"", prefix, b"", set, b""]
    return struct.pack("<BBHIII", kind, flags, status, 0, 0, 0) + b"".join(struct.pack("<H", len(t)) + t for t in texts)


CATCH_ALL = rule(kind=3, status=404, name=b"last")


def rules(epoch, *rows, last=CATCH_ALL):
    rows = [*rows, last] if last else rows
    return b"ztrules1" + struct.pack("<IH", epoch, len(rows)) + b"".join(rows)


class Registry:
    """Signs lists as the authority does; entries: {serial in hex: state}."""
    def __init__(self, key, epoch=1):
        self.key, self.epoch = key, epoch

    def list(self, number, entries, base=0, age=0, epoch=None, key=None):
        rows = sorted((bytes.fromhex(s), state) for s, state in entries.items())
        body = b"ztstatl1" + struct.pack("<B7xQQQqI", 2 if base else 1, epoch or self.epoch, number, base,
                                         int(time.time()) - age, len(rows))
        body += b"".join(struct.pack("<BBxx16s", 1, state, s) for s, state in rows)
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"zt status list\0" + body)
            f.flush()
            sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key or self.key, f.name], check=True, capture_output=True).stdout
        return body + struct.pack("<H", len(sig)) + sig


class Link:
    """A connection to an edge. A thread reads, and answers pings while `answers` is true; what is of interest is kept."""
    def __init__(self, port, identity, says_hello=True, instance=None, answers=True, reads=True, timeout=30):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        ctx.set_alpn_protocols(["zt-tunnel/1"])
        ctx.load_cert_chain(identity)
        self.raw = socket.create_connection(("127.0.0.1", int(port)), timeout=timeout)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = ctx.wrap_socket(self.raw, suppress_ragged_eofs=False)
        self.have, self.goaway, self.opened, self.resets, self.got, self.ended, self.answers = b"", None, [], [], {}, False, answers
        self.one, self.news = threading.RLock(), threading.Condition()
        if says_hello: # or a hello of its own: a PING may be here already, and its answer must not be first
            self.send(frame(HELLO, 0, hello(instance=instance) if says_hello is True else says_hello))
        if reads:
            threading.Thread(target=self._run, daemon=True).start()

    def send(self, data):
        try:
            with self.one:
                self.sock.settimeout(30)
                self.sock.sendall(data)
        except (OSError, ValueError):
            pass # the end is for the reader to see

    def list(self, *lists):
        for l in lists:
            self.send(ctrl(STATUS, l))

    def serve(self, epoch, *hosts):
        self.send(ctrl(RULES, rules(epoch, *(rule(h) for h in hosts))))

    def _take(self, type, flags, stream, p):
        if type == PING and self.answers:
            self.send(frame(PONG, 0, p))
        elif type == GOAWAY:
            self.goaway = (struct.unpack("<H", p[:2])[0], p[10:].decode())
        elif type == OPEN:
            self.opened.append((stream, *struct.unpack("<HI", p[2:8])))
        elif type == DATA:
            self.got[stream] = self.got.get(stream, b"") + p
        elif type == RESET:
            self.resets.append((stream, struct.unpack("<H", p[:2])[0], p[10:].decode()))

    def _run(self):
        while not self.ended:
            data = None
            try:
                if (self.sock.pending() or select.select([self.sock], [], [], 0.05)[0]):
                    with self.one:
                        self.sock.settimeout(0)
                        data = self.sock.recv(65536)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            except (OSError, ValueError):
                data = b""
            if data is None:
                continue
            self.have += data
            while len(self.have) >= 8:
                type, flags, n, stream = struct.unpack("<BBHI", self.have[:8])
                if len(self.have) < 8 + n:
                    break
                self._take(type, flags, stream, self.have[8:8 + n])
                self.have = self.have[8 + n:]
            with self.news:
                self.ended = not data
                self.news.notify_all()

    def until(self, done, seconds=30):
        """Waits for it."""
        with self.news:
            assert self.news.wait_for(lambda: done(self) or self.ended, seconds), "it never came"
        return done(self)

    def to_the_end(self, seconds=30):
        """What the edge said when it ended the connection: (reason, text), or None."""
        self.until(lambda l: l.ended, seconds)
        return self.goaway

    def still(self, seconds=0.3):
        """Nothing ends it for so long."""
        with self.news:
            return not self.news.wait_for(lambda: self.ended, seconds)

    def close(self):
        self.ended = True
        self.sock.close()


def serial(identity):
    out = subprocess.run(["openssl", "x509", "-in", identity, "-noout", "-serial"], check=True, capture_output=True, text=True).stdout
    return out.split("=")[1].strip().lower()


def name(identity):
    out = subprocess.run(["openssl", "x509", "-in", identity, "-noout", "-subject", "-nameopt", "multiline"], check=True,
                         capture_output=True, text=True).stdout
    return out.split("commonName")[1].split("=")[1].split()[0]
