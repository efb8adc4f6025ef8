#!/usr/bin/env bash
# waits
# A WebSocket on which nothing moves for hours, as long as the host's `idle` allows, lives: the tunnel is pinged, lists come,
# nothing is taken for dead. Then 10 MB go through it both ways, and each side may end before the other. Time is made to pass:
# IDLE_S of it (the long version: until the tunnel's connection is replaced at 24 h; what lives on the old one has an hour more),
# and IDLE_REAL_S (0) seconds of it do pass.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=39
hidden_clock
ORIGIN=$(free_port) RAW=$(free_port) ECHO=$(free_port)
start origin python3 "$ROOT/tests/behaviour/faultpeer.py" "$ORIGIN"
start echo python3 -c '
import socket, sys, threading
def f(c):
    while d := c.recv(65536): c.sendall(d)
    c.sendall(b"after the end"); c.close()
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True: threading.Thread(target=f, args=(s.accept()[0],), daemon=True).start()' "$ECHO"
wait_for holds_port "$ORIGIN"
wait_for holds_port "$ECHO"
host_section app public app.test 'idle = 30d'
EDGE_HOSTS+=('[service raw]' "listen = 127.0.0.1:$RAW" 'hostname = raw.test' 'public = unauthenticated' 'idle = 30d')
EDGE_GRANTED+=(raw.test)
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress raw 'hostname = raw.test' "service = tcp://127.0.0.1:$ECHO"
ingress last 'service = http_status:404'
start_web
export TOOLS
visits "${IDLE_S:-1800}" "$ZT" "$RAW" <<'PY'
import os, subprocess
idle = int(sys.argv[1])
ws = visit()
ws.ask("/echo", more=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
ws.p.head()
raw = Peer(socket.create_connection(("127.0.0.1", int(sys.argv[3]))))
for p in (ws.p, raw):
    p.send(b"hello"); same(p.exactly(5), b"hello", "the echo")
tunnels = log("edge").count("a connector is connected")
began = time.monotonic()
subprocess.run([os.environ["TOOLS"] + "/clockctl", sys.argv[2], "run", str(idle), "2500"], check=True)
time.sleep(int(os.environ.get("IDLE_REAL_S", 0)))
real = secs(began)
more = log("edge").count("a connector is connected") - tunnels
assert more <= idle // 86400, f"{more} new connections" # one is replaced every day
same(log("edge").count("a tunnel was refused"), 0, "refused tunnels")
block, sent, back = os.urandom(1 << 16), hashlib.sha256(), hashlib.sha256()
for p in (ws.p, raw):
    sent, back, parts = hashlib.sha256(), hashlib.sha256(), [block] * 160
    for x in parts: sent.update(x)
    p.both(parts, back.update)
    same(back.hexdigest(), sent.hexdigest(), "the digest of 10 MB")
raw.s.shutdown(socket.SHUT_WR)
end, clean = raw.to_end()
same((end, clean), (b"after the end", True), "what came behind our end")
figure(39, f"{idle / 3600:.1f} h without a byte in {real:.1f} s: WebSocket and raw stream lived, {more} connections were replaced; then 10 MB each both ways with the right digest, and a half-close")
PY
edge_is_alive
