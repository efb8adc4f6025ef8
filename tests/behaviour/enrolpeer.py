"""enrolpeer: the joiner's side of zt-enrol/1 written a second time, from docs/protocol.md alone, and able to
do everything wrong. Not a test."""
import base64, hashlib, hmac, os, socket, ssl, struct, subprocess

HELLO, PROOF, RENEW, WATCH, CHALLENGE, GRANTED, PENDING, REFUSED, LIST, ANCHORS = 1, 2, 3, 4, 16, 17, 18, 19, 20, 21
F = dict(TOKEN=1, NONCE=2, ROLE=3, CSR=4, LABEL=5, PROOF=6, CHAIN=7, INFRA=8, DEVICE=9, ACME=10, REGISTRY=11, AFTER=12,
         CODE=13, TEXT=14, INSTANCE=15, EPOCH=16, NUMBER=17, LIST=18, SIGNATURE=19, TRUST=20)
NAMES = {v: k for k, v in F.items()}
E_TOKEN, E_DENIED, E_AGAIN = 129, 160, 3


def der(data, at=0):
    """One TLV: (tag, start of contents, end)."""
    tag, n, at = data[at], data[at + 1], at + 2
    if n & 0x80:
        k = n & 0x7f
        n, at = int.from_bytes(data[at:at + k], "big"), at + k
    return tag, at, at + n


def children(data, start, end):
    out = []
    while start < end:
        tag, inner, stop = der(data, start)
        out.append((tag, start, inner, stop))
        start = stop
    return out


def certs(blob):
    """DER certificates one behind the other."""
    return [blob[s:e] for _, s, _, e in children(blob, 0, len(blob))]


def _tbs(cert):
    _, start, end = der(cert)
    tbs = children(cert, start, end)[0]
    kids = children(cert, tbs[2], tbs[3])
    return kids[1:] if kids[0][0] == 0xa0 else kids


def spki(cert):
    k = _tbs(cert)[5]
    return cert[k[1]:k[3]]


def serial(cert):
    k = _tbs(cert)[0]
    return cert[k[2]:k[3]]


def pem(cert):
    return "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(cert).decode() + "-----END CERTIFICATE-----\n"


class Token:
    def __init__(self, text):
        text = text.strip()
        assert text.startswith("zt1_"), "no token: " + text[:8]
        raw = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
        assert raw[0] == 1, "layout"
        self.role, self.pin, self.id, self.secret = raw[1], raw[2:34], raw[34:50], raw[50:66]
        self.addrs, at = [], 67
        for _ in range(raw[66]):
            self.addrs.append(raw[at + 1:at + 1 + raw[at]].decode())
            at += 1 + raw[at]
        assert len(raw) == at + 4


def request(key):
    """A new key in the file `key`, unless it is there; the request in DER."""
    if not os.path.exists(key):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                       check=True, stderr=subprocess.DEVNULL)
        os.chmod(key, 0o600)
    return subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-outform", "DER"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def frame(type, **fields):
    body = b"".join(struct.pack("<HI", F[k], len(v)) + v for k, v in sorted(fields.items(), key=lambda kv: F[kv[0]]))
    return struct.pack("<BBHI", type, 0, 0, len(body)) + body


