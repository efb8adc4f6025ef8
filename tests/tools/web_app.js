// The application of the web tests: node web_app.js PORT. Says "done JSON" when a browser has done all of /page.
const http = require("http"), crypto = require("crypto");
const { WebSocketServer } = require("ws");
const BLOCK = crypto.createHash("sha512").update("block").digest();
const block = Buffer.concat(Array.from({ length: 1024 }, (_, i) => crypto.createHash("sha512").update(BLOCK).update(String(i)).digest()));
const ASSETS = 50;
let waiting = [];

// N bytes of a sequence that everybody can make again.
function bytes(q, s, n, length) {
	let left = n;
	s.writeHead(200, length ? { "Content-Length": n } : {});
	const more = () => {
		while (left > 0) {
			const part = block.subarray(0, Math.min(left, block.length));
			left -= part.length;
			if (!s.write(part)) return s.once("drain", more);
		}
		s.end();
	};
	if (q.method === "HEAD") s.end(); else more();
}
function hash(q, s) {
	const h = crypto.createHash("sha256");
	let length = 0;
	q.on("data", (part) => { length += part.length; h.update(part); });
	q.on("end", () => s.end(JSON.stringify({ length, sha256: h.digest("hex") }) + "\n"));
}
const page = `<!doctype html><title>waiting</title><script>
(async () => {
	const got = await Promise.all([...Array(${ASSETS}).keys()].map((n) => fetch("/asset/" + n).then((r) => r.text())));
	const right = got.filter((text, n) => text === "asset " + n + " " + "x".repeat(n * 997)).length;
	const ws = new WebSocket("wss://" + location.host + "/ws");
	let echoed = 0;
	await new Promise((over, fail) => {
		ws.onopen = () => ws.send("message 0");
		ws.onerror = fail;
		ws.onmessage = (m) => {
			if (m.data !== "message " + echoed) return fail();
			if (++echoed === 200) over(); else ws.send("message " + echoed);
		};
	}).catch(() => {});
	await fetch("/done", { method: "POST", body: JSON.stringify({ right, echoed, open: ws.readyState === 1 }) });
	document.title = "over";
})();
</script>`;
const server = http.createServer({ requestTimeout: 0 }, (q, s) => {
	const url = new URL(q.url, "http://x"), n = Number(url.searchParams.get("n") || 0);
	if (url.pathname === "/bytes") return bytes(q, s, n, !url.searchParams.has("chunked"));
	if (url.pathname === "/hash") return hash(q, s);
	if (url.pathname === "/small") return s.end("s".repeat(1024));
	if (url.pathname === "/page") { s.setHeader("Content-Type", "text/html"); return s.end(page); }
	if (url.pathname.startsWith("/asset/")) { const i = Number(url.pathname.slice(7)); return s.end(`asset ${i} ${"x".repeat(i * 997)}`); }
	if (url.pathname === "/done") {
		let text = "";
		q.on("data", (part) => { text += part; });
		return q.on("end", () => { console.log(`done ${text}`); s.end(); });
	}
	if (url.pathname === "/events") { // one event at once, the next only when somebody has asked for it
		s.writeHead(200, { "Content-Type": "text/event-stream" });
		s.write("data: first\n\n");
		return waiting.push(s);
	}
	if (url.pathname === "/go") {
		for (const one of waiting) one.end("data: second\n\n");
		const there = waiting.length;
		waiting = [];
		return s.end(`${there}\n`);
	}
	if (url.pathname === "/trailers") {
		s.writeHead(200, { Trailer: "X-Sum" });
		s.write("hello ");
		s.addTrailers({ "X-Sum": "1", "Set-Cookie": "evil=1" });
		return s.end("trailers\n");
	}
	s.statusCode = 404;
	s.end("nothing here\n");
});
const sockets = new WebSocketServer({ server, path: "/ws", perMessageDeflate: false, maxPayload: 1 << 24 });
sockets.on("connection", (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })));
server.keepAliveTimeout = 60000;
server.listen(process.argv[2], "127.0.0.1", () => console.log("listening"));
