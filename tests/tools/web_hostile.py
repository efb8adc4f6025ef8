"""web_hostile: origins that misbehave, each way on a path of its own, behind the proxy under test. For each: what the
visitor sees is one of what may be seen, it is never two answers to one request, whoever comes next is served as ever
(on the same connection, where it stays, and on another), and nothing of another's answer is in anybody's.

web_hostile.py EDGE_PORT MAIN EAGER --ca FILE [--tell] [--patience S] [--connect]
The proxy serves main.example (origin on port MAIN), eager.example (EAGER: speaks before it is asked) and, with
--connect, refused.example (nobody listens) and hole.example (nobody answers a SYN; connect_timeout is 1 s). An
answer's head may take 1 s, and a silence 1 s.
"""
import argparse, gzip, hashlib, io, ssl, sys, time
from recorder import Origin
from visitor import Visitor

args = argparse.ArgumentParser()
for name in ("edge", "main", "eager"):
    args.add_argument(name, type=int)
args.add_argument("--ca", required=True)
args.add_argument("--tell", action="store_true")
args.add_argument("--connect", action="store_true")
args.add_argument("--patience", type=float, default=20)
args.add_argument("--only", nargs="*", help="these behaviours")
args = args.parse_args()

SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Poison: 1\r\n\r\nPOISON"
BOMB = io.BytesIO()
with gzip.GzipFile(fileobj=BOMB, mode="wb", mtime=0) as zipped:
    for _ in range(64):
        zipped.write(bytes(1 << 20))
BOMB = BOMB.getvalue()
WS = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
BIG = 300000

BAD, LATE, CUT, FINE, NONE = "502", "504", "cut", "200", "end"


def says(data, then="end"):
    def act(conn, request):
        conn.body(request)
        conn.send(data)
        if then == "hold":
            conn.hold()
        elif then == "reset":
            conn.reset()
        elif then == "end":
            conn.end()
        # "go on": the next request of this connection
    return act


def ok(fields=b"", body=b""):
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body


def early(status):
    """Answers before it has read the body, and goes."""
    def act(conn, request):
        conn.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly")
        conn.end()
    return act


def slowly(conn, request):
    conn.drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40, 0.2)  # 0.2 s a byte for ever, but never a whole head
    conn.hold()


def flood(conn, request):
    for _ in range(100000):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 8)


def huge(conn, request):
    for _ in range(1000):
        conn.send(b"X-H: " + b"h" * 1000 + b"\r\n")


def many_then(act, first):
    def both(conn, request):
        conn.send(first)
        act(conn, request)
    return both


def drip_body(conn, request):
    conn.send(ok(b"Content-Length: 1000\r\n"))
    conn.drip(b"x" * 20, 0.05)
    conn.hold()


def trickle(conn, request):
    conn.drip(ok(b"Content-Length: 5\r\n", b"hello"), 0.01)


def later_junk(conn, request):
    """An answer as it should be; then, when nobody asked, another."""
    conn.answer(request)
    time.sleep(0.05)
    conn.send(SECOND)
    conn.hold()


