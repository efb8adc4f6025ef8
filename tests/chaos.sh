#!/usr/bin/env bash
# chaos.sh: an edge, two connectors, visitors of every kind, and every CHAOS_EVERY_S (25) seconds one fault from a list,
# for SOAK_S (60) seconds, with CHAOS_SEED. Uploads and downloads are checked by their digest, a raw stream and a WebSocket byte
# by byte. What fails within CHAOS_GRACE_S (15) of a fault is the fault's; anything else, and a wrong byte at any time, is a
# failure. A reload, an upgrade and a worker that stands still for 2 s are no excuse: what fails behind them is a failure.
# CHAOS_PAUSE_MS (0) passes between two transfers of one visitor, for a machine that has other work. CHAOS_ONLY: faults whose
# names contain one of these words. Prints a table of memory and descriptors of each process at the start, in the middle and
# at the end; processes that an upgrade replaced and that still end what they began count with their heirs.
. "$(dirname "$0")/behaviour/lib.sh"
. "$ROOT/tests/behaviour/faults.inc.sh"
. "$ROOT/tests/behaviour/web.inc.sh"
# shellcheck disable=SC2034 # visits says it
ROW=48
ORIGIN=$(free_port) RAW=$(free_port) ECHO=$(free_port)
start origin python3 "$ROOT/tests/behaviour/faultpeer.py" "$ORIGIN"
start echo socat "TCP-LISTEN:$ECHO,bind=127.0.0.1,reuseaddr,fork" EXEC:cat
wait_for holds_port "$ORIGIN"
wait_for holds_port "$ECHO"
host_section app public app.test
EDGE_HOSTS+=('[service raw]' "listen = 127.0.0.1:$RAW" 'hostname = raw.test' 'public = unauthenticated')
EDGE_GRANTED+=(raw.test)
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress raw 'hostname = raw.test' "service = tcp://127.0.0.1:$ECHO"
ingress last 'service = http_status:404'
relay wan "$EDGE_PORT"
relay wan2 "$EDGE_PORT"
EDGE_VIA=127.0.0.1:${RELAY[wan]}
start_authority
join_role edge
join_role connector
SECOND=$TMP/second.conf
sed "s|$TMP/connector|$TMP/second|g; s|^health = .*|health =|; s|^edge = .*|edge = 127.0.0.1:${RELAY[wan2]}|" "$CONNECTOR_CONF" >"$SECOND"
new_token connector second
expect 0 "$ZT" connector join -c "$SECOND" --token-file "$TMP/token"
CONNECTOR_ID+=", $(openssl x509 -in "$TMP/second.state/connector/identity/identity.pem" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p')"
start_edge
start_connector
start second "$ZT" connector -c "$SECOND"
wait_for grep -q 'Connected to network' "$TMP/second.log"
visits "${SOAK_S:-60}" "${CHAOS_EVERY_S:-25}" "${CHAOS_SEED:-4711}" "${CHAOS_GRACE_S:-15}" "$RAW" "${PIDS[edge]}" "${PIDS[connector]}" "${PIDS[second]}" \
	"$EDGE_CONF" "$CONNECTOR_CONF" "$SECOND" "$ZT" <<'PY'
import json, signal, subprocess
length, every, seed, grace, raw_port = (int(x) for x in sys.argv[1:6])
roles = dict(zip(("edge", "connector", "second"), map(int, sys.argv[6:9])))
confs = dict(zip(roles, sys.argv[9:12]))
pause = int(os.environ.get("CHAOS_PAUSE_MS", 0)) / 1000
rnd, begun, over = random.Random(seed), time.monotonic(), threading.Event()
fault_at, count, bad, unexplained, wrong = [-1e9], {}, {}, [], []
def note(kind, error=None):
    if error is None: count[kind] = count.get(kind, 0) + 1
    elif isinstance(error, (Wrong, AssertionError)): wrong.append(f"{kind}: {error!r}")
    elif secs(fault_at[0]) > grace: unexplained.append(f"{secs(begun):.1f} s {kind}: {error!r}")
    else: bad[kind] = bad.get(kind, 0) + 1
def worker(kind, f):
    while not over.wait(pause):
        try: f(); note(kind)
        except Exception as e: note(kind, e); time.sleep(0.2)
def request():
    v = visit(wait=40)
    for _ in range(20):
        v.ask("/bytes/2000")
        s, fields = v.p.answer()[:2]
        if s != 200: raise Bad(f"status {s}")
        if fields.get("connection") == "close": return # an edge that is replaced says so
        time.sleep(0.01)
