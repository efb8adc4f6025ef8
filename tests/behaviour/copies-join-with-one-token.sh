#!/usr/bin/env bash
# core
# Copies of one container: `zt connector` with a join token in its environment joins at its first start and never again,
# each copy as somebody of its own, as many as the token has uses. It waits for an authority that is not there yet.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

ORIGIN=$(free_port)
mkdir -p "$TMP/www" && echo "from home" >"$TMP/www/page"
start origin python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$ORIGIN"
wait_for listening "$ORIGIN"
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
start_authority
join_role edge
CONNECTOR_ID='*'
start_edge
connector_conf

logged() { grep -qF -- "$2" "$TMP/$1.log"; }
copy() { # NAME: its configuration
	sed "s|$TMP/connector|$TMP/$1|g; s|^health = .*|health =|" "$CONNECTOR_CONF" >"$TMP/$1.conf"
}
id_of() { openssl x509 -in "$TMP/$1.state/connector/identity/identity.pem" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p'; }
new_token connector house --uses 2
for name in one two three; do copy $name; done

# Nobody who could let it in is there: it asks again, and ends when it is told to.
stop ca
start one env ZT_JOIN_TOKEN_FILE="$TMP/token" "$ZT" connector -c "$TMP/one.conf"
wait_for logged one "the authority is asked again"
stop one
same "$STATUS" 0 "the end of one that waited"
[ ! -e "$TMP/one.state/connector/identity/identity.pem" ] || fail "an identity out of nothing"
start one env ZT_JOIN_TOKEN_FILE="$TMP/token" "$ZT" connector -c "$TMP/one.conf"
wait_for logged one "the authority is asked again"
start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
wait_for logged one "joined as connector"
start two env ZT_JOIN_TOKEN="$(<"$TMP/token")" "$ZT" connector -c "$TMP/two.conf"
for name in one two; do
	wait_for logged $name "Connector started successfully"
	[ "$(tr '\0' '\n' <"/proc/${PIDS[$name]}/environ" | grep -c zt1_)" = 0 ] || fail "the token stands in the environment of $name"
done
[ "$(id_of one)" != "$(id_of two)" ] || fail "two copies are one"
tunnels() {
	"$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["tunnels"])'
}
has_tunnels() { [ "$(tunnels)" = "$1" ]; }
wait_for has_tunnels 2
same "$(web app.test /page)" "from home" "the page"

# Both serve: equal ones take turns.
for _ in {1..10}; do web app.test /page >/dev/null; done
for name in one two; do grep -q "\"connector\":\"$(id_of $name)\"" "$TMP/edge.log" || fail "$name served nothing"; done

# One more than the token has uses.
expect 9 env ZT_JOIN_TOKEN_FILE="$TMP/token" timeout 30 "$ZT" connector -c "$TMP/three.conf"
has "$ERR" "token"
echo "the third one was told: $ERR"
[ ! -e "$TMP/three.state/connector/identity/identity.pem" ] || fail "it has an identity all the same"

# Started again, with the same command: the same one, and nobody is asked.
before=$(id_of one)
stop one
stop ca
start one env ZT_JOIN_TOKEN_FILE="$TMP/token" "$ZT" connector -c "$TMP/one.conf"
wait_for logged one "Connector started successfully"
same "$(id_of one)" "$before" "its id"
lacks "$(<"$TMP/one.log")" "joined"
# What is wrong with a configuration is said by the role, with file and line, and costs no use of a token.
sed 's/^edge = .*/edgy = 1/' "$TMP/three.conf" >"$TMP/bad.conf"
expect 3 env ZT_JOIN_TOKEN_FILE="$TMP/token" "$ZT" connector -c "$TMP/bad.conf"
has "$ERR" "bad.conf:"
pass
