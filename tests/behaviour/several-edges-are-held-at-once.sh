#!/usr/bin/env bash
# core
# A connector with two edges in its list holds both. One dies: visitors of the other notice nothing, and it is back by
# itself when the edge is. An edge that moves to another address behind its name is found there, because names are looked
# up at each dial.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_root
need unshare dnsmasq
if [ -z "${ZT_OWN_NAMES:-}" ]; then
	echo "nameserver 127.0.0.1" >"$TMP/resolv.conf"
	trap 'exit 130' INT TERM HUP
	ZT_OWN_NAMES=1 unshare -mn bash -c '
		mount --make-rprivate / && mount --bind "$1/resolv.conf" /etc/resolv.conf && ip link set lo up && exec bash "$0"' \
		"${BASH_SOURCE[0]}" "$TMP"
	exit
fi
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
names() { # ADDRESS: where moves.zt.test is, from now on
	[ -z "${PIDS[dns]:-}" ] || stop dns
	start dns dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user="$(id -un)" --port=53 \
		--listen-address=127.0.0.1 --bind-interfaces --host-record="moves.zt.test,$1,1"
}
counted_app 2
start_authority
join_role edge
make_copies one
CONNECTOR_ID=${ID[one]}
start_edge

# The second edge, with an identity of its own, at 127.0.0.2; later it moves to 127.0.0.3.
SECOND=$TMP/second.conf SECOND_PORT=$(free_port)
second_at() { sed "s|$TMP/edge|$TMP/second|g; s|^listen = .*|listen = $1:$SECOND_PORT|; s|^http_listen.*||; s|^health = .*|health =|" "$EDGE_CONF" >"$SECOND"; }
second_at 127.0.0.2
new_token edge second
mkdir -p "$TMP/second.state/edge" && chmod 700 "$TMP/second.state/edge"
expect 0 "$ZT" join --to "$TMP/second.state/edge/identity" --token-file "$TMP/token"
role_owns "$TMP/second.state/edge/identity"
start_second() {
	start second "$ZT" edge -c "$SECOND"
	wait_for "$ZT" health edge -c "$SECOND"
}
start_second
names 127.0.0.2
sed -i "s|^edge = .*|edge = 127.0.0.1:$EDGE_PORT, moves.zt.test:$SECOND_PORT|" "$TMP/one.conf"
start_copy one
uplinks() { "$ZT" status connector --json -c "$TMP/one.conf" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["uplinks_up"])'; }
has_uplinks() { [ "$(uplinks)" = "$1" ]; }
wait_for has_uplinks 2
at_second() { curl -sS --max-time 30 --cacert "$WEB_CA" --connect-to "app.test:443:$1:$SECOND_PORT" https://app.test/x -o /dev/null -w '%{http_code}'; }
serves_at() { [ "$(at_second "$1")" = 200 ]; }
wait_for serves_at 127.0.0.2
same "$(web app.test /x)" /x "the page by the first"

# The second dies, with a kill; who comes by the first does not notice.
start_load visitors 8
rm_second() {
	# shellcheck disable=SC2046 # a list
	kill -KILL $(processes second)
	wait "${PIDS[second]}" 2>/dev/null
	unset "PIDS[second]"
}
rm_second
wait_for has_uplinks 1
end_load visitors
weigh visitors <<'PY'
never_twice(asked, seen)
assert all(a["status"] == 200 for a in asked), [a for a in asked if a["status"] != 200]
print(f"figure: HA, one of two edges killed: {len(asked)} requests by the other, all answered, slowest {max(a['took'] for a in asked) * 1000:.0f} ms")
PY
# It moves: first only the name, then the edge is there.
names 127.0.0.3
second_at 127.0.0.3
t0=${EPOCHREALTIME/./}
start_second
wait_for serves_at 127.0.0.3
echo "figure: HA, an edge at another address behind its name serves $(((${EPOCHREALTIME/./} - t0) / 1000)) ms after its start"
wait_for has_uplinks 2

# The name server is away, and the edge starts again: it is dialled where it was.
stop dns
rm_second
wait_for has_uplinks 1
start_second
wait_for serves_at 127.0.0.3
wait_for has_uplinks 2

# The first one dies, and comes back.
# shellcheck disable=SC2046 # a list
kill -KILL $(processes edge)
wait "${PIDS[edge]}" 2>/dev/null
unset "PIDS[edge]"
same "$(at_second 127.0.0.3)" 200 "by the other one"
wait_for has_uplinks 1
start_edge
wait_for has_uplinks 2
page() { [ "$(web app.test /x)" = /x ]; }
wait_for page
pass
