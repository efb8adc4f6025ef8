"""web_differ: mutated requests, each through the proxy to two different real servers. Whatever is sent, an origin sees
at most as many requests as a strict reading of the connection's bytes finds; each that it sees was logged, once, with
the same method, path, query, host and id; each that was logged as answered was seen, once; and both servers were
brought the same.

web_differ.py EDGE_PORT --ca FILE --log ACCESS --origin HOST FILE --origin HOST FILE [--cases N] [--seed N] [--workers N]
ACCESS: the edge's access log. An origin's FILE: a line of JSON for each request it read, {"id", "line", "host"}, also
of those it refused; its answers carry X-Origin.
"""
import argparse, collections, itertools, json, queue, random, re, ssl, sys, threading, time
from visitor import Cut, Visitor

args = argparse.ArgumentParser()
args.add_argument("edge", type=int)
args.add_argument("--ca", required=True)
args.add_argument("--log", required=True)
args.add_argument("--origin", nargs=2, action="append", required=True)
args.add_argument("--cases", type=int, default=5000)
args.add_argument("--seed", type=int, default=1)
args.add_argument("--workers", type=int, default=24)
args.add_argument("--patience", type=float, default=0.15)
args = args.parse_args()
HOSTS = [h for h, _ in args.origin]

INNER = b"GET /inner?q=1 HTTP/1.1\r\nHost: @\r\nX-In: 1\r\n\r\n"
SIZE = len(INNER) - 1 + len(HOSTS[0])  # with a name instead of @
assert len({len(h) for h in HOSTS}) == 1, "names of one length, so that lengths fit all"
CORPUS = [
    b"GET /plain HTTP/1.1\r\nHost: @\r\nAccept: */*\r\nUser-Agent: differ/1\r\n\r\n",
    b"GET /a/b;c?x=1&y=%2f HTTP/1.1\r\nHost: @\r\nCookie: a=b; c=d\r\nReferer: https://@/\r\n\r\n",
    b"GET https://@/absolute?q HTTP/1.1\r\nHost: @\r\nAccept: text/html\r\n\r\n",
    b"HEAD /head HTTP/1.1\r\nHost: @\r\nIf-None-Match: \"x\"\r\n\r\n",
    b"POST /length HTTP/1.1\r\nHost: @\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /hidden HTTP/1.1\r\nHost: @\r\nContent-Length: %d\r\n\r\n" % SIZE + INNER,
    b"POST /chunks HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"PUT /hidden-chunk HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE + INNER + b"\r\n0\r\nX-T: 1\r\n\r\n",
    b"POST /pipe1 HTTP/1.1\r\nHost: @\r\nContent-Length: 3\r\n\r\nabcGET /pipe2 HTTP/1.1\r\nHost: @\r\n\r\n",
    b"DELETE /del HTTP/1.1\r\nHost: @\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nContent-Length: 0\r\n\r\n",
    b"POST /expect HTTP/1.1\r\nHost: @\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    b"GET /old HTTP/1.0\r\nHost: @\r\nConnection: keep-alive\r\n\r\n",
    b"GET /get-body HTTP/1.1\r\nHost: @\r\nContent-Length: %d\r\n\r\n" % SIZE + INNER,
    b"GET /chunked-get HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
]
FIELDS = [b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 5, 5", b"content-length:40", b"Content-Length : 5",
          b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"transfer-encoding:\tchunked", b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked",
          b"Transfer-Encoding: chunked, chunked", b"TE: trailers", b"Trailer: Content-Length", b"Connection: close", b"Connection: Content-Length", b"Connection: Host",
          b"Host: other.example", b"Host: @", b"X-Request-Id: forged", b"X-Forwarded-Host: evil", b" folded: 1", b"\tfolded", b": empty", b"Expect: x", b"Upgrade: h2c",
          b"X-Original-URL: /admin", b"X-Long: " + b"l" * 3000, b"Cookie: __Host-zt=1", b"Range: bytes=0-1", b"X-\xff: 1", b"X: \xff\x80"]
