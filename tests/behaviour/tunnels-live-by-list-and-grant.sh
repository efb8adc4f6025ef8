#!/usr/bin/env bash
# core
# FLOODS(BOUND_TUNNELS)
# What lives is judged again: a grant that is taken back ends the streams that lived by it and no others. A connection
# that its own instance replaced is passed over, a rule whose origins are down is not used. There is an end to how many
# connections one certificate has, and all of them together.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/judged.inc.sh"
# Hundreds of connections that nobody reads outlive the making of the last of them, however long it takes.
edge_line '[tunnel]' 'ping_after = 5m' 'dead_after = 1h'
judged_start one c1 c2 c3 c4 c5 c6 c7 c8

played <<'PY' || fail "$(tail -5 "$TMP/played.log")"
A = S["one"]
# Grants: two downloads through one connector; the name of one of them is taken back.
l = link("one")
l.list(REG.list(5, {serial: GOOD for serial in S.values()})) # who is in no list waits for another, and not for long
l.serve(1, b"app.test", b"other.test")
assert let_in(l, "one")
s1, got1, t1 = asked(l, "app.test")
s2, got2, t2 = asked(l, "other.test")
for s in (s1, s2):
    l.send(frame(DATA, s, b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + bytes(1000)))
text = open(CONF).read()
open(CONF, "w").write(text.replace("names = app.test,other.test", "names = app.test"))
subprocess.run([ZT, "reload", "edge", "-c", CONF], check=True, capture_output=True)
t2.join(20)
assert got2 and got2[0][1] != 0, got2           # it ended, and not well
l.until(lambda l: any(r[0] == s2 for r in l.resets))
assert [r for r in l.resets if r[0] == s2][0][1:] == (9, "the name is not granted any more"), l.resets
l.send(frame(DATA, s1, bytes(1000)))            # the other one goes on to its end
t1.join(20)
assert got1 == [(200, 0)], got1
assert get("other.test")[0] == 503 and carries(l)
assert re.search("claims a name.*other.test", log()), "the log does not say so"

# The same instance again: the newer connection serves.
me = os.urandom(16)
old, new = link("one", instance=me), link("one", instance=me)
for x in (old, new):
    x.serve(1, b"app.test")
    assert let_in(x, "one")
l.send(frame(GOAWAY, 0, struct.pack("<HII", REKEY, 0, 1000)))
wait("it leaves", lambda: "a connector leaves" in log() and log().count("a connector announced its rules") >= 3)
for _ in range(3):
    assert carries(new)
assert not old.opened, "what was replaced serves"
# Somebody else who says that he is the same instance replaces nobody: both serve.
liar = link("c1", instance=me)
liar.serve(1, b"app.test")
assert let_in(liar, "c1")
wait("its rules", lambda: log().count("a connector announced its rules") >= 4)
before = len(new.opened)
for _ in range(8):
    at, n, got = [new, liar], [len(new.opened), len(liar.opened)], []
    t = threading.Thread(target=lambda: got.append(get("app.test")))
    t.start()
    wait("the request", lambda: [len(l.opened) for l in at] != n)
    l = next(l for l, was in zip(at, n) if len(l.opened) > was)
    answer(l, l.opened[-1][0])
    t.join(30)
    assert got[0] == (200, 0), got
assert len(new.opened) > before, "another connector took all by naming its instance"
liar.send(frame(GOAWAY, 0, struct.pack("<HII", REKEY, 0, 1000)))
wait("it leaves", lambda: log().count("a connector leaves") >= 2)

# Health: a rule whose origins are down is not used, and that is said.
new.send(ctrl(HEALTH, struct.pack("<I", 1) + b"\0\1"))
old.send(ctrl(HEALTH, struct.pack("<I", 1) + b"\0\1"))
wait("503", lambda: get("app.test")[0] == 503)
wait("its line", lambda: '"decision":"origin-down"' in log())
new.send(ctrl(HEALTH, struct.pack("<I", 1) + b"\1\1"))
assert carries(new)

# 32 of one certificate, 256 in all; those that were there stay.
def flood(who, n): return [link(who, reads=False) for _ in range(n)]
kept = flood("one", 40)
wait("refusals", lambda: log().count("too many tunnels") >= 8)
for i in range(8): kept += flood(f"c{i + 1}", 32)
wait("more refusals", lambda: log().count("too many tunnels") >= 30)
assert not new.ended and carries(new)
PY
edge_is_alive
pass
