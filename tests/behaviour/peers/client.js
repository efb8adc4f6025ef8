// client: node's https against a TLS server. Not a test.
//
//     node client.js PORT NAME WHAT CA [CERT KEY]
//
// As client.py.
"use strict";
const fs = require("fs"), https = require("https");
const [port, name, what, ca, cert, key] = process.argv.slice(2);
const read = f => f && fs.readFileSync(f);
// An agent keeps sessions, and with keepAlive off every request is a connection.
const agent = new https.Agent({keepAlive: false, maxCachedSessions: 10});

function ask(method, path, body, done) {
	const req = https.request({host: "127.0.0.1", port, servername: name, method, path, agent, ca: read(ca),
		cert: read(cert), key: read(key), ALPNProtocols: ["h2", "http/1.1"],
		headers: {Host: name, Connection: "close", ...(body && {"Content-Length": body.length})}}, res => {
		const parts = [], s = res.socket;
		console.error(s.getProtocol(), s.getCipher().standardName, "alpn", s.alpnProtocol,
			s.isSessionReused() ? "resumed" : "fresh");
		res.on("data", d => parts.push(d));
		res.on("end", () => done(res.statusCode, Buffer.concat(parts)));
	});
	req.on("error", fail);
	req.setTimeout(300000, () => fail(new Error("timed out")));
	req.end(body);
}
function fail(e) {
	console.error(e.code, e.message);
	process.exit(1);
}
function last(status, body) {
	if (status !== 200) fail(new Error("status " + status));
	process.stdout.write(body);
}
if (what === "echo") ask("POST", "/echo", fs.readFileSync(0), last);
else if (what === "resume") ask("GET", "/", null, () => ask("GET", "/", null, last));
else ask("GET", "/", null, last);
