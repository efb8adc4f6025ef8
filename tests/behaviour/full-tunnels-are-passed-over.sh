#!/usr/bin/env bash
# The tunnel that is preferred has no stream left: the next one is asked at once, and nobody is asked in vain. When all are
# full, the answer is 503 and says when to come again. Who waits for 100 before he sends his body is told by whoever takes it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
ORIGIN=$(free_port)
start origin python3 "$ROOT/tests/behaviour/faultpeer.py" "$ORIGIN"
wait_for listening "$ORIGIN"
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
start_authority
join_role edge
make_copies small large
printf '[tunnel]\nstreams = 4\n' >>"$TMP/small.conf"
printf '[tunnel]\nstreams = 16\n' >>"$TMP/large.conf"
CONNECTOR_ID="${ID[small]}, ${ID[large]}"
edge_conf
echo "prefer = ${ID[small]}" >>"$EDGE_CONF"
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
start_copy small
start_copy large
HANGING=()
hang() { # N: more requests that are not answered soon
	local i
	for ((i = 0; i < $1; i++)); do
		curl -s --max-time 60 --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$EDGE_PORT" https://app.test/slow/60 >/dev/null 2>&1 &
		HANGING+=($!)
	done
	wait_for edge_has streams_live ${#HANGING[@]}
}
hang 12
same "$(edge_counter retried)" 0 "requests that were tried twice"
same "$(web app.test /x)" ok "a request beside them"
hang 8
same "$(web app.test /x -D "$TMP/head" -o /dev/null -w '%{http_code}')" 503 "what is answered when both are full"
grep -qi '^retry-after: [1-9]' "$TMP/head" || fail "no Retry-After: $(<"$TMP/head")"
kill "${HANGING[@]}" 2>/dev/null
wait_for edge_has streams_live 0
same "$(web app.test /x)" ok "a request when they have gone"

# One that is full and says more about the name is asked first all the same.
sed -i 's/^hostname = .*/hostname = *.test/' "$TMP/large.conf"
before=$(grep -F 'a connector announced its rules' "$TMP/edge.log" | grep -cF "${ID[large]}")
expect 0 "$ZT" reload connector -c "$TMP/large.conf"
wait_for announced large "$before"
HANGING=()
hang 4
before=$(edge_counter retried)
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 - "$EDGE_PORT" "$WEB_CA" <<'PY' || fail "see above"
import sys
from webpeer import *
p = visitor(int(sys.argv[1]), "app.test", sys.argv[2])
p.send(b"POST /sum HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
same(p.head()[0], "HTTP/1.1 100 Continue", "what is said before the body")
p.send(b"12345")
same(p.answer()[2], hashlib.sha256(b"12345").hexdigest().encode(), "the sum of the body")
PY
same "$(edge_counter retried)" $((before + 1)) "requests that were tried twice"
kill "${HANGING[@]}" 2>/dev/null
edge_is_alive
pass