TOKENS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%2e%2e/", b"/../", b"//", b"%2f", b"%00", b"?", b"#", b"\\", b";", b"@evil", b"HTTP/1.1", b"\r\n\r\n",
          b"0\r\n\r\n", b"5\r\n", b"FFFFFFFF", b"0x", b",", b"chunked", b"-1", b"\x0b", b"\xc0\xaf", b"GET / HTTP/1.1\r\n", INNER, b"%", b"%zz"]


def mutate(rng):
    raw = rng.choice(CORPUS)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        raw = rng.choice(WAYS)(rng, raw)
    return raw


def at_line(change):
    def way(rng, raw):
        head, mark, body = raw.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        change(rng, lines)
        return b"\r\n".join(lines) + mark + body
    return way


def bytewise(rng, raw):
    i, how = rng.randrange(len(raw) + 1), rng.randrange(3)
    if how == 0:
        return raw[:i] + bytes([rng.randrange(256)]) + raw[i:]
    return raw[:i] + (b"" if how == 1 else bytes([rng.randrange(256)])) + raw[i + 1:]


def token(rng, raw):
    i = rng.randrange(len(raw) + 1)
    return raw[:i] + rng.choice(TOKENS) + raw[i:]


def digits(rng, raw):
    """Another number where there is one: lengths, chunk sizes, versions."""
    found = list(re.finditer(rb"[0-9a-f]+(?=\r\n|;|\.)", raw))
    if not found:
        return raw
    m = rng.choice(found)
    new = rng.choice((b"%d" % rng.randrange(80), b"%x" % rng.randrange(80), b"0" + m[0], m[0] + b"0", b"-" + m[0], b"", m[0].upper(), b"%d" % (int(m[0], 16) + 1)))
    return raw[:m.start()] + new + raw[m.end():]


def line_end(rng, raw):
    found = [m.start() for m in re.finditer(rb"\r\n", raw)]
    i = rng.choice(found) if found else 0
    return raw[:i] + rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\r\n ")) + raw[i + 2:]


def path(rng, raw):
    first, mark, rest = raw.partition(b" ")
    target, mark2, rest = rest.partition(b" ")
    i = rng.randrange(len(target) + 1)
    return first + mark + target[:i] + rng.choice(TOKENS[4:17]) + target[i:] + mark2 + rest


def spell(rng, raw):
    """A name in another case, or a method."""
    found = list(re.finditer(rb"(?m)^[A-Za-z-]+", raw))
    m = rng.choice(found) if found else None
    return raw if m is None else raw[:m.start()] + rng.choice((m[0].upper(), m[0].lower(), m[0].swapcase(), m[0].replace(b"-", b"_"))) + raw[m.end():]


WAYS = [bytewise, bytewise, token, token, digits, digits, line_end, path, path, spell,
        at_line(lambda rng, ls: ls.insert(rng.randrange(1, len(ls) + 1), rng.choice(FIELDS))),
        at_line(lambda rng, ls: ls.insert(rng.randrange(1, len(ls) + 1), rng.choice(FIELDS))),
        at_line(lambda rng, ls: ls.append(rng.choice(ls))),
        at_line(lambda rng, ls: ls.pop(rng.randrange(len(ls))) if len(ls) > 1 else None),
        at_line(lambda rng, ls: rng.shuffle(ls)),
        lambda rng, raw: raw[:rng.randrange(len(raw) + 1)],
        lambda rng, raw: raw + rng.choice(CORPUS),
        lambda rng, raw: raw + INNER]


