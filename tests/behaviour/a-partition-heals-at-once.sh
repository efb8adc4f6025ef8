#!/usr/bin/env bash
# waits
# Row 9: between edge and connector every packet is lost for a while (ZT_HA_PARTITION_S), in namespaces of their own.
# Visitors get 503 as soon as the silence counts as death, none hangs longer; when the path is back the connector is,
# within half a second and what it waits by chance. The way is a literal address first, then a name whose server is lost
# with the path.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_root
need ip unshare dnsmasq sysctl
CUT_S=${ZT_HA_PARTITION_S:-11}
N=zt-$$
# This script lives at home; the edge and the visitors are behind a router, which is what fails.
if [ -z "${ZT_AT_HOME:-}" ]; then
	# shellcheck disable=SC2317 # the trap calls it
	cut_down() { for n in home mid vps; do ip netns del "$N-$n" 2>/dev/null; done; }
	ip netns add "$N-home" 2>"$TMP/ip.log" || skip "no network namespaces here: $(<"$TMP/ip.log")"
	trap 'cut_down; cleanup' EXIT
	ip netns add "$N-mid" && ip netns add "$N-vps" || fail "namespaces"
	link() { # NS ADDR GATEWAY: to the router in the middle
		ip -n "$N-$1" link add up0 type veth peer name "$1" netns "$N-mid" && ip -n "$N-$1" addr add "$2/24" dev up0 &&
			ip -n "$N-mid" addr add "$3/24" dev "$1" && ip -n "$N-$1" link set up0 up && ip -n "$N-$1" link set lo up &&
			ip -n "$N-mid" link set "$1" up && ip -n "$N-$1" route add default via "$3" || fail "cannot link $1"
	}
	link home 10.199.1.2 10.199.1.1
	link vps 10.199.2.2 10.199.2.1
	echo "nameserver 10.199.2.2" >"$TMP/resolv.conf"
	ZT_AT_HOME=$N ip netns exec "$N-home" unshare -m bash -c '
		mount --make-rprivate / && mount --bind "$1/resolv.conf" /etc/resolv.conf && exec bash "$0"' "${BASH_SOURCE[0]}" "$TMP"
	exit
fi
N=$ZT_AT_HOME
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
path() { ip netns exec "$N-mid" sysctl -qw net.ipv4.ip_forward="$1"; }
VPS=(ip netns exec "$N-vps")
path 1

counted_app 5
start_authority
join_role edge
make_copies one
CONNECTOR_ID=${ID[one]}
edge_conf
sed -i "s/^listen = .*/listen = 0.0.0.0:$EDGE_PORT/" "$EDGE_CONF"
start edge "${VPS[@]}" "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
start dns "${VPS[@]}" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user="$(id -un)" --port=53 \
	--listen-address=10.199.2.2 --bind-interfaces --host-record=edge.zt.test,10.199.2.2,1

up() { [ "$(grep -c 'Connected to network' "$TMP/one.log")" -gt "$1" ]; }
one_partition() { # NAME: how the edge is written
	local cut healed n
	sed -i "s/^edge = .*/edge = $2:$EDGE_PORT/" "$TMP/one.conf"
	start_copy one
	wait_for up 0
	rm -f "$TMP/counted"
	stop origin
	start_counter "$ORIGIN" 5
	start "$1" "${VPS[@]}" python3 "$HAPEER" load "$EDGE_PORT" "$WEB_CA" 4 "$TMP/$1.load" "$TMP/$1.stop" 0.1 1 0
	wait_for test -s "$TMP/$1.load"
	n=$(grep -c 'Connected to network' "$TMP/one.log")
	cut=$(now)
	path 0
	sleep "$CUT_S"
	same "$(grep -c 'Connected to network' "$TMP/one.log")" "$n" "connections through a path that is cut"
	path 1
	healed=$(now)
	wait_for up "$n"
	served() { [ "$(tail -n 1 "$TMP/$1.load" | json status)" = 200 ]; }
	wait_for served "$1"
	end_load "$1"
	stop one
	weigh "$1" "$1" "$cut" "$healed" "$(grep 'dialled again' "$TMP/one.log" | tail -n 1 | grep -o 'in_ms=[0-9]*' | cut -d= -f2)" <<'PY'
name, cut, healed, waits = sys.argv[1], *map(float, sys.argv[2:])
never_twice(asked, seen)
during = [a for a in asked if cut < a["began"] + a["took"] and a["began"] < healed]
lost = [a["took"] for a in during if a["status"] == 502]
full = [a for a in during if a["status"] == 503]
assert full, "nobody was told 503"
assert max(lost, default=0) < 45, f"{max(lost)} s without an answer"
first = min(a["began"] for a in full) - cut
slow = max(a["took"] for a in full)
back = min(a["began"] + a["took"] for a in asked if a["status"] == 200 and a["began"] + a["took"] > healed) - healed
stuck = [a for a in asked if healed + 45 < a["began"] + a["took"] and a["status"] != 200]
assert not stuck and back < 45, f"back after {back:.1f} s"
assert slow < 10, f"a 503 that took {slow:.1f} s"
print(f"figure: HA, partition of {healed - cut:.0f} s ({name}): {len(lost)} of 4 visitors waited, {max(lost, default=0):.1f} s at most, "
      f"then 502; 503 from {first:.1f} s on, each within {slow * 1000:.0f} ms")
print(f"figure: HA, partition of {healed - cut:.0f} s ({name}): a page {back * 1000:.0f} ms after the path was back")
PY
}
one_partition address 10.199.2.2
one_partition name edge.zt.test
edge_is_alive
pass
