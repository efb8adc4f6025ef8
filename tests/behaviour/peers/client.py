"""client: python's ssl against a TLS server. Not a test.

    client.py PORT NAME WHAT CA [CERT KEY]

WHAT: get, echo (1 MB from stdin there and back) or resume (two connections). The body goes to stdout, what was
agreed to stderr, and what went wrong too, with exit code 1."""
import socket, ssl, sys

port, name, what, ca = int(sys.argv[1]), *sys.argv[2:5]
ctx = ssl.create_default_context(cafile=ca)
ctx.set_alpn_protocols(["h2", "http/1.1"])
if len(sys.argv) > 5:
    ctx.load_cert_chain(sys.argv[5], sys.argv[6])


def ask(request, session=None):
    with socket.create_connection(("127.0.0.1", port), timeout=300) as raw:
        with ctx.wrap_socket(raw, server_hostname=name, session=session) as s:
            s.sendall(request)
            got = b""
            while part := s.recv(65536):
                got += part
            print(s.version(), s.cipher()[0], "alpn", s.selected_alpn_protocol(),
                  "resumed" if s.session_reused else "fresh", file=sys.stderr)
            head, _, body = got.partition(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                sys.exit("no 200")
            return body, s.session


end = f"Host: {name}\r\nConnection: close\r\n"
get = f"GET / HTTP/1.1\r\n{end}\r\n".encode()
try:
    if what == "echo":
        data = sys.stdin.buffer.read()
        body, _ = ask(f"POST /echo HTTP/1.1\r\n{end}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    else:
        body, session = ask(get)
        if what == "resume":
            body, _ = ask(get, session)
except (ssl.SSLError, OSError) as e:
    sys.exit(f"{type(e).__name__}: {e}")
sys.stdout.buffer.write(body)