def strict_count(data):
    """How many whole heads of requests a strict reader finds in a connection's bytes, to the first fault."""
    n = 0
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return n
        lines, data = data[:end].split(b"\r\n"), data[end + 4:]
        if not re.match(rb"[A-Z-]+ [\x21-\x7e]+ HTTP/1\.[01]\Z", lines[0]):
            return n
        fields = [re.match(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\Z", line, re.S) for line in lines[1:]]
        if not all(fields) or any(re.search(rb"[\r\n\0]", f[2]) for f in fields):
            return n
        get = lambda name: [f[2] for f in fields if f[1].lower() == name]
        lengths, codings = get(b"content-length"), get(b"transfer-encoding")
        if (lengths and codings) or len(lengths) > 1 or len(codings) > 1 or len(get(b"host")) != 1:
            return n
        if codings and codings[0].lower() != b"chunked" or lengths and not re.match(rb"[0-9]+\Z", lengths[0]):
            return n
        n += 1
        if codings:
            data = after_chunks(data)
        elif lengths:
            data = data[int(lengths[0]):] if len(data) >= int(lengths[0]) else None
        if data is None:
            return n


def after_chunks(data):
    """What is behind a chunked body; None: it has no proper end."""
    while True:
        m = re.match(rb"([0-9a-fA-F]{1,16})(;[^\r\n]*)?\r\n", data)
        if not m:
            return None
        size, data = int(m[1], 16), data[m.end():]
        if not size:
            break
        if data[size:size + 2] != b"\r\n":
            return None
        data = data[size + 2:]
    m = re.match(rb"(?:[^\r\n]+\r\n)*\r\n", data)
    return data[m.end():] if m else None


def next_source():
    """An address for each connection: ports come again."""
    with lock:
        n = next(sources)
    return f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


class Link:
    """A connection of a worker to a host, kept while both sides keep it."""

    def __init__(self, host):
        self.host, self.v, self.sent = host, None, b""

    def renew(self):
        self.end()
        self.v, self.sent = Visitor(args.edge, args.ca, self.host, source=(next_source(), 0)), b""
        self.v.sock.settimeout(args.patience)

    def end(self):
        if self.v:
            streams[self.v.address[0]] = (self.host, self.sent)
            self.v.close()
            self.v = None

    def put(self, raw):
        """Who answered: "origin", a status of the edge's, or "" when nothing did."""
        if not self.v:
            self.renew()
        self.sent += raw
        self.v.send(raw)
        method = raw.split(b" ", 1)[0].decode("latin-1")
        try:
            r = self.v.reply(method)
        except ValueError as e:
            wrong.append(f"the answer to {raw[:80]!r}: {e}")
            return self.end() or ""
        # One request, wholly answered, and nothing that might still come: another may follow.
        if not (r.keeps() and not self.v.kept and after_one(raw) == b""):
            try:
                self.v.sock.settimeout(0.02)
                self.v.rest()
            except ValueError:
                pass
            self.end()
        return "" if not r.status else "origin" if r.get("x-origin") else str(r.status)


def after_one(raw):
    """What is behind the first request of raw; None: not one whole."""
    if strict_count(raw) != 1:
        return None
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:[ \t]*([0-9]+)", head)
    if re.search(rb"(?im)^transfer-encoding:", head):
        return after_chunks(body)
    return body[int(length[1]):] if length and len(body) >= int(length[1]) else None if length else body


sources, lock = itertools.count(0x010101), threading.Lock()
streams, wrong, answers = {}, [], collections.Counter()
todo = queue.SimpleQueue()
for n in range(args.cases):
    todo.put(n)


def worker():
    links = [Link(h) for h in HOSTS]
    while True:
        try:
            n = todo.get_nowait()
        except queue.Empty:
            break
        raw = mutate(random.Random(args.seed * 1000003 + n))
        got = []
        for link in links:
            try:
                got.append(link.put(raw.replace(b"@", link.host.encode())))
            except (OSError, ssl.SSLError, Cut) as e:
                wrong.append(f"case {n}: {type(e).__name__} {e}")
                link.end()
                got.append("")
        answers[tuple(got)] += 1
        if len(set(got)) > 1 and "" not in got:
            wrong.append(f"case {n}: {got} for {raw[:200]!r}")
    for link in links:
        link.end()


def lines(name, kind):
    for line in open(name, errors="replace"):
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and kind(one):
            yield one


def tail(name):
    with open(name, "rb") as f:
        f.seek(max(0, f.seek(0, 2) - 262144))
        return f.read().decode(errors="replace")


def settle():
    """The last request of each host is in its origin's log and in ours: so are all before it."""
    for host, name in args.origin:
        with Visitor(args.edge, args.ca, host, timeout=20, source=(next_source(), 0)) as v:
            r = v.ask(b"GET /settled HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n")
            streams[v.address[0]] = (host, b"GET /settled HTTP/1.1\r\nHost: @\r\n\r\n")
            if r.status != 200:
                wrong.append(f"the last request of {host} was answered {r}")
        for file, word in ((name, "/settled"), (args.log, '"uri":"/settled"')):
            end = time.monotonic() + 20
            while word not in tail(file) and time.monotonic() < end:
                time.sleep(0.05)


def compare():
    logged = {}
    for one in lines(args.log, lambda d: d.get("logger") == "http.log.access"):
        if one["zt"]["request_id"] in logged:
            wrong.append(f"id {one['zt']['request_id']} was given twice")
        logged[one["zt"]["request_id"]] = one
    seen, by_link = collections.Counter(), collections.Counter()
    for host, name in args.origin:
        for got in lines(name, lambda d: "line" in d):
            one = logged.get(got["id"])
            seen[got["id"]] += 1
            if one is None:
                wrong.append(f"{host} saw what was never logged: {got}")
                continue
            r = one["request"]
            want = f"{r['method']} {r['uri'] or '*'} HTTP/1.1"
            as_logged = re.escape(want).replace("=REDACTED", "=[^& ]*")
            if (not re.fullmatch(as_logged, got["line"]) and len(want) < 1000) or got["host"].split(":")[0] != host or r["host"].split(":")[0] != host:
                wrong.append(f"logged {want} of {r['host']}, {host} saw {got}")
            # A body that turns out to be bad is told when its head is long gone.
            if one["zt"]["decision"] not in ("allowed", "malformed") or one["zt"]["decision"] == "malformed" and one["status"] == 200:
                wrong.append(f"{host} saw what was refused as {one['zt']['decision']}: {got}")
            by_link[r["remote_ip"]] += 1
    for i, times in seen.items():
        if times > 1:
            wrong.append(f"{logged.get(i)} was seen {times} times")
    for i, one in logged.items():
        if one["status"] == 200 and not seen[i]:
            wrong.append(f"logged as answered, seen by nobody: {one}")
    for address, times in by_link.items():
        host, sent = streams.get(address, ("", b""))
        if times > strict_count(sent):
            wrong.append(f"{times} requests out for {strict_count(sent)} in: {sent[:400]!r}")
    return len(logged), sum(seen.values())


started = time.monotonic()
crowd = [threading.Thread(target=worker) for _ in range(args.workers)]
[t.start() for t in crowd]
[t.join() for t in crowd]
took = time.monotonic() - started
settle()
n_logged, n_seen = compare()
for line in wrong[:40]:
    print("FAILED: " + line[:1000])
print("answers:", ", ".join(f"{'/'.join(w or 'none' for w in who)} {n}" for who, n in answers.most_common(12)))
if n_seen < args.cases // 4 or n_logged - n_seen < args.cases // 8:
    wrong.append("hardly a test")
    print(f"FAILED: {n_logged} logged and {n_seen} seen are hardly a test")
print(f"figure: mutated requests to two origins: {args.cases} of seed {args.seed}, each to both, in {took:.0f} s; "
      f"{n_logged} logged, {n_seen} seen by an origin, {len(wrong)} wrong")
sys.exit(1 if wrong else 0)
