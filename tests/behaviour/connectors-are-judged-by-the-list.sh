#!/usr/bin/env bash
# core
# security
# An edge that cannot reach the authority lets a connector in by the list that connectors bring, and by no other: not
# without one, not by one that somebody else signed, not by an old one, not even after a restart. Who is revoked is
# cut at once, with what runs through it, and does not come back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/judged.inc.sh"
judged_start thief honest

played <<'PY' || fail "while it runs: $(<"$TMP/played.log")"
A, B = S["thief"], S["honest"]
lonely = link("honest")                        # no list: it waits, and serves nothing
lonely.serve(1, b"app.test")
assert lonely.still() and get("app.test")[0] == 503
forged = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", TMP + "/forged.key"])
l = link("thief")
l.serve(1, b"app.test")
l.list(REG.list(10**9, {A: GOOD, B: GOOD}, key=TMP + "/forged.key"))
assert l.still(), l.goaway                     # one may be a mistake
l.list(*[REG.list(10**9 + i, {A: GOOD}, key=TMP + "/forged.key") for i in range(2)])
assert l.to_the_end() == (PROTOCOL, "the status lists that it brings are no good"), l.goaway
assert not lonely.ended and get("app.test")[0] == 503, "a forged list let somebody in"

l = link("thief")                              # the first true list: both are in
l.list(REG.list(100, {A: GOOD, B: GOOD}))
l.serve(1, b"app.test")
assert let_in(l, "thief") and let_in(lonely, "honest")
lonely.serve(2, b"other.test")                 # so that it does not take its turns at the other
assert carries(lonely, "other.test") and carries(l)
assert 'number=100' in log() or '"number":100' in log(), "the keeper did not follow it"

# A long download through the thief, who is revoked by a list that the honest one brings.
stream, got, t = asked(l, "app.test", "/long")
l.send(frame(DATA, stream, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(10000)))
began = time.monotonic()
lonely.list(REG.list(101, {A: REVOKED}, base=100))
assert l.to_the_end() == (DENIED, "it is revoked"), l.goaway
t.join(10)
assert got and got[0][1] != 0, f"the download ended well: {got}"
assert time.monotonic() - began < 5, "not at once"
assert get("app.test")[0] == 503 and carries(lonely, "other.test")
again = link("thief")                          # refused, though it says nothing of lists, or an old one
assert again.to_the_end() == (DENIED, "it is revoked")
again = link("thief")
again.list(REG.list(100, {A: GOOD, B: GOOD}))
assert again.to_the_end()[0] == DENIED
PY
edge_is_alive
seen=$TMP/edge.state/edge/identity/status.seen
[ -s "$seen" ] || fail "what was seen is not on disk"
stop edge
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for listening "$EDGE_PORT"
played <<'PY' || fail "after the restart: $(<"$TMP/played.log")"
A, B = S["thief"], S["honest"]
l = link("thief")
l.list(REG.list(100, {A: GOOD, B: GOOD}))      # as good as ever, and older than what was seen
l.serve(1, b"app.test")
assert l.still(1) and get("app.test")[0] == 503, "an old list counts after a restart"
# A full list from before and the change behind it lead to what was seen: both together count, and only then.
h = link("honest")
h.serve(1, b"other.test")
h.list(REG.list(100, {A: GOOD, B: GOOD}), REG.list(101, {A: REVOKED}, base=100))
assert l.to_the_end() == (DENIED, "it is revoked"), l.goaway
assert let_in(h, "honest") and carries(h, "other.test")
h.list(REG.list(102, {B: SUSPENDED}, base=101))
assert h.to_the_end() == (DENIED, "it is suspended"), h.goaway
# Suspended, and not on the list at all: it waits, for it may be the one that brings the better news.
h = link("honest")
h.serve(1, b"other.test")
assert h.still() and get("other.test")[0] == 503
h.list(REG.list(103, {A: GOOD}))
assert h.still() and get("other.test")[0] == 503
h.list(REG.list(104, {B: GOOD}, base=103))
assert let_in(h, "honest") and carries(h, "other.test")
PY
edge_is_alive
pass
