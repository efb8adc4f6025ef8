#!/usr/bin/env python3
"""certlint: reads certificates as strictly as X.690 and RFC 5280 are written, and holds them against the
profile that docs/certificates.md promises. Shares nothing with the code that made them.

    certlint.py DIR LIST        LIST: lines "FILE ANCHOR ROLE PURPOSES" as cert_all prints them, files in DIR
    certlint.py --selftest DIR LIST   breaks one certificate of each kind in every way known here: all must be seen
    certlint.py --der FILE...   strict DER, whatever it is

Prints "FILE: what is wrong" and ends with 1 when there is anything."""
import hashlib, re, sys

EXT = {'551d0e': 'subjectKeyIdentifier', '551d0f': 'keyUsage', '551d11': 'subjectAltName', '551d13': 'basicConstraints',
       '551d23': 'authorityKeyIdentifier', '551d25': 'extKeyUsage'}
EKU = {'2b06010505070301': 1, '2b06010505070302': 2}
CURVE = {'2a8648ce3d030107': 32, '2b81040022': 48, '2b81040023': 66}
ECDSA_SHA256 = bytes.fromhex('300a06082a8648ce3d040302')
EC_KEY = '2a8648ce3d0201'
CN = '550403'
YEAR = 365.25 * 86400
# role: DNS names and addresses allowed, one needed, default lifetime in days
PROFILE = {'edge': (True, False, 90), 'connector': (False, False, 90), 'client': (False, False, 30), 'service': (True, True, 397),
           'device': (False, False, 730), 'registry': (True, False, 3653)}
PURPOSES = {'edge': 1, 'connector': 3, 'client': 2, 'service': 1, 'device': 2, 'registry': 1}
ANCHOR = {'edge': 'infra', 'connector': 'infra', 'client': 'infra', 'registry': 'infra', 'service': 'acme', 'device': 'device'}
PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*\Z")


class Fault(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Fault(what)


# ---- X.690 ---------------------------------------------------------------------------------------
class Node:
    def __init__(self, tag, value, kids, whole):
        self.tag, self.value, self.kids, self.whole = tag, value, kids, whole

    def __getitem__(self, i):
        need(self.kids is not None and i < len(self.kids), 'something is missing')
        return self.kids[i]

    def __len__(self):
        return len(self.kids or ())


def integer(v):
    need(v, 'INTEGER without contents')
    need(len(v) < 2 or not (v[0] == 0 and v[1] < 0x80 or v[0] == 0xff and v[1] >= 0x80), 'INTEGER is not minimal')


def boolean(v):
    need(v in (b'\0', b'\xff'), 'BOOLEAN is neither 00 nor FF')


def bits(v):
    need(v and v[0] < 8 and (len(v) > 1 or v[0] == 0), 'BIT STRING without its count of unused bits')
    need(not v[0] or not v[-1] & (1 << v[0]) - 1, 'unused bits are not zero')


def oid(v):
    need(v and not v[-1] & 0x80, 'OBJECT IDENTIFIER does not end')
    need(all(b != 0x80 or i and v[i - 1] & 0x80 for i, b in enumerate(v)), 'OBJECT IDENTIFIER is not minimal')


def utc(v):
    need(re.fullmatch(rb'\d{12}Z', v), 'UTCTime is not YYMMDDHHMMSSZ')


def gentime(v):
    need(re.fullmatch(rb'\d{14}Z', v), 'GeneralizedTime is not YYYYMMDDHHMMSSZ')


def utf8(v):
    try:
        v.decode('utf-8')
    except UnicodeDecodeError:
        raise Fault('UTF8String is not UTF-8') from None


UNIVERSAL = {1: boolean, 2: integer, 3: bits, 4: None, 5: lambda v: need(v == b'', 'NULL with contents'), 6: oid, 12: utf8,
             19: lambda v: need(PRINTABLE.match(v), 'PrintableString outside its alphabet'),
             22: lambda v: need(all(b < 128 for b in v), 'IA5String outside ASCII'), 23: utc, 24: gentime,
             30: lambda v: need(len(v) % 2 == 0, 'BMPString of odd length')}


def parse(d, at=0):
    """The value that begins at `at`, and where it ends."""
    need(len(d) >= at + 2, 'cut off')
    tag, n, start = d[at], d[at + 1], at + 2
    need(tag & 31 != 31, 'tag above 30')
    need(n != 0x80, 'indefinite length')
    if n > 0x80:
        size = n & 0x7f
        need(size <= 4 and len(d) >= start + size, 'length of a length')
        n = int.from_bytes(d[start:start + size], 'big')
        need(n >= 0x80 and n >> 8 * (size - 1), 'length is not minimal')
        start += size
    end = start + n
    need(end <= len(d), 'cut off')
    value, kids = d[start:end], None
    if tag & 0xc0 == 0 and tag & 31 not in (16, 17):
        need(not tag & 0x20, 'a primitive type that is constructed')
        need(tag & 31 in UNIVERSAL, 'universal type %d has no place here' % (tag & 31))
        check = UNIVERSAL[tag & 31]
        if check:
            check(value)
    elif tag & 0xc0 == 0:
        need(tag & 0x20, 'a SEQUENCE or SET that is primitive')
    if tag & 0x20:
        kids, i = [], start
        while i < end:
            kid, i = parse(d[:end], i)
            kids.append(kid)
        if tag == 0x31:
            need(kids, 'an empty SET OF')
            need([k.whole for k in kids] == sorted(k.whole for k in kids), 'SET OF is not in order')
    return Node(tag, value, kids, d[at:end]), end


def whole(d):
    node, end = parse(d)
    need(end == len(d), 'something follows the end')
    return node


# ---- RFC 5280 ------------------------------------------------------------------------------------
def when(node):
    import calendar
    text = node.value.decode()
    if node.tag == 23:
        text = ('20' if int(text[:2]) < 50 else '19') + text
    else:
        need(node.tag == 24, 'a date that is no date')
        need(int(text[:4]) >= 2050, 'a date before 2050 is UTCTime (section 4.1.2.5)')
    year, month, day, hour, minute, second = (int(text[i:j]) for i, j in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)))
    need(1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1] and hour < 24 and minute < 60 and second < 60, 'no date')
    return calendar.timegm((year, month, day, hour, minute, second))


