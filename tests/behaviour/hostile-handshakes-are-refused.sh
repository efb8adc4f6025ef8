#!/bin/bash
# security
# More than a hundred hostile or malformed handshakes, from the first byte to records under the
# right keys: each is refused as the table says, within its deadline, with a sentence in the log, and
# afterwards the same processes serve a good client and hold what they held before.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
cat >"$TMP/hostile.py" <<'PY'
import json, os, re, socket, ssl, struct, subprocess, sys, threading, time, tlspeer, tlsraw
ca, keylog, zt, *relays = sys.argv[1:]
class Relay:
    """What one of the two has said in its log, by the port of the peer."""
    def __init__(self, port, log, conf, worker, tlsd):
        self.port, self.log, self.conf, self.kids = int(port), log, conf, (("worker", int(worker)), ("tlsd", int(tlsd)))
        self.seen, self.at, self.lock = {}, os.path.getsize(log), threading.RLock()
    def read_log(self):
        with self.lock, open(self.log, "rb") as f:
            f.seek(self.at)
            text = f.read()
            text = text[:text.rfind(b"\n") + 1]
            self.at += len(text)
            for line in text.decode("utf-8", "backslashreplace").split("\n"):
                m = re.search(r"(?:not opened|closed) peer=127\.0\.0\.1:(\d+)(?: .* why=(.*))?", line)
                if m: self.seen[int(m[1])] = m[2] or ""  # a good end has no reason
    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s
    def said(self, peer):
        """Asked of every connection, so that the next one from that port finds nothing of the last."""
        for _ in range(6000):
            self.read_log()
            if peer in self.seen: return self.seen.pop(peer)
            time.sleep(0.01)
        raise AssertionError(f"the log says nothing of the connection from {peer}")
near, late = Relay(*relays[:5]), Relay(*relays[5:])

def context():
    ctx = tlspeer.context(ca)
    ctx.set_ciphers("ECDHE+CHACHA20")
    ctx.options |= ssl.OP_NO_TICKET
    ctx.keylog_filename = keylog
    return ctx
def own_port(s): return s.getsockname()[1]
def good(relay=near, name="a.test"):
    c = tlsraw.Wire(relay.connect(), context(), name)
    c.send(b"ping"); got = c.recv_exactly(4)
    assert got == b"ping", f"a good client: {c.end()}"
    k = c.keys(keylog)
    c.sealer = tlsraw.Sealer(k.client, k.client_iv, 2)
    return c

# ---- a hello of openssl's, taken apart
def u8(b): return bytes([len(b)]) + b
def u16(b): return struct.pack(">H", len(b)) + b
def u24(b): return struct.pack(">L", len(b))[1:] + b
def record(kind, body, version=0x0301): return struct.pack(">BH", kind, version) + u16(body)
def message(kind, body): return bytes([kind]) + u24(body)

class Hello:
    def __init__(self):
        out, ctx = ssl.MemoryBIO(), context()
        ctx.set_alpn_protocols(["http/1.1"])
        tls = ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="a.test")
        try: tls.do_handshake()
        except ssl.SSLWantReadError: pass
        b = out.read()[9:]
        self.version, self.random = struct.unpack(">H", b[:2])[0], os.urandom(32)
        at = 34
        self.sid, at = b[at + 1:at + 1 + b[at]], at + 1 + b[at]
        n = struct.unpack(">H", b[at:at + 2])[0]; self.suites, at = b[at + 2:at + 2 + n], at + 2 + n
        self.comps, at = b[at + 1:at + 1 + b[at]], at + 1 + b[at]
        at += 2
        self.ext = []
        while at < len(b):
            kind, n = struct.unpack(">HH", b[at:at + 4])
            self.ext.append((kind, b[at + 4:at + 4 + n])); at += 4 + n
    def body(self):
        b = struct.pack(">H", self.version) + self.random + u8(self.sid) + u16(self.suites) + u8(self.comps)
        return b + u16(b"".join(struct.pack(">H", k) + u16(v) for k, v in self.ext)) if self.ext is not None else b
    def message(self): return message(1, self.body())
    def bytes(self, version=0x0301): return record(22, self.message(), version)
    def with_ext(self, kind, value):
        """In the place of the one of that kind, or at the end; None: without it."""
        had = [k for k, _ in self.ext]
        self.ext = [(k, value if k == kind else v) for k, v in self.ext if k != kind or value is not None]
        if kind not in had and value is not None: self.ext.append((kind, value))
        return self
    def set(self, **fields):
        for k, v in fields.items(): setattr(self, k, v)
        return self
