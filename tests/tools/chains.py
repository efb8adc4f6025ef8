#!/usr/bin/env python3
"""chains.py DIR [mutants N SEED]: certificate chains, good and bad, as somebody else would make them.

Writes DIR/NNN-name/{chain.pem,anchors.pem,case} where case is "use name" (use: server or client;
name: a DNS name, an address or -). Every certificate is built here byte by byte and signed by
openssl, so that what an honest tool refuses to write can be written too. With `mutants N SEED`
N more cases are made by changing random places of good chains and signing them again.
"""
import base64
import copy
import os
import random
import re
import subprocess
import sys
import time
import zlib

NOW = int(time.time())  # certtool takes no other
DAY = 86400

# ---- DER ---------------------------------------------------------------------------------------


def tlv(tag, body):
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def seq(*parts):
    return tlv(0x30, b"".join(parts))


def integer(v):
    return tlv(2, v.to_bytes(v.bit_length() // 8 + 1, "big", signed=True))


def oid(text):
    arcs = [int(a) for a in text.split(".")]
    out = []
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        group = [arc & 127]
        while arc := arc >> 7:
            group.insert(0, 128 | arc & 127)
        out += group
    return tlv(6, bytes(out))


def bits(data, unused=0):
    return tlv(3, bytes([unused]) + data)


def when(t):
    year = time.gmtime(t).tm_year
    if year < 2050:
        return tlv(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(t)).encode())
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t)).encode())


def name(cn, tag=12):
    return seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(tag, cn.encode())))) if cn else seq()


def ext(o, body, critical=False):
    return seq(oid(o), *([tlv(1, b"\xff")] if critical else []), tlv(4, body))


BASIC, KU, SAN, EKU, NC, SKI, AKI, POL = (
    "2.5.29.19", "2.5.29.15", "2.5.29.17", "2.5.29.37", "2.5.29.30", "2.5.29.14", "2.5.29.35", "2.5.29.32")
SERVER, CLIENT, ANY, CODE = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0", "1.3.6.1.5.5.7.3.3"


def basic(ca, path=None, critical=True):
    parts = ([tlv(1, b"\xff")] if ca else []) + ([integer(path)] if path is not None else [])
    return ext(BASIC, seq(*parts), critical)


def key_usage(*names, critical=True):
    order = ["sign", "commit", "keyenc", "dataenc", "agree", "certsign", "crlsign"]
    value = sum(0x80 >> order.index(n) for n in names)
    unused = (value & -value).bit_length() - 1 if value else 0
    return ext(KU, bits(bytes([value]), unused), critical)


def eku(*oids, critical=False):
    return ext(EKU, seq(*[oid(o) for o in oids]), critical)


def dns(n):
    return tlv(0x82, n if isinstance(n, bytes) else n.encode())


def ip(text):
    import ipaddress

    return tlv(0x87, ipaddress.ip_address(text).packed)


def san(*names, critical=False):
    return ext(SAN, seq(*[n if isinstance(n, bytes) else dns(n) for n in names]), critical)


# ---- keys and signatures ------------------------------------------------------------------------

ALGS = {
    "ec-sha256": ("sha256", seq(oid("1.2.840.10045.4.3.2"))),
    "ec-sha384": ("sha384", seq(oid("1.2.840.10045.4.3.3"))),
    "ec-sha512": ("sha512", seq(oid("1.2.840.10045.4.3.4"))),
    "ec-sha1": ("sha1", seq(oid("1.2.840.10045.4.1"))),
    "rsa-sha256": ("sha256", seq(oid("1.2.840.113549.1.1.11"), tlv(5, b""))),
    "rsa-sha384": ("sha384", seq(oid("1.2.840.113549.1.1.12"), tlv(5, b""))),
    "rsa-sha1": ("sha1", seq(oid("1.2.840.113549.1.1.5"), tlv(5, b""))),
    "rsa-md5": ("md5", seq(oid("1.2.840.113549.1.1.4"), tlv(5, b""))),
}
work = None
spki_cache = {}


