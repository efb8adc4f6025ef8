#!/usr/bin/env bash
# FLOODS(BOUND_TUNNEL_RULES)
# Rules that connectors announce are memory of the edge's: there is an end to how much. One connector gets half of it at the
# most, on as many connections as it likes, and however often it announces: others find room. What it gives back is there again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/judged.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
# 4 % of 24 MiB are 1,006,592 bytes; a table of 230 rules with a field of 900 bytes each takes more than a quarter.
edge_line '[limits]' 'memory = 24M' '[tunnel]' 'ping_after = 5m' 'dead_after = 1h'
judged_start one two three
played <<'PY' || fail "$(tail -5 "$TMP/played.log")"
def fat(epoch, n=230):
    field = struct.pack("<B", 3) + b"X-A" + struct.pack("<H", 900) + b"x" * 900
    return ctrl(RULES, rules(epoch, *(rule(b"h%d.test" % i, set=field) for i in range(n))))
LIST = REG.list(5, {serial: GOOD for serial in S.values()})
def here(who):
    l = link(who)
    l.list(LIST)
    assert let_in(l, who)
    return l
def announced(): return log().count("a connector announced its rules")
def announces(l, what):
    before = announced()
    l.send(what)
    wait("an answer", lambda: announced() > before or l.goaway)
    return l.goaway is None
BUSY = "its rules hold more memory than is left for others"
first = here("one")
assert announces(first, fat(1))
for i in range(4):                       # nor does it help to be there more than once
    more = here("one")
    assert not announces(more, fat(1)), f"{i}: one connector has more than half"
    assert more.to_the_end()[1] == BUSY, more.goaway
other = here("two")
assert announces(other, fat(1)), other.goaway
late = here("three")
assert announces(late, ctrl(RULES, rules(1, rule(b"app.test")))), late.goaway
assert carries(late)
# What one has replaced counts until it is gone: ten in a row are no more than two.
for i in range(10):
    first.send(fat(2 + i))
assert first.to_the_end()[1] == BUSY, first.goaway
again = here("one")
assert announces(again, fat(1)), again.goaway
assert carries(late) and not other.ended
PY
[ "$(edge_counter tunnel_rules_bytes_full)" -ge 5 ] || fail "the refusals were not counted"
edge_is_alive
pass
