#!/usr/bin/env bash
# core
# Agents that watch the status list: it comes at once, changes come as they are made, signed anew each
# list_every; one fetch for all of them; who is revoked, suspended or copied is told and cut off. They live
# through a reload and through the death of the signing process, and end with a clean farewell.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca 'list_every = 1s'
new_token connector --uses 30
py <<'PY' || fail "the joins"
t = Token(open(TMP + "/token").read())
for i in range(6):
    keep(join(ENROL, t, request(f"{TMP}/w{i}.key")), f"{TMP}/w{i}.pem")
PY
# name_of N: what the registry calls the certificate wN.
name_of() {
	ca 0 list --json
	grep "$(serial_of "$TMP/w$1.pem")" <<<"$OUT" | grep -o '"name":"[^"]*"' | head -1 | cut -d'"' -f4
}
for i in 1 2 3; do
	name_of "$i" >"$TMP/name$i"
	[ -s "$TMP/name$i" ] || fail "the registry does not know w$i"
done

cat >"$TMP/follow.py" <<'PY'
CERT, GOOD, SUSPENDED, REVOKED, SUPERSEDED, GONE = 1, 1, 2, 3, 4, 5
def mine(i): return serial(ssl.PEM_cert_to_DER_cert(open(f"{TMP}/w{i}.pem").read()))
def zt(*args):
    subprocess.run([os.environ["ZT"], "ca", args[0], "-c", TMP + "/zt.conf", *args[1:]], check=True, stdout=subprocess.DEVNULL)
class Follower:
    """An agent: applies what it is sent, and holds it to the rules of a receiver."""
    def __init__(self, i, **how):
        self.p = watch(ENROL, f"{TMP}/w{i}.pem", f"{TMP}/w{i}.key", **how)
        self.head, self.state, self.anchors, self.deltas = dict(epoch=0, number=0), {}, None, 0
    def step(self):
        """One frame: its type. None: the end."""
        got = self.p.read()
        if got is None: return None
        if got[0] == ANCHORS: self.anchors = got[1]
        if got[0] == REFUSED: self.refused = refusal(got)
        if got[0] == LIST:
            head, entries = listed(got[1]["LIST"])
            if head["kind"] == 2:
                assert (head["epoch"], head["base"]) == (self.head["epoch"], self.head["number"]), "a delta that does not fit"
                self.deltas += 1
            else: self.state = {}
            assert head["number"] > self.head["number"] or head["epoch"] > self.head["epoch"], "not a newer one"
            for k, v in entries.items():
                if v == GONE: self.state.pop(k, None)
                else: self.state[k] = v
            self.head = head
        return got[0]
    def until(self, done):
        for _ in range(200):
            if done(self): return
            assert self.step() is not None, "it ended"
        raise AssertionError("it never came")
    def start(self):
        self.until(lambda f: f.state and f.anchors)
        return self
    def sees(self, i, state):
        self.until(lambda f: f.state.get((CERT, mine(i))) == state)
    def ends(self):
        """With the refusal, if there was one."""
        while self.step() not in (None, REFUSED): pass
        assert self.p.read() is None
        return getattr(self, "refused", None)
PY
follow() {
	{ cat "$TMP/follow.py" && cat; } >"$TMP/.follow"
	ZT=$ZT py <"$TMP/.follow"
}

follow <<'PY' || fail "what watchers are told"
a, b = Follower(0).start(), Follower(4).start()
assert a.state == b.state and all(a.state[CERT, mine(i)] == GOOD for i in range(6)), a.state
assert certs(a.anchors["INFRA"]) and "DEVICE" in a.anchors and "ACME" in a.anchors
# changes, and the heartbeat: each a delta on the one before
zt("suspend", open(TMP + "/name1").read().strip())
a.sees(1, SUSPENDED); b.sees(1, SUSPENDED)
zt("unsuspend", open(TMP + "/name1").read().strip())
a.sees(1, GOOD); b.sees(1, GOOD)
n = a.head["number"]
a.until(lambda f: f.head["number"] >= n + 2)
assert a.deltas > 3, a.deltas
# who comes back with the list it has gets what changed since; with one of another epoch, all of it
c = Follower(5, epoch=a.head["epoch"], number=a.head["number"]); c.head, c.state = dict(a.head), dict(a.state)
c.until(lambda f: f.deltas == 1)
d = Follower(3, epoch=a.head["epoch"] + 7, number=a.head["number"]).start()
assert d.deltas == 0 or d.head["kind"] == 2
# revoked and suspended while they watch: told why, then cut off; the others go on
for i, word in ((3, "revoke"), (2, "suspend")):
    f = d if i == 3 else Follower(i).start()
    n = f.head["number"]
    zt(word, open(f"{TMP}/name{i}").read().strip())
    code, text = f.ends()
    assert code == E_DENIED and text, (code, text)
    assert f.head["number"] < n + 8, "it was cut off by its next beat and not by the list"
    a.sees(i, REVOKED if i == 3 else SUSPENDED)
    assert Follower(i).ends()[0] == E_DENIED, "it was let in again"
# a watcher has nothing to say
f = Follower(4).start(); f.p.send(frame(PROOF, PROOF=bytes(32))); assert f.ends()
PY

# Many watchers, one fetch of each list.
follow <<'PY' || fail "many watchers"
all = [Follower(0 if i % 2 else 5, instance=bytes(16), source=f"127.0.0.{2 + i}") for i in range(40)]
for f in all: f.start()
def counters():
    import json
    said = subprocess.run([os.environ["ZT"], "status", "ca", "--json", "-c", TMP + "/zt.conf"], check=True, stdout=subprocess.PIPE).stdout
    return next(c["counters"] for c in json.loads(said)["children"] if c["name"] == "front")
was = counters()
assert was["watchers"] == 40, was
for word in "suspend", "unsuspend", "suspend": # each a list at once
    zt(word, open(TMP + "/name1").read().strip())
    for f in all: f.sees(1, GOOD if word == "unsuspend" else SUSPENDED)
now = counters()
sent, fetched = now["lists_sent"] - was["lists_sent"], now["fetches"] - was["fetches"]
print(sent, "lists sent,", fetched, "fetched")
assert sent >= 60 and fetched * 5 < sent, (sent, fetched)
for f in all: f.p.close()
PY

# A reload, then the death of the signing process, then the end, all under one pair of watchers.
mkfifo "$TMP/go"
follow <<'PY' >"$TMP/long.log" &
a, b = Follower(0).start(), Follower(4).start()
print("watching", flush=True)
with open(TMP + "/go") as go:
    for line in go:
        for f in a, b:
            n = f.head["number"]
            f.until(lambda f: f.head["number"] > n)
        print("still", line.strip(), flush=True)
assert a.ends() is None and b.ends() is None
print("farewell", flush=True)
PY
long=$!
exec 9>"$TMP/go"
said() { grep -q "^$1" "$TMP/long.log"; }
wait_for said watching
expect 0 "$ZT" reload ca -c "$CONF"
echo reloaded >&9
wait_for said 'still reloaded'
kill -9 "$(ca_child sign pid)"
wait_for ca_is_healthy
echo revived >&9
wait_for said 'still revived'
exec 9>&-
stop ca
same "$STATUS" 0 "the exit code"
wait "$long" || fail "the long watchers: $(<"$TMP/py.log")"
said farewell || fail "they were not told of the end"