def name(node):
    """Its one CN."""
    need(node.tag == 0x30 and len(node) == 1 and len(node[0]) == 1 and len(node[0][0]) == 2, 'a name is not one attribute')
    attr = node[0][0]
    need(attr[0].value.hex() == CN and attr[1].tag in (12, 19), 'a name is not a common name')
    need(1 <= len(attr[1].value) <= 64, 'a common name is empty or too long')
    return attr[1].value.decode()


def named_bits(v):
    need(len(v) > 1 and v[-1] >> v[0] & 1, 'a list of named bits has trailing zeros (X.690 section 11.2.2)')
    return {i for i in range(8 * (len(v) - 1) - v[0]) if v[1 + i // 8] >> (7 - i % 8) & 1}


def extensions(node):
    need(node.tag == 0xa3 and len(node) == 1 and node[0].tag == 0x30 and len(node[0]), 'no extensions')
    out = {}
    for e in node[0].kids:
        need(e.tag == 0x30 and len(e) in (2, 3), 'an extension is malformed')
        critical = len(e) == 3
        if critical:
            need(e[1].tag == 1 and e[1].value == b'\xff', 'DEFAULT FALSE is written out')
        need(e.kids[-1].tag == 4, 'an extension without its value')
        ident = EXT.get(e[0].value.hex(), e[0].value.hex())
        need(ident not in out, 'the extension %s is there twice' % ident)
        out[ident] = critical, whole(e.kids[-1].value)
    return out


class Cert:
    def __init__(self, der):
        top = whole(der)
        need(top.tag == 0x30 and len(top) == 3, 'a certificate has three parts')
        tbs, alg, sig = top.kids
        need(tbs.tag == 0x30 and len(tbs) == 8, 'the part that is signed does not have eight fields (an identifier of RFC 2459?)')
        version, self.serial, inner, self.issuer, dates, self.subject, spki, ext = tbs.kids
        need(version.tag == 0xa0 and len(version) == 1 and version[0].whole == b'\x02\x01\x02', 'not version 3')
        need(self.serial.tag == 2, 'no serial number')
        need(inner.whole == alg.whole == ECDSA_SHA256, 'signed with anything but ECDSA and SHA-256, or with parameters')
        need(dates.tag == 0x30 and len(dates) == 2, 'dates')
        self.not_before, self.not_after = when(dates[0]), when(dates[1])
        self.cn, self.issuer_cn = name(self.subject), name(self.issuer)
        self.key(spki)
        self.ext = extensions(ext)
        self.signature(sig)

    def key(self, spki):
        need(len(spki) == 2 and len(spki[0]) == 2 and spki[0][0].value.hex() == EC_KEY, 'a key that is no EC key')
        size = CURVE.get(spki[0][1].value.hex())
        need(size, 'a curve that is none of ours')
        point = spki[1].value
        need(spki[1].tag == 3 and point[0] == 0 and point[1] == 4 and len(point) == 2 + 2 * size, 'a point that is not uncompressed')
        self.spki, self.key_bits = spki.whole, point[1:]

    def signature(self, sig):
        need(sig.tag == 3 and sig.value[0] == 0, 'the signature')
        rs = whole(sig.value[1:])
        need(rs.tag == 0x30 and len(rs) == 2 and all(i.tag == 2 and not i.value[0] & 0x80 and any(i.value) for i in rs.kids),
             'the signature is not two positive numbers')


# ---- the profile ---------------------------------------------------------------------------------
def check_common(c, anchor, ext):
    need(set(c.ext) == ext, 'extensions are %s, not %s' % (sorted(c.ext), sorted(ext)))
    s = c.serial.value
    need(len(s) == 16 and 1 <= s[0] <= 0x7f, 'the serial number is not 16 bytes and positive')
    need(c.not_before < c.not_after, 'it ends before it begins')
    need(c.issuer.whole == anchor.subject.whole, 'the issuer is not the subject of its anchor, byte by byte')
    critical, ski = c.ext['subjectKeyIdentifier']
    need(not critical and ski.tag == 4 and ski.value == hashlib.sha256(c.key_bits).digest()[:20],
         'the key identifier is not the one of RFC 7093 section 2, method 1')
    critical, basic = c.ext['basicConstraints']
    need(critical and basic.tag == 0x30, 'basic constraints are not critical')
    critical, usage = c.ext['keyUsage']
    need(critical and usage.tag == 3, 'key usage is not critical')
    return basic, named_bits(usage.value)


def check_anchor(c, what):
    basic, usage = check_common(c, c, {'subjectKeyIdentifier', 'keyUsage', 'basicConstraints'})
    need(basic.whole == bytes.fromhex('30060101ff020100'), 'basic constraints are not CA:TRUE with path length 0')
    need(usage == {5, 6}, 'key usage is not certSign and cRLSign')
    need(c.cn == 'zt %s CA %s' % (what, hashlib.sha256(c.spki).hexdigest()[:8]), 'the name is not that of its key')
    need(abs(c.not_after - c.not_before - 20 * YEAR) < 3 * 86400, 'it does not live for twenty years')


def check_sans(c, anchor, role):
    allowed, needed, _ = PROFILE[role]
    critical, sans = c.ext['subjectAltName']
    need(not critical and sans.tag == 0x30, 'names are critical')
    uri = [n for n in sans.kids if n.tag == 0x86]
    want = 'zt://%s/%s/%s' % (hashlib.sha256(anchor.spki).hexdigest()[:16], role, c.cn)
    need(len(uri) == 1 and uri[0].value.decode('ascii') == want, 'the zt:// name is not that of its anchor, role and id')
    others = [n for n in sans.kids if n.tag != 0x86]
    need(allowed or not others, 'the role has no names')
    need(others or not needed, 'the role needs a name')
    for n in others:
        need(n.tag in (0x82, 0x87), 'a kind of name that is not issued')
        if n.tag == 0x82:
            need(re.fullmatch(rb'(?!.*\.\.)[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?', n.value), 'a DNS name that is none, or a wildcard')
        else:
            need(len(n.value) in (4, 16), 'an address of neither kind')
    need(len({n.whole for n in sans.kids}) == len(sans), 'a name is there twice')


def check_leaf(c, anchor, role, lifetime):
    ext = {'subjectKeyIdentifier', 'keyUsage', 'basicConstraints', 'authorityKeyIdentifier', 'extKeyUsage', 'subjectAltName'}
    basic, usage = check_common(c, anchor, ext)
    need(basic.whole == b'\x30\x00', 'basic constraints are not CA:FALSE, which DER leaves out')
    need(usage == {0}, 'key usage is not digitalSignature')
    need(re.fullmatch('[0-9a-f]{24}', c.cn), 'the name tells something')
    critical, eku = c.ext['extKeyUsage']
    need(not critical, 'extended key usage is critical')
    need(eku.tag == 0x30 and sum(EKU.get(k.value.hex(), 99) for k in eku.kids) == PURPOSES[role] and
         len({k.whole for k in eku.kids}) == len(eku), 'purposes are not those of the role')
    critical, aki = c.ext['authorityKeyIdentifier']
    need(not critical and aki.tag == 0x30 and len(aki) == 1 and aki[0].tag == 0x80 and
         aki[0].value == anchor.ext['subjectKeyIdentifier'][1].value, "the issuer's key identifier is not that of its anchor")
    check_sans(c, anchor, role)
    need(anchor.not_before <= c.not_before and c.not_after <= anchor.not_after, 'it outlives its anchor')
    need(c.spki != anchor.spki, "the key is the anchor's")
    lives = c.not_after - c.not_before - 300 # for clocks that are behind
    need(60 <= lives <= 3653 * 86400, 'it lives too shortly or too long')
    need(lifetime is None or lives == lifetime * 86400, 'it does not live for %s days' % lifetime)


def judge(der, anchor_der, what, role, kind):
    c = Cert(der)
    if role == 'anchor':
        check_anchor(c, what)
    else:
        need(ANCHOR[role] == what, 'it is under another anchor')
        long = {'long': 3653}
        check_leaf(c, Cert(anchor_der), role, long.get(kind, PROFILE[role][2]))
    return c


# ---- does it see anything? -----------------------------------------------------------------------
def length(n):
    if n < 0x80:
        return bytes([n])
    size = (n.bit_length() + 7) // 8
    return bytes([0x80 | size]) + n.to_bytes(size, 'big')


def emit(node, changes):
    """The node again, with {whole of a node: its replacement}: lengths above it are made anew."""
    if node.whole in changes:
        return changes[node.whole]
    if node.kids is None:
        return node.whole
    body = b''.join(emit(k, changes) for k in node.kids)
    return bytes([node.tag]) + length(len(body)) + body


def extension(c, ident):
    return next(e for e in c.kids[0].kids[7][0].kids if EXT[e[0].value.hex()] == ident)


def tlv(tag, *parts):
    body = b''.join(parts)
    return bytes([tag]) + length(len(body)) + body


def breakages(der):
    top = whole(der)
    tbs = top[0]
    ext = lambda i: extension(top, i)
    dates, spki, serial = tbs[4], tbs[6], tbs[1]
    crit = b'\x01\x01\xff'
    basic, usage, eku, san = ext('basicConstraints'), ext('keyUsage'), ext('extKeyUsage'), ext('subjectAltName')
    value = lambda e: e.kids[-1].value
    swap = lambda e, new, critical: tlv(0x30, e[0].whole, crit if critical else b'', tlv(4, new))
    put = lambda old, new: emit(top, {old.whole: new})
    sans = whole(value(san))
    yield 'trailing byte', der + b'\0'
    yield 'cut', der[:-1]
    yield 'indefinite length', b'\x30\x80' + top.value + b'\0\0'
    yield 'long length', put(tbs[3], b'\x30\x81' + tbs[3].whole[1:])
    yield 'serial 0', put(serial, b'\x02\x01\x00')
    yield 'serial negative', put(serial, b'\x02\x10' + b'\x80' + serial.value[1:])
    yield 'serial padded', put(serial, b'\x02\x11\x00' + b'\x01' + serial.value[1:])
    yield 'serial short', put(serial, b'\x02\x08' + b'\x01' * 8)
    yield 'version 1', put(tbs[0], b'\xa0\x03\x02\x01\x00')
    yield 'algorithm with NULL', emit(top, {ECDSA_SHA256: bytes.fromhex('300c06082a8648ce3d0403020500')})
    yield 'two algorithms', emit(top, {tbs.whole: emit(tbs, {ECDSA_SHA256: bytes.fromhex('300a06082a8648ce3d040303')})})
    yield 'generalized before 2050', put(dates[0], tlv(24, b'20' + dates[0].value))
    yield 'no seconds', put(dates[0], tlv(23, dates[0].value[:10] + b'Z'))
    yield 'no such day', put(dates[0], tlv(23, b'260230000000Z'))
    yield 'ends first', put(dates, tlv(0x30, dates[1].whole, dates[0].whole))
    yield 'other subject', put(tbs[5], tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex('0603550403'), tlv(12, b'alice')))))
    yield 'second attribute', put(tbs[5], tlv(0x30, tbs[5][0].whole, tbs[5][0].whole))
    yield 'other issuer', put(tbs[3], tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex('0603550403'), tlv(12, b'x')))))
    yield 'compressed point', put(spki[1], tlv(3, b'\0\x02' + spki[1].value[2:34]))
    yield 'CA', put(basic, swap(basic, b'\x30\x03\x01\x01\xff', True))
    yield 'CA:FALSE written out', put(basic, swap(basic, b'\x30\x03\x01\x01\x00', True))
    yield 'basic not critical', put(basic, swap(basic, value(basic), False))
    yield 'TRUE of 01', put(basic, tlv(0x30, basic[0].whole, b'\x01\x01\x01', basic.kids[-1].whole))
    yield 'critical FALSE written out', put(eku, tlv(0x30, eku[0].whole, b'\x01\x01\x00', eku.kids[-1].whole))
    yield 'certSign', put(usage, swap(usage, b'\x03\x02\x02\x84', True))
    yield 'usage with trailing zeros', put(usage, swap(usage, b'\x03\x02\x00\x80', True))
    yield 'usage with unused bits', put(usage, swap(usage, b'\x03\x02\x07\x81', True))
    yield 'usage not critical', put(usage, swap(usage, value(usage), False))
    yield 'purposes critical', put(eku, swap(eku, value(eku), True))
    yield 'any purpose', put(eku, swap(eku, tlv(0x30, bytes.fromhex('0604551d2500')), False))
    yield 'purpose twice', put(eku, swap(eku, tlv(0x30, whole(value(eku)).value * 2), False))
    yield 'names critical', put(san, swap(san, value(san), True))
    yield 'other role', put(san, swap(san, emit(sans, {sans[0].whole: tlv(0x86, re.sub(rb'(zt://[^/]*/)[^/]*', rb'\1admin', sans[0].value))}), False))
    yield 'wildcard', put(san, swap(san, tlv(0x30, sans.value, tlv(0x82, b'*.example.org')), False))
    yield 'mail', put(san, swap(san, tlv(0x30, sans.value, tlv(0x81, b'a@b')), False))
    yield 'name twice', put(san, swap(san, tlv(0x30, sans.value, sans[0].whole), False))
    yield 'extension twice', put(eku, eku.whole * 2)
    yield 'extension missing', put(eku, b'')
    yield 'unknown extension', put(eku, eku.whole + tlv(0x30, b'\x06\x02\x2a\x03', tlv(4, b'\x05\x00')))
    yield 'other key identifier', put(ext('subjectKeyIdentifier'), swap(ext('subjectKeyIdentifier'), tlv(4, b'\1' * 20), False))
    yield 'other issuer key', put(ext('authorityKeyIdentifier'), swap(ext('authorityKeyIdentifier'), tlv(0x30, tlv(0x80, b'\1' * 20)), False))
    yield 'signature not minimal', put(top[2], tlv(3, b'\0' + tlv(0x30, b'\x02\x02\x00\x01', b'\x02\x01\x01')))
    yield 'signature of zero', put(top[2], tlv(3, b'\0' + tlv(0x30, b'\x02\x01\x00', b'\x02\x01\x01')))


