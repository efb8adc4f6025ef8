"""edgepeer: the edge's side of zt-tunnel/1 written a second time, from docs/protocol.md alone. Not a test.

  edgepeer.py PORT IDENTITY.pem INFRA.pem CONTROL    serves until it is killed

What happens is a line of JSON each on standard output. CONTROL is a FIFO that it makes; a line is a command for the
newest connection (EDGE_VERSIONS="1 2" in the environment: of its HELLO): open EPOCH RULE | data STREAM TEXT | fin STREAM | goaway REASON GRACE TEXT | cut."""
import json, os, select, socket, ssl, struct, sys, threading

HELLO, OPEN, DATA, CREDIT, RESET, DGRAM, PING, PONG, GOAWAY, CTRL = range(1, 11)
RULES, STATUS, HEALTH = 1, 2, 3
FIN = 1
lock = threading.Lock()


def say(ev, **fields):
    with lock:
        print(json.dumps({"ev": ev, **fields}), flush=True)


def string(text):
    return bytes([len(text)]) + text.encode()


class Conn(threading.Thread):
    def __init__(self, number, raw, context, hello=None, then=None):
        """hello(conn) instead of ours; then(conn) when the connector has announced all."""
        super().__init__(daemon=True)
        self.hello, self.then = hello, then
        self.number, self.raw, self.context, self.out, self.stream = number, raw, context, threading.Lock(), 0
        self.sock, self.parts, self.got, self.have = None, {}, {}, b""

    def frame(self, type, stream=0, payload=b"", flags=0):
        with self.out:
            self.sock.sendall(struct.pack("<BBHI", type, flags, len(payload), stream) + payload)

    def say_hello(self, version=1, role=1):
        low, high = map(int, os.environ.get("EDGE_VERSIONS", f"{version} {version}").split())
        self.frame(HELLO, 0, struct.pack("<HHBBBB16sIIQI", low, high, role, 0, 1, 0, os.urandom(16), 0, 100, 1 << 26,
                                         65536) + string("edgepeer"))

    def open(self, epoch, rule):
        self.stream += 2
        self.frame(OPEN, self.stream, struct.pack("<BBHII", 1, 0, rule, epoch, 0) + bytes(16) +
                   bytes([4, 192, 0, 2, 1]) + struct.pack("<H", 4711) + bytes([0]) + string("app.test") + string("req-1"))
        say("opened", conn=self.number, stream=self.stream)

    def more(self):
        """Under the lock of who writes: an SSL object of python's is not made for two threads at a time."""
        while True:
            self.sock.pending() or select.select([self.sock], [], [])
            with self.out:
                self.sock.settimeout(0)
                try:
                    return self.sock.recv(65536)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self.sock.settimeout(None)

    def exact(self, n):
        while len(self.have) < n:
            more = self.more()
            if not more:
                raise EOFError
            self.have += more
        out, self.have = self.have[:n], self.have[n:]
        return out

    def run(self):
        why = "clean"
        try:
            self.sock = self.context.wrap_socket(self.raw, server_side=True, suppress_ragged_eofs=False)
            say("conn", conn=self.number, serial=self.sock.getpeercert()["serialNumber"].lower(),
                alpn=self.sock.selected_alpn_protocol(), tls=self.sock.version())
            (self.hello or Conn.say_hello)(self)
            while True:
                type, flags, n, stream = struct.unpack("<BBHI", self.exact(8))
                self.take(type, flags, stream, self.exact(n))
        except EOFError:
            pass
        except (OSError, ssl.SSLError) as e:
            why = str(e)
        say("end", conn=self.number, why=why)
        (self.sock or self.raw).close() # a wrapped socket takes the descriptor with it

    def take(self, type, flags, stream, p):
        if type == PING:
            self.frame(PONG, 0, p)
        elif type == HELLO:
            lo, hi, role, index, count, _, instance, features, streams, credit, each = struct.unpack("<HHBBBB16sIIQI", p[:44])
            say("hello", conn=self.number, role=role, index=index, count=count, instance=instance.hex(), streams=streams,
                credit=credit, stream_credit=each, software=p[45:45 + p[44]].decode())
        elif type == CTRL:
            kind, = struct.unpack("<H", p[:2])
            self.parts[kind] = self.parts.get(kind, b"") + p[2:]
            if flags & FIN:
                self.message(kind, self.parts.pop(kind))
        elif type == GOAWAY:
            reason, last, grace = struct.unpack("<HII", p[:10])
            say("goaway", conn=self.number, reason=reason, grace=grace, text=p[10:].decode())
        elif type == RESET:
            code, delivered = struct.unpack("<HQ", p[:10])
            say("reset", conn=self.number, stream=stream, code=code, delivered=delivered, text=p[10:].decode())
            self.frame(RESET, stream, struct.pack("<HQ", 1, 0))
        elif type == DATA:
            self.got[stream] = self.got.get(stream, 0) + len(p)
            self.frame(CREDIT, stream, struct.pack("<Q", self.got[stream] + 65536))
            self.frame(CREDIT, 0, struct.pack("<Q", sum(self.got.values()) + (1 << 26)))
            say("data", conn=self.number, stream=stream, n=self.got[stream], fin=bool(flags & FIN),
                text=p[:64].decode("latin-1"))

    def message(self, kind, m):
        if kind == STATUS:
            say("status", conn=self.number, bytes=len(m))
        elif kind == RULES:
            say("rules", conn=self.number, bytes=len(m), text=m.decode("latin-1"))
        elif kind == HEALTH:
            say("health", conn=self.number, epoch=struct.unpack("<I", m[:4])[0], up=list(m[4:]))
            if self.then:
                self.then(self)


def tls(identity, infra):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(identity)
    context.load_verify_locations(infra)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["zt-tunnel/1"])
    return context


def main(kind=Conn):
    port, identity, infra, control = sys.argv[1:]
    context = tls(identity, infra)
    conns = []
    os.path.exists(control) or os.mkfifo(control)

    def accept():
        listener = socket.create_server(("127.0.0.1", int(port)))
        while True:
            raw, _ = listener.accept()
            conns.append(kind(len(conns) + 1, raw, context))
            conns[-1].start()

    threading.Thread(target=accept, daemon=True).start()
    with open(os.open(control, os.O_RDWR), closefd=True) as commands:
        for line in commands:
            word, *rest = line.split()
            c = conns[-1]
            if word == "open":
                c.open(int(rest[0]), int(rest[1]))
            elif word == "data":
                c.frame(DATA, int(rest[0]), rest[1].encode())
            elif word == "fin":
                c.frame(DATA, int(rest[0]), b"", FIN)
            elif word == "goaway":
                c.frame(GOAWAY, 0, struct.pack("<HII", int(rest[0]), 0, int(rest[1])) + " ".join(rest[2:]).encode())
            elif word == "cut":
                c.sock.shutdown(socket.SHUT_RDWR)
            else:
                kind.command(conns, word, rest)


if __name__ == "__main__":
    main()
