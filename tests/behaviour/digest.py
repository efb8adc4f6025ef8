"""digest origin PORT: takes all there is, answers with its digest and as many bytes of its own. A connection that begins
with "hold" is kept open; one with "reset" is reset after a few bytes; one with "PROXY " hears its own line.
digest client PORT N: N bytes there, their digest and N bytes back, with a half-close between them; fails if any is wrong."""
import hashlib, socket, struct, sys, threading

BLOCK = bytes(range(251)) * 1044


def pattern(n):
    while n > 0:
        yield BLOCK[:n]
        n -= len(BLOCK)


def serve(c):
    h, total, first = hashlib.sha256(), 0, b""
    while data := c.recv(1 << 16):
        h.update(data)
        total += len(data)
        first = first or data
        if first.startswith(b"PROXY "):
            c.sendall(first)
            first = b"-"
        if first == b"hold":
            c.sendall(b"held")
            first = b"-"
        if first == b"reset":
            c.sendall(b"x")
            c.recv(1)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
            return
    c.sendall(h.hexdigest().encode())
    for b in pattern(total):
        c.sendall(b)
    c.close()


def client(port, n):
    c = socket.create_connection(("127.0.0.1", port), timeout=50)
    h = hashlib.sha256()
    for b in pattern(n):
        h.update(b)
        c.sendall(b)
    c.shutdown(socket.SHUT_WR)
    got = b""
    while len(got) < 64:
        got += c.recv(64 - len(got)) or sys.exit("cut")
    assert got.decode() == h.hexdigest(), "what arrived is not what was sent"
    back, total = hashlib.sha256(), 0
    while data := c.recv(1 << 16):
        back.update(data)
        total += len(data)
    assert total == n and back.hexdigest() == h.hexdigest(), f"back came {total} bytes"


if sys.argv[1] == "client":
    client(int(sys.argv[2]), int(sys.argv[3]))
else:
    s = socket.create_server(("127.0.0.1", int(sys.argv[2])))
    while True:
        threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
