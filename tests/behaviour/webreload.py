"""webreload: reloads of an edge and a connector under load. Driven by web-reloads-lose-nothing.sh."""
import hashlib, itertools, os, random, subprocess, sys
from webpeer import *

zt, edge_conf, connector_conf, port, web, a, b, t, second, taken, rounds = sys.argv[1:]
port, a, b, t, second, taken, rounds = map(int, (port, a, b, t, second, taken, rounds))
ca = web + "/ca.pem"
BLOCK = bytes(range(251)) * 65
done, wrong, counts = threading.Event(), [], {}

# ---- origins: /N answers N bytes; /echo what came; /long sends until all is done; an upgrade echoes bytes.


def pattern(n):
    return (BLOCK * (n // len(BLOCK) + 1))[:n]


def serve(p, line, fields, path):
    got = {k.lower(): v for k, v in fields}
    body = p.body(fields, "content-length" in got or "transfer-encoding" in got)
    if "upgrade" in got:
        key = hashlib.sha1((got["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        import base64
        p.send(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n")
        while True:
            p.send(p.some())
    if path == "/long":
        p.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not done.is_set():
            p.send(b"%x\r\n" % len(BLOCK) + BLOCK + b"\r\n")
            time.sleep(0.01)
        p.send(b"0\r\n\r\n")
        return
    if path != "/echo":
        body = pattern(int(path[1:]))
    p.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(web + "/tls.pem", web + "/tls.key")
for at in (a, b):
    Origin(serve, port=at)
Origin(serve, tls=tls, port=t)

# ---- visitors


def get(p, host, path):
    p.send(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode()))
    status, fields, body = p.answer()
    if (status, body) != (200, pattern(int(path[1:]))):
        raise ValueError(f"{status} with {len(body)} bytes: {body[:80]!r}")
    return fields


def post(p, host, n):
    sent = os.urandom(n)
    p.send(b"POST /echo HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (host.encode(), n) + sent)
    status, fields, body = p.answer()
    if (status, body) != (200, sent):
        raise ValueError(f"{status} with {len(body)} bytes: {body[:80]!r}")


def keeps(host):
    p = visitor(port, host, ca)
    for i in itertools.count():
        if done.is_set():
            return
        get(p, host, f"/{i % 7 * 999}")
        yield


def comes(host):
    while not done.is_set():
        p = visitor(port, host, ca)
        get(p, host, "/1000")
        p.close()
        yield


def posts(host):
    p = visitor(port, host, ca)
    while not done.is_set():
        post(p, host, random.randrange(60000))
        yield


def downloads(host):
    p = visitor(port, host, ca)
    p.send(b"GET /long HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
    line, fields = p.head()
    if " 200 " not in line:
        raise ValueError(line)
    while n := int(p.until(b"\r\n"), 16):
        at = downloads.at.setdefault(host, 0)
        got = p.exactly(n)
        assert got == (BLOCK * (n // len(BLOCK) + 2))[at % len(BLOCK):][:n], "other bytes"
        downloads.at[host] = at + n
        p.exactly(2)
        yield
    p.exactly(2)
downloads.at = {}


def talks(host):
    p = visitor(port, host, ca)
    p.send(b"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://%s\r\n\r\n" % ((host.encode(),) * 2))
    line, _ = p.head()
    if " 101 " not in line:
        raise ValueError(line)
    while not done.is_set():
        sent = os.urandom(random.randrange(1, 5000))
        p.send(sent)
        assert p.exactly(len(sent)) == sent, "other bytes"
        yield
        time.sleep(0.005)


def run(kind, host):
    name = f"{kind.__name__} {host}"
    counts[name] = 0
    while not done.is_set():
        try:
            for _ in kind(host):
                counts[name] += 1
        except Exception as e:
            wrong.append(f"{time.time():.3f} {name} after {counts[name]}: {e!r}")
            if kind in (downloads, talks):
                return


threads = [threading.Thread(target=run, args=x, daemon=True) for x in (
    (keeps, "app.test"), (keeps, "here.test"), (keeps, "safe.test"), (comes, "app.test"), (comes, "here.test"), (comes, "safe.test"),
    (posts, "app.test"), (downloads, "app.test"), (downloads, "here.test"), (talks, "app.test"), (talks, "safe.test"))]

# ---- configurations
EDGE, CONNECTOR = open(edge_conf).read(), open(connector_conf).read()


def section(name, access="public", *lines):
    return "\n".join((f"[host {name}]", f"names = {name}.test", f"cert = {web}/other.pem", f"key = {web}/other.key", f"access = {access}",
                      *lines)) + "\n"


def some_edge(k):
    text = EDGE
    if k & 1: # another listener
        text = text.replace(f"listen = 127.0.0.1:{port}\n", f"listen = 127.0.0.1:{port}, 127.0.0.1:{second}\n", 1)
    if k & 2: # another certificate of the same host
        text = text.replace(f"cert = {web}/app.pem", f"cert = {web}/other.pem").replace(f"key = {web}/app.key", f"key = {web}/other.key")
    head, hosts = text.split("[host ", 1)
    hosts, grants = hosts.split("[grant ", 1)
    hosts, grants = "[host " + hosts, "[grant " + grants
    if k & 4: # other hosts, before: all others have another place
        hosts = section("extra", "none" if k & 8 else "public") + hosts
    if k & 8: # more is granted
        grants = grants.replace("names = ", "names = extra.test, ", 1)
    if k & 16: # another host's section stands first
        parts = hosts.split("[host ")[1:]
        hosts = "".join("[host " + x for x in reversed(parts))
    return head + hosts + grants


def some_connector(k):
    head, rest = CONNECTOR.split("[ingress app]", 1)
    app, last = rest.split("[ingress last]", 1)
    app, last = "[ingress app]" + app, "[ingress last]" + last
    if k & 1: # two origins
        app = app.replace(f"http://127.0.0.1:{a}", f"http://127.0.0.1:{a}, http://127.0.0.1:{b}")
    if k & 2:
        app += f"[ingress extra]\nhostname = extra.test\npath = ^/x\nservice = http://127.0.0.1:{b}\n"
    if k & 4: # the rules have other numbers
        app = f"[ingress first]\nhostname = first.test\nservice = http://127.0.0.1:{b}\n" + app
    if k & 8:
        app = app.replace("hostname = app.test", "hostname = app.test\nidle = 1h")
    return head + app + last


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


def bad_edge(text, k):
    """What is wrong, where, and which exit code says so."""
    kind = k % 4
    if kind == 0:
        return text + "this is no line\n", text.count("\n") + 1, 3
    if kind == 1:
        text = text.replace("access = public", "acess = public", 1)
        return text, line_of(text, "acess ="), 3
    if kind == 2:
        text = text.replace("/here.pem", "/nothing.pem", 1)
        return text, line_of(text, "[host here]"), 3
    return text.replace(f"listen = 127.0.0.1:{port}", f"listen = 127.0.0.1:{taken}, 127.0.0.1:{port}", 1), 0, 7


def bad_connector(text, k):
    if k % 2 == 0:
        text = text.replace("hostname = app.test", "hostname = app.test\npath = (/api", 1)
        return text, line_of(text, "path = (/api"), 3
    text = text.replace("hostname = app.test", "hostnames = app.test", 1)
    return text, line_of(text, "hostnames ="), 3


def reload(role, conf, text, where=0, code=0):
    with open(conf + ".new", "w") as f:
        f.write(text)
    os.rename(conf + ".new", conf)
    began = time.monotonic()
    r = subprocess.run([zt, "reload", role, "-c", conf], capture_output=True, text=True, timeout=WAIT)
    took.append(time.monotonic() - began)
    said = r.stdout + r.stderr
    if r.returncode != code:
        raise SystemExit(f"the reload of the {role} ended with {r.returncode}, not {code}: {said}\n{text}")
    if where and f"{conf}:{where}:" not in said:
        raise SystemExit(f"no {conf}:{where}: in: {said}")
    if code == 7 and f"127.0.0.1:{taken}" not in said:
        raise SystemExit(f"not a word of port {taken}: {said}")
    if where or code:
        refused.append(code)


took, refused = [], []
busy = socket.create_server(("127.0.0.1", taken))
for x in threads:
    x.start()
wait_until(lambda: len(counts) == len(threads) and all(counts.values()), "everybody was served once")
began = time.monotonic()
rng = random.Random(6)
for k in range(rounds):
    edge, conn = some_edge(rng.randrange(32)), some_connector(rng.randrange(16))
    if k % 5 == 4:
        reload("edge", edge_conf, *bad_edge(edge, k // 5))
        reload("connector", connector_conf, *bad_connector(conn, k // 5))
    reload("edge", edge_conf, edge)
    reload("connector", connector_conf, conn)
    if wrong and len(wrong) > 20:
        break
before = dict(counts)
wait_until(lambda: all(counts[n] > before[n] for n in counts) or wrong, "everybody was served after the last reload")
lasted = time.monotonic() - began
done.set()
for x in threads:
    x.join(WAIT)
for w in wrong:
    print(w, file=sys.stderr)
if wrong:
    raise SystemExit(f"{len(wrong)} of {sum(counts.values())} failed")
served = sum(n for name, n in counts.items() if name.split()[0] in ("keeps", "comes", "posts"))
took.sort()
print(f"figure: reloads of edge and connector under load: {len(took)} reloads in {lasted:.1f} s, {len(refused)} of them refused, "
      f"median {took[len(took) // 2] * 1000:.0f} ms, longest {took[-1] * 1000:.0f} ms; {served} requests, 0 failed")
print(counts, file=sys.stderr)
