#!/usr/bin/env bash
# A GET over a connection to the origin that was kept, whose bytes the origin has: its connector loses the grant before the
# answer. Another connector serves the name, and gets nothing of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
two_copies 1000
edge_conf
printf 'prefer = %s\n' "${ID[one]}" >>"$EDGE_CONF"
expect 0 "$ZT" reload edge -c "$EDGE_CONF"

cat >"$TMP/twice.py" <<'PY'
import http.client, ssl, sys
c = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=30, context=ssl.create_default_context(cafile=sys.argv[2]))
c.sock = c._context.wrap_socket(__import__("socket").create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30), server_hostname="app.test")
for path in "/first", "/once":
    c.request("GET", path, headers={"Host": "app.test"})
    r = c.getresponse(); r.read()
    print(path, r.status, flush=True)
PY
start visitor python3 "$TMP/twice.py" "$EDGE_PORT" "$WEB_CA"
has_it() { grep -q /once "$TMP/counted"; }
wait_for has_it
CONNECTOR_ID=${ID[two]}
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
join visitor
has "$(<"$TMP/visitor.log")" "/first 200"
lacks "$(<"$TMP/visitor.log")" "/once 200"
same "$(grep -c /once "$TMP/counted")" 1 "how many origins have had it"
same "$(edge_counter retried)" 0 "what was tried elsewhere"
edge_is_alive
pass