def run(*cmd, data=None):
    return subprocess.run(cmd, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def key(label):
    """ec, ec2, ec-384, rsa, rsa-1024, rsa-4096 ...: one key per label."""
    path = os.path.join(work, "key-" + label)
    if not os.path.exists(path):
        size = re.search(r"\d{3,4}", label)
        if label.startswith("rsa"):
            wanted = ["RSA", "-pkeyopt", "rsa_keygen_bits:" + (size[0] if size else "2048")]
        elif label.startswith("ed"):
            wanted = ["ED25519"]
        else:
            wanted = ["EC", "-pkeyopt", "ec_paramgen_curve:P-" + (size[0] if size else "256")]
        run("openssl", "genpkey", "-algorithm", *wanted, "-out", path)
        spki_cache[label] = run("openssl", "pkey", "-in", path, "-pubout", "-outform", "DER")
    return path


def spki(label):
    key(label)
    return spki_cache[label]


class Cert:
    """Fields of a certificate with sane defaults; der() signs it."""

    def __init__(self, subject, issuer=None, **kw):
        self.subject, self.issuer = subject, issuer or self
        self.key = kw.pop("key", "ec")
        self.alg = kw.pop("alg", None)
        self.serial = kw.pop("serial", None) or (1 << 120) + zlib.crc32(subject.encode())
        self.start = kw.pop("start", NOW - 30 * DAY)
        self.end = kw.pop("end", NOW + 300 * DAY)
        self.exts = kw.pop("exts", [])
        self.version = kw.pop("version", 3)
        self.outer_alg = kw.pop("outer_alg", None)
        self.issuer_name = kw.pop("issuer_name", None)
        self.break_sig = kw.pop("break_sig", False)
        self.raw_serial = kw.pop("raw_serial", None)
        self.spki = kw.pop("spki", None)
        self.edit = kw.pop("edit", None)
        self.subject_tag = kw.pop("subject_tag", 12)
        assert not kw, kw

    def tbs(self):
        alg = ALGS[self.alg or self.issuer.default_alg()][1]
        body = [] if self.version == 1 else [tlv(0xA0, integer(self.version - 1))]
        body += [self.raw_serial or integer(self.serial), alg,
                 self.issuer_name or name(self.issuer.subject, self.issuer.subject_tag),
                 seq(when(self.start), when(self.end)), name(self.subject, self.subject_tag),
                 self.spki or spki(self.key)]
        if self.exts:
            body.append(tlv(0xA3, seq(*self.exts)))
        tbs = seq(*body)
        return self.edit(tbs) if self.edit else tbs

    def default_alg(self):
        return "rsa-sha256" if self.key.startswith("rsa") else "ec-sha256"

    def der(self):
        return sign(self.tbs(), self.issuer.key, self.alg or self.issuer.default_alg(), self.outer_alg,
                    self.break_sig)


def sign(tbs, key_label, alg, outer_alg=None, broken=False):
    digest, identifier = ALGS[alg]
    sig = run("openssl", "dgst", "-" + digest, "-sign", key(key_label), data=tbs)
    if broken:
        sig = sig[:-1] + bytes([sig[-1] ^ 1])
    return seq(tbs, ALGS[outer_alg][1] if outer_alg else identifier, bits(sig))


def pem(der):
    text = base64.b64encode(der).decode()
    return "-----BEGIN CERTIFICATE-----\n" + "".join(
        text[i:i + 64] + "\n" for i in range(0, len(text), 64)) + "-----END CERTIFICATE-----\n"


# ---- the chains -----------------------------------------------------------------------------------

CA_KU = key_usage("certsign", "crlsign")


def root(**kw):
    kw.setdefault("exts", [basic(True), CA_KU])
    kw.setdefault("key", "ec-ca")
    return Cert("Root", **kw)


def inter(issuer, cn="Intermediate", **kw):
    kw.setdefault("exts", [basic(True), CA_KU])
    kw.setdefault("key", "ec-int")
    return Cert(cn, issuer, **kw)


LEAF = [basic(False), key_usage("sign"), eku(SERVER, CLIENT), san("a.example.org")]


def leaf(issuer, exts=None, cn="leaf", **kw):
    return Cert(cn, issuer, exts=LEAF if exts is None else exts, **kw)


def leaf_with(*wanted, without=()):
    """LEAF with some extensions replaced (same OID) or left out."""
    new = list(wanted)
    have = {e[:11] for e in new}
    drop = {oid(o) for o in without}
    return [e for e in LEAF if e[:11] not in have and not any(d in e[:12] for d in drop)
            and not any(e.find(oid_of(n)) >= 0 for n in new)] + new


def oid_of(extension):
    at = 2 if extension[1] < 128 else 2 + (extension[1] & 127)
    return extension[at:at + 2 + extension[at + 1]]


cases = []


def case(label, chain, anchors=None, use="server", asked="a.example.org"):
    """chain: leaf first, without the anchor."""
    cases.append((label, chain, anchors or [chain[-1].issuer], use, asked))


def build():
    r = root()
    rr = root(key="rsa-ca")
    i = inter(r)
    # good ones
    case("good-direct", [leaf(r)])
    case("good-one-intermediate", [leaf(i), i])
    i2 = inter(i, "Second", key="ec-int2")
    case("good-two-intermediates", [leaf(i2), i2, i])
    case("good-rsa-ca", [leaf(rr)])
    case("good-rsa-leaf", [leaf(r, key="rsa", exts=leaf_with(key_usage("sign", "keyenc")))])
    case("good-rsa-3072", [leaf(r, key="rsa-3072", exts=leaf_with(key_usage("sign", "keyenc")))])
    case("good-rsa-4096-ca", [leaf(root(key="rsa-4096"))])
    case("good-p384-ca", [leaf(root(key="ec-384"), alg="ec-sha384")])
    case("good-p384-leaf", [leaf(r, key="ec-384b")])
    case("good-p521-ca", [leaf(root(key="ec-521"), alg="ec-sha512")])
    case("good-sha384", [leaf(r, alg="ec-sha384")])
    case("good-sha512", [leaf(r, alg="ec-sha512")])
    case("good-rsa-sha384", [leaf(rr, alg="rsa-sha384")])
    case("good-client", [leaf(r)], use="client", asked="-")
    case("good-client-only", [leaf(r, leaf_with(eku(CLIENT)))], use="client", asked="-")
    case("good-wildcard", [leaf(r, leaf_with(san("*.example.org")))])
    case("good-many-names", [leaf(r, leaf_with(san(*["h%d.example.org" % n for n in range(100)], "a.example.org")))])
    case("good-upper-case", [leaf(r, leaf_with(san("A.Example.ORG")))])
    case("good-ip4", [leaf(r, leaf_with(san(ip("192.0.2.1"))))], asked="192.0.2.1")
    case("good-ip6", [leaf(r, leaf_with(san(ip("2001:db8::1"))))], asked="2001:db8::1")
    case("good-no-eku", [leaf(r, leaf_with(without=[EKU]))])
    case("good-any-eku", [leaf(r, leaf_with(eku(ANY)))])
    case("good-no-ku", [leaf(r, leaf_with(without=[KU]))])
    case("good-no-basic", [leaf(r, leaf_with(without=[BASIC]))])
    case("good-critical-san", [leaf(r, leaf_with(san("a.example.org", critical=True)), cn="")])
    case("good-path-zero", [leaf(p := inter(r, exts=[basic(True, 0), CA_KU])), p])
    case("good-generalized-time", [leaf(r, end=2_600_000_000)])
    case("good-unknown-extension", [leaf(r, LEAF + [ext("1.2.3.4.5", b"\x05\x00")])])
    case("good-policies", [leaf(r, LEAF + [ext(POL, seq(seq(oid("2.23.140.1.2.1"))))])])
    case("good-utf8-name", [leaf(r, cn="Heim-Büro")])
    # time
    case("expired-leaf", [leaf(r, start=NOW - 60 * DAY, end=NOW - DAY)])
    case("future-leaf", [leaf(r, start=NOW + DAY)])
    case("expired-intermediate", [leaf(e := inter(r, start=NOW - 60 * DAY, end=NOW - DAY)), e])
    case("future-intermediate", [leaf(e := inter(r, start=NOW + DAY)), e])
    case("dates-crossed", [leaf(r, start=NOW + DAY, end=NOW - DAY)])
    case("expired-anchor", [leaf(root(start=NOW - 60 * DAY, end=NOW - DAY))])
    # names
    case("wrong-name", [leaf(r, leaf_with(san("b.example.org")))])
    case("cn-only", [leaf(r, leaf_with(without=[SAN]), cn="a.example.org")])
    case("cn-right-san-wrong", [leaf(r, leaf_with(san("b.example.org")), cn="a.example.org")])
    case("wildcard-two-labels", [leaf(r, leaf_with(san("*.example.org")))], asked="x.a.example.org")
    case("wildcard-itself", [leaf(r, leaf_with(san("*.example.org")))], asked="example.org")
    case("wildcard-middle", [leaf(r, leaf_with(san("a.*.org")))])
    case("wildcard-partial", [leaf(r, leaf_with(san("a*.example.org")))], asked="ab.example.org")
    case("wildcard-tld", [leaf(r, leaf_with(san("*.org")))], asked="example.org")
    case("wildcard-alone", [leaf(r, leaf_with(san("*")))], asked="a.example.org")
    case("name-with-nul", [leaf(r, leaf_with(san(b"a.example.org\0.evil.org")))])
    case("name-with-dot", [leaf(r, leaf_with(san("a.example.org.")))])
    case("suffix-trick", [leaf(r, leaf_with(san("evila.example.org")))])
    case("ip-as-dns", [leaf(r, leaf_with(san("192.0.2.1")))], asked="192.0.2.1")
    case("ip-in-cn", [leaf(r, leaf_with(without=[SAN]), cn="192.0.2.1")], asked="192.0.2.1")
    case("wrong-ip", [leaf(r, leaf_with(san(ip("192.0.2.2"))))], asked="192.0.2.1")
    case("ip4-of-5-bytes", [leaf(r, leaf_with(san(tlv(0x87, b"\xc0\0\2\1\0"))))], asked="192.0.2.1")
    case("empty-san", [leaf(r, leaf_with(ext(SAN, seq())))])
    case("empty-subject-no-san", [leaf(r, leaf_with(without=[SAN]), cn="")])
    # purposes
    case("eku-client-for-server", [leaf(r, leaf_with(eku(CLIENT)))])
    case("eku-server-for-client", [leaf(r, leaf_with(eku(SERVER)))], use="client", asked="-")
    case("eku-code-signing", [leaf(r, leaf_with(eku(CODE)))])
    case("eku-empty", [leaf(r, leaf_with(ext(EKU, seq())))])
    case("eku-critical-right", [leaf(r, leaf_with(eku(SERVER, critical=True)))])
    case("eku-of-intermediate", [leaf(e := inter(r, exts=[basic(True), CA_KU, eku(CODE)])), e])
    case("ku-certsign-only", [leaf(r, leaf_with(key_usage("certsign")))])
    case("ku-keyenc-only-ec", [leaf(r, leaf_with(key_usage("keyenc")))])
    case("ku-agree-only", [leaf(r, leaf_with(key_usage("agree")))])
    case("ca-as-leaf", [leaf(r, leaf_with(basic(True)))])
    case("ca-itself", [inter(r, exts=[basic(True), CA_KU, san("a.example.org")])])
    # authorities
    case("intermediate-not-ca", [leaf(e := inter(r, exts=[basic(False), CA_KU])), e])
    case("intermediate-no-basic", [leaf(e := inter(r, exts=[CA_KU])), e])
    case("intermediate-no-certsign", [leaf(e := inter(r, exts=[basic(True), key_usage("sign")])), e])
    case("intermediate-v1", [leaf(e := inter(r, version=1, exts=[])), e])
    case("intermediate-is-leaf", [leaf(e := leaf(r, key="ec-int"), cn="below", key="ec"), e])
    case("path-zero-broken", [leaf(d := inter(c := inter(r, exts=[basic(True, 0), CA_KU]), "D", key="ec-int2")), d, c])
    case("path-of-anchor-broken", [leaf(d := inter(z := root(exts=[basic(True, 0), CA_KU]), "D")), d])
    case("name-constraint-broken", [leaf(e := inter(r, exts=[basic(True), CA_KU, ext(NC, seq(tlv(0xA0, seq(
        dns("other.org")))), True)])), e])
    case("name-constraint-kept", [leaf(e := inter(r, exts=[basic(True), CA_KU, ext(NC, seq(tlv(0xA0, seq(
        dns("example.org")))), True)])), e])
    case("name-constraint-soft-broken", [leaf(e := inter(r, exts=[basic(True), CA_KU, ext(NC, seq(tlv(0xA0, seq(
        dns("other.org")))))])), e])
    case("unknown-anchor", [leaf(r)], anchors=[rr])
    case("same-name-other-key", [leaf(r)], anchors=[root(key="ec-other")])
    case("self-signed", [Cert("self", exts=LEAF, key="ec")], anchors=[rr])
    case("self-signed-as-anchor", [s := Cert("self", exts=LEAF, key="ec")], anchors=[s])
    case("issuer-name-differs", [leaf(r, issuer_name=name("Someone"))])
    case("missing-intermediate", [leaf(i)], anchors=[r])
    case("wrong-order", [leaf(i2), i, i2], anchors=[r])
    case("unrelated-in-between", [leaf(i), inter(rr, "Other", key="ec-other"), i], anchors=[r])
    case("long-chain", chain_of(r, 12), anchors=[r])
    case("loop", loop(), anchors=[r])
    # algorithms
    case("sha1-leaf", [leaf(r, alg="ec-sha1")])
    case("rsa-sha1-leaf", [leaf(rr, alg="rsa-sha1")])
    case("md5-leaf", [leaf(rr, alg="rsa-md5")])
    case("sha1-intermediate", [leaf(e := inter(rr, alg="rsa-sha1")), e])
    case("rsa-1024-leaf", [leaf(r, key="rsa-1024", exts=leaf_with(key_usage("sign", "keyenc")))])
    case("rsa-1024-anchor", [leaf(root(key="rsa-1024b"))])
    case("rsa-1024-intermediate", [leaf(e := inter(r, key="rsa-1024c")), e])
    case("ed25519-leaf", [leaf(r, key="ed1")])
    case("signature-broken", [leaf(r, break_sig=True)])
    case("signature-of-intermediate-broken", [leaf(e := inter(r, break_sig=True)), e])
    case("algorithms-differ", [leaf(r, outer_alg="ec-sha384")])
    case("signed-by-leaf-key", [leaf(e := inter(r, key="ec-x"), key="ec"), inter(r, key="ec-y")], anchors=[r])
    # encoding
    case("v1-leaf", [leaf(r, [], version=1, cn="a.example.org")])
    case("v1-with-extensions", [leaf(r, version=1)])
    case("v2-leaf", [leaf(r, version=2)])
    case("v4-leaf", [leaf(r, version=4)])
    case("serial-zero", [leaf(r, raw_serial=b"\x02\x01\x00")])
    case("serial-negative", [leaf(r, raw_serial=b"\x02\x01\x80")])
    case("serial-21-bytes", [leaf(r, raw_serial=tlv(2, b"\x01" + bytes(20)))])
    case("serial-not-minimal", [leaf(r, raw_serial=b"\x02\x02\x00\x01")])
    case("extension-twice", [leaf(r, LEAF + [san("b.example.org")])])
    case("unknown-critical", [leaf(r, LEAF + [ext("1.2.3.4.5", b"\x05\x00", True)])])
    case("explicit-false", [leaf(r, leaf_with(ext(BASIC, seq(tlv(1, b"\0")), True)))])
    case("bool-of-one", [leaf(e := inter(r, exts=[ext(BASIC, seq(tlv(1, b"\1")), True), CA_KU])), e])
    case("long-form-length", [leaf(r, edit=lambda t: seq(contents(t).replace(tlv(2, b"\x02"), b"\x02\x81\x01\x02", 1)))])
    case("trailing-byte", [leaf(r, edit=lambda t: seq(contents(t) + b"\0"))])
    case("bad-month", [leaf(r, edit=lambda t: swap_time(t, b"271399000000Z"))])
    case("time-without-seconds", [leaf(r, edit=lambda t: swap_time(t, b"2712310000Z"))])
    case("ec-point-off-curve", [leaf(r, spki=off_curve())])
    case("ec-point-compressed-garbage", [leaf(r, spki=spki("ec")[:-1])])


def chain_of(top, n):
    out, last = [], top
    for k in range(n):
        last = inter(last, "I%d" % k, key="ec-int" if k % 2 else "ec-int2")
        out.insert(0, last)
    return [leaf(last)] + out


def loop():
    a, b = inter(root(), "A", key="ec-int"), inter(root(), "B", key="ec-int2")
    a.issuer, b.issuer = b, a
    return [leaf(a), a, b]


def contents(tlv_bytes):
    return tlv_bytes[2 + (tlv_bytes[1] & 127 if tlv_bytes[1] > 127 else 0):]


def swap_time(tbs, new):
    """Another notAfter, with the lengths around it made right again."""
    first = tbs.index(b"\x17\x0d")
    old = tbs[first - 2:first + 30]
    return seq(contents(tbs).replace(old, seq(old[2:17], tlv(0x17, new)), 1))


def off_curve():
    s = bytearray(spki("ec"))
    s[-1] ^= 1
    return bytes(s)


# ---- mutants -----------------------------------------------------------------------------------------


def tree(data):
    """Bytes to [tag, bytes or list of children]; what does not parse stays bytes."""
    out, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            return data
        tag, n, head = data[at], data[at + 1], 2
        if n > 127:
            head += n & 127
            n = int.from_bytes(data[at + 2:at + head], "big")
        if at + head + n > len(data):
            return data
        body = data[at + head:at + head + n]
        # The extensions hide their contents in OCTET STRINGs: look inside those too.
        nested = tree(body) if tag & 0x20 or (tag == 4 and body[:1] in (b"\x30", b"\x03")) else body
        out.append([tag, nested])
        at += head + n
    return out


def flat(node):
    return node if isinstance(node, bytes) else b"".join(tlv(t, flat(v)) for t, v in node)


def places(node, out):
    if not isinstance(node, bytes):
        for k in range(len(node)):
            out.append((node, k))
            places(node[k][1], out)
    return out


def damage(rng, data):
    d = bytearray(data or b"\0")
    at, kind = rng.randrange(len(d)), rng.randrange(4)
    if kind == 0:
        d[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        d[at] = rng.choice([0, 1, 0x2A, 0x2E, 0x7F, 0x80, 0xFF])
    elif kind == 2:
        del d[at:at + rng.randint(1, 3)]
    else:
        d[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 3)))
    return bytes(d)


