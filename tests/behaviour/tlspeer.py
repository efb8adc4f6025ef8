"""tlspeer: the peers of relay tests, plain or TLS, that can do what ssl.SSLSocket cannot: say
close_notify and go on reading, or leave without it, and tell an end from a reset. Not a test."""
import socket, ssl, struct


class Peer:
    """One connection. eof: a clean end was received (close_notify, or FIN when plain); cut: TLS ended without
    one; reset: ECONNRESET."""

    def __init__(self, sock, ctx=None, server_name=None, session=None):
        self.sock, self.eof, self.cut, self.reset = sock, False, False, False
        self.tls = None
        sock.settimeout(60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ctx:
            self.inn, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = ctx.wrap_bio(self.inn, self.out, server_hostname=server_name, session=session)
            self._loop(self.tls.do_handshake)

    def _flush(self):
        data = self.out.read()
        if data:
            self.sock.sendall(data)

    def _fill(self):
        data = self.sock.recv(65536)
        if data:
            self.inn.write(data)
        else:
            self.inn.write_eof()

    def _loop(self, call):
        while True:
            try:
                result = call()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()

    def send(self, data):
        if not self.tls:
            return self.sock.sendall(data)
        for i in range(0, len(data), 16384):
            self._loop(lambda: self.tls.write(data[i:i + 16384]))

    def recv(self, most=65536):
        """b"" at any end; which one is in eof, cut, reset."""
        try:
            if self.tls:
                data = self._loop(lambda: self.tls.read(most))
            else:
                data = self.sock.recv(most)
            self.eof = not data
            return data
        except ssl.SSLZeroReturnError:
            self.eof = True
        except (ssl.SSLEOFError, ssl.SSLSyscallError):
            self.cut = True
        except ConnectionResetError:
            self.reset = True
        return b""

    def recv_all(self):
        parts = []
        while True:
            data = self.recv()
            if not data:
                return b"".join(parts)
            parts.append(data)

    def recv_exactly(self, n):
        got = b""
        while len(got) < n:
            data = self.recv(n - len(got))
            if not data:
                return got
            got += data
        return got

    def finish(self):
        """Nothing more from here: close_notify and FIN."""
        if self.tls:
            try:
                self.tls.unwrap()
            except (ssl.SSLWantReadError, ssl.SSLError):
                pass
            self._flush()
        self.sock.shutdown(socket.SHUT_WR)

    def leave(self):
        """FIN without a word."""
        self.sock.shutdown(socket.SHUT_WR)

    def abort(self):
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def end(self):
        return "reset" if self.reset else "cut" if self.cut else "end" if self.eof else "open"


def context(ca=None, cert=None, key=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        ctx.load_verify_locations(ca)
    if cert:
        ctx.load_cert_chain(cert, key)
    return ctx


def dial(port, ctx=None, name=None, session=None):
    return Peer(socket.create_connection(("127.0.0.1", int(port)), timeout=60), ctx, name, session)


def listen(port=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(port)))
    s.listen(64)
    s.settimeout(60)
    return s


def accept(listener):
    return Peer(listener.accept()[0])