def context(alpn="zt-enrol/1", cert=None, key=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE  # the pin is what counts
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        ctx.set_alpn_protocols([alpn])
    if cert:
        ctx.load_cert_chain(cert, key)
    return ctx


class Peer:
    def __init__(self, port, cert=None, key=None, alpn="zt-enrol/1", timeout=60, source="127.0.0.1"):
        sock = socket.create_connection(("127.0.0.1", int(port)), timeout=timeout, source_address=(source, 0))
        sock.settimeout(timeout)
        self.sock = context(alpn, cert, key).wrap_socket(sock, server_hostname="ca.test")
        self.server = self.sock.getpeercert(True)
        self.have = b""

    def send(self, data):
        self.sock.sendall(data)

    def _need(self, n):
        while len(self.have) < n:
            data = self.sock.recv(65536)
            if not data:
                return False
            self.have += data
        return True

    def read(self):
        """(type, {name: bytes}), or None at the end."""
        try:
            if not self._need(8):
                assert not self.have, "the end came in the middle of a frame"
                return None
            type, zero, zeros, n = struct.unpack("<BBHI", self.have[:8])
            assert zero == zeros == 0
            assert self._need(8 + n), "the end came in the middle of a frame"
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            return None
        body, self.have = self.have[8:8 + n], self.have[8 + n:]
        fields, at, last = {}, 0, 0
        while at < len(body):
            tag, n = struct.unpack("<HI", body[at:at + 6])
            assert tag > last, "tags do not ascend"
            fields[NAMES[tag]] = body[at + 6:at + 6 + n]
            at, last = at + 6 + n, tag
        return type, fields

    def close(self):
        self.sock.close()


def refusal(answer):
    """(code, text) of a REFUSED."""
    assert answer and answer[0] == REFUSED, f"not refused: {answer and answer[0]}"
    return struct.unpack("<H", answer[1]["CODE"])[0], answer[1].get("TEXT", b"").decode()


class Join:
    """One join, step by step. Each step keeps what it sent, so that it can be done wrong or again."""

    def __init__(self, token, csr, role=None, id=None):
        self.t, self.csr = token, csr
        self.role = bytes([token.role if role is None else role])
        self.id, self.nonce = id or token.id, os.urandom(32)

    def hello(self, peer, label=b"a test"):
        self.server = hashlib.sha256(spki(peer.server)).digest()
        peer.send(frame(HELLO, TOKEN=self.id, NONCE=self.nonce, ROLE=self.role, CSR=self.csr, LABEL=label))

    def mac(self, word, more=b""):
        parts = [b"zt-enrol/1", self.role, self.id, self.nonce, self.nonce_a, self.server, hashlib.sha256(self.csr).digest()]
        t = hashlib.sha256(b"".join(struct.pack("<I", len(p)) + p for p in parts)).digest()
        return hmac.new(self.t.secret, word + t + more, hashlib.sha256).digest()

    def challenge(self, answer):
        assert answer and answer[0] == CHALLENGE, f"no challenge: {answer}"
        self.nonce_a = answer[1]["NONCE"]
        assert hmac.compare_digest(answer[1]["PROOF"], self.mac(b"authority")), "the authority does not know the secret"

    def proof(self):
        return frame(PROOF, PROOF=self.mac(b"joiner"))

    def granted(self, answer):
        assert answer and answer[0] == GRANTED, f"not granted: {answer}"
        f = dict(answer[1])
        g = hashlib.sha256(b"".join(struct.pack("<H", F[k]) + hashlib.sha256(v).digest()
                                    for k, v in sorted(f.items(), key=lambda kv: F[kv[0]]) if k != "PROOF")).digest()
        assert hmac.compare_digest(f["PROOF"], self.mac(b"granted", g)), "what was granted is not what was proved"
        return f


def join(port, token, csr, source="127.0.0.1", **how):
    """The whole of it: the fields of GRANTED, or the answer that came in its place."""
    p, j = Peer(port, source=source), Join(token, csr, **how)
    j.hello(p)
    answer = p.read()
    if answer and answer[0] == CHALLENGE:
        j.challenge(answer)
        p.send(j.proof())
        answer = p.read()
        if answer and answer[0] == GRANTED:
            got = j.granted(answer)
            assert p.read() is None
            p.close()
            return got
    p.close()
    return answer


def keep(granted, name):
    with open(name, "w") as f:
        f.write("".join(pem(c) for c in certs(granted["CHAIN"])))


def signed_renewal(cert, key, csr):
    """What the key of the certificate says to a renewal."""
    if not cert:
        return b"nobody"
    text = open(cert).read()
    old = serial(ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE-----"):].split("-----END")[0] + "-----END CERTIFICATE-----"))
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=b"zt renewal\0" + old + hashlib.sha256(csr).digest(),
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def renew(port, cert, key, csr, signed_with=None):
    p = Peer(port, cert, key)
    p.send(frame(RENEW, CSR=csr, SIGNATURE=signed_renewal(cert, signed_with or key, csr)))
    answer = p.read()
    p.close()
    return answer


def watch(port, cert, key, epoch=0, number=0, instance=None, source="127.0.0.1"):
    p = Peer(port, cert, key, source=source)
    p.send(frame(WATCH, INSTANCE=instance or os.urandom(16), EPOCH=struct.pack("<Q", epoch), NUMBER=struct.pack("<Q", number)))
    return p


def listed(blob):
    """A status list: dict of its head, and {(what, key): state}."""
    magic, kind, epoch, number, base, issued, n = struct.unpack("<8sB7xQQQqI", blob[:52])
    assert magic == b"ztstatl1"
    entries = {}
    for i in range(n):
        what, state, key = struct.unpack("<BBxx16s", blob[52 + 20 * i:72 + 20 * i])
        entries[what, key] = state
    return dict(kind=kind, epoch=epoch, number=number, base=base, issued=issued, n=n), entries