# name: (what it does, what may be seen, what the visitor sends: method, fields, body)
GET = ("GET", "", b"")
CASES = {
    "no-answer": (lambda c, r: c.hold(), {LATE}),
    "ends-at-once": (lambda c, r: c.end(), {BAD}),
    "reset-at-once": (lambda c, r: c.reset(), {BAD}),
    "half-a-head": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), {BAD}),
    "half-a-head-and-waits": (says(b"HTTP/1.1 200 OK\r\nContent-Le", "hold"), {LATE}),
    "half-a-head-reset": (says(b"HTTP/1.1 200 OK\r\nContent-Le", "reset"), {BAD}),
    "head-by-drips": (slowly, {LATE}),
    "huge-head": (many_then(huge, b"HTTP/1.1 200 OK\r\n"), {BAD}),
    "many-fields": (says(ok(b"A: b\r\n" * 200, b"x")), {BAD}),
    "bad-status": (says(b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), {BAD}),
    "status-999": (says(b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"), {BAD}),
    "no-http": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), {BAD}),
    "http-09": (says(b"<html>hello</html>"), {BAD}),
    "http-2": (says(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), {BAD}),
    "folded-field": (says(ok(b"A: b\r\n c\r\nContent-Length: 1\r\n", b"x")), {BAD}),
    "bare-lf": (says(b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), {BAD}),
    "nul-in-a-field": (says(ok(b"A: b\0c\r\nContent-Length: 1\r\n", b"x")), {BAD}),
    "cr-in-a-field": (says(ok(b"A: b\rSet-Cookie: evil=1\r\nContent-Length: 1\r\n", b"x")), {BAD}),
    "blank-before-colon": (says(ok(b"Content-Length : 1\r\n", b"x")), {BAD}),
    "length-minus": (says(ok(b"Content-Length: -1\r\n", b"x")), {BAD}),
    "two-lengths": (says(ok(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"xy")), {BAD}),
    "length-list": (says(ok(b"Content-Length: 1, 1\r\n", b"x")), {BAD}),
    "length-and-chunks": (says(ok(b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", b"1\r\nx\r\n0\r\n\r\n")), {BAD}),
    "unknown-coding": (says(ok(b"Transfer-Encoding: gzip, chunked\r\n", b"1\r\nx\r\n0\r\n\r\n")), {BAD}),
    "chunk-overflow": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\nFFFFFFFFFFFFFFFFF\r\n" + b"x" * 100)), {CUT, BAD}),
    "chunk-junk": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhelloXX0\r\n\r\n")), {CUT, BAD}),
    "chunk-bare-lf": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\nhello\n0\n\n")), {CUT, BAD}),
    "chunk-cut": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n")), {CUT}),
    "chunk-trailers": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\nSet-Cookie: evil=1\r\nX-T: 1\r\n\r\n"), "go on"), {FINE}),
    "body-cut": (says(ok(b"Content-Length: 100\r\n", b"hello")), {CUT}),
    "body-reset": (says(ok(b"Content-Length: 100\r\n", b"hello"), "reset"), {CUT}),
    "body-cut-late": (says(ok(b"Content-Length: %d\r\n" % (2 * BIG), b"x" * BIG)), {CUT}),
    "body-stops": (drip_body, {CUT}),
    "until-the-end": (says(ok(b"", b"hello")), {FINE}),
    "until-a-reset": (says(ok(b"", b"hello"), "reset"), {CUT, BAD}),
    "by-single-bytes": (trickle, {FINE}),
    "extra-after-body": (says(ok(b"Content-Length: 5\r\n", b"hello") + b"EXTRA", "go on"), {FINE}),
    "second-answer": (says(ok(b"Content-Length: 5\r\n", b"hello") + SECOND, "go on"), {FINE}),
    "second-answer-chunked": (says(ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n") + SECOND, "go on"), {FINE}),
    "second-answer-later": (later_junk, {FINE}),
    "ends-while-idle": (says(ok(b"Content-Length: 5\r\n", b"hello")), {FINE}),
    "flood-of-1xx": (flood, {BAD}),
    "some-1xx": (says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + ok(b"Content-Length: 5\r\n", b"hello"), "go on"), {FINE}),
    "101-unasked": (says(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + SECOND, "hold"), {BAD}),
    "101-another": (says(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + SECOND, "hold"), {BAD}, ("GET", WS, b"")),
    "204-with-a-body": (says(b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nPOISON" + SECOND, "go on"), {"204", BAD}),
    "304-with-a-body": (says(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nPOISON" + SECOND, "go on"), {"304", BAD}),
    "head-with-a-body": (says(ok(b"Content-Length: 6\r\n", b"POISON") + SECOND, "go on"), {FINE, BAD}, ("HEAD", "", b"")),
    "early-413": (early(b"413 Too Large"), {"413"}, ("POST", f"Content-Length: {BIG}\r\n", b"x" * BIG)),
    "early-401": (early(b"401 No"), {"401"}, ("POST", "Transfer-Encoding: chunked\r\n", b"%x\r\n" % BIG + b"x" * BIG + b"\r\n0\r\n\r\n")),
    "early-end": (lambda c, r: c.end(), {BAD, CUT, NONE}, ("POST", f"Content-Length: {BIG}\r\n", b"x" * BIG)),
    "our-names": (says(ok(b"Content-Length: 5\r\nAlt-Svc: h3=\":443\"\r\nSet-Cookie: __Host-zt=x\r\nset-cookie: ZT_s=y\r\nSet-Cookie: mine=z\r\n"
                          b"Remote-User: admin\r\nX-Forwarded-Host: e\r\nX-Zt-User: a\r\nX_Real_IP: 1\r\nCf-Access-Jwt-Assertion: j\r\n"
                          b"Connection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\n", b"hello"), "go on"), {FINE}),
    "gzip-bomb": (says(ok(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(BOMB), BOMB), "go on"), {FINE}),
    "lone-crlf-first": (says(b"\r\n" + ok(b"Content-Length: 1\r\n", b"x")), {BAD}),
}
main = Origin(args.main, behaviours={"/" + name: case[0] for name, case in CASES.items()})
eager = Origin(args.eager, greet=SECOND)
failed = []


def check(name, good, text):
    if not good:
        failed.append(f"{name}: {text}")


def visitor(host="main.example"):
    return Visitor(args.edge, args.ca, host, timeout=args.patience)


def raw(path, host="main.example", method="GET", fields="", body=b""):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode() + body


def seen(r):
    if not r.status:
        return NONE
    if r.status == 200 or (r.status == 502 and not r.whole):
        return FINE if r.whole else CUT
    return str(r.status)


def bystander(name, v, host="main.example"):
    """Somebody else's request, on a connection that was there before."""
    r = v.ask(raw(f"/by/{name}", host))
    check(name, r.status == 200 and r.body.endswith(f" GET /by/{name}\n".encode()), f"somebody else was answered {r}")
    if not r.keeps():
        v.close()
        return visitor(host)
    return v


def contents(name, r):
    if name == "our-names":
        cookies, names = r.get("set-cookie"), {n for n, _ in r.fields}
        check(name, cookies == ["mine=z"], f"cookies {cookies}")
        bad = names & {"alt-svc", "remote-user", "x-forwarded-host", "x-zt-user", "x_real_ip", "cf-access-jwt-assertion", "x-gone", "keep-alive", "proxy-connection"}
        check(name, not bad, f"passed on: {bad}")
    elif name == "gzip-bomb":
        check(name, hashlib.sha256(r.body).digest() == hashlib.sha256(BOMB).digest() and r.get("content-encoding") == ["gzip"], "not as sent")
    elif name in ("chunk-trailers", "second-answer", "extra-after-body", "until-the-end", "by-single-bytes", "some-1xx"):
        check(name, r.body == b"hello", f"the body is {r.body!r}")
    check(name, not r.get("x-poison") and b"POISON" not in r.body and "evil=1" not in str(r.fields), f"poison in {r.fields}, {r.body[:60]}")


def try_one(name, want, method="GET", fields="", body=b""):
    started = time.monotonic()
    before = main.hits()
    with visitor() as v:
        v.send(raw("/" + name, method=method, fields=fields, body=body))
        r = v.reply(method)
        check(name, seen(r) in want, f"the visitor saw {seen(r)} ({r}), not {want}")
        check(name, len(r.interim) <= 16, f"{len(r.interim)} interim answers")
        contents(name, r)
        check(name, time.monotonic() - started < 8 or args.tell, "it took longer than the timeouts of its host")
        # What comes now is of the next request, or nothing.
        if r.keeps():
            time.sleep(0.1 if name.endswith("later") else 0)
            s = v.ask(raw(f"/next/{name}"))
            check(name, s.status in (200, 0) and (not s.status or s.body.endswith(f" GET /next/{name}\n".encode())), f"then {s}")
        else:
            rest = v.rest()
            check(name, b"HTTP/1.1" not in rest and b"POISON" not in rest and v.ended != "silence", f"then {rest[:80]!r}, {v.ended}")
    times = len([q for q in main.since(before) if q.path == "/" + name])
    check(name, times == 1, f"the origin was asked {times} times")
    return time.monotonic() - started


def speaks_first():
    """What comes before the question may be taken for its answer: nobody can tell them apart for sure. Then the answer
    may be taken for that of the next question, by this visitor on this connection, and by nobody else."""
    for n in range(3):
        with visitor("eager.example") as v:
            r = v.ask(raw(f"/e{n}", "eager.example"))
            check("speaks-first", r.status in (502, 200) and r.whole, f"{r}")
            s = v.ask(raw(f"/f{n}", "eager.example"))
            check("speaks-first", s.status in (0, 502, 200), f"then {s}")
            check("speaks-first", s.status != 200 or s.body == b"POISON" or b"GET /e%d\n" % n in s.body or b"GET /f%d\n" % n in s.body, f"then {s}")


def unreachable():
    for host, want, most in (("refused.example", {502}, 3), ("hole.example", {504}, 8)):
        started = time.monotonic()
        with visitor(host) as v:
            r = v.ask(raw("/x", host))
        check(host, r.status in want and r.whole, f"{r}")
        check(host, time.monotonic() - started < args.patience, "it took too long")


by, slowest = visitor(), ("", 0)
for name, case in CASES.items():
    if args.only and name not in args.only:
        continue
    try:
        took = try_one(name, case[1], *(case[2] if len(case) > 2 else GET))
        slowest = max(slowest, (name, took), key=lambda x: x[1])
    except (ValueError, OSError, ssl.SSLError) as e:
        check(name, False, f"{type(e).__name__} {e}")
    try:
        by = bystander(name, by)
    except (ValueError, OSError, ssl.SSLError) as e:
        check(name, False, f"somebody else: {type(e).__name__} {e}")
        by = visitor()
speaks_first()
bystander("after-all", visitor())
if args.connect:
    unreachable()
check("requests", not main.junk, f"an origin was sent what is no request: {main.junk[:3]}")
for line in failed:
    print(("fails: " if args.tell else "FAILED: ") + line)
print(f"figure: hostile origins: {len(CASES) + 1} behaviours, {len(failed)} wrong; the slowest was {slowest[0]}, {slowest[1]:.1f} s")
sys.exit(0 if args.tell or not failed else 1)
