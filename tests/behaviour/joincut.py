"""joincut LISTEN TARGET N: passes TCP connections on to TARGET on 127.0.0.1 until the client has sent its N-th
TLS record of application data; that one is still passed on, and nothing comes back any more: an answer that
is lost. Prints "cut" when it has been. Not a test."""
import socket, struct, sys, threading

listen, target, nth = (int(a) for a in sys.argv[1:4])
server = socket.create_server(("127.0.0.1", listen))


def whole(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            return None
        data += more
    return data


def serve(client):
    upstream = socket.create_connection(("127.0.0.1", target))
    cut = threading.Event()

    def back():
        while data := upstream.recv(65536):
            if cut.is_set():
                continue  # it is read, so that the authority is rid of it, and lost
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=back, daemon=True).start()
    seen = 0
    while head := whole(client, 5):
        kind, _, n = struct.unpack(">BHH", head)
        body = whole(client, n)
        if body is None:
            break
        seen += kind == 23
        if seen == nth:
            cut.set()
        upstream.sendall(head + body)
        if seen == nth:
            print("cut", flush=True)
            return
    upstream.close()


print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
