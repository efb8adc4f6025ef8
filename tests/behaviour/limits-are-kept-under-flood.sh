#!/bin/bash
# core
# security
# FLOODS(BOUND_ECHO_CONNS)
# FLOODS(BOUND_ECHO_BUFS)
# More connections than max_conns, more than the descriptors allow, and peers that never read:
# who is in is served, who is too many is closed at once, and memory stays bounded.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
cat >"$TMP/flood.py" <<'PY'
import socket, sys
port, inside, extra = map(int, sys.argv[1:4])
held = []
def connect():
    s = socket.create_connection(("127.0.0.1", port), timeout=30); return s
def serves(s):
    try: s.sendall(b"x"); return s.recv(1) == b"x"
    except OSError: return False
for _ in range(inside):
    s = connect(); assert serves(s), "one within the limit was not served"; held.append(s)
for _ in range(extra):
    assert not serves(connect()), "one over the limit was served"
assert all(serves(s) for s in held), "a served one suffered"
for s in held: s.close()
for _ in range(200):          # room again as soon as the worker has seen the ends
    if serves(connect()): sys.exit(0)
sys.exit("no room after all had left")
PY
echo_conf 'max_conns = 20'
start_echo
python3 "$TMP/flood.py" "$PORT" 20 30 || fail "max_conns"
[ "$(status children.0.counters.echo_conns_full)" -ge 30 ] || fail "the full table was not counted"
stop echo

# 48 descriptors for everything: about 30 connections fit, the rest is shed, nothing spins.
echo_conf '[limits]' 'nofile = 48'
start_echo
python3 - "$PORT" <<'PY' || fail "out of descriptors"
import socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30) for _ in range(100)]
def serves(s):
    try: s.sendall(b"x"); return s.recv(1) == b"x"
    except OSError: return False
n = sum(serves(s) for s in held)
assert 20 <= n < 48, f"{n} of 100 were served with 48 descriptors"
PY
echo_check || fail "not served after descriptors ran out"
[ "$(status children.0.counters.shed)" -gt 0 ] || fail "nothing was shed"
stop echo

# Peers that send and never read hold one buffer each, and no more than there are buffers.
echo_conf
start_echo
cat >"$TMP/senders.py" <<'PY'
import select, socket, sys
socks = []
for _ in range(300):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096) # so little fits in the kernel
    s.connect(("127.0.0.1", int(sys.argv[1]))); s.setblocking(False); socks.append(s)
while True:                     # whoever takes another byte gets it, until told to stop
    told, ready, _ = select.select([sys.stdin], socks, [])
    if told: break
    for s in ready:
        try: s.send(b"x" * 65536)
        except BlockingIOError: pass
PY
mkfifo "$TMP/hold"
start senders sh -c "exec python3 '$TMP/senders.py' $PORT <'$TMP/hold'"
exec 9>"$TMP/hold"
all_lent() {
	[ "$(status children.0.counters.echo_buffers)" = 256 ] &&
		[ "$(status children.0.counters.echo_buffers_full)" -gt 0 ]
}
wait_for all_lent
rss=$(awk '/VmRSS/ {print $2}' "/proc/$(worker_pid)/status")
most=16384
if grep -q __asan_init "$ZT"; then most=24576; fi # a sanitizer's own memory is counted too
[ "$rss" -lt "$most" ] || fail "the worker grew to $rss KiB"
exec 9>&-
join senders
echo_check || fail "not served after the senders"
stop echo
pass
