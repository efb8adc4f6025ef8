#!/usr/bin/env bash
# core
# security
# An edge that waits to be called is open to everybody. Who is not the authority of its token is told nothing, holds
# nobody up and spoils nothing: silent strangers in any number, garbage, the authority of somebody else, one in
# between with a certificate of his own, one with the authority's stolen TLS key, one who plays a recorded call again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/called.inc.sh"

start_ca
new_token edge vps
waits() { running "$1" || fail "the wait is over: $(<"$TMP/$1.log")"; }
missed() { wait_for grep -qF -- "called in vain" "$TMP/$1.log" && wait_for grep -qF -- "$2" "$TMP/$1.log"; }

# Another authority of the same make; a certificate that somebody made himself.
(STATE=$TMP/other.state CONF=$TMP/other.conf && OTHER=$(free_port) &&
	printf '[state]\ndir = %s\nrun_dir = %s/other.run\n[ca]\nlisten = 127.0.0.1:%s\nreach = 127.0.0.1:%s\n' \
		"$STATE" "$TMP" "$OTHER" "$OTHER" >"$CONF" && "$ZT" ca init -c "$CONF" >"$TMP/other.init") || fail "another authority"
start other "$ZT" ca serve -c "$TMP/other.conf"
wait_for "$ZT" health ca -c "$TMP/other.conf"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$TMP/self.key" -out "$TMP/self.pem" \
	-subj "/CN=x" 2>/dev/null

# caller CERT KEY [TARGET]: somebody who connects to the edge and is the TLS server there, as the authority is; with
# TARGET he passes on what the authority behind it says. Prints the frames that he was told.
cat >"$TMP/caller.py" <<'PY'
import os, socket, ssl, struct, sys
edge, cert, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.maximum_version = ssl.TLSVersion.TLSv1_2
ctx.set_alpn_protocols(["zt-enrol/1"])
ctx.load_cert_chain(cert, key)
up = None
try:
    c = ctx.wrap_socket(socket.create_connection(("127.0.0.1", edge), timeout=30), server_side=True)
    if len(sys.argv) > 4:
        out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        out.check_hostname, out.verify_mode = False, ssl.CERT_NONE
        out.set_alpn_protocols(["zt-enrol/1"])
        up = out.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[4]))))
    while data := c.recv(65536):
        print("told", data[0], flush=True)
        if up:
            up.sendall(data)
            c.sendall(up.recv(65536))
        else:
            f = struct.pack("<HI", 2, 32) + os.urandom(32) + struct.pack("<HI", 6, 32) + os.urandom(32)
            c.sendall(struct.pack("<BBHI", 16, 0, 0, len(f)) + f)
except (OSError, ssl.SSLError):
    pass
print("gone", flush=True)
PY
caller() { timeout 40 python3 "$TMP/caller.py" "$E" "$@"; }

wait_edge first
# The silent ones: from a hundred addresses, each held open for as long as the edge lets them; and garbage.
python3 - "$E" >"$TMP/flood.log" 2>&1 <<'PY' &
import socket, sys, time
held = []
for i in range(100):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=(f"127.0.1.{i + 1}", 0)))
for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 20000, b"SSH-2.0-x\r\n", b"\x16\x03\x03\x40\x00" + b"\2" * 16384,
             b"\x15\x03\x03\0\2\2\50"):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(junk)
    held.append(s)
over = 0
for s in held[:84]:  # sixteen places: whoever was there first has lost his
    s.settimeout(30)
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    over += 1
print("over", over, flush=True)
time.sleep(60)
PY
PIDS[flood]=$!
wait_for grep -q "over 84" "$TMP/flood.log"
missed first "no TLS with whoever answers"
waits first
[ "$(ls "/proc/${PIDS[first]}/fd" | wc -l)" -lt 50 ] || fail "it holds what it should have let go"

# The authority of somebody else, called from there; one with a certificate of his own; both are told nothing.
expect 4 "$ZT" ca call "127.0.0.1:$E" -c "$TMP/other.conf"
missed first "is not the authority"
if grep -q "event=join" "$TMP/other.log"; then fail "the other authority was told of a token"; fi
same "$(caller "$TMP/self.pem" "$TMP/self.key")" "gone" "what one with his own certificate is told"
same "$(caller "$TMP/self.pem" "$TMP/self.key" "$ENROL")" "gone" "what one in between is told"
# The authority's own TLS key without a secret: which token, and no more.
cp "$CA/serve.pem" "$TMP/thief.pem"
same "$(caller "$TMP/thief.pem" "$TMP/thief.pem" | tr '\n' ' ')" "told 1 gone " "what a thief of the authority's key is told"
missed first "could not prove that it knows"
waits first

# Somebody who only passes bytes on is a wire: the call comes through, and he records it.
WIRE=$(free_port)
python3 - "$WIRE" "$E" "$TMP/record" >"$TMP/wire.log" 2>&1 <<'PY' &
import socket, sys, threading
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
home = s.accept()[0]
edge = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
def pump(a, b, to):
    try:
        while data := a.recv(65536):
            if to:
                to.write(data); to.flush()
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
t = threading.Thread(target=pump, args=(edge, home, None)); t.start()
with open(sys.argv[3], "wb") as f:
    pump(home, edge, f)
t.join()
PY
PIDS[wire]=$!
wait_for grep -q ready "$TMP/wire.log"
expect 0 "$ZT" ca call "127.0.0.1:$WIRE" -c "$CONF"
has "$OUT" "vps has joined"
join first
same "$STATUS" 0 "the end of zt edge join"
join wire
[ -s "$TMP/record" ] || fail "nothing was recorded"

# Played again to an edge that waits with another token of the same authority: nothing comes of it.
edge_at second
new_token edge again
wait_edge second
python3 - "$E" "$TMP/record" <<'PY' || fail "the record could not be played"
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
s.sendall(open(sys.argv[2], "rb").read())
try:
    while s.recv(65536):
        pass
except ConnectionResetError:
    pass
PY
missed second "no TLS with whoever answers"
waits second
call 0
join second
same "$STATUS" 0 "the end of the second edge"
pass
