#!/usr/bin/env bash
# core
# waits
# security
# A status list that has become too old: who lives by it is cut, and nobody new is let in. Who brings no list is sent
# away after ten seconds, and serves nothing until then. One certificate used by two connectors at once is an alarm.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/judged.inc.sh"
edge_line 'max_stale = 30s' 'cut_stale = 30s' '[tunnel]' 'ping_after = 500ms' 'dead_after = 1s'
judged_start one two

played <<'PY' || fail "$(tail -5 "$TMP/played.log")"
A, B = S["one"], S["two"]
silent = link("two")
silent.serve(1, b"other.test")
l = link("one")
l.list(REG.list(5, {A: GOOD}, age=26))          # four seconds are left of it
l.serve(1, b"app.test")
assert let_in(l, "one") and carries(l)
stream, got, t = asked(l, "app.test", "/long")
l.send(frame(DATA, stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + bytes(1000)))
assert l.to_the_end()[0] == BUSY, l.goaway      # not the connector's fault
t.join(10)
assert got and got[0][1] != 0, got
late = link("one")
late.list(REG.list(5, {A: GOOD}, age=26))
late.serve(1, b"app.test")
assert late.still() and get("app.test")[0] == 503
assert silent.to_the_end() == (BUSY, "the status list is too old to let anything new begin"), silent.goaway
late.list(REG.list(6, {A: GOOD}))               # and a fresh one makes all good
assert let_in(late, "one") and carries(late)
twin = link("one")                              # with another instance's number: a copy
assert let_in(twin, "one") and "a key was copied" not in log()
assert late.still(1.2)                          # one of them may have died without a word
late.list(REG.list(7, {A: GOOD}))
wait("the alarm", lambda: "one certificate is used by two connectors at once: a key was copied" in log())
assert twin.still(0.1) and not late.ended       # what to do about it is the authority's business
PY
edge_is_alive
pass
