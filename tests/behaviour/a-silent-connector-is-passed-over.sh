#!/usr/bin/env bash
# core
# waits
# Two connectors of one name under load, and all processes of one are stopped (SIGSTOP): new requests go to the other one
# long before the silence counts as death; those that went into it are answered 502 when it does, within [tunnel]
# dead_after. When it goes on later, what lies in its sockets is not done any more, and it serves again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
two_copies 10

# Visitors who stay, and some who come anew with each request.
start_load visitors 12 0.02
start_load others 24 0.02 1
logged() { grep -qF -- "$2" "$TMP/$1.log"; }
enough() { [ "$(wc -l <"$TMP/visitors.load")" -ge "$1" ]; }
more_than() { wait_for enough $(($(wc -l <"$TMP/visitors.load") + $1)); }
more_than 300
stopped=$(now)
signal_copy one STOP
dead() { grep -F "a tunnel ended" "$TMP/edge.log" | grep -F "${ID[one]}" | grep -q "nothing came"; }
wait_for dead
died=$(now)
wait_for edge_has tunnels 1
more_than 100
sleep 0.5 # what it finds is older than the 9 s that it waits itself
signal_copy one CONT
wait_for edge_has tunnels 2
back=$(now)
served() { tail -n 50 "$TMP/edge.log" | grep -qF "\"connector\":\"${ID[one]}\""; }
wait_for served
end_load visitors
end_load others
edge_is_alive
weigh "visitors others" "$stopped" "$died" "$back" "$TMP/counted" <<'PY'
stopped, died, back = map(float, sys.argv[1:4])
never_twice(asked, seen)
lost = [a for a in asked if a["status"] != 200]
assert lost, "nothing went into it: this test shows nothing"
for a in lost:
    assert a["status"] == 502 and "the connection to the connector was lost meanwhile" in a["text"], a
    assert a["took"] < 45, f"kept waiting: {a}"
into = max(a["began"] for a in lost) - stopped
assert into < 10, f"still sent into silence after {into:.1f} s"
assert died - stopped < 45, f"dead after {died - stopped:.1f} s"
good = [a["took"] for a in asked if a["status"] == 200 and stopped + 4 < a["began"] < died]
assert good and max(good) < 5, "the others waited for it, too"
print(f"figure: HA, silent connector: last request sent into it after {into * 1000:.0f} ms, {len(lost)} of 36 visitors' requests lost, "
      f"answered after {max(a['took'] for a in lost):.1f} s at most")
print(f"figure: HA, silent connector: dead after {died - stopped:.1f} s; others meanwhile: {len(good)} requests, slowest {max(good) * 1000:.0f} ms")
# It was answered 502: then nobody does it afterwards.
lost = {(a["method"], a["path"]) for a in lost}
after = {tuple(l.split()[1:]) for l in open(sys.argv[4]) if float(l.split()[0]) > died}
assert not lost & after, f"done after it was answered as lost: {lost & after}"
found = len(lost - set(seen))
assert found, "nothing was left for it to find: this test shows nothing"
print(f"figure: HA, requests that it found when it went on: {found}, of which it did: 0")
PY
pass
