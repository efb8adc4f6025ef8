#!/bin/bash
# security
# The key process is killed twenty times, also around reloads, and stopped once, while twenty
# streams carry bytes and new clients keep coming: every stream arrives whole, every new client gets
# in when it tries again, nobody waits longer than the handshake's deadline, and in the end all is well.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
sed -i 's/^\[tls\]/[tls]\nhandshake_timeout = 2s/' "${CONF[near]}"
start_relay near
cat >"$TMP/storm.py" <<'PY'
import hashlib, json, os, signal, socket, subprocess, sys, threading, time, tlspeer
port, ca, zt, conf, worker = int(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
ctx = tlspeer.context(ca)
def kids(): return json.loads(subprocess.run([zt, "status", "relay", "--json", "-c", conf], check=True, capture_output=True).stdout)["children"]
def tlsd(): return [k["pid"] for k in kids() if k["name"] == "tlsd"][-1]
over, bad, moved, tried, served = threading.Event(), [], [0], [0], [0]
def stream(i):
    try:
        c = tlspeer.dial(port, ctx, "a.test")
        ready.wait()
        out, back, n = hashlib.sha256(), hashlib.sha256(), 0
        while not over.is_set():
            block = os.urandom(20000 + i)
            c.send(block); got = c.recv_exactly(len(block))
            out.update(block); back.update(got); n += len(got)
            time.sleep(0.01)  # two cores are shared with the relay
        c.finish(); rest = c.recv_all(); back.update(rest)
        if out.digest() != back.digest() or c.end() != "end": bad.append(f"stream {i}: {n} bytes, {c.end()}")
        moved[0] += n
    except Exception as e:
        bad.append(f"stream {i}: {e!r}")
def newcomer(i):
    """New clients, one after the other; each may fail, and has to get in within 30 s."""
    while not over.is_set():
        end = time.monotonic() + 30
        while True:
            tried[0] += 1
            began = time.monotonic()
            try:
                c = tlspeer.dial(port, ctx, "a.test")
                c.send(b"new"); got = c.recv_exactly(3); c.close()
                if got == b"new": served[0] += 1; break
            except OSError: pass
            if time.monotonic() - began > 20: bad.append("a handshake outlived its deadline")
            if time.monotonic() > end: bad.append(f"newcomer {i} never got in"); break
        time.sleep(0.01)
ready = threading.Barrier(21)
threads = [threading.Thread(target=stream, args=(i,)) for i in range(20)]
for t in threads: t.start()
ready.wait()  # all are connected
threads += [threading.Thread(target=newcomer, args=(i,)) for i in range(4)]
for t in threads[20:]: t.start()
killed = set()
def kill_one():
    for _ in range(6000):
        pid = tlsd()
        if pid > 0 and pid not in killed:  # it was started again
            try: os.kill(pid, signal.SIGKILL)
            except ProcessLookupError: continue
            killed.add(pid); return
        time.sleep(0.005)
    sys.exit("tlsd did not come back")
for _ in range(5):
    for _ in range(4): kill_one()  # four in a row: the pause before a start doubles each time
    for _ in range(3000):  # a reload needs all children
        if subprocess.run([zt, "reload", "relay", "-c", conf], capture_output=True).returncode == 0: break
        time.sleep(0.02)
    else: bad.append("no reload was possible")
at = served[0]
for _ in range(3000):
    if served[0] > at + 8: break
    time.sleep(0.01)
else: bad.append("nobody got in after the last reload")

# Stopped, not dead: nothing notices but the handshakes, and each of them is over in time.
pid = tlsd()
os.kill(pid, signal.SIGSTOP)
s = []
for _ in range(5):
    c = socket.create_connection(("127.0.0.1", port), timeout=60)
    out, inn = tlspeer.ssl.MemoryBIO(), tlspeer.ssl.MemoryBIO()
    try: ctx.wrap_bio(inn, out, server_hostname="a.test").do_handshake()
    except tlspeer.ssl.SSLWantReadError: c.sendall(out.read())
    s.append(c)
for c in s:
    try: got = c.recv(100)
    except ConnectionResetError: got = b""
    if got: bad.append(f"an answer from a stopped process: {got.hex()}")
at = served[0]
os.kill(pid, signal.SIGCONT)
for _ in range(3000):
    if served[0] > at + 8: break
    time.sleep(0.01)
else: bad.append("nobody got in after tlsd went on")
over.set()
for t in threads: t.join()
w = [k for k in kids() if k["name"] == "worker"]
if [k["pid"] for k in w] != [worker] or w[0]["restarts"]: bad.append(f"the worker was replaced: {w}")
print(f"{len(killed)} killed, {moved[0] >> 20} MB in streams, {served[0]} newcomers served in {tried[0]} tries")
if len(killed) != 20: bad.append("not twenty")
sys.exit("\n".join(bad) if bad else 0)
PY
peer "$TMP/storm.py" "${AT[near]}" "$PKI/home.pem" "$ZT" "${CONF[near]}" "$(child_of near worker pid)" || fail "a stream or a newcomer suffered"
# Six deaths within a minute make a role unhealthy: this one says so although all is up again.
expect 1 "$ZT" health relay -c "${CONF[near]}"
same "$(child_of near tlsd state)/$(child_of near worker state)" up/up "tlsd and worker"
# A reload may replace the last of each four before its death was heard of: that is no restart then.
n=$(child_of near tlsd restarts)
if [ "$n" -lt 15 ] || [ "$n" -gt 20 ]; then fail "$n restarts of tlsd"; fi
wait_for logged near 'not opened' "was not over in time"
logged near 'not opened' by=zt "the process that holds the keys ended" || fail "the log does not say whose fault it was"
stop near
same "$STATUS" 0 "exit code"
pass
