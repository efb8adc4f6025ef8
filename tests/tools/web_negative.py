"""web_negative: what must not reach an origin, and what must, exactly once and as it was decided about. The cases are
those of tests/vectors/http, sent over a real connection, and the tables here; a recording origin counts.

Hosts that the proxy in front must serve (all to the one origin): a.example and a (public); *.w.example (public, a
section of its own); rules.example (/admin is answered 403 by a rule);
small.example (bodies up to 1024 bytes, idle 1 s); none.example (nobody); secret.example (with a
client's certificate). A head may take 1 s.

web_negative.py EDGE_PORT CA ORIGIN_PORT [--http PORT] [--cert FILE KEY OTHER OTHER_KEY] [--log FILE] [--tell] [--only PART...]
--log: the edge's access log, compared with what the origin saw. --tell: print who failed what and end with 0, for
a proxy that is known to fail some.
"""
import argparse, collections, hashlib, json, socket, ssl, subprocess, sys, threading, time
from recorder import Origin
from visitor import Cut, Visitor, context, unescape, vectors

args = argparse.ArgumentParser()
args.add_argument("edge", type=int)
args.add_argument("ca")
args.add_argument("origin", type=int)
args.add_argument("--http", type=int)
args.add_argument("--cert", nargs=4)
args.add_argument("--log")
args.add_argument("--tell", action="store_true")
args.add_argument("--patience", type=float, default=10, help="seconds until silence counts as such")
args.add_argument("--only", nargs="*", help="these parts, by name of their function")
args = args.parse_args()

origin = Origin(args.origin)
failed, count = collections.defaultdict(list), collections.Counter()


def check(case, ok, text):
    if not ok:
        failed[case.split()[0]].append(f"{case}: {text}")
    return ok


def visitor(sni="a.example", **more):
    return Visitor(args.edge, args.ca, sni, timeout=args.patience, **more)


STRAY = "/stray"  # of a request that is broken off on purpose


def hits():
    """Requests that came, and what should have been one; but not what is broken off on purpose."""
    with origin.lock:
        return len([r for r in origin.requests if r.target != STRAY or r.sha256])


def complete(since):
    with origin.lock:
        return [r for r in [r for r in origin.requests if r.target != STRAY or r.sha256][since:] if r.sha256]


def refused(case, raw, status, sni="a.example", more=b"", cert=None):
    """The status (one or several, 0: none), the end of the connection, and not one hit."""
    count[case.split()[0]] += 1
    before = hits()
    want = status if isinstance(status, tuple) else (status,)
    try:
        with visitor(sni, cert=cert) as v:
            v.send(raw + more)
            r = v.reply()
            check(case, r.status in want, f"answered {r.status}, not {want}: {raw[:80]!r}")
            if not r.status or r.status in (400, 414, 421, 431, 501, 505):
                v.rest()
                check(case, v.ended != "silence", f"the connection stays open: {raw[:80]!r}")
    except ValueError as e:
        check(case, False, f"{e}: {raw[:80]!r}")
    except (OSError, ssl.SSLError) as e:
        check(case, 0 in want, f"{e}: {raw[:80]!r}")
    check(case, hits() == before, f"{hits() - before} hits: {raw[:80]!r}")


def passes(case, raw, target=None, body=b"", method="GET", sni="a.example", status=200, cert=None, length=None):
    """One hit, whole, as the origin should see it. Answers the request as it came there."""
    count[case.split()[0]] += 1
    before = hits()
    try:
        with visitor(sni, cert=cert) as v:
            r = v.ask(raw, method)
    except (OSError, ValueError, ssl.SSLError) as e:
        return check(case, False, f"{e}: {raw[:80]!r}") and None
    check(case, r.status == status and r.whole, f"answered {r}: {raw[:80]!r}")
    got = complete(before)
    if not check(case, len(got) == 1 and hits() == before + 1, f"{hits() - before} hits, not 1: {raw[:80]!r}"):
        return None
    q = got[0]
    check(case, target is None or q.target == target, f"the origin was asked for {q.target!r}, not {target!r}")
    want = hashlib.sha256(body).hexdigest()
    check(case, q.sha256 == want, f"the body is another: {q.length} bytes, not {len(body)}: {raw[:80]!r}")
    return q


