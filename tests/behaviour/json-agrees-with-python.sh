#!/bin/bash
# Two JSON readers that disagree are how a token means one thing to the checker and another to
# the user. Random documents, whole and damaged, go through zt's reader and through Python's;
# both must refuse the same and read the same. The intended differences are listed below and
# counted: each must occur, and nothing else may differ.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

tool=$ROOT/build/rel/tests/tools/json_read
[ -x "$tool" ] || fail "$tool is not built (make tools)"

python3 - "$tool" <<'EOF' || fail "the two readers differ"
import json, random, struct, subprocess, sys

DEPTH, TOKENS = 16, 4096
rnd = random.Random(20261121)
CHARS = ['a', 'b', 'é', '€', '😀', '"', '\\', '/', '\n', '\x00', '\x1f', '\x7f', '\u2028', '\ufffe', '\U0010ffff']

def text():
    out = []
    for _ in range(rnd.randrange(6)):
        c = rnd.choice(CHARS)
        o = ord(c)
        if c in '"\\' or o < 0x20 or rnd.random() < .3:
            if o > 0xffff:
                out.append('\\u%04x\\u%04x' % (0xd800 + (o - 0x10000 >> 10), 0xdc00 + (o - 0x10000 & 0x3ff)))
            elif rnd.random() < .4 and c in '"\\/\n':
                out.append({'"': '\\"', '\\': '\\\\', '/': '\\/', '\n': '\\n'}[c])
            else:
                out.append(rnd.choice(['\\u%04x', '\\u%04X']) % o)
        else:
            out.append(c)
    return '"' + ''.join(out) + '"'

def number():
    return rnd.choice(['0', '-0', '7', '-12', '1.5', '1e5', '-0.0E+10', '18446744073709551616',
                       '9007199254740993', '1e999', str(rnd.randrange(-10**6, 10**6))])

def blank():
    return rnd.choice(['', '', '', ' ', '\t', '\r\n', '  '])

def value(depth):
    kind = rnd.randrange(8 if depth > 0 else 5)
    if kind < 2: return text()
    if kind < 4: return number()
    if kind < 5: return rnd.choice(['true', 'false', 'null'])
    n = rnd.randrange(5)
    if kind < 7:
        return '[' + blank() + ','.join(blank() + value(depth - 1) + blank() for _ in range(n)) + ']'
    return '{' + blank() + ','.join(blank() + text() + blank() + ':' + blank() + value(depth - 1) + blank()
                                    for _ in range(n)) + '}'

def damage(b):
    b = bytearray(b)
    for _ in range(rnd.randrange(1, 3)):
        at = rnd.randrange(len(b) + 1)
        what = rnd.randrange(5)
        if what == 0 and b: del b[at - 1]
        elif what == 1: b.insert(at, rnd.choice(b'[]{},:"\\0129.eE+-tfnu \x00\x1f\x80\xc3\xed\xf4'))
        elif what == 2 and b: b[at - 1] ^= 1 << rnd.randrange(8)
        elif what == 3: b[at:at] = rnd.choice([b'\\ud800', b'\\udc00', b'\\u00', b'NaN', b'-Infinity', b'\xef\xbb\xbf', b'01', b',,'])
        else: b[at:] = b''
    return bytes(b)

class Twins(Exception): pass
class Stop(Exception): pass

def members(pairs):
    if len(set(k for k, _ in pairs)) != len(pairs): raise Twins
    return ('object', pairs)

def constant(c): raise ValueError(c)

def python(b, twins=members):
    """What Python makes of it, strictly: numbers as text, members in their order."""
    return json.loads(b.decode('utf-8'), object_pairs_hook=twins, parse_constant=constant,
                      parse_int=lambda s: ('number', s), parse_float=lambda s: ('number', s))

def strings(v):
    if isinstance(v, str): yield v
    elif isinstance(v, list):
        for e in v: yield from strings(e)
    elif isinstance(v, tuple) and v[0] == 'object':
        for k, e in v[1]:
            yield k
            yield from strings(e)

def depth(v):
    if isinstance(v, list): return 1 + max(map(depth, v), default=0)
    if isinstance(v, tuple) and v[0] == 'object': return 1 + max((depth(e) for _, e in v[1]), default=0)
    return 0

def tokens(v):
    if isinstance(v, list): return 1 + sum(map(tokens, v))
    if isinstance(v, tuple) and v[0] == 'object': return 1 + sum(1 + tokens(e) for _, e in v[1])
    return 1

def lone(v):
    return any(0xd800 <= ord(c) <= 0xdfff for s in strings(v) for c in s)

def expect(b):
    """(accepted, value, name of the intended difference or None)"""
    try:
        v = python(b)
    except Twins:
        return False, None, 'duplicate keys'
    except (ValueError, RecursionError):
        return False, None, None
    if depth(v) > DEPTH: return False, None, 'depth'
    if tokens(v) > TOKENS: return False, None, 'tokens'
    if lone(v): return False, None, 'lone surrogates'
    return True, v, None

docs = []
for i in range(20000):
    doc = value(rnd.randrange(6)).encode()
    docs.append(doc if i % 3 == 0 else damage(doc))
docs += [b'[' * n + b']' * n for n in range(1, 40)]
docs += [b'[' + b','.join([b'0'] * n) + b']' for n in (4094, 4095, 4096, 4097)]
docs = [d for d in docs if len(d) <= 65536]

run = subprocess.run([sys.argv[1]], input=b''.join(struct.pack('>I', len(d)) + d for d in docs),
                     stdout=subprocess.PIPE, timeout=120)
lines = run.stdout.split(b'\n')
if run.returncode != 0 or len(lines) != len(docs) + 1:
    sys.exit('json_read: exit %d, %d answers to %d documents' % (run.returncode, len(lines) - 1, len(docs)))

count = {'accepted by both': 0, 'refused by both': 0}
for doc, line in zip(docs, lines):
    ok, v, difference = expect(doc)
    if line.startswith(b'ok ') != ok:
        sys.exit('%r: zt says %r, expected %s' % (doc, line, 'ok' if ok else 'refused'))
    if ok and python(line[3:]) != v:
        sys.exit('%r: zt read %r' % (doc, line))
    key = difference or ('accepted by both' if ok else 'refused by both')
    count[key] = count.get(key, 0) + 1
for key in ('accepted by both', 'refused by both', 'duplicate keys', 'depth', 'tokens', 'lone surrogates'):
    if count.get(key, 0) == 0:
        sys.exit('no document for: ' + key)
print(', '.join('%s %d' % kv for kv in sorted(count.items())))
EOF
exit 0
