"""origin: a plain HTTP/1.1 service to put behind a relay. Not a test.

    origin.py PORT

POST /echo sends the body back; GET /blob?N sends N bytes that sum() can name; GET /page a page of 60 assets
that checks each of them and 1 MB both ways in the browser, and then says so in its title."""
import hashlib, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ASSETS = 60


def blob(n, seed=b"zt"):
    return hashlib.shake_256(seed).digest(n)


PAGE = """<!doctype html><meta charset=utf-8><title>loading</title>
<style>body{font:14px sans-serif;margin:16px}i{display:inline-block;width:36px;height:36px;margin:2px}</style>
<h1>Behind zt</h1><p id=said>loading</p><div id=box></div>
<script type=module>
const hex = b => Array.from(new Uint8Array(b), x => x.toString(16).padStart(2, "0")).join("");
const sum = async b => hex(await crypto.subtle.digest("SHA-256", b));
const want = %s;
const bad = [];
let loaded = 0;
await Promise.all(want.map(async (w, i) => {
	const r = await fetch(i %% 3 ? "/blob?" + (1000 + i * 997) : "/colour?" + i);
	const b = await r.arrayBuffer();
	if (r.status !== 200 || await sum(b) !== w) bad.push(i);
	else loaded++;
	const e = document.createElement("i");
	e.style.background = i %% 3 ? "hsl(" + i * 6 + ",60%%,60%%)" : new TextDecoder().decode(b);
	document.getElementById("box").append(e);
}));
const big = new Uint8Array(1 << 20);
for (let i = 0; i < big.length; i += 65536) crypto.getRandomValues(big.subarray(i, i + 65536));
const back = await (await fetch("/echo", {method: "POST", body: big})).arrayBuffer();
const both = await sum(back) === await sum(big);
const said = loaded + " assets, 1 MB both ways " + (both ? "unchanged" : "CHANGED") + (bad.length ? ", bad: " + bad : "");
document.getElementById("said").textContent = said;
document.title = "done: " + said;
</script>"""


def asset(i):
    return blob(1000 + i * 997) if i % 3 else b"hsl(%d,80%%,50%%)" % (i * 6)


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, kind="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        n = int(query or 0)
        if path == "/blob":
            return self.answer(blob(n))
        if path == "/colour":
            return self.answer(asset(n), "text/plain")
        if path == "/page":
            sums = [hashlib.sha256(asset(i)).hexdigest() for i in range(ASSETS)]
            return self.answer((PAGE % sums).encode(), "text/html")
        self.answer(b"hello from behind\n", "text/plain")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):   # who leaves, leaves
            super().handle_error(request, address)


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Origin).serve_forever()