def get(target="/", *fields, host="a.example", method="GET", version="1.1", body=b""):
    lines = [f"{method} {target} HTTP/{version}", *([f"Host: {host}"] if host is not None else []), *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


# ---- the vectors ------------------------------------------------------------------------------------------
def requests_vectors():
    for line, case, want, text in vectors("requests.txt"):
        case = f"{case} requests.txt:{line}"
        raw = unescape(text)
        if raw.startswith(b"{F}"):
            raw = b"POST /p HTTP/1.1\r\nHost: a.example\r\n" + raw[3:] + b"\r\n\r\n"
        if want != b"fine":
            refused(case, raw, int(want[:3]), sni="a" if b"Host: a\r" in raw else "a.example")
            continue
        low, body, more = raw.lower(), b"", b""
        if b"9223372036854775807" in raw:
            endless(case, raw)
            continue
        if b"\r\ncontent-length" in low:
            n = int(low.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
            body = more = b"x" * n
        elif b"transfer-encoding: chunked" in low or b"transfer-encoding:\tchunked" in low:
            more = b"0\r\n\r\n"
        passes(case, raw + more, body=body, method=raw.split(b" ")[0].decode())


def endless(case, raw):
    """A body longer than any: its head goes on, and nothing is ever answered as if it had come whole."""
    with visitor() as v:
        v.send(raw.replace(b"/p", STRAY.encode(), 1) + b"x" * 1000)
        check(case, origin.wait(lambda: any(q.target == STRAY for q in origin.requests), args.patience), "the head did not reach the origin")
    count[case.split()[0]] += 1


def chunk_vectors():
    head = b"POST /chunks HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    cases = [(f"{case} chunked.txt:{n}", want.decode(), text) for n, case, want, text in vectors("chunked.txt")]
    cases += [("T-06 extensions of 256 bytes", "|a", b"1;" + b"e" * 256 + b"\\r\\na\\r\\n0\\r\\n\\r\\n^"),
              ("T-06 extensions of 257 bytes", "chunk-extensions", b"1;" + b"e" * 257 + b"\\r\\na\\r\\n0\\r\\n\\r\\n^"),
              ("T-06 extensions of 64 KiB", "chunk-extensions", b"1;" + b"e" * 65536 + b"\\r\\na\\r\\n0\\r\\n\\r\\n^")]
    for case, want, text in cases:
        sent, _, after = unescape(text).partition(b"^")
        if want.startswith("|"):
            passes(case, head + sent + after, body=want[1:].encode(), method="POST", target="/chunks")
            continue
        count[case.split()[0]] += 1
        with visitor() as v: # its head may come to the origin, and late; its body never to an end
            v.send(head.replace(b"/chunks", STRAY.encode()) + sent)
            if want != "more":
                r = v.reply("POST")
                check(case, r.status in (0, 400), f"answered {r}")
                v.rest()
                check(case, v.ended != "silence", "the connection stays open")
        got = [q for q in origin.requests if q.target == STRAY and q.sha256]
        check(case, not got, f"a request was whole at the origin: {[q.length for q in got]}")


def path_vectors():
    for line, case, want, text in vectors("paths.txt"):
        raw = unescape(text)
        if b"?" in raw:
            continue
        # What programs read differently is kept where no rule asks for a path, and refused where one does.
        host = "rules.example" if case == "T-17" else "a.example"
        case = f"T-17 paths.txt:{line}"
        sent = b"GET " + raw + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"
        if want.startswith(b"400/"):
            refused(case, sent, 400, host)
        elif raw != b"/admin" and want == b"/admin" and host == "rules.example":
            refused(case, sent, 403, host)
        else:
            passes(case, sent, target=unescape(want).decode(), sni=host)


def path_rules():
    """A rule on /admin, whose answer is 403, and another for all else of the host."""
    host = "rules.example"
    passes("T-17 beside the rule", get("/admins", host=host), sni=host, target="/admins")
    for path in ("/admin", "//admin", "/./admin", "/x/../admin", "/%61dmin", "/x/%2e%2e/admin", "/admin?x=/", "/%2e/admin"):
        refused(f"T-17 {path}", get(path, host=host), 403, host)
    for path in ("/admin;x", "/admin;x/", "/admin%2f", "/x;/../admin", "/a/..;/admin", "/admin%3bx", "/x%2f..%2fadmin", "/admin%5c", "/%252e%252e/admin",
                 "/admin%2500", "/..;/admin", "/admin\\", "/admin%00", "/admin#x"):
        refused(f"T-17 {path}", get(path, host=host), 400, host)


def host_vectors():
    for line, _, want, text in vectors("hosts.txt"):
        raw, case = unescape(text), f"T-18 hosts.txt:{line}"
        sent = b"GET /h HTTP/1.1\r\nHost: " + raw + b"\r\n\r\n"
        if raw != raw.strip(b" \t"):
            continue
        name = want.split(b"!")[0]
        if name == b"name=a.example":
            q = passes(case, sent, target="/h")
            check(case, not q or q.get("host")[0].split(":")[0] == "a.example", f"Host at the origin: {q and q.get('host')}")
        else:
            refused(case, sent, 400 if want == b"no" else 421)


# ---- T-06 to T-18, what vectors cannot say -----------------------------------------------------------------
def sizes():
    name = "N" * 270
    q = passes("T-07 a name of 270 bytes", get("/", f"{name}: v"))
    check("T-07 a name of 270 bytes", not q or q.get(name.lower()) == ["v"], "it did not arrive whole")
    refused("T-07 a name of 65536 bytes", get("/", "N" * 65536 + ": v"), 431)
    refused("34 a head of 16 KiB and one", get("/", "A: " + "v" * 16384), 431)
    refused("34 101 fields", get("/", *["A: v"] * 100), 431)
    passes("34 100 fields", get("/", *["A: v"] * 99))
    refused("34 a first line of 9 KiB", get("/" + "u" * 9216), 414)
    refused("34 a cookie of 1 MB", get("/", "Cookie: c=" + "v" * 1000000), 431)


def desync():
    inner = get("/smuggled")
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
        for how, body in (("length", f"Content-Length: {len(inner)}\r\n\r\n".encode() + inner),
                          ("chunks", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n")):
            case, before = f"T-08 {method} with a body, {how}", hits()
            count["T-08"] += 1
            with visitor() as v:
                v.send(f"{method} /first HTTP/1.1\r\nHost: a.example\r\n".encode() + body + get("/second"))
                r, s = v.reply(method), v.reply()
            got = [(q.target, q.length) for q in complete(before)]
            if r.status in (400, 413):  # not to be taken at all is good too, then the rest is not
                check(case, not got, f"refused, and the origin saw {got}")
                continue
            check(case, got == [("/first", len(inner)), ("/second", 0)], f"the origin saw {got}")
            check(case, b"/second" in s.body, f"the second answer: {s}")
    before = hits()
    count["T-08"] += 1
    with visitor("small.example") as v:
        v.send(get("/big", "Content-Length: 5000", host="small.example", method="POST") + b"x" * 100 + get("/after", host="small.example"))
        r = v.reply("POST")
        rest = v.rest()
    check("T-08 early 413", r.status == 413 and b"HTTP/1.1" not in rest and hits() == before, f"{r}, then {rest[:60]}")
    refused("T-08 413 before 100", get("/", "Content-Length: 5000", "Expect: 100-continue", host="small.example", method="POST"), 413, "small.example")
    count["T-08"] += 1
    with visitor() as v:
        v.send(get("/expect", "Content-Length: 5", "Expect: 100-continue", method="POST"))
        try:
            line = v.until(b"\r\n\r\n")
        except Cut:
            line = v.kept
        check("T-08 Expect", line.startswith(b"HTTP/1.1 100"), f"{line}")
        r = v.ask(b"hello", "POST")
    q = (complete(before) or [None])[-1]
    check("T-08 Expect", q and r.status == 200 and q.target == "/expect" and not q.get("expect") and q.length == 5, f"{r}, {q and q.fields}")


def one_visitor_never_gets_anothers():
    inner = get("/poison", "X-Ignore: ")[:-4]  # whoever appends the next request to it answers the wrong one
    for n in range(20):
        count["T-09"] += 1
        with visitor() as a, visitor() as b:
            a.send(get("/a%d" % n, f"Content-Length: {len(inner)}", method="POST") + inner)
            r = a.reply("POST")
            mine = b.ask(get("/b%d" % n))
        check("T-09", b" POST /a%d\n" % n in r.body and b" GET /b%d\n" % n in mine.body, f"{r}, {mine}")
    check("T-09", not [q for q in origin.requests if q.target == "/poison"], "the poison was a request")


IDENTITY = """Remote-User Remote-Groups Remote-Email Remote-Name REMOTE-ADDR X-Remote-User X-Forwarded-For X-Forwarded-Proto
X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Uri X-Forwarded-Method X-Forwarded-Ssl X-Forwarded-Server
X-Forwarded-User X-Forwarded-Email X-Forwarded-Preferred-Username X-Forwarded-Access-Token X-Forwarded-Client-Cert
X-Forwarded-Tls-Client-Cert Forwarded X-Real-IP X-Real-Port True-Client-IP Fastly-Client-IP X-Cluster-Client-IP X-Client-IP
Client-IP CF-Connecting-IP Cf-Access-Jwt-Assertion Cf-Access-Authenticated-User-Email CF-IPCountry CF-Visitor X-Original-URL
X-Original-URI X-Original-Method X-Original-Host X-Original-For X-Rewrite-URL X-Host X-Scheme X-Url-Scheme Front-End-Https
X-Auth-Request-User X-Auth-Request-Email X-Authentik-Username X-Webauth-User X-Pomerium-Jwt-Assertion X-MS-Client-Principal
X-Goog-Authenticated-User-Email Tailscale-User-Login SSL-Client-Cert X-SSL-Client-DN X-SSL-Client-Verify Client-Cert
Client-Cert-Chain X-Client-Cert X-Zt-User X-Zt-Assertion X-Request-Id""".split()


def identity():
    ours = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-forwarded-host": "a.example", "x-real-ip": "127.0.0.1"}
    lies = [f"{name}: liar-1" for name in IDENTITY]
    for case, fields in (("T-12 the identity family", lies), ("T-12 in capitals", [f.upper() for f in lies]),
                         ("T-12 twice", [f"{n}: liar-1" for n in IDENTITY[:30] for _ in (1, 2)]),
                         ("T-11 what Connection lists", ["Connection: close, Remote-User, X-Forwarded-Host", "Remote-User: liar-1", "X-Forwarded-Host: liar-1"]),
                         ("T-11 ours in Connection", ["Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Real-IP, X-Request-Id"]),
                         ("T-11 the host in Connection", ["Connection: Host, X-Request-Id"])):
        q = passes(case, get("/id", *fields))
        if not q:
            continue
        check(case, b"liar-1" not in q.raw.lower() and b"LIAR-1" not in q.raw, f"the origin saw a lie: {q.raw}")
        check(case, q.get("host") == ["a.example"], f"Host: {q.get('host')}")
        for name, value in ours.items():
            check(case, q.get(name) == [value], f"{name} is {q.get(name)}")
        check(case, len(q.get("x-request-id")) == 1, "no request id")
    for name in IDENTITY:
        if "-" in name:
            refused(f"T-13 {name}", get("/", name.replace("-", "_") + ": liar-1"), 400)
            refused(f"T-13 {name}", get("/", name.replace("-", ".") + ": liar-1"), 400)
    hop = ["Connection: keep-alive, X-Mine", "Keep-Alive: timeout=5", "Proxy-Connection: close", "TE: trailers", "X-Mine: 1",
           "Trailer: X", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "Proxy-Authorization: Basic YTpi"]
    q = passes("T-11 of the hop", get("/hop", *hop))
    for name in ("x-mine", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "http2-settings", "proxy-authorization"):
        check("T-11 of the hop", not q or not q.get(name), f"{name} went on")
    body = b"5\r\nhello\r\n0\r\nX-Forwarded-For: liar-1\r\nAuthorization: Basic YTpi\r\nHost: liar-1\r\n\r\n"
    q = passes("T-10 trailers", get("/t", "Transfer-Encoding: chunked", "Trailer: X-Forwarded-For", method="POST", body=body), body=b"hello", method="POST")
    check("T-10 trailers", not q or b"liar-1" not in q.raw, "a trailer became a field")
    q = passes("T-24 cookies of ours", get("/c", "Cookie: __Host-zt=1; mine=2; zt_x=3", "Cookie: __Secure-zt-y=4; b=5"))
    check("T-24 cookies of ours", not q or "; ".join(q.get("cookie")) == "mine=2; b=5", f"{q and q.get('cookie')}")


def redirects():
    """T-16: of the plain port. WHATWG's parser (node's) says where a browser would go."""
    marks = ["/", "//", "/\\", "/%09/", "/%2f/", "/%5c", "/.", "/..//", "/@", "/;@", "/:80", "//x@", "/?u=//", "/%0d%0aLocation:/", "/%2e%2e//"]
    targets = [f"{m}{evil}{tail}" for m in marks for evil in ("evil.example", "evil.example/", "a.example@evil.example", "%65vil.example")
               for tail in ("", "/..", "?a=b", "%00")]
    targets += ["http://evil.example/", "//evil.example:443/%2f..", "/\t/evil.example", "/ /evil.example", "javascript:alert(1)", "*", "evil.example"]
    seen = []
    for t in targets:
        count["T-16"] += 1
        with Visitor(args.http, timeout=10) as v:
            r = v.ask(get(t))
        for where in r.get("location"):
            seen.append(where)
        check("T-16", r.status in (301, 308) or 400 <= r.status < 500, f"{t!r}: {r}")
    for host in ("evil.example", "a.example@evil.example", "a.example/x", "a.example\\@evil.example", "evil.example:443", "a.example:evil"):
        count["T-16"] += 1
        with Visitor(args.http, timeout=10) as v:
            r = v.ask(get("/x", host=host))
        for where in r.get("location"):
            check("T-16", "evil" not in where or host.startswith("evil.example"), f"Host {host!r}: {where}")
    said = subprocess.run(["node", "-e", "for (const l of JSON.parse(require('fs').readFileSync(0))) console.log(new URL(l, 'http://a.example/').host)"],
                          input=json.dumps(seen), capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    check("T-16", len(seen) > 20 and len(said) == len(seen), f"{len(seen)} redirects were read as {len(said)}")
    for where, host in zip(seen, said):
        check("T-16", host == "a.example", f"a browser goes to {host} for {where!r}")


# ---- T-20 to T-23: names ------------------------------------------------------------------------------------
def names():
    for host in ("secret.example", "secret.example.", "SECRET.example", "secret.example:443", "sEcReT.example.:443", "x.w.example",
                 "none.example", "small.example", "unknown.example", "127.0.0.1", "[::1]", "w.example", "a.example.evil", "xa.example"):
        refused(f"T-20 {host}", get("/", host=host), 421)
        count["T-20"] += 1
        with visitor() as v:
            first, before = v.ask(get("/first")), hits()
            second = v.ask(get("/second", host=host))
            third = v.ask(get("/third"))
        check(f"T-20 second request for {host}", (first.status, second.status) == (200, 421) and hits() == before, f"{first}, {second}")
        check(f"T-20 the end after {host}", third.status == 0, f"{third}")
        refused(f"T-20 absolute {host}", get(f"https://{host}/", host=host), 421)
    refused("T-20 two hosts", get("https://secret.example/"), 400)
    if args.cert:
        mine, other = tuple(args.cert[:2]), tuple(args.cert[2:])
        passes("T-20 with a certificate", get("/s", host="secret.example"), sni="secret.example", target="/s", cert=mine)
        refused("T-20 from the secret host to the public", get("/", host="a.example"), 421, "secret.example", cert=mine)
        refused("T-20 without a certificate", get("/", host="secret.example"), (0, 403), "secret.example")
        refused("T-20 another authority's certificate", get("/", host="secret.example"), (0, 403), "secret.example", cert=other)
        refused("T-20 from the public to the secret, with a certificate", get("/", host="secret.example"), 421, cert=mine)
    refused("deny none.example", get("/", host="none.example"), 403, "none.example")
    for host in ("a.example", "secret.example", ""):
        refused(f"T-21 no SNI, {host}", get("/", host=host), 0, None)
    for sni in ("unknown.example", "w.example", "a.b.w.example", "xw.example", "a.example.evil.example", "secret.example.w.example"):
        refused(f"T-21 {sni}", get("/", host="a.example"), 0, sni)
    for literal, like in ((b"192.168.1.1", "aaa.aaa.a.a"), (b"127.0.0.1", "aaa.a.a.a"), (b"*.w.example", "q.w.example"), (b"a.example\0b", "a.exampleab"), (b".w.example", "qw.example")):
        count["T-22"] += 1
        before = hits()
        check(f"T-22 {literal}", not hello_is_answered(literal, like) and hits() == before, "the handshake went on")
    check("T-22 the same by a good name", hello_is_answered(b"q.w.example", "q.w.example"), "that handshake did not go on")
    passes("T-23 one label", get("/w", host="x.w.example"), sni="x.w.example", target="/w")
    passes("T-23 its case", get("/w", host="X.W.Example."), sni="X.w.EXAMPLE", target="/w")
    passes("T-23 another one of the same section", get("/w", host="y.w.example"), sni="x.w.example", target="/w")
    for host in ("w.example", "a.b.w.example", "xw.example", "a.example", "x.w.example.evil"):
        refused(f"T-23 {host}", get("/", host=host), 421, "x.w.example")
    refused("T-23 a star", get("/", host="*.w.example"), 400, "x.w.example")


def hello_is_answered(literal, like):
    """A hello that names what no library would send: made for a name of the same length, and changed."""
    out = ssl.MemoryBIO()
    tls = context(args.ca).wrap_bio(ssl.MemoryBIO(), out, server_hostname=like)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = out.read()
    assert hello.count(like.encode()) == 1
    with socket.create_connection(("127.0.0.1", args.edge), timeout=10) as s:
        s.sendall(hello.replace(like.encode(), literal))
        try:
            return s.recv(1)[:1] == b"\x16"
        except OSError:
            return False


# ---- time, and other protocols ---------------------------------------------------------------------------------
def slow():
    before, done = hits(), []

    def drip(raw, sni):
        try:
            with visitor(sni) as v:
                for i in range(len(raw)):
                    v.sock.settimeout(0.1)
                    if not v.send(raw[i:i + 1]):
                        break
                    try:
                        v.fill()
                    except Cut:
                        if v.ended != "silence":
                            break
                v.sock.settimeout(5)
                rest = v.kept + v.rest()
                done.append((v.ended, rest[:20]))
        except (OSError, ssl.SSLError):
            done.append(("refused", b""))

    raw = get("/slow", "X: " + "y" * 200)
    body = get("/slow-body", "Content-Length: 10", host="small.example", method="POST") + b"x"
    crowd = [threading.Thread(target=drip, args=(raw, "a.example")) for _ in range(20)]
    [t.start() for t in crowd]
    passes("17 a good one among slow ones", get("/quick"), target="/quick")
    [t.join() for t in crowd]
    count["17"] += 20
    check("17 slow heads", len(done) == 20 and all(e != "silence" for e, _ in done), f"{done}")
    check("17 slow heads", not [q for q in origin.requests if q.target == "/slow"], "a slow head became a request")
    count["17"] += 1
    with visitor("small.example") as v:
        v.send(body)
        rest = v.rest()
        check("17 a body that stops", v.ended != "silence", f"it is still open; {rest[:40]}")
    check("17 a body that stops", not [q for q in origin.requests if q.target == "/slow-body" and q.sha256], "it was whole")


def others():
    for raw in (get("/"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 64, b"\x16\x03\x01\x40\x01" + b"\x01" * 100):
        count["port"] += 1
        before = hits()
        with Visitor(args.edge, timeout=10) as v:
            v.send(raw)
            data = v.rest() if not raw.startswith(b"\x16") else b""
            check("port", b"200" not in data and hits() == before, f"{raw[:20]}: {data[:60]}")
    key = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    refused("ws from another site", get("/ws", *key, "Origin: https://evil.example"), 403)
    q = passes("ws from its own site", get("/ws", *key, "Origin: https://a.example"))
    check("ws from its own site", not q or q.get("upgrade") == ["websocket"], "Upgrade did not arrive")
    count["pipeline"] += 1
    before = hits()
    with visitor() as v:
        v.send(b"".join(get(f"/p{n}") for n in range(20)))
        got = [v.reply().body.split()[-1:] for n in range(20)]
    check("pipeline", got == [[b"/p%d" % n] for n in range(20)], f"{got}")
    check("pipeline", [q.target for q in complete(before)] == [f"/p{n}" for n in range(20)], "at the origin")


def logs_agree():
    """What was decided about is what the origin saw."""
    logged = {}
    deadline = time.monotonic() + 20
    want = {q.get("x-request-id")[0]: q for q in origin.requests if q.get("x-request-id")}
    while time.monotonic() < deadline:
        logged = {}
        for line in open(args.log, errors="replace"):
            try:
                one = json.loads(line)
                if one.get("logger") == "http.log.access":
                    logged[one["zt"]["request_id"]] = one
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        if all(i in logged for i in want):
            break
        time.sleep(0.05)
    for i, q in want.items():
        line = logged.get(i)
        if check("log", line is not None, f"no line for {q.target}"):
            r = line["request"]
            check("log", (r["method"], r["uri"] or "*") == (q.method, q.target) or len(q.target) > 1000 or q.target == "*",
                  f"decided about {r['method']} {r['uri']!r}, sent {q.method} {q.target!r}")
            check("log", line["zt"]["decision"] == "allowed", f"{line['zt']}")
    for i, line in logged.items():
        check("log", i in want or line["zt"]["decision"] != "allowed" or line["status"] not in (200, 101), f"logged as served, never at the origin: {line}")
    count["log"] += len(want)


for part in (requests_vectors, chunk_vectors, path_vectors, path_rules, host_vectors, sizes, desync, one_visitor_never_gets_anothers, identity, names, slow, others):
    if not args.only or part.__name__ in args.only:
        started = time.monotonic()
        part()
        print(f"{part.__name__}: {time.monotonic() - started:.1f} s", file=sys.stderr)
if args.http:
    redirects()
check("T-06", not [q for q in origin.requests if q.target == STRAY and q.sha256], "a broken body was whole")
passes("last", get("/last"), target="/last")
check("junk", not origin.junk, f"what the origin was sent and could not read: {origin.junk[:5]}")
if args.log:
    logs_agree()
for case in sorted(count):
    print(f"{case:9} {count[case]:4} cases {len(failed.get(case, [])):4} failed")
for case in failed.values():
    for line in case[:6 if args.tell else 50]:
        print(("fails: " if args.tell else "FAILED: ") + line)
print(f"figure: requests that must not or must reach an origin: {sum(count.values())}, {sum(map(len, failed.values()))} wrong")
sys.exit(0 if args.tell or not failed else 1)