def websocket():
    v = visit(wait=40)
    v.ask("/echo", more=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
    if " 101 " not in v.p.head()[0]: raise Bad("no WebSocket")
    for i in range(50):
        x = os.urandom(rnd.randrange(1, 5000)); v.p.send(x)
        assert v.p.exactly(len(x)) == x
        time.sleep(0.02)
def raw():
    p = Peer(socket.create_connection(("127.0.0.1", raw_port), timeout=40))
    for i in range(50):
        x = os.urandom(3000); p.send(x)
        assert p.exactly(len(x)) == x
        time.sleep(0.02)
def kids(pid): # all below it: the first process stays, and each heir is a child of the one before
    try: own = [int(k) for k in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError: return []
    return own + [below for k in own for below in kids(k)]
def sample():
    out = {}
    for role, pid in roles.items():
        for k in [pid, *kids(pid)]:
            try:
                name = open(f"/proc/{k}/cmdline").read().split("\0")
                pss = next(int(l.split()[1]) for l in open(f"/proc/{k}/smaps_rollup") if l.startswith("Pss:"))
                who = f"{role}/{name[name.index('--child') + 1] if '--child' in name else 'super'}"
                had = out.get(who, (0, 0))
                out[who] = (had[0] + pss, had[1] + len(os.listdir(f"/proc/{k}/fd")))
            except (OSError, StopIteration): pass
    return out
def status(role): return json.loads(subprocess.run([sys.argv[12], "status", "edge" if role == "edge" else "connector", "--json", "-c", confs[role]], capture_output=True, check=True, timeout=20).stdout)
def worker_of(role): return [k["pid"] for k in status(role)["children"] if "worker" in k["name"]][-1]
def kill_worker(role): os.kill(worker_of(role), signal.SIGKILL)
def stand_still(role):
    pid = worker_of(role)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(pid, signal.SIGCONT)
def upgrade(role):
    before = status(role)["process"]
    r = subprocess.run([sys.argv[12], "upgrade", "edge" if role == "edge" else "connector", "-c", confs[role]], capture_output=True, text=True, timeout=120)
    if r.returncode or status(role)["process"] == before: unexplained.append(f"{secs(begun):.1f} s upgrade of {role}: {r.returncode} {r.stdout} {r.stderr}")
def for_a_while(begin, end, name): relay(begin, name); time.sleep(3); relay(end, name)
faults = {
    "cut rst": lambda n: relay("cut rst", n), "cut fin": lambda n: relay("cut fin", n), "flip up": lambda n: relay("flip 1 up", n),
    "flip down": lambda n: relay("flip 1 down", n), "half-open": lambda n: (relay("lose", n), relay("go", n)),
    "stall": lambda n: for_a_while("stall", "go", n), "delay": lambda n: for_a_while("delay 200", "delay 0", n),
    "narrow": lambda n: for_a_while("rate 4000", "rate 0", n), "refused": lambda n: (relay("new refuse", n), relay("cut rst", n), time.sleep(3), relay("new pass", n)),
    "worker of the edge killed": lambda n: kill_worker("edge"),
    "worker of a connector killed": lambda n: kill_worker("connector" if n == "wan" else "second"),
    "reload": lambda n: os.kill(status("edge" if n == "wan" else "connector")["process"], signal.SIGHUP),
    "upgrade of the edge": lambda n: upgrade("edge"),
    "upgrade of a connector": lambda n: upgrade("connector" if n == "wan" else "second"),
    "the edge stands still": lambda n: stand_still("edge"),
    "a connector stands still": lambda n: stand_still("connector" if n == "wan" else "second"),
}
harmless = {f for f in faults if "upgrade" in f or "still" in f or f == "reload"}
only = os.environ.get("CHAOS_ONLY", "").split()
faults = {f: faults[f] for f in faults if not only or any(w in f for w in only)}
for kind, f in (("request", request), ("request", request), ("download", lambda: visit(wait=40).get(3000000)),
                ("upload", lambda: visit(wait=40).put(3000000)), ("websocket", websocket), ("raw", raw)):
    threading.Thread(target=worker, args=(kind, f), daemon=True).start()
time.sleep(min(5, every))
series, done = [(secs(begun), sample())], []
while secs(begun) < length:
    name, where = rnd.choice(sorted(faults)), rnd.choice(("wan", "wan2"))
    done.append(f"{name}@{where}")
    if name not in harmless: fault_at[0] = time.monotonic()
    faults[name](where)
    if name not in harmless: fault_at[0] = time.monotonic()
    time.sleep(max(0, min(every, length - secs(begun))))
    series.append((secs(begun), sample()))
over.set()
time.sleep(1)
print(f"| process | PSS KiB, descriptors after {series[0][0]:.0f} s | {series[len(series) // 2][0]:.0f} s | {series[-1][0]:.0f} s |\n|---|---|---|---|")
for who in sorted(series[-1][1]):
    print("|", who, "|", " | ".join("%d, %d" % s[1][who] if who in s[1] else "-" for s in (series[0], series[len(series) // 2], series[-1])), "|")
late = [(t, sum(v[0] for v in s.values())) for t, s in series[len(series) // 2:]]
if len(late) > 2:
    mt, mp = sum(t for t, _ in late) / len(late), sum(p for _, p in late) / len(late)
    slope = sum((t - mt) * (p - mp) for t, p in late) / max(1e-9, sum((t - mt) ** 2 for t, _ in late)) * 3600
    figure(48, f"slope of all memory in the second half: {slope:.0f} KiB an hour")
figure(48, f"{secs(begun):.0f} s, seed {seed}, faults {', '.join(done)}: done {count}, failed within {grace} s of a fault {bad}, unexplained {len(unexplained)}, wrong {len(wrong)}")
for x in (unexplained + wrong)[:20]: print(x)
sys.exit(bool(unexplained or wrong))
PY
