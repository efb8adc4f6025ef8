#!/usr/bin/env bash
# More visitors who keep their connection than a tunnel has streams: every one is served at once, and again later, as those
# who ask for nothing give way to those who do; and no stream is kept for longer than `keepalive` says. KEPT_STREAMS,
# KEPT_MORE: how many streams, how many visitors more.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
STREAMS=${KEPT_STREAMS:-16} MORE=${KEPT_MORE:-20}
N=$((STREAMS + MORE))
ulimit -Sn "$(ulimit -Hn)"
ORIGIN=$(free_port)
start_counter "$ORIGIN" 0
edge_line 'idle = 5m'
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN" 'keepalive = 5s'
ingress last 'service = http_status:404'
INGRESS+=('[tunnel]' "streams = $STREAMS")
start_web
cat >"$TMP/visits.py" <<'PY'
import os, sys, time
sys.path.insert(0, sys.argv[1])
from visitor import Visitor
port, ca, n, go = int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
ask = lambda v: v.ask(b"GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n").status
all = []
def new():
    all.append(Visitor(port, ca, "app.test")); return all[-1]
for name, one in (("new", lambda i: new()), ("again", lambda i: all[i]), ("twice", lambda i: all[n - 1 - i // 2])):
    got = {}
    for i in range(n):
        s = ask(one(i)); got[s] = got.get(s, 0) + 1
    print(name, got, flush=True)
while not os.path.exists(go): time.sleep(0.05)
print("later", {s: 1 for s in {ask(v) for v in all}}, flush=True)
PY
start visits python3 "$TMP/visits.py" "$ROOT/tests/tools" "$EDGE_PORT" "$WEB_CA" "$N" "$TMP/go"
visited() { grep -q "^$1" "$TMP/visits.log"; }
wait_for visited twice
same "$(<"$TMP/visits.log")" "new {200: $N}
again {200: $N}
twice {200: $N}" "what the visitors got"
live=$(edge_counter streams_live)
[ "$live" -gt 0 ] || fail "no stream is kept"
[ "$live" -le $((STREAMS * 5 / 8)) ] || fail "$live of $STREAMS streams are kept"
same "$(edge_counter retried)" 0 "requests that were tried twice"
# A visitor who asks again goes by the stream that he has: two requests, one stream.
[ "$(edge_counter streams)" -lt $((3 * N)) ] || fail "nothing is kept"
wait_for edge_has streams_live 0
same "$(edge_counter visitors)" "$N" "visitors who are still connected"
touch "$TMP/go"
join visits
same "$STATUS" 0 "the end of the visitors"
same "$(tail -n 1 "$TMP/visits.log")" "later {200: 1}" "what the visitors got when nothing was kept any more"
edge_is_alive
pass
