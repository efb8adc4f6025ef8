#!/usr/bin/env bash
# core
# Three connectors of one name: equal ones take turns, `weight` gives shares, `prefer` makes one active and the others
# passive; each of it by a reload. What is wrong with either is told with its line. A request that an origin refused
# before a byte of it reached anybody is tried with another connector, a POST too.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
ORIGIN=$(free_port) NOBODY=$(free_port)
start_counter "$ORIGIN" 0
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress last 'service = http_status:404'
start_authority
join_role edge
make_copies one two three
CONNECTOR_ID="${ID[one]}, ${ID[two]}, ${ID[three]}"
start_edge
for name in one two three; do start_copy $name; done
wait_for edge_has tunnels 3

# ask N: N requests, one after the other, each over a connection of its own. who NAME: how many of those it had.
ask() {
	local i
	mark=$(wc -l <"$TMP/edge.log")
	for ((i = 0; i < $1; i++)); do
		[ "$(web app.test "/${2:-x}" -o /dev/null -w '%{http_code}')" = 200 ] || fail "a request was not answered"
	done
	logged() { [ "$(tail -n +$((mark + 1)) "$TMP/edge.log" | grep -c http.log.access)" -ge "$1" ]; }
	wait_for logged "$1"
}
who() { tail -n +$((mark + 1)) "$TMP/edge.log" | grep -c "\"connector\":\"${ID[$1]}\""; }
shares() { echo "$(who one) $(who two) $(who three)"; }
grant() { # LINE...: more of the grant, in force
	edge_conf
	printf '%s\n' "$@" >>"$EDGE_CONF"
	expect 0 "$ZT" reload edge -c "$EDGE_CONF"
}

ask 12
same "$(shares)" "4 4 4" "the shares of equals"
grant "weight = ${ID[one]}:4, ${ID[three]}:0"
ask 10
same "$(shares)" "8 2 0" "the shares of 4, 1 and 0"
grant "prefer = ${ID[two]}"
ask 5
same "$(shares)" "0 5 0" "the shares with one that is preferred"
# The active one goes; the passive ones take over, and give back.
stop two
ask 6
same "$(shares)" "3 0 3" "the shares of those who take over"
start_copy two
ask 5
same "$(shares)" "0 5 0" "the shares when it is back"
# Streams at the same time count: 30 slow ones spread.
grant "weight = ${ID[one]}:2"
stop origin
start_counter "$ORIGIN" 500
mark=$(wc -l <"$TMP/edge.log")
start_load crowd 40 0 1
end_load crowd
logged() { [ "$(tail -n +$((mark + 1)) "$TMP/edge.log" | grep -c http.log.access)" -ge 40 ]; }
wait_for logged
read -r a b c <<<"$(shares)"
[ "$a" -ge $((2 * b * 3 / 4)) ] && [ "$a" -le $((2 * b * 5 / 4)) ] && [ "$((b - c))" -le 6 ] && [ "$((c - b))" -le 6 ] ||
	fail "40 visitors at once were spread $a $b $c, with weights 2 1 1"
echo "figure: HA, 40 visitors at once over weights 2 1 1: $a $b $c"

# An id that may not serve, a weight that is none: file and line, and nothing changes.
before=$(edge_counter tunnels)
wrong() { # TEXT LINE
	edge_conf
	echo "$2" >>"$EDGE_CONF"
	expect 3 "$ZT" check -c "$EDGE_CONF"
	has "$ERR" "$EDGE_CONF:$(wc -l <"$EDGE_CONF"): $1"
	expect 3 "$ZT" reload edge -c "$EDGE_CONF"
}
wrong "prefer: names one that is not in connector" "prefer = ${ID[one]}x"
wrong "weight: names one that is not in connector" "weight = other:2"
wrong "weight: is ID:N" "weight = ${ID[one]}"
wrong "weight: is ID:N" "weight = ${ID[one]}:1001"
wrong "weight: says two weights" "weight = ${ID[one]}:1, ${ID[one]}:2"
same "$(edge_counter tunnels)" "$before" "the tunnels"

# One whose origin is down, as it finds out: the visitor does not.
sed -i "s|^service = http://.*|service = http://127.0.0.1:$NOBODY|" "$TMP/one.conf"
grant "prefer = ${ID[one]}"
stop origin
start_counter "$ORIGIN" 0
stop one
start_copy one
retried=$(edge_counter retried)
same "$(web app.test /tried-get -o /dev/null -w '%{http_code}')" 200 "a GET"
same "$(web app.test /tried-post -X POST -o /dev/null -w '%{http_code}')" 200 "a POST"
same "$(edge_counter retried)" $((retried + 2)) "how many were tried elsewhere"
same "$(grep -c tried- "$TMP/counted")" 2 "how many came to an origin"
# With health_every the edge is told that it is down, and nobody is sent there; a body that a dead origin would have
# cost goes to one that lives.
sed -i 's|^service = http://127.*|&\nhealth_every = 1s|' "$TMP/one.conf"
stop one
start_copy one
down() { grep -qF "origin is down" "$TMP/one.log"; }
wait_for down
retried=$(edge_counter retried)
ask 4
same "$(who one)" 0 "requests to one that is down"
same "$(web app.test /tried-body --data x -o /dev/null -w '%{http_code}')" 200 "a POST with a body"
same "$(edge_counter retried)" "$retried" "how many were tried elsewhere"
edge_is_alive
pass
