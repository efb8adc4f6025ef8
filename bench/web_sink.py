"""web_sink PORT: an origin that reads a body of any size and says how long it was. Not fast, but the same for all."""
import socket, sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
room = memoryview(bytearray(1 << 20))
while True:
    sock, _ = listener.accept()
    with sock:
        head = b""
        while b"\r\n\r\n" not in head:
            part = sock.recv(65536)
            if not part:
                break
            head += part
        else:
            head, _, rest = head.partition(b"\r\n\r\n")
            want = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            left = want - len(rest)
            if b"expect:" in head.lower():
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while left > 0:
                n = sock.recv_into(room)
                if not n:
                    break
                left -= n
            body = b"%d\n" % (want - left)
            sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