def selftest(rows, read):
    unseen = tried = 0
    for file, *_ in rows: # what changes nothing is no fault
        need(emit(whole(read(file)), {}) == read(file), '%s: what was read is not what is written again' % file)
    for file, what, role, kind in rows:
        if role == 'anchor' or kind != 'default':
            continue
        for label, der in breakages(read(file)):
            tried += 1
            try:
                judge(der, read(what), what, role, kind)
            except Fault:
                continue
            print('%s, %s: not seen' % (file, label))
            unseen += 1
    print('%d broken certificates, %d not seen' % (tried, unseen))
    return unseen or not tried


def main(args):
    if args[:1] == ['--der']:
        bad = 0
        for path in args[1:]:
            try:
                whole(open(path, 'rb').read())
            except Fault as f:
                print('%s: %s' % (path, f))
                bad += 1
        return bad
    test = args[:1] == ['--selftest']
    if len(args) != 2 + test:
        sys.exit(__doc__)
    folder, listing = args[-2:]
    rows = []
    for line in open(listing):
        file, what, role, _ = line.split()
        rows.append((file, what, role, file.partition('-')[2]))
    read = lambda f: open('%s/%s.der' % (folder, f), 'rb').read()
    if test:
        return selftest(rows, read)
    bad, serials = 0, set()
    for file, what, role, kind in rows:
        try:
            c = judge(read(file), read(what), what, role, kind)
            need(c.serial.value not in serials, 'a serial number that was there before')
            serials.add(c.serial.value)
        except Fault as f:
            print('%s: %s' % (file, f))
            bad += 1
    print('%d certificates, %d at fault' % (len(rows), bad))
    return bad or not rows


if __name__ == '__main__':
    sys.exit(1 if main(sys.argv[1:]) else 0)
