"""appliance: Proxmox and Home Assistant as far as a tunnel meets them. Not a test.

  appliance.py proxmox ADDRESS PORT CERT.pem | homeassistant ADDRESS PORT
  appliance.py console PORT HOST PATH CA.pem CONTROL      a WebSocket client at an edge

proxmox: HTTPS on 8006 with a certificate of its own. homeassistant: HTTP; 400 to X-Forwarded-For, as from a proxy that it
does not know. Both open a WebSocket for any Upgrade and echo. console: says "open", then each line of the FIFO
CONTROL goes out as a message and the echo is printed; "cut" when the connection ends."""
import base64, hashlib, os, socket, socketserver, ssl, struct, sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def exact(stream, n):
    out = stream.read(n)
    if len(out) < n:
        raise EOFError
    return out


def message(stream):
    """One unfragmented frame: (opcode, payload)."""
    head = exact(stream, 2)
    n, key = head[1] & 127, b"\0" * 4
    assert n < 126
    if head[1] & 128:
        key = exact(stream, 4)
    return head[0] & 15, bytes(b ^ key[i % 4] for i, b in enumerate(exact(stream, n)))


class Appliance(socketserver.StreamRequestHandler):
    def handle(self):
        while (line := self.rfile.readline()):
            fields = {}
            while (field := self.rfile.readline().strip()):
                name, _, value = field.decode("latin-1").partition(":")
                fields[name.lower()] = value.strip()
            print("request", line.split()[1].decode(), *sorted(n for n in fields if n.startswith("x-")), "host=" + fields["host"], flush=True)
            if kind == "homeassistant" and "x-forwarded-for" in fields:
                self.answer("400 Bad Request", b"unknown proxy\n")
            elif fields.get("upgrade", "").lower() == "websocket":
                accept = base64.b64encode(hashlib.sha1(fields["sec-websocket-key"].encode() + GUID).digest())
                self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
                self.echo()
                return
            else:
                self.answer("200 OK", kind.encode() + b"\n")

    def answer(self, status, body):
        self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body))

    def echo(self):
        try:
            while True:
                op, said = message(self.rfile)
                self.wfile.write(bytes([128 | op, len(said)]) + said)
        except (EOFError, OSError):
            print("console over", flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def get_request(self):
        sock, peer = super().get_request()
        return (context.wrap_socket(sock, server_side=True) if context else sock), peer


def console(port, host, path, ca, control):
    context = ssl.create_default_context(cafile=ca)
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname=host)
    stream, key = sock.makefile("rb"), base64.b64encode(os.urandom(16))
    sock.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: %s\r\nOrigin: https://%s\r\n\r\n" % (path, host, key.decode(), host)).encode())
    status = stream.readline().split()[1]
    while stream.readline().strip():
        pass
    print("open" if status == b"101" else "refused %s" % status, flush=True)

    import threading

    def say():
        for line in open(os.open(control, os.O_RDWR)):
            said, mask = line.strip().encode(), os.urandom(4)
            sock.sendall(bytes([129, 128 | len(said)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(said)))

    threading.Thread(target=say, daemon=True).start()
    try:
        while True:
            print("echo", message(stream)[1].decode(), flush=True)
    except (EOFError, OSError, AssertionError) as e:
        print("cut", type(e).__name__, flush=True)


kind, context = sys.argv[1], None
if kind == "console":
    os.path.exists(sys.argv[6]) or os.mkfifo(sys.argv[6])
    console(*sys.argv[2:])
else:
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4])
    Server((sys.argv[2], int(sys.argv[3])), Appliance).serve_forever()
