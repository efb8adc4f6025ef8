"""server: python's ssl as a TLS server. Not a test.

    server.py {PORT CERT KEY CA}...

Listens on each PORT of 127.0.0.1; CA is a file of authorities, and then a client must have a certificate, or
"-". TLS 1.3 is on, as it is by default. POST /echo sends the body back; all else is answered with
what was agreed on: "hello TLSv1.2 resumed=False client=NAME alpn=PROTOCOL"."""
import ssl, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Peer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        c = self.connection
        names = [v for part in (c.getpeercert() or {}).get("subject", ()) for k, v in part if k == "commonName"]
        self.answer(f"hello {c.version()} resumed={c.session_reused} client={''.join(names)} "
                    f"alpn={c.selected_alpn_protocol()}\n".encode())

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, cert, key, ca):
        super().__init__(("127.0.0.1", port), Peer)
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ctx.load_cert_chain(cert, key)
        self.ctx.set_alpn_protocols(["h2", "http/1.1"])
        if ca != "-":
            self.ctx.load_verify_locations(ca)
            self.ctx.verify_mode = ssl.CERT_REQUIRED

    def finish_request(self, request, address):
        # In the connection's own thread: a silent client holds nobody up.
        with self.ctx.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, address)
            try:
                tls.unwrap()
            except OSError:
                pass

    def handle_error(self, request, address):
        print(address[1], repr(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]), flush=True)


args = sys.argv[1:]
for at in range(0, len(args), 4):
    s = Server(int(args[at]), *args[at + 1:at + 4])
    threading.Thread(target=s.serve_forever).start()
