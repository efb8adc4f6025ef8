#!/usr/bin/env bash
# core
# FLOODS(BOUND_CA_ADMINS)
# Commands work without a running role and beside one, through its control socket; its signing process is
# started again when it dies; nobody on a command's line holds up another; one writer at a time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
need python3
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
ca 0 issue client before
start role "$ZT" ca -c "$CONF"
is_healthy() { "$ZT" health ca -c "$CONF"; }
wait_for is_healthy
sock=$(sed -n 's/.*control=\([^ ]*\).*/\1/p' "$TMP/role.log")
[ -S "$sock" ] || fail "no control socket in the log"
pid_of() { "$ZT" status ca --json -c "$CONF" | python3 -c '
import json, sys
print([c["pid"] for c in json.load(sys.stdin)["children"] if c["name"] == sys.argv[1]][0])' "$1"; }

# Beside it: the role's own process does it, and says so in the role's log.
ca 0 issue client beside
ca 0 list --json
same "$(grep -c '"state":"good"' <<<"$OUT")" 3 "what the running role knows"
grep -q 'ca/sign: certificate issued.*name=beside' "$TMP/role.log" || fail "the role did not issue it"

# A death in between costs nothing that was answered.
sign=$(pid_of sign)
kill -9 "$sign"
came_back() { local now; now=$(pid_of sign) && [ "$now" != "$sign" ] && is_healthy; }
wait_for came_back
ca 0 list --json
same "$(grep -c '"state":"good"' <<<"$OUT")" 3 "what it knows after its death"
ca 0 issue client after

# A second one is told who has it.
expect 7 "$ZT" ca serve -c "$CONF"
has "$ERR" "process ${PIDS[role]}"

# Half a message, nonsense, and a message of the network side: each ends or waits alone.
python3 - "$sock" "$ZT" "$CONF" <<'PY' || fail "hostile commands"
import socket, struct, subprocess, sys
path, zt, conf = sys.argv[1:]
def line():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(path); s.sendall(b"admin\n")
    got = b""
    while not got.endswith(b"\n"): got += s.recv(1)
    assert got == b"0 go on\n", got
    return s
def ask(s, kind, body=b""):
    try: s.sendall(struct.pack("<HHI", kind, 0, len(body)) + body)
    except BrokenPipeError: pass # it has left, and its last word may be waiting
    head = b""
    while len(head) < 8:
        part = s.recv(8 - len(head))
        if not part: return None, b""
        head += part
    kind, zero, n = struct.unpack("<HHI", head)
    body = b""
    while len(body) < n: body += s.recv(n - len(body))
    return kind, body
def field(tag, value): return struct.pack("<HI", tag, len(value)) + value
half = line(); half.sendall(b"\x01\x00\x00")
bad = {
    "another type": struct.pack("<HHI", 999, 0, 0),
    "of the network side": struct.pack("<HHI", 16, 0, 0),
    "of an answer": struct.pack("<HHI", 64, 0, 0),
    "too long": struct.pack("<HHI", 2, 0, 0xffffffff),
    "a field cut off": struct.pack("<HHI", 7, 0, 5) + b"\x07\x00\x10\x00\x00",
    "no such field": struct.pack("<HHI", 1, 0, 6) + field(1, b""),
}
for what, text in bad.items():
    s = line(); s.sendall(text)
    assert s.recv(10) == b"", what
s = line()
for _ in range(300):
    kind, body = ask(s, 1)
    assert kind == 64, kind
# pieces of one byte, and two messages at once
for b in struct.pack("<HHI", 1, 0, 0): s.sendall(bytes([b]))
s.sendall(struct.pack("<HHI", 1, 0, 0) * 3)
for i in range(3): ask(s, 1)
# an unasked descriptor is nobody's trouble
socket.send_fds(s, [struct.pack("<HHI", 1, 0, 0)], [0])
# more lines than there may be: half and s count too
held = [line() for _ in range(6)]
for h in held: assert ask(h, 1)[0] == 64
over = line()
kind, body = ask(over, 1)
assert kind == 65 and b"too many commands at once" in body, (kind, body)
try: assert over.recv(1) == b""
except ConnectionResetError: pass # it left before it had read the question
r = subprocess.run([zt, "ca", "list", "-c", conf], capture_output=True, text=True)
assert r.returncode == 1 and "too many commands at once" in r.stderr, r
held.pop().close()
for _ in range(1000): # its place is free as soon as its end is seen
    r = subprocess.run([zt, "ca", "list", "-c", conf], capture_output=True, text=True)
    if r.returncode == 0: break
assert r.returncode == 0, r
PY
is_healthy >/dev/null || fail "not healthy after hostile commands"
same "$(pid_of sign | wc -l)" 1 "signing processes"

# A reload keeps the registry open and the lines answered.
before=$(pid_of sign)
expect 0 "$ZT" reload ca -c "$CONF"
same "$(pid_of sign)" "$before" "the signing process after a reload"
ca 0 list --json
same "$(grep -c '"state":"good"' <<<"$OUT")" 4 "what it knows after a reload"

# A process that stops answering is a time-out for nobody else, and a stop is a stop.
stop role
same "$STATUS" 0 "exit code of the role"
grep -q 'child died' <(grep -v "pid=$sign" "$TMP/role.log") && fail "another child died"
ca 0 list --json
same "$(grep -c '"state":"good"' <<<"$OUT")" 4 "what is there without the role"

# Two commands at once without a role: the second is told who is in the way.
mkfifo "$TMP/gate"
python3 - "$CA/lock" "$TMP/gate" <<'PY' &
import fcntl, os, sys
f = open(sys.argv[1], "r+"); fcntl.flock(f, fcntl.LOCK_EX)
f.truncate(0); f.write("%d\n" % os.getpid()); f.flush()
open(sys.argv[2], "w").write("held\n")
open(sys.argv[2]).read()
PY
PIDS[holder]=$!
read -r _ <"$TMP/gate"
ca 7 list
has "$ERR" "process ${PIDS[holder]}"
expect 7 "$ZT" ca serve -c "$CONF"
has "$ERR" "process ${PIDS[holder]}"
echo >"$TMP/gate"
join holder
ca 0 list
pass