def mutate(rng, tbs):
    """One or two changes to the tree, every length around them made right again; now and then
    a change to the bytes themselves."""
    if rng.randrange(10) == 0:
        return seq(damage(rng, contents(tbs)))
    root_node = tree(tbs)
    for _ in range(rng.randint(1, 2)):
        where, k = rng.choice(places(root_node[0][1], []))
        kind = rng.randrange(8)
        if kind < 4 and isinstance(where[k][1], bytes):
            where[k][1] = damage(rng, where[k][1])
        elif kind == 4:
            del where[k]
        elif kind == 5:
            where.insert(k, copy.deepcopy(where[k]))
        elif kind == 6:
            where[k][0] = rng.choice([1, 2, 3, 4, 5, 6, 12, 19, 22, 23, 24, 0x30, 0x31, 0x82, 0x86, 0x87, 0xA0, 0xA3])
        else:
            other = rng.choice(places(root_node[0][1], []))
            where[k] = copy.deepcopy(other[0][other[1]])
    return flat(root_node)


def mutants(n, seed):
    rng = random.Random(seed)
    good = [c for c in cases if c[0].startswith("good-") and len(c[1]) < 4]
    for k in range(n):
        label, chain, anchors, use, asked = rng.choice(good)
        which = rng.randrange(len(chain))
        cert = chain[which]
        tbs = mutate(rng, cert.tbs())
        alg = cert.alg or cert.issuer.default_alg()
        der = sign(tbs, cert.issuer.key, alg) if rng.randrange(8) else seq(tbs, ALGS[alg][1], bits(b"\x30\x06\2\1\1\2\1\1"))
        ders = [der if j == which else c.der() for j, c in enumerate(chain)]
        write("mutant-%d-of-%s" % (k, label), ders, [a.der() for a in anchors], use, asked)


count = 0


def write(label, chain, anchors, use, asked):
    global count
    count += 1
    folder = os.path.join(work, "%04d-%s" % (count, label))
    os.mkdir(folder)
    for what, ders in (("chain.pem", chain), ("anchors.pem", anchors)):
        with open(os.path.join(folder, what), "w") as f:
            f.write("".join(pem(d) for d in ders))
    with open(os.path.join(folder, "case"), "w") as f:
        f.write("%s %s\n" % (use, asked))


def main():
    global work
    work = sys.argv[1]
    build()
    for label, chain, anchors, use, asked in cases:
        write(label, [c.der() for c in chain], [a.der() for a in anchors], use, asked)
    if len(sys.argv) > 4:
        mutants(int(sys.argv[3]), int(sys.argv[4]))
    print(count)


main()
