"""origin: an HTTP/1.1 origin for tests that says who it is and what came before the request. Not a test.

  origin.py PORT|/path NAME [tls=CERT.pem] [health=FILE] [proxy]

Each connection is a line on standard output, and so is each request. /health answers the status that FILE holds.
proxy: a PROXY header is read before anything else and shown in X-Proxy. /drop ends the connection behind half of the
answer, /reset resets it there, /hang never answers, /bytes/N answers N bytes, /count says how many bytes came."""
import os, socket, socketserver, ssl, struct, sys, time

where, name = sys.argv[1:3]
options = dict(o.partition("=")[::2] for o in sys.argv[3:])
context = None
if "tls" in options:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["tls"])


def some(sock, most):
    got = sock.recv(most)
    if not got:
        raise EOFError # whoever only looked whether somebody listens
    return got


def proxy_header(sock):
    """As it came, in hex."""
    out = b""
    while len(out) < 16:
        out += some(sock, 1)
    if out.startswith(b"\r\n\r\n\0\r\nQUIT\n"):
        n, = struct.unpack(">H", out[14:16])
        while len(out) < 16 + n:
            out += some(sock, 16 + n - len(out))
    else:
        while not out.endswith(b"\r\n"):
            out += some(sock, 1)
    return out.hex()


class Origin(socketserver.BaseRequestHandler):
    def handle(self):
        sock = self.request
        try:
            header = proxy_header(sock) if "proxy" in options else ""
        except (EOFError, OSError):
            return
        print("connection", header, flush=True)
        if context:
            try:
                sock = context.wrap_socket(sock, server_side=True)
            except (OSError, ssl.SSLError) as e:
                print("no tls", e, flush=True)
                return
        try:
            self.answer(sock, header)
            print("end", flush=True)
            sock.unwrap() if context else sock.close()
        except OSError as e:
            print("error", e, flush=True)

    def answer(self, sock, header):
        stream = sock.makefile("rb")
        if stream.peek(1)[:1] == b"\x16":
            sock.sendall(b"HTTP/1.1 400 Not TLS\r\n\r\n")
            return
        while True:
            line = stream.readline()
            if not line:
                return
            fields = {}
            while (field := stream.readline().strip()):
                key, _, value = field.decode("latin-1").partition(":")
                fields[key.lower()] = value.strip()
            length, path = int(fields.get("content-length", 0)), line.split()[1].decode()
            body = stream.read(length)
            print("request", path, length, fields.get("host", ""), flush=True)
            status, out = "200 OK", (name + "\n").encode()
            if path == "/health":
                status = open(options["health"]).read().strip() + " Health"
            elif path == "/hang":
                time.sleep(60)
            elif path.startswith("/bytes/"):
                out = bytes(range(256)) * (int(path[7:]) // 256)
            elif path == "/count":
                out = b"%d\n" % len(body)
            head = "HTTP/1.1 %s\r\nContent-Length: %d\r\nX-Proxy: %s\r\n\r\n" % (status, len(out), header)
            if path in ("/drop", "/reset"):
                sock.sendall(head.replace("Length: ", "Length: 1").encode() + out)
                time.sleep(0.2)
                if path == "/reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                stream.close()
                os.close(sock.detach())
                raise OSError("on purpose")
            sock.sendall(head.encode() + out)
            if fields.get("connection", "").lower() == "close":
                return


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256


(Unix(where, Origin) if where.startswith("/") else Tcp(("127.0.0.1", int(where)), Origin)).serve_forever()
