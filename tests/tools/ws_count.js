// ws_count.js PORT HOST CAFILE COUNT: sends COUNT messages of many sizes to wss://HOST/ws and wants each back, byte by
// byte and in order; 64 are on their way at a time. Prints how many came back, and their bytes.
const fs = require("fs"), crypto = require("crypto"), WebSocket = require("ws");
const [port, host, ca, count] = process.argv.slice(2);
const sizes = [0, 1, 125, 126, 127, 1000, 4096, 16383, 16384, 16385, 65535, 65536, 70000];
const message = (n) => { // the same n, the same bytes
	const seed = crypto.createHash("sha256").update(`message ${n}`).digest("hex"); // text, so that it may be sent as such
	return Buffer.alloc(n % 1000 === 999 ? 1000000 : sizes[n % sizes.length], seed);
};
const ws = new WebSocket(`wss://${host}:${port}/ws`, { ca: fs.readFileSync(ca), perMessageDeflate: false });
let sent = 0, got = 0, total = 0;
const more = () => { while (sent < count && sent - got < 64) ws.send(message(sent), { binary: sent++ % 2 === 0 }); };
ws.on("open", more);
ws.on("message", (data, binary) => {
	const want = message(got);
	if (!want.equals(data) || binary !== (got % 2 === 0)) { console.log(`message ${got} is another`); process.exit(1); }
	total += data.length;
	got++;
	if (got == count) { console.log(`${got} ${total}`); ws.close(); } else more();
});
ws.on("error", (e) => { console.log(`${e}`); process.exit(1); });
ws.on("close", () => process.exit(got == count ? 0 : 1));
