#!/bin/bash
# security
# A peer that sends its first bytes in the same segment as its Finished: they arrive intact, and the
# key process, all of whose reads are recorded, is given nothing behind the Finished: neither
# what was sealed nor what was in it, not even in freed memory.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3 strace
need_root # to look at the system calls and into the memory of a jailed process
ca home
ca people
cert a home serverAuth "DNS:a.test, DNS:people.test"
cert alice people clientAuth
cert origin home serverAuth "DNS:origin.test"
start_echo_origin

# client.py: clients of a relay; server.py: its far side. Arguments: PORT DIR TLSD TRACE ...
cat >"$TMP/common.py" <<'PY'
import os, socket, ssl, struct, sys, time, tlspeer, tlsraw
port, pki, tlsd, trace = sys.argv[1:5]
keylog = os.path.dirname(pki) + "/keylog"
seen = []  # (what, canary, sealed canary, Finished)
def canary(n):
    mark = b"CANARY-" + os.urandom(16).hex().encode() + b"-"
    return (mark * (n // len(mark) + 1))[:n]
def sealed_behind(text, mine):
    """Sealed by hand, because openssl sends nothing before it has the peer's Finished."""
    def make(wire):
        k = wire.keys(keylog)
        wire.sealer = tlsraw.Sealer(*((k.client, k.client_iv) if mine == "client" else (k.server, k.server_iv)))
        wire.tail = b"".join(wire.sealer.record(23, text[i:i + 4000]) for i in range(0, len(text), 4000))
        return wire.tail
    return make
def hexed(b): return "".join(f"\\x{c:02x}" for c in b)
def judge(last):
    """last: the Finished of one more handshake; when its read is written down, all before it are."""
    for _ in range(1000):
        reads = open(trace).read()
        if hexed(last) in reads: break
        time.sleep(0.02)
    img = tlsraw.image(tlsd)
    for what, text, sealed, finished in seen:
        assert hexed(finished) + '"' in reads, f"{what}: no packet to tlsd ends with the Finished"
        for name, secret in (("plaintext", text), ("sealed text", sealed[5:])):
            for at in range(0, min(len(secret), 8000) - 16, 16):
                assert hexed(secret[at:at + 16]) not in reads, f"{what}: tlsd was given {name}"
            places = tlsraw.where(img, secret[:4096])
            assert not places, f"{what}: tlsd's memory holds {name}: {places}"
    print(f"{len(seen)} canaries, {len(reads.splitlines())} reads")
PY
cat >"$TMP/client.py" <<'PY'
from common import *
def context(cert=None):
    ctx = tlspeer.context(f"{pki}/home.pem", *([f"{pki}/{cert}.pem", f"{pki}/{cert}.key"] if cert else []))
    ctx.set_ciphers("ECDHE+CHACHA20")
    ctx.options |= ssl.OP_NO_TICKET
    ctx.keylog_filename = keylog
    return ctx
def dial(ctx, name, **more):
    return tlsraw.Wire(socket.create_connection(("127.0.0.1", int(port)), timeout=60), ctx, name, **more)
def same(what, got, text): assert got == text, f"{what}: {len(got)} of {len(text)} bytes came back"
for name, ctx in (("a.test", context()), ("people.test", context("alice"))):
    for n in (1, 100, 3999, 40000):
        text = canary(n)
        what = f"{n} bytes behind the Finished of a client of {name}"
        c = dial(ctx, name, behind=sealed_behind(text, "client"))
        same(what, c.recv_exactly(n), text)
        if n > 16: seen.append((what, text, c.tail, c.finished()))
        c.sock.sendall(c.sealer.record(21, b"\1\0"))
        c.recv_all(); assert c.eof, f"{what}: the end is {c.end()}"
        c.close()
# Half of a record there, the rest later.
text = canary(3000)
tail = {}
def half(wire):
    tail["all"] = sealed_behind(text, "client")(wire)
    return tail["all"][:700]
class Later(tlsraw.Wire):
    def _fill(self):
        super()._fill()
        if "all" in tail and b"\x14\x03\x03\0\1\1" in self.got:
            self.sock.sendall(tail.pop("all")[700:])
c = Later(socket.create_connection(("127.0.0.1", int(port)), timeout=60), context(), "a.test", behind=half)
same("a record in two parts", c.recv_exactly(len(text)), text)
seen.append(("a record in two parts", text, c.tail, c.finished()))
c.close()
# A resumed session: the client's Finished is the last word of the handshake.
ctx = context()
first = dial(ctx, "a.test")
for n in (100, 30000):
    text = canary(n)
    c = dial(ctx, "a.test", session=first.tls.session, hold=True)
    assert c.tls.session_reused
    finished = c.finished()
    before = len(c.sent)
    c.send(text)
    c.flush(); c.hold = False
    same("behind the Finished of a resumed session", c.recv_exactly(n), text)
    seen.append(("behind the Finished of a resumed session", text, bytes(c.sent[before:]), finished))
    c.close()
judge(dial(context(), "a.test").finished())
PY
cat >"$TMP/server.py" <<'PY'
from common import *
ls = tlspeer.listen(sys.argv[5])
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.maximum_version = ssl.TLSVersion.TLSv1_2
ctx.set_ciphers("ECDHE+CHACHA20")
ctx.load_cert_chain(f"{pki}/origin.pem", f"{pki}/origin.key")
ctx.options |= ssl.OP_NO_TICKET
ctx.keylog_filename = keylog
resumed = 0
for n in (100, 100, 40000, 40000):
    text = canary(n)
    c = tlspeer.dial(port)
    s = tlsraw.Wire(ls.accept()[0], ctx, server=True, behind=sealed_behind(text, "server"))
    if s.behind:  # new: our Finished came last and waits to be sent
        before, finished = len(s.sent), s.finished()
        s.send(text)
        s.flush()
        tail = bytes(s.sent[before:])
    else:
        resumed += 1
        tail, finished = s.tail, s.finished()
    got = c.recv_exactly(n)
    assert got == text, f"server, {n} bytes: {len(got)} came, {c.end()}"
    seen.append((f"{n} bytes behind the Finished of a server", text, tail, finished))
    c.close(); s.close()
assert 0 < resumed < 4, f"{resumed} of 4 handshakes were resumed"
c = tlspeer.dial(port)
judge(tlsraw.Wire(ls.accept()[0], ctx, server=True).finished())
PY
# watch RELAY PROGRAM [ARG...]: it runs while every read of that relay's tlsd is written down.
watch() {
	local name=$1 program=$2 pid
	shift 2
	pid=$(child_of "$name" tlsd pid)
	start "strace-$name" strace -f -qq -xx -s 100000 -e trace=read,readv,recvmsg,recvfrom,recvmmsg -o "$TMP/$name.trace" -p "$pid"
	wait_for grep -q 'TracerPid:.*[1-9]' "/proc/$pid/status"
	peer "$TMP/$program" "${AT[$name]}" "$PKI" "$pid" "$TMP/$name.trace" "$@" || fail "$program"
	stop "strace-$name" INT
}
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')" \
	"$(host people a 'names = people.test' 'client_cert = required' "client_ca = $PKI/people.pem")"
start_relay near
watch near client.py
origin=$(free_port)
relay_conf out "to = 127.0.0.1:$origin" 'connect = tls' 'connect_name = origin.test' "connect_ca = $PKI/home.pem"
start_relay out
watch out server.py "$origin"
pass
