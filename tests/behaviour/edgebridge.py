"""edgebridge: edgepeer with doors: whoever connects to one is carried to a rule of the newest connector. Not a test.

  edgebridge.py PORT IDENTITY.pem INFRA.pem CONTROL

Commands beside those of edgepeer: listen PORT RULE KIND (tcp, http) [NAME [PEER [LOCAL]]], which addresses are
host:port; unlisten PORT. A reset is a line of JSON, {"ev": "reset", "door": PORT, ...}, and a reset of the visitor."""
import queue, socket, struct, threading
import edgepeer
from edgepeer import CREDIT, CTRL, DATA, FIN, HEALTH, HELLO, OPEN, RESET, say, string

KINDS = {"tcp": 1, "http": 2}
doors = {}


def address(text):
    if not text:
        return bytes([0])
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return bytes([6 if ":" in host else 4]) + socket.inet_pton(family, host) + struct.pack("<H", int(port))


class Stream:
    def __init__(self, conn, number, door, visitor):
        self.conn, self.number, self.door, self.visitor = conn, number, door, visitor
        self.limit, self.sent, self.got, self.queue = conn.each, 0, 0, queue.Queue()
        self.more, self.over = threading.Condition(), False

    def start(self):
        for run in (self.up, self.down):
            threading.Thread(target=run, daemon=True).start()

    def up(self):
        try:
            while True:
                piece = self.visitor.recv(16376)
                if not piece:
                    break
                while piece and not self.over:
                    with self.more:
                        while self.sent >= self.limit and not self.over:
                            self.more.wait()
                        n = min(len(piece), self.limit - self.sent)
                    with self.conn.room:
                        while self.conn.sent + n > self.conn.limit:
                            self.conn.room.wait()
                        self.conn.sent += n
                    self.sent += n
                    self.say(DATA, piece[:n])
                    piece = piece[n:]
            self.say(DATA, b"", FIN)
        except OSError:
            self.say(RESET, struct.pack("<HQ", 1, 0))
            self.over = True

    def say(self, type, payload, flags=0):
        with self.more: # nothing follows our answer to a reset
            self.over or self.conn.frame(type, self.number, payload, flags)

    def down(self):
        while True:
            piece = self.queue.get()
            try:
                if piece is None:
                    self.visitor.shutdown(socket.SHUT_WR)
                    return
                self.visitor.sendall(piece)
            except OSError:
                return
            self.got += len(piece)
            self.conn.frame(CREDIT, self.number, struct.pack("<Q", self.got + 65536))
            self.conn.taken(len(piece))

    def reset(self):
        with self.more:
            self.over or self.conn.frame(RESET, self.number, struct.pack("<HQ", 1, 0))
            self.over = True
            self.more.notify_all()
        self.visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.visitor.shutdown(socket.SHUT_RD)
        self.visitor.close()


class Bridge(edgepeer.Conn):
    def __init__(self, *args):
        super().__init__(*args)
        self.streams, self.each, self.limit, self.sent, self.had, self.epoch = {}, 65536, 0, 0, 0, 0
        self.room, self.turn = threading.Condition(), threading.Lock()

    def taken(self, n):
        with self.turn:
            self.had += n
            self.frame(CREDIT, 0, struct.pack("<Q", self.had + (1 << 26)))

    def open_for(self, door, visitor):
        with self.turn:
            self.stream += 2
            number = self.stream
            s = self.streams[number] = Stream(self, number, door["port"], visitor)
            self.frame(OPEN, number, struct.pack("<BBHII", KINDS[door["kind"]], 0, door["rule"], self.epoch, door["dial"]) +
                       bytes(16) + address(door["peer"]) + address(door["local"]) + string(door["name"]) + string("req-%d" % number))
            s.start()

    def take(self, type, flags, number, p):
        s = self.streams.get(number)
        if type == HELLO:
            self.each, = struct.unpack("<I", p[40:44])
            self.limit, = struct.unpack("<Q", p[32:40])
        if type == CREDIT:
            limit, = struct.unpack("<Q", p)
            where, of = (s.more, s) if s else (self.room, self)
            with where:
                of.limit = max(of.limit, limit)
                where.notify_all()
        elif type == DATA and s:
            p and s.queue.put(p)
            flags & FIN and s.queue.put(None)
        elif type == RESET and s:
            code, delivered = struct.unpack("<HQ", p[:10])
            say("reset", conn=self.number, door=s.door, code=code, delivered=delivered, text=p[10:].decode())
            s.reset()
            del self.streams[number]
        else:
            super().take(type, flags, number, p)

    def message(self, kind, m):
        if kind == HEALTH:
            self.epoch, = struct.unpack("<I", m[:4])
        super().message(kind, m)

    @staticmethod
    def command(conns, word, rest):
        if word == "unlisten":
            doors.pop(rest[0]).shutdown(socket.SHUT_RDWR)
            return
        rest += [""] * 4
        door = {"port": int(rest[0]), "rule": int(rest[1]), "kind": rest[2], "name": rest[3] or "app.test",
                "peer": rest[4] or "192.0.2.1:4711", "local": rest[5], "dial": int(rest[6] or 0)}
        listener = socket.create_server(("127.0.0.1", door["port"]), backlog=256)
        door["port"] = listener.getsockname()[1]
        doors[str(door["port"])] = listener

        def serve():
            while True:
                try:
                    visitor, _ = listener.accept()
                except OSError:
                    return
                conns[-1].open_for(door, visitor)

        threading.Thread(target=serve, daemon=True).start()
        say("door", port=door["port"], label=(rest + [""] * 8)[7])


edgepeer.main(Bridge)
