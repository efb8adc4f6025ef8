#!/bin/bash
# core
# 64 MB each way at the same time, one stream and many, plain to TLS to plain, and TLS to a client
# that is not ours: what arrives is what was sent.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
cat >"$TMP/move.py" <<'PY'
import hashlib, os, sys, threading, tlspeer
origin, port, ca, streams, total = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
ls = tlspeer.listen(origin)
ctx = tlspeer.context(ca) if ca else None
block = os.urandom(1 << 20)
size = total // streams
bad = []
def send(c, start):              # every stream and direction another text
    left, h = size, hashlib.sha256()
    while left:
        part = (block[start % 977:] + block)[:min(left, 1 << 20)]
        start += 131
        h.update(part); c.send(part); left -= len(part)
    c.sent = h.digest()
    c.finish()
def recv(c):
    h, n = hashlib.sha256(), 0
    while True:
        data = c.recv(1 << 17)
        if not data: break
        h.update(data); n += len(data)
    c.got, c.n = h.digest(), n
def both(c, start):
    # TLS objects of python are not for two threads: a TLS client takes turns
    if c.tls: send(c, start); recv(c); return
    t = threading.Thread(target=send, args=(c, start)); t.start(); recv(c); t.join()
def one(i):
    try:
        c = tlspeer.dial(port, ctx, "far.test" if ctx else None)
        c.send(i.to_bytes(4, "big"))
        both(c, i)
        o = origins[i]
        finished[i].wait(120)
        if c.got != o.sent or o.got != c.sent or c.end() != "end" or o.end() != "end":
            bad.append((i, c.n, o.n, c.end(), o.end()))
    except Exception as e:
        bad.append((i, repr(e)))
origins, finished = {}, [threading.Event() for _ in range(streams)]
def serve():
    o = tlspeer.accept(ls)
    i = int.from_bytes(o.recv_exactly(4), "big")
    origins[i] = o
    if ctx: recv(o); send(o, i + 77)
    else: both(o, i + 77)
    finished[i].set()
ts = [threading.Thread(target=serve) for _ in range(streams)] + [threading.Thread(target=one, args=(i,)) for i in range(streams)]
[t.start() for t in ts]; [t.join() for t in ts]
sys.exit(f"wrong: {bad}" if bad else 0)
PY
origin=$(free_port)
start_pair "$origin"
mb64=$((64 << 20))
peer "$TMP/move.py" "$origin" "${AT[near]}" "" 1 $mb64 || fail "one stream"
peer "$TMP/move.py" "$origin" "${AT[near]}" "" 16 $mb64 || fail "16 streams"
peer "$TMP/move.py" "$origin" "${AT[far]}" "$PKI/pair.pem" 1 $mb64 || fail "a TLS client"
peer "$TMP/move.py" "$origin" "${AT[far]}" "$PKI/pair.pem" 16 $mb64 || fail "16 TLS clients"
relay_conf both "to = 127.0.0.1:${AT[far]}" 'accept = tls' 'connect = tls' 'connect_name = far.test' \
	"connect_ca = $PKI/pair.pem" "$(host far far 'names = far.test')"
start_relay both
peer "$TMP/move.py" "$origin" "${AT[both]}" "$PKI/pair.pem" 4 $mb64 || fail "TLS to TLS"

# Nothing is left behind: no connection, no buffer.
for name in near far both; do
	wait_for test "$(counter $name relay_conns)" = 0
	same "$(counter $name duct_buffers)" 0 "buffers of $name"
	same "$(counter $name duct_buffers_full)" 0 "waits for a buffer of $name"
done
pass
