// server: node's https as a TLS server. Not a test.
//
//     node server.js {PORT CERT KEY CA}...
//
// As server.py.
"use strict";
const fs = require("fs"), https = require("https");
const args = process.argv.slice(2);
for (let at = 0; at < args.length; at += 4) {
	const [port, cert, key, ca] = args.slice(at, at + 4);
	const mutual = ca !== "-" && {ca: fs.readFileSync(ca), requestCert: true, rejectUnauthorized: true};
	const server = https.createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key),
		ALPNProtocols: ["h2", "http/1.1"], ...mutual}, (req, res) => {
		const s = req.socket;
		if (req.method === "POST") {
			const parts = [];
			req.on("data", d => parts.push(d));
			return req.on("end", () => res.end(Buffer.concat(parts)));
		}
		// Of a resumed session node knows the certificate no more than the session does.
		const name = (s.getPeerCertificate().subject || {}).CN || "";
		res.end(`hello ${s.getProtocol()} resumed=${s.isSessionReused() ? "True" : "False"} client=${name} alpn=${s.alpnProtocol}\n`);
	});
	// Session ids need a store of one's own in node.
	const kept = new Map();
	server.on("newSession", (id, data, done) => { kept.set(id.toString("hex"), data); done(); });
	server.on("resumeSession", (id, done) => done(null, kept.get(id.toString("hex")) || null));
	server.on("tlsClientError", e => console.log(e.code));
	server.listen(Number(port), "127.0.0.1");
}
