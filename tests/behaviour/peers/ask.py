"""ask: a plain client of services that speak no HTTP. Not a test.

    ask.py PORT echo|reverse

Sends lines from stdin and writes what comes back to stdout until as much has come. reverse: the
service sends each line back reversed, and so does this."""
import socket, sys, threading

port, what = int(sys.argv[1]), sys.argv[2]
data = sys.stdin.buffer.read()
with socket.create_connection(("127.0.0.1", port), timeout=300) as s:
    t = threading.Thread(target=s.sendall, args=(data,), daemon=True)
    t.start()
    got = b""
    while len(got) < len(data):
        part = s.recv(65536)
        if not part:
            break
        got += part
if what == "reverse":
    got = b"".join(line[:-1][::-1] + b"\n" for line in got.splitlines(keepends=True))
sys.stdout.buffer.write(got)
