# shellcheck shell=bash
# copies.inc.sh: several connectors of one house, and visitors who count what becomes of each request. Source lib.sh and
# web.inc.sh first. Not a test itself.
#
#   make_copies NAME...   identities by one token, $TMP/NAME.conf; its id is ${ID[NAME]}
#   start_copy NAME       until the edge has its rules; both outputs in $TMP/NAME.log
#   signal_copy NAME SIG  all of its processes at once
#   start_counter PORT MS an origin that notes each request in $TMP/counted and answers after so many ms
#   start_load NAME N [PAUSE [FRESH]]   N visitors, each one request after the other, PAUSE seconds between, with FRESH = 1
#                         each over a connection of its own, until end_load NAME; in $TMP/NAME.load
#   weigh "NAME..." ARG...    python over those, see hapeer.py
declare -A ID=()
VISITORS=0
HAPEER=$(dirname "${BASH_SOURCE[0]}")/hapeer.py

# An authority lets nobody ask too often: who makes a hundred copies waits a little.
has_asked_to_join() {
	"$ZT" connector join -c "$TMP/$1.conf" --token-file "$TMP/token" 2>"$TMP/$1.join" || ! grep -q 'asks too often' "$TMP/$1.join"
}
make_copies() {
	local name
	new_token connector house --uses $#
	connector_conf
	for name in "$@"; do
		sed "s|$TMP/connector|$TMP/$name|g; s|^health = .*|health =|" "$CONNECTOR_CONF" >"$TMP/$name.conf"
		wait_for has_asked_to_join "$name"
		ID[$name]=$(openssl x509 -in "$TMP/$name.state/connector/identity/identity.pem" -noout -subject -nameopt multiline |
			sed -n 's/ *commonName *= //p')
		[ -n "${ID[$name]}" ] || fail "no id of $name: $(<"$TMP/$name.join")"
	done
}
announced() { [ "$(grep -F 'a connector announced its rules' "$TMP/edge.log" | grep -cF "${ID[$1]}")" -gt "$2" ]; }
start_copy() {
	local before
	before=$(grep -F 'a connector announced its rules' "$TMP/edge.log" | grep -cF "${ID[$1]}")
	start "$1" "$ZT" connector -c "$TMP/$1.conf"
	wait_for announced "$1" "$before"
}
processes() { # of a role that was started: the supervisor and its children
	echo "${PIDS[$1]}"
	cat "/proc/${PIDS[$1]}/task/${PIDS[$1]}/children"
}
signal_copy() {
	# shellcheck disable=SC2046 # a list
	kill -"$2" $(processes "$1") || fail "cannot signal $1"
}
edge_counter() {
	"$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"][sys.argv[1]])' "$1"
}
edge_has() { [ "$(edge_counter "$1")" = "$2" ]; }

start_counter() {
	start origin python3 "$HAPEER" origin "$1" "$2" "$TMP/counted"
	wait_for listening "$1"
}
# counted_app MS: app.test, from a counter on $ORIGIN.
counted_app() {
	ORIGIN=$(free_port)
	start_counter "$ORIGIN" "$1"
	host_section app public app.test
	ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
	ingress last 'service = http_status:404'
}
start_load() {
	start "$1" python3 "$HAPEER" load "$EDGE_PORT" "$WEB_CA" "$2" "$TMP/$1.load" "$TMP/$1.stop" "${3:-0}" "${4:-0}" "$VISITORS"
	VISITORS=$((VISITORS + $2))
	wait_for test -s "$TMP/$1.load"
}
end_load() {
	touch "$TMP/$1.stop"
	join "$1"
	same "$STATUS" 0 "the end of the visitors $1"
}
weigh() {
	{
		printf 'import sys\nfrom hapeer import *\n'
		printf 'asked, seen = outcome(*"%s".split()), counted("%s")\n' "$(printf "$TMP/%s.load " $1)" "$TMP/counted"
		cat
	} >"$TMP/.weigh.py"
	python3 "$TMP/.weigh.py" "${@:2}" || fail "what became of the requests of $1"
}
now() { python3 -c 'import time; print(time.time())'; }

# two_copies MS: an edge, and one and two, which serve app.test; its ORIGIN takes so long for each request.
two_copies() {
	ORIGIN=$(free_port)
	start_counter "$ORIGIN" "$1"
	host_section app public app.test
	ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
	ingress last 'service = http_status:404'
	start_authority
	join_role edge
	make_copies one two
	# shellcheck disable=SC2034 # of web.inc.sh
	CONNECTOR_ID="${ID[one]}, ${ID[two]}"
	start_edge
	start_copy one
	start_copy two
	wait_for edge_has tunnels 2
}
