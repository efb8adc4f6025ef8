"""tlsraw: what is below a TLS 1.2 connection of python's: its raw bytes, its keys (from openssl's key
log), records sealed by hand; and the memory of other processes, searched for secrets. Not a test."""
import hmac, ssl, struct, tlspeer

ECDSA_CHACHA, RSA_CHACHA = 0xcca9, 0xcca8
# suite -> hash of its PRF, bytes of a key, bytes of an implicit nonce
SUITES = {0xc02b: ("sha256", 16, 4), 0xc02f: ("sha256", 16, 4), 0xc02c: ("sha384", 32, 4), 0xc030: ("sha384", 32, 4),
          ECDSA_CHACHA: ("sha256", 32, 12), RSA_CHACHA: ("sha256", 32, 12)}


def prf(hash_name, secret, label, seed, n):
    """RFC 5246 section 5."""
    def mac(data):
        return hmac.new(secret, data, hash_name).digest()
    seed, a, out = label + seed, label + seed, b""
    while len(out) < n:
        a = mac(a)
        out += mac(a + seed)
    return out[:n]


class Keys:
    def __init__(self, suite, master, client_random, server_random):
        hash_name, k, iv = SUITES[suite]
        block = prf(hash_name, master, b"key expansion", server_random + client_random, 2 * (k + iv))
        self.suite, self.master = suite, master
        self.client, self.server = block[:k], block[k:2 * k]
        self.client_iv, self.server_iv = block[2 * k:2 * k + iv], block[2 * k + iv:]


class Wire(tlspeer.Peer):
    """As Peer, and it remembers the raw bytes. hold: what it would send waits until it must read, or for flush().
    behind(wire): bytes that go into the same segment as our Finished, when the peer's is still to come."""

    def __init__(self, sock, ctx, server_name=None, session=None, hold=False, server=False, behind=None):
        super().__init__(sock)
        self.sent, self.got, self.gone = bytearray(), bytearray(), 0
        self.hold, self.behind = hold or behind is not None, behind
        self.inn, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.inn, self.out, server_side=server, server_hostname=server_name, session=session)
        self._loop(self.tls.do_handshake)

    def _flush(self):
        data = self.out.read()
        self.sent += data
        if not self.hold:
            self.flush()

    def flush(self, more=b""):
        """All that was held back, and more, in one segment."""
        data = bytes(self.sent[self.gone:]) + more
        self.gone = len(self.sent)
        if data:
            self.sock.sendall(data)

    def _fill(self):
        if self.behind and b"\x14\x03\x03\0\1\1" in self.sent[self.gone:]:
            self.flush(self.behind(self))
            self.behind = None
        self.flush()
        data = self.sock.recv(65536)
        self.got += data
        if data:
            self.inn.write(data)
        else:
            self.inn.write_eof()

    def finished(self):
        """Our own Finished, as it was sealed: the record behind our ChangeCipherSpec."""
        at = bytes(self.sent).rindex(b"\x14\x03\x03\0\1\1") + 6
        return bytes(self.sent[at:at + 5 + struct.unpack(">H", self.sent[at + 3:at + 5])[0]])

    def keys(self, keylog):
        """Of the newest handshake of this connection. hello of the client and of the server come first."""
        ours, theirs = (self.got, self.sent) if self.tls.server_side else (self.sent, self.got)
        client, server = bytes(ours[11:43]), bytes(theirs[11:43])
        at = 43 + 1 + theirs[43]
        suite = struct.unpack(">H", theirs[at:at + 2])[0]
        for line in open(keylog):
            part = line.split()
            if len(part) == 3 and part[0] == "CLIENT_RANDOM" and bytes.fromhex(part[1]) == client:
                return Keys(suite, bytes.fromhex(part[2]), client, server)
        raise KeyError("the key log does not have it")


# ---- ChaCha20-Poly1305 as in RFC 8439, to seal records by hand -----------------------------------

def _block(key, counter, nonce):
    def turn(x, a, b, c, d):
        for p, q, r, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & 0xffffffff
            v = x[r] ^ x[p]
            x[r] = (v << n | v >> 32 - n) & 0xffffffff
    start = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, *struct.unpack("<8L", key), counter,
             *struct.unpack("<3L", nonce)]
    x = start[:]
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            turn(x, a, b, c, d)
    return struct.pack("<16L", *[(a + b) & 0xffffffff for a, b in zip(x, start)])


def seal(key, nonce, aad, text):
    stream = b"".join(_block(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
    out = bytes(a ^ b for a, b in zip(text, stream))
    one_time = _block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    data = aad + bytes(-len(aad) % 16) + out + bytes(-len(out) % 16) + struct.pack("<QQ", len(aad), len(out))
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return out + ((acc + int.from_bytes(one_time[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


class Sealer:
    """Records of one direction of a connection of a ChaCha20 suite, from number seq on."""

    def __init__(self, key, iv, seq=1):
        self.key, self.iv, self.seq = key, iv, seq

    def record(self, kind, text, version=0x0303):
        nonce = bytes(a ^ b for a, b in zip(self.iv, bytes(4) + struct.pack(">Q", self.seq)))
        aad = struct.pack(">QBHH", self.seq, kind, 0x0303, len(text))
        self.seq += 1
        body = seal(self.key, nonce, aad, text)
        return struct.pack(">BHH", kind, version, len(body)) + body


# ---- memory -----------------------------------------------------------------------------------

def image(pid):
    """All that the process can read, and what it cannot read any more but has: (name, bytes) of each mapping."""
    out = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            part = line.split(None, 5)
            name = part[5].strip() if len(part) > 5 else ""
            if name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            first, last = (int(x, 16) for x in part[0].split("-"))
            try:
                mem.seek(first)
                data = mem.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue  # a guard page
            out.append((f"{name or 'anonymous'} {part[0]}", first, data))
    if not any(name.startswith("[stack]") for name, _, _ in out):
        raise AssertionError(f"no stack in the image of {pid}")
    return out


def pieces(secret):
    """A secret that was overwritten in part is still one: every aligned 16 bytes count, both ways round."""
    out = []
    for i in range(0, len(secret) - 15, 16):
        out += [secret[i:i + 16], secret[i:i + 16][::-1]]
    return out


def where(img, secret):
    """Where in the image any 16 bytes of the secret are."""
    found = []
    for name, first, data in img:
        for p in pieces(secret):
            at = data.find(p)
            if at >= 0:
                found.append(f"{name} +{at:#x}")
                break
    return found
