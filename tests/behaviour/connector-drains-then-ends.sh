#!/usr/bin/env bash
# core
# What runs through a connector outlives what happens to it: a download goes on, and is whole, while its
# identity is replaced, while its rules change, and when it is told to end, which it does right behind it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
ORIGIN=$(free_port)

# An origin that sends half of a body, and the rest when $TMP/PATH.go is there: 1,500,000 bytes that follow from the path.
cat >"$TMP/halves.py" <<'PY'
import hashlib, http.server, os, sys, time
class Halves(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        block = hashlib.sha256(self.path.encode()).digest()
        body = block * (1500000 // len(block))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        for _ in range(3000):
            if os.path.exists(sys.argv[2] + self.path + ".go"):
                break
            time.sleep(0.01)
        self.wfile.write(body[len(body) // 2:])
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Halves).serve_forever()
PY
start origin python3 "$TMP/halves.py" "$ORIGIN" "$TMP"
wait_for listening "$ORIGIN"

host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
start_authority
join_role edge
join_role connector
start_edge
connector_conf
start connector "$ZT" connector -c "$CONNECTOR_CONF"
is_served() { touch "$TMP/probe.go" && [ "$(web app.test /probe -o /dev/null -w "%{http_code}")" = 200 ]; }
wait_for is_served
# begin NAME: a download of /NAME in the background, until half of it is here.
begin() {
	start "$1" web app.test "/$1" -o "$TMP/$1.body"
	wait_for half_is_here "$1"
}
half_is_here() { [ "$(stat -c %s "$TMP/$1.body")" -ge 500000 ]; }
# finish NAME: the rest, and it is right.
finish() {
	touch "$TMP/$1.go"
	join "$1"
	same "$STATUS" 0 "the exit code of the download $1"
	python3 - "/$1" "$TMP/$1.body" <<'PY' || fail "the body of $1 is another"
import hashlib, sys
block = hashlib.sha256(sys.argv[1].encode()).digest()
assert open(sys.argv[2], "rb").read() == block * (1500000 // len(block))
PY
}
logged() { grep -qF -- "$1" "$TMP/connector.log"; }

# Another certificate: a new connection takes over, the old one lives as long as its stream.
begin one
new_token connector again
expect 0 "$ZT" connector join --replace -c "$CONNECTOR_CONF" --token-file "$TMP/token"
CONNECTOR_ID+=", "$(openssl x509 -in "$TMP/connector.state/connector/identity/identity.pem" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p')
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
expect 0 "$ZT" reload connector -c "$CONNECTOR_CONF"
wait_for logged "our certificate was renewed"
twice() { [ "$(grep -c 'Connected to network' "$TMP/connector.log")" -ge 2 ]; }
wait_for twice
begin two
if logged "connection to the edge is over"; then fail "the old connection ended while it had a stream"; fi
finish one
wait_for logged "connection to the edge is over"

# Other rules: what runs by the old ones goes on.
INGRESS=()
ingress gone 'hostname = other.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
connector_conf
expect 0 "$ZT" reload connector -c "$CONNECTOR_CONF"
not_served() { [[ $(web app.test /x -o /dev/null -w '%{http_code}') = @(404|503) ]]; } # whose rule it is, if anybody's
wait_for not_served
finish two

# Told to end: it takes nothing new, and ends when the last byte has left.
INGRESS=()
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
connector_conf
expect 0 "$ZT" reload connector -c "$CONNECTOR_CONF"
served() { touch "$TMP/probe.go" && [ "$(web app.test /probe -o /dev/null -w '%{http_code}')" = 200 ]; }
wait_for served
begin three
kill -TERM "${PIDS[connector]}"
unserved() { [ "$(web app.test /probe -o /dev/null -w '%{http_code}')" = 503 ]; }
wait_for unserved
running connector || fail "it ended before its stream"
finish three
join connector
same "$STATUS" 0 "the exit code of the connector"
edge_is_alive