SNI, GROUPS, SIGS, ALPN, VERSIONS = 0, 10, 13, 16, 43
def sni(*names, kind=0): return u16(b"".join(bytes([kind]) + u16(n) for n in names))
def hello(**fields): return Hello().set(**fields).bytes()
def ext(kind, value): return Hello().with_ext(kind, value).bytes()
def named(name): return ext(SNI, sni(name))
def alpn(*names): return ext(ALPN, u16(b"".join(u8(n) for n in names)))
def cut(message, *at):
    """One message in several records."""
    ends = [0, *at, len(message)]
    return b"".join(record(22, message[a:b]) for a, b in zip(ends, ends[1:]))
def every(message, n): return cut(message, *range(n, len(message), n))
OK, M = hello(), Hello().message()
noise = record(22, os.urandom(40), 0x0303)
ccs, alert = record(20, b"\1", 0x0303), lambda level, what: record(21, bytes([level, what]), 0x0303)
point = bytes([65, 4]) + bytes(64)
double = Hello(); double.ext += [(ALPN, u16(u8(b"http/1.1")))]
twice = Hello(); twice.ext += [(0x1234, b"a"), (0x1234, b"b")]
twins = Hello(); twins.ext += [(SNI, sni(b"a.test"))]
many = Hello(); many.ext += [(0x4000 + i, b"") for i in range(65)]
grown = lambda n: Hello().with_ext(21, bytes(n)).bytes()
long_lengths = bytearray(OK); long_lengths[6:9] = b"\xff\xff\xff"
short_message = bytearray(OK); short_message[8] -= 1
ext_over = bytearray(Hello().body()); ext_over[-len(Hello().ext[-1][1]) - 2:-len(Hello().ext[-1][1])] = b"\xff\xff"

