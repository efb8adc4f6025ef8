// An origin that writes down each request it reads, and each that it cannot read: node logging_origin.js PORT FILE
const http = require("http"), fs = require("fs");
const log = fs.openSync(process.argv[3], "a");
const note = (id, line, host, more) => fs.writeSync(log, JSON.stringify({ id, line, host, ...more }) + "\n");
const server = http.createServer({ maxHeaderSize: 65536, keepAliveTimeout: 60000 }, (q, s) => {
	let length = 0;
	note(q.headers["x-request-id"] || "", `${q.method} ${q.url} HTTP/${q.httpVersion}`, q.headers.host || "");
	q.on("data", (part) => { length += part.length; });
	q.on("end", () => { s.setHeader("X-Origin", "node"); s.end(`${length}\n`); });
});
server.on("clientError", (e, socket) => {
	const raw = (e.rawPacket || "").toString("latin1");
	const get = (name) => (raw.match(new RegExp(`^${name}: (.*)\r$`, "im")) || ["", ""])[1];
	if (raw && e.code !== "ECONNRESET") note(get("x-request-id"), raw.split("\r\n")[0], get("host"), { error: e.code });
	socket.end("HTTP/1.1 200 OK\r\nX-Origin: node\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
});
server.listen(process.argv[2], "127.0.0.1");