# name, what is sent, what comes back until the end ("hello": a server's flight), what the log says; where
# that is "", it is good so far: we leave first
table = [
    ("a good hello", OK, "hello", ""),
    ("a name in capitals", named(b"A.Test"), "hello", ""),
    ("a dot behind the name", named(b"a.test."), "alert 50", "the server name in the hello ends with a dot"),
    ("a hello in two records", cut(M, 5), "hello", ""),
    ("a hello in many records", every(M, len(M) // 50), "hello", ""),
    ("a hello in records of one byte", every(M, 1), "alert 50", "the hello is cut into more than 64 records"),
    ("with an unknown extension", ext(0x1234, b"hm"), "hello", ""),
    ("with a session id that nobody knows", hello(sid=os.urandom(32)), "hello", ""),
    ("legacy version 1.3, without the list", hello(version=0x0304), "hello", ""),
    ("legacy version 3.153", hello(version=0x0399), "hello", ""),
    ("legacy version 255.255", hello(version=0xffff), "hello", ""),
    ("record version 3.4", OK[:1] + b"\3\4" + OK[3:], "nothing", "the peer's first record is of version 0x0304, not of TLS"),
    ("record version 3.0", OK[:1] + b"\3\0" + OK[3:], "nothing", "the peer's first record is of version 0x0300, not of TLS"),
    ("record version 2.0", OK[:1] + b"\2\0" + OK[3:], "nothing", "the peer's first record is of version 0x0200, not of TLS"),
    ("record version 4.0", OK[:1] + b"\4\0" + OK[3:], "nothing", "the peer's first record is of version 0x0400, not of TLS"),
    ("record type 0", b"\0" + OK[1:], "nothing", "what the peer speaks is not TLS (first byte 0x00)"),
    ("record type 24, heartbeat", b"\x18" + OK[1:], "nothing", "what the peer speaks is not TLS (first byte 0x18)"),
    ("record type 255", b"\xff" + OK[1:], "nothing", "the peer speaks SSL 2.0, which nobody should since 1996, not TLS"),
    ("ChangeCipherSpec first", ccs, "alert 50", "the peer sent a ChangeCipherSpec before its hello"),
    ("application data first", record(23, b"GET /", 0x0303), "alert 50", "the peer sent application data before its hello"),
    ("a warning first", alert(1, 90), "alert 50", "the peer sent an alert before its hello"),
    ("close_notify first", alert(1, 0), "alert 50", "the peer sent an alert before its hello"),
    ("a fatal alert first", alert(2, 40), "alert 50", "the peer sent an alert before its hello"),
    ("100 warnings first", alert(1, 90) * 100, "alert 50", "the peer sent an alert before its hello"),
    ("an empty record first", record(22, b"") + OK, "alert 50", "an empty record stands inside the hello"),
    ("100 empty records", record(22, b"") * 100, "alert 50", "an empty record stands inside the hello"),
    ("a record of 16385 bytes", b"\x16\3\1\x40\1" + bytes(16385), "alert 50", "a record of 16385 bytes; 16384 are allowed"),
    ("a record that says 65535", b"\x16\3\1\xff\xff" + bytes(100), "alert 50", "a record of 65535 bytes; 16384 are allowed"),
    ("ClientKeyExchange first", record(22, message(16, point)), "alert 50", "the first message is of type 16, not a ClientHello"),
    ("Finished first", record(22, message(20, bytes(12))), "alert 50", "the first message is of type 20, not a ClientHello"),
    ("ServerHello first", record(22, message(2, bytes(70))), "alert 50", "the first message is of type 2, not a ClientHello"),
    ("HelloRequest first", record(22, message(0, b"")), "alert 50", "the first message is of type 0, not a ClientHello"),
    ("a message that says 16777215 bytes", bytes(long_lengths), "alert 50", "a hello of 16777219 bytes; 16384 are allowed"),
    ("a message that says a byte less", bytes(short_message), "alert 50", "bytes stand behind the hello in its own record"),
    ("a hello of no bytes", record(22, message(1, b"")), "alert 50", "the hello is cut short"),
    ("a second hello behind it", OK + record(22, M, 0x0303), "alert 10", "the peer sent a second hello"),
    ("a record of TLS 1.0 behind it", OK + OK, "alert 70", "the peer sent a record of version 0x0301; zt speaks TLS 1.2, 0x0303"),
    ("a second hello in the same record", record(22, M + M), "alert 50", "bytes stand behind the hello in its own record"),
    ("application data behind it", OK + record(23, b"early", 0x0303), "alert 10", "the peer sent application data before Finished"),
    ("ChangeCipherSpec behind it", OK + ccs, "hello, alert 10", "the peer sent a message that has no place there"),
    ("ChangeCipherSpec and noise behind it", OK + ccs + record(22, os.urandom(40), 0x0303), "hello, alert 10", "the peer sent a message that has no place there"),
    ("two ChangeCipherSpecs behind it", OK + ccs + ccs, "alert 10", "the peer sent a second ChangeCipherSpec"),
    ("a ChangeCipherSpec of two bytes", OK + record(20, b"\1\1", 0x0303), "nothing", "the peer sent a record of type 20 with 2 bytes"),
    ("a key exchange with a point at nowhere", OK + record(22, message(16, u8(b"\4" + bytes(64))), 0x0303) + ccs + noise, "hello", "the peer sent a malformed or forged record"),
    ("a key exchange with a point of no length", OK + record(22, message(16, b"\0"), 0x0303) + ccs + noise, "hello", "the peer sent a malformed or forged record"),
    ("a key exchange of 200 bytes", OK + record(22, message(16, u8(bytes(199))), 0x0303) + ccs + noise, "hello", "the peer sent a malformed or forged record"),
    ("a key exchange longer than its message", OK + record(22, message(16, b"\xff\4"), 0x0303), "hello, alert 50", "the peer sent a malformed handshake message"),
    ("a certificate that nobody asked for", OK + record(22, message(11, u24(b"")), 0x0303), "hello, alert 10", "the peer sent a message that has no place there"),
    ("a HelloRequest from a client", OK + record(22, message(0, b""), 0x0303), "hello", "the handshake was not over in time"),
    ("Finished without a key exchange", OK + record(22, message(20, bytes(12)), 0x0303), "alert 10", "the peer sent Finished in the clear"),
    ("70 records with a byte of key exchange each", OK + every(message(16, u8(b"\4" + bytes(64))), 1).replace(b"\x16\3\1", b"\x16\3\3"), "nothing", "the peer's handshake has more than 64 records"),
    ("a message of 16 MB behind it", OK + record(22, b"\x10\xff\xff\xff" + bytes(16380), 0x0303) * 5, "nothing", "the peer announces a message of 16777215 bytes"),
    ("a key exchange longer than it is", OK + record(22, b"\x10\0\0\x42\x41", 0x0303) + ccs, "alert 10", "the peer changed its cipher inside a message"),
    ("100 warnings behind it", OK + alert(1, 90) * 100, "nothing", "the peer sent more than 4 warnings"),
    ("100 empty records behind it", OK + record(22, b"", 0x0303) * 100, "nothing", "the peer sent a record of type 22 with 0 bytes"),
    ("user_canceled and close_notify behind it", OK + alert(1, 90) + alert(1, 0), "hello, type 21", "the peer closed the connection during the handshake"),
    ("SSL 2", b"\x80\x2e\1\3\1\0\x15\0\0\0\x10" + bytes(35), "nothing", "the peer speaks SSL 2.0, which nobody should since 1996, not TLS"),
    ("SSL 3", hello(version=0x0300), "nothing", "the peer speaks at most SSL 3.0 (0x0300)"),
    ("TLS 1.0", hello(version=0x0301), "alert 70", "the peer does not speak TLS 1.2"),
    ("TLS 1.1", hello(version=0x0302), "alert 70", "the peer does not speak TLS 1.2"),
    ("TLS 1.3 only", ext(VERSIONS, u8(b"\3\4")), "alert 70", "the peer does not speak TLS 1.2"),
    ("a list of versions with 1.1 only", ext(VERSIONS, u8(b"\3\2")), "alert 70", "the peer does not speak TLS 1.2"),
    ("a list of versions with half a version", ext(VERSIONS, u8(b"\3\3\3")), "alert 50", "the hello's extension supported_versions is malformed"),
    ("an empty list of versions", ext(VERSIONS, u8(b"")), "alert 50", "the hello's extension supported_versions is malformed"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "nothing", "the peer speaks HTTP, not TLS"),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", "nothing", "the peer speaks SSH, not TLS"),
    ("SMTP", b"EHLO a.test\r\n", "nothing", "the peer speaks SMTP, not TLS"),
    ("a PROXY header", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + OK, "nothing", "the peer speaks the PROXY protocol"),
    ("HTTP with a long verb", b"DELETE / HTTP/1.1\r\nHost: a.test\r\n\r\n", "nothing", "the peer speaks HTTP, not TLS"),
    ("a binary PROXY header", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12) + OK, "nothing", "the peer speaks the PROXY protocol"),
    ("zeros", bytes(200), "nothing", "what the peer speaks is not TLS (first byte 0x00)"),
    ("noise", b"\x9c" + os.urandom(300), "nothing", "what the peer speaks is not TLS (first byte 0x9c)"),
    ("no name", ext(SNI, None), "alert 112", "nothing is configured for this name: it sent no name"),
    ("an unknown name", named(b"b.test"), "alert 112", "nothing is configured for this name: b.test"),
    ("an unknown protocol", alpn(b"h2"), "alert 112", "no application protocol (ALPN) suits both sides: a.test"),
    ("an empty extension of names", ext(SNI, b""), "alert 50", "the hello's extension server_name is malformed"),
    ("an empty list of names", ext(SNI, u16(b"")), "alert 50", "the hello's extension server_name is malformed"),
    ("an empty name", named(b""), "alert 50", "the server name in the hello is empty"),
    ("a NUL in the name", named(b"a.test\0"), "alert 50", "the server name in the hello is not a host name"),
    ("a name that is not ASCII", named(b"\xc3\xa4.test"), "alert 50", "the server name in the hello is not a host name"),
    ("a blank in the name", named(b"a test"), "alert 50", "the server name in the hello is not a host name"),
    ("an escape sequence in the name", named(b"\x1b[2J.test"), "alert 50", "the server name in the hello is not a host name"),
    ("a line feed in the name", named(b"a.test\nopen"), "alert 50", "the server name in the hello is not a host name"),
    ("a name of 254 bytes", named(b"a" * 60 + b".a" * 97), "alert 50", "the server name in the hello is not a host name"),
    ("a name of 5000 bytes", named(b"a" * 5000), "alert 50", "the server name in the hello is not a host name"),
    ("an address for a name", named(b"127.0.0.1"), "alert 50", "the server name in the hello is not a host name"),
    ("two names", ext(SNI, sni(b"a.test", b"b.test")), "alert 50", "the hello names more than one server"),
    ("a name of another kind", ext(SNI, sni(b"a.test", kind=1)), "alert 50", "the server name in the hello is of unknown type 1"),
    ("a name longer than its list", ext(SNI, b"\0\x09\0\0\xff" + b"a.test"), "alert 50", "the hello's extension server_name is malformed"),
    ("names twice", twins.bytes(), "alert 50", "extension 0 stands twice in the hello"),
    ("protocols twice", double.bytes(), "alert 50", "extension 16 stands twice in the hello"),
    ("an unknown extension twice", twice.bytes(), "alert 50", "extension 4660 stands twice in the hello"),
    ("80 extensions", many.bytes(), "alert 50", "the hello has more than 64 extensions"),
    ("an extension longer than the hello", record(22, message(1, bytes(ext_over))), "alert 50", "the extensions of the hello do not fill their block"),
    ("no protocol", ext(ALPN, u16(b"")), "alert 50", "the hello's extension application_layer_protocol_negotiation is malformed"),
    ("an empty protocol", alpn(b""), "alert 50", "the hello's extension application_layer_protocol_negotiation is malformed"),
    ("17 protocols", alpn(*[b"p%d" % i for i in range(17)]), "alert 50", "the hello offers more than 16 protocols"),
    ("a protocol of 255 bytes", alpn(b"p" * 255), "alert 112", "no application protocol (ALPN) suits both sides: a.test"),
    ("compression only", hello(comps=b"\1"), "alert 50", "the hello insists on compression"),
    ("compression first", hello(comps=b"\1\0"), "hello", ""),
    ("no compression method at all", hello(comps=b""), "alert 50", "the hello insists on compression"),
    ("no suites", hello(suites=b""), "alert 50", "the list of cipher suites in the hello has 0 bytes"),
    ("half a suite", hello(suites=b"\xc0\x2b\xc0"), "alert 50", "the list of cipher suites in the hello has 3 bytes"),
    ("suites of old only", hello(suites=b"\0\x2f\0\x35\xc0\x13"), "alert 40", "no cipher suite suits both sides"),
    ("suites for another kind of key only", hello(suites=b"\xc0\x2f\xc0\x30\xcc\xa8"), "alert 40", "no cipher suite suits both sides"),
    ("the fallback signal only", hello(suites=b"\x56\0"), "alert 40", "no cipher suite suits both sides"),
    ("a session id of 33 bytes", hello(sid=bytes(33)), "alert 50", "the session id in the hello has 33 bytes"),
    ("curves that we do not speak", ext(GROUPS, u16(b"\0\x19\0\x0e")), "alert 40", "no curve or signature algorithm suits both sides"),
    ("no curve", ext(GROUPS, u16(b"")), "alert 40", "no curve or signature algorithm suits both sides"),
    ("half a curve", ext(GROUPS, u16(b"\0")), "alert 50", "the peer sent a malformed handshake message"),
    ("no list of curves", ext(GROUPS, None), "hello", ""),
    ("SHA-1 only", ext(SIGS, u16(b"\2\1\2\3")), "alert 40", "no curve or signature algorithm suits both sides"),
    ("no signature algorithms at all", ext(SIGS, None), "alert 40", "no curve or signature algorithm suits both sides"),
    ("an empty list of signature algorithms", ext(SIGS, u16(b"")), "alert 40", "no curve or signature algorithm suits both sides"),
    ("no extensions", hello(ext=None), "alert 112", "nothing is configured for this name: it sent no name"),
    ("4000 bytes of padding", grown(4000), "hello", ""),
    ("16000 bytes of padding", grown(16000), "hello", ""),
    ("40000 bytes of padding", every(message(1, Hello().with_ext(21, bytes(40000)).body()), 16000), "alert 50", "a hello of 40163 bytes; 16384 are allowed"),
    ("secure renegotiation that was none", ext(0xff01, u8(b"x" * 12)), "alert 50", "the hello is of a renegotiation, on a new connection"),
    ("a fragment length of 9", ext(1, b"\x09"), "alert 50", "the hello's extension max_fragment_length is malformed"),
]

# ---- what comes back
def answer(s, enough=b"\xff"):
    """All that comes until the end, or until it begins with enough."""
    got = b""
    try:
        while data := s.recv(65536):
            got += data
            if got.startswith(enough): break
    except ConnectionResetError:
        pass
    return got
def kind_of(got):
    """Its records, in words."""
    out = []
    while got:
        if len(got) < 5: return f"half a record: {got.hex()}"
        n = 5 + struct.unpack(">H", got[3:5])[0]
        if got[0] == 22 and got[5] == 2: out.append("hello")
        elif got[0] == 21 and got[3:6] == b"\0\2\2": out.append(f"alert {got[6]}")
        elif got[0] != 22: out.append(f"type {got[0]}")
        got = got[n:]
    return ", ".join(out) or "nothing"

faults, done = [], 0
def judge(name, got, want, why, words):
    global done
    done += 1
    if got not in (want if isinstance(want, tuple) else (want,)): faults.append(f"{name}: {got}, not {want}; the log says {why}")
    elif words not in why: faults.append(f"{name}: the log says {why}, not {words!r}")
def send(s, data):
    try: s.sendall(data)
    except OSError: pass  # refused in the middle
def close_hard(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()

def numbers(relay):
    """Of its worker and tlsd, when nobody is there: descriptors, and kilobytes in memory."""
    out = {}
    c = good(relay); me = own_port(c.sock)  # tlsd hears of it after the end of every handshake before it
    c.close(); relay.said(me)
    for _ in range(3000):
        kids = json.loads(subprocess.run([zt, "status", "relay", "--json", "-c", relay.conf], check=True, capture_output=True).stdout)["children"]
        if [k["counters"]["relay_conns"] for k in kids if k["name"] == "worker"] == [0]: break
        time.sleep(0.02)
    else: raise AssertionError("somebody is still there")
    for name, pid in relay.kids:
        rss = int(re.search(r"RssAnon:\s*(\d+)", open(f"/proc/{pid}/status").read())[1])
        out[f"{os.path.basename(relay.conf)[:-5]} {name}"] = len(os.listdir(f"/proc/{pid}/fd")), rss
    return out

def run_table():
    walls = set()
    for name, data, want, words in table:
        s = near.connect(); me = own_port(s)
        send(s, data)
        got = answer(s, b"\x16" if words == "" else b"\xff")
        s.close()
        judge(name, kind_of(got), want, near.said(me), words or "the peer closed the connection during the handshake")
        if want == "alert 112" and name != "no extensions": walls.add(got)
    if len(walls) != 1: faults.append(f"an unknown name, none, and an unknown protocol are told apart: {walls}")

def unread():
    """Bytes that wait in the relay's sockets."""
    with open("/proc/net/tcp") as f:
        rows = [l.split() for l in f][1:]
    return sum(int(r[4].split(":")[1], 16) for r in rows if r[1].endswith(f":{near.port:04X}") and r[3] == "01")
def many(variants, what, allowed):
    """All at once: (bytes now, bytes when those were read)."""
    socks = [(near.connect(), a, b) for a, b in variants]
    for s, a, _ in socks: send(s, a)
    for _ in range(6000):
        if unread() == 0: break
        time.sleep(0.005)
    ports = [own_port(s) for s, _, _ in socks]
    for i, (s, _, b) in enumerate(socks):
        send(s, b)
        kind = kind_of(answer(s, b"\x16"))
        s.close()
        if kind not in allowed: faults.append(f"{what}, {i}: {kind}")
    for i, me in enumerate(ports):
        why = near.said(me)
        if LATE in why: faults.append(f"{what}, {i}: {why}")
    global done
    done += 1

def after(name, bad, want, words):
    """On a connection that is open: bad(c) does it; want: how it ends for us."""
    c = good(); me = own_port(c.sock)
    try:
        bad(c)
        while c.tls.read(65536): pass
        got = "end"
    except ssl.SSLZeroReturnError: got = "end"
    except ssl.SSLEOFError: got = "cut"
    except ssl.SSLWantReadError: got = None
    except ssl.SSLError as e: got = e.reason
    except OSError: got = "reset"
    if got is None:
        try: c._loop(lambda: c.tls.read(65536)); got = "more"
        except ssl.SSLZeroReturnError: got = "end"
        except (ssl.SSLEOFError, ssl.SSLSyscallError): got = "cut"
        except ssl.SSLError as e: got = e.reason
        except OSError: got = "reset"
    c.close()
    judge(name, got, want, near.said(me), words)
def raw(kind, text, n=1): return lambda c: c.sock.sendall(b"".join(c.sealer.record(kind, text) for _ in range(n)))
def broken(c):
    r = bytearray(c.sealer.record(23, b"hello")); r[-1] ^= 1; c.sock.sendall(r)
def replayed(c):
    r = c.sealer.record(23, b"hello"); c.sock.sendall(r + r)
def left_out(c):
    c.sealer.seq += 1; c.sock.sendall(c.sealer.record(23, b"hello"))
def oversized(c): c.sock.sendall(c.sealer.record(23, bytes(16385)))
def huge(c): c.sock.sendall(b"\x17\3\3\xff\xff" + bytes(1000))
def tiny(c): c.sock.sendall(b"\x17\3\3\0\x0f" + bytes(15))
open_table = [
    ("renegotiation: a hello", raw(22, M), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("renegotiation: a HelloRequest", raw(22, message(0, b"")), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("a second Finished", raw(22, message(20, bytes(12))), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("a new ChangeCipherSpec", raw(20, b"\1"), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("a record of an unknown type", raw(24, b"\1\0\3abc"), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("a hello in the clear", lambda c: c.sock.sendall(record(22, M, 0x0303)), "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a ChangeCipherSpec in the clear", lambda c: c.sock.sendall(ccs), "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("close_notify in the clear", lambda c: c.sock.sendall(alert(1, 0)), "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("100 warnings", raw(21, b"\1\x5a", 100), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("an alert of one byte", raw(21, b"\1"), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("two alerts in a record", raw(21, b"\1\x5a\1\x5a"), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("1000 empty records", raw(23, b"", 1000), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("a fatal alert", raw(21, b"\2\x50"), "reset", "the peer ended it with an alert"),
    ("a record with one bit changed", broken, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record twice", replayed, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record left out", left_out, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record of 16385 bytes", oversized, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record that says 65535", huge, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record shorter than its tag", tiny, "SSLV3_ALERT_BAD_RECORD_MAC", "forged or damaged"),
    ("a record of TLS 1.1", lambda c: c.sock.sendall(c.sealer.record(23, b"hello", 0x0302)), "SSLV3_ALERT_UNEXPECTED_MESSAGE", "no place in an open connection"),
    ("the end without close_notify", lambda c: c.sock.shutdown(socket.SHUT_WR), "reset", "without the peer's farewell"),
]

# ---- time and the ends of a socket
LATE, GONE = "the handshake was not over in time", "the peer closed the connection during the handshake"
def ends(relay, name, words, do, want="nothing"):
    s = relay.connect(); me = own_port(s)
    got = b""
    began = time.monotonic()
    try:
        do(s)
        got = answer(s, b"\xff" if words else b"\x16")
        s.close()
    except OSError: pass
    took = time.monotonic() - began
    with lock: judge(name, kind_of(got), want, relay.said(me), words)
    if took > 20: faults.append(f"{name}: closed after {took:.0f} s only")
def trickle(s):
    for i in range(len(OK)):
        s.send(OK[i:i + 1]); time.sleep(0.2)
def single_bytes(s):
    for i in range(len(OK)): s.send(OK[i:i + 1])
def urgent(s):
    s.send(OK[:50]); s.send(b"!", socket.MSG_OOB); s.send(OK[50:])
def only_urgent(s):
    for _ in range(50): s.send(b"!", socket.MSG_OOB)
    s.send(OK)
def reset(s): s.send(OK[:60]); close_hard(s)
lock = threading.Lock()
timed = [
    ("silence", LATE, lambda s: None), ("half a header", LATE, lambda s: s.send(OK[:3])),
    ("half a hello", LATE, lambda s: s.send(OK[:100])), ("a byte now and then", LATE, trickle),
    ("half a key exchange", LATE, lambda s: s.send(OK + record(22, message(16, point), 0x0303)[:30]), "hello"),
    ("a HelloRequest from a client", LATE, lambda s: s.send(OK + record(22, message(0, b""), 0x0303)), "hello"),
]
prompt = [
    ("byte by byte", "", single_bytes, "hello"), ("an urgent byte inside", "", urgent, "hello"),
    ("50 urgent bytes before", "what the peer speaks is not TLS", only_urgent),
    ("an end before the first byte", GONE, lambda s: s.shutdown(socket.SHUT_WR)),
    ("an end inside the hello", GONE, lambda s: (s.send(OK[:77]), s.shutdown(socket.SHUT_WR))),
    ("an end behind the hello", GONE, lambda s: (s.send(OK), s.shutdown(socket.SHUT_WR)), ("nothing", "hello")),
    ("a reset inside the hello", GONE, reset), ("a reset at once", GONE, close_hard),
]
table = [row for row in table if row[0] != "a HelloRequest from a client"]
ANY = ("hello", "nothing", "alert 40", "alert 50", "alert 70", "alert 112", "alert 10")
flipped = []
for i in list(range(5)) + list(range(9, len(OK))):
    for bit in (1, 0x80):
        b = bytearray(OK); b[i] ^= bit; b = bytes(b)
        if i in (3, 4): timed.append((f"a length with one bit changed, {i}", "", lambda s, b=b: s.send(b), ANY))  # the rest may never come
        else: flipped.append((b, b""))

# Whoever waits for the deadline does it at a relay of its own: hundreds at a time that must not meet it are at the other.
def everything():
    threads = [threading.Thread(target=ends, args=(late, *row)) for row in timed]
    for t in threads: t.start()
    for row in prompt: ends(near, *row)
    run_table()
    for row in open_table: after(*row)
    many([(OK[:i], OK[i:]) for i in range(1, len(OK))], "cut in two at every byte", ("hello",))
    body = Hello().body()
    many([(record(22, message(1, body[:n])), b"") for n in range(len(body))], "a hello cut short at every byte, lengths right",
         ("alert 50", "alert 112"))
    many(flipped, "a hello with one bit changed", ANY)
    for t in threads: t.join()

before = {}
for _ in range(3):  # whatever is kept for later use is there
    everything()
    before = {n: (fds, max(kb, before.get(n, (0, 0))[1])) for n, (fds, kb) in {**numbers(near), **numbers(late)}.items()}
everything()
now = {**numbers(near), **numbers(late)}
for name in now:
    if now[name][0] != before[name][0]: faults.append(f"{name} has {now[name][0]} descriptors, {before[name][0]} before")
    if now[name][1] > before[name][1] + 512: faults.append(f"{name} has grown from {before[name][1]} to {now[name][1]} KB")
for relay in near, late: good(relay).close()
for f in faults: print(f, file=sys.stderr)
print(f"{done} hostile ways, descriptors and KB before {before} and after {now}")
sys.exit(1 if faults else 0)
PY
# tls_relay NAME LINE...: with these LINEs in [tls]. What must be over in time has a minute, however busy the machine is.
tls_relay() {
	relay_conf "$1" "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test' 'alpn = http/1.1')"
	sed -i "s/^\[tls\]/[tls]\n$2/" "${CONF[$1]}"
}
relays=()
for name in near:60s late:3s; do
	tls_relay "${name%:*}" "handshake_timeout = ${name#*:}"
	name=${name%:*}
	start_relay "$name"
	relays+=("${AT[$name]}" "$TMP/$name.log" "${CONF[$name]}" "$(child_of "$name" worker pid)" "$(child_of "$name" tlsd pid)")
done
peer "$TMP/hostile.py" "$PKI/home.pem" "$TMP/keylog" "$ZT" "${relays[@]}" ||
	fail "a hostile peer got something else than it should"
same "$(child_of late worker restarts)/$(child_of late tlsd restarts)" 0/0 "restarts of the one whose peers were late"
stop late
same "$STATUS" 0 "exit code of the one whose peers were late"

# Renegotiation by a real client.
mkfifo "$TMP/keys"
mark near
start reneg bash -c "exec openssl s_client -connect 127.0.0.1:${AT[near]} -servername a.test -tls1_2 <'$TMP/keys'"
exec 8<>"$TMP/keys"
wait_for logged near open name=a.test
echo R >&8
join reneg
exec 8>&-
has "$(<"$TMP/reneg.log")" "RENEGOTIATING"
has "$(<"$TMP/reneg.log")" "SSL alert number 10"
wait_for logged near closed "no place in an open connection"
same "$(child_of near worker pid)/$(child_of near tlsd pid)" "${relays[3]}/${relays[4]}" "worker and tlsd"
same "$(child_of near worker restarts)/$(child_of near tlsd restarts)" 0/0 "restarts"
stop near
same "$STATUS" 0 "exit code"

# 300 that say nothing, from one address, against a table of 64: it may begin no more than its
# budget, so whoever comes from elsewhere is served at once, and who is connected notices nothing.
tls_relay near 'handshakes = 64\nhandshake_timeout = 60s'
sed -i 's/^per_address = .*/per_address = 1/; s/^burst = .*/burst = 40/' "${CONF[near]}"
start_relay near
peer - "${AT[near]}" "$PKI/home.pem" <<'PY' || fail "silent peers held others up"
import socket, sys, tlspeer
port, ctx = int(sys.argv[1]), tlspeer.context(sys.argv[2])
def good(address):
    return tlspeer.Peer(socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0)), ctx, "a.test")
def ping(c):
    c.send(b"ping"); got = c.recv_exactly(4)
    assert got == b"ping", f"{got} {c.end()}"
live = [good("127.0.0.1"), good("127.0.0.2")]
silent = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(300)]
for i in range(40):
    c = good(f"127.0.1.{i + 1}"); ping(c); live.append(c)
for c in live: ping(c)
refused = 0
for s in silent:
    s.setblocking(False)
    try: refused += s.recv(1) == b""
    except BlockingIOError: pass
    except ConnectionResetError: refused += 1
assert 250 <= refused < 300, f"{refused} of 300 were refused at once"
PY
[ "$(counter near tls_refused_budget)" -ge 250 ] || fail "refusals were not counted"
pass
