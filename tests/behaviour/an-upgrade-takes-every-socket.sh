#!/usr/bin/env bash
# An edge that listens at as many addresses as may be is upgraded to more workers and to fewer: every worker has a socket
# of its own at each address, nobody has more, and each address answers. One that cannot take over leaves all as it was.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
ADDRESSES=14 # with the ports of http_listen and health 16
N=$(free_port)
start origin python3 "$ROOT/tests/behaviour/drip.py" "$N"
wait_for listening "$N"
host_section app public app.test "origin = http://127.0.0.1:$N"
edge_line 'workers = 1'
edge_conf
all=$(for ((i = 1; i <= ADDRESSES; i++)); do printf '127.0.0.%d:%d,\\n  ' "$i" "$EDGE_PORT"; done)
sed -i "s/^listen = .*/listen = ${all%,*}/" "$EDGE_CONF"
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"

sockets() { awk -v port="$(printf ':%04X' "$EDGE_PORT")" '$4 == "0A" && substr($2, 9) == port' /proc/net/tcp | wc -l; }
have() { [ "$(sockets)" = "$1" ]; }
each_answers() {
	local i
	for ((i = 1; i <= ADDRESSES; i++)); do
		same "$(curl -sS --max-time 30 --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.$i:$EDGE_PORT" https://app.test/)" ok "address $i"
	done
}
same "$(sockets)" "$ADDRESSES" "sockets of one worker"
for workers in 4 16 3 1; do
	sed -i "s/^workers = .*/workers = $workers/" "$EDGE_CONF"
	expect 0 "$ZT" upgrade edge -c "$EDGE_CONF"
	same "$(sockets)" $((ADDRESSES * workers)) "sockets of $workers workers"
	same "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k["index"] for k in json.load(sys.stdin)["children"] if k["name"] == "worker" and k["state"] == "up"] if "'$workers'" != "1" else "one")')" \
		"$([ "$workers" = 1 ] && echo one || python3 -c "print(list(range($workers)))")" "workers"
	each_answers
done
# What it cannot bind is somebody else's: the one that runs goes on with its sockets, and with none of the other's.
TAKEN=$(free_port)
start stranger python3 -m http.server --bind 127.0.0.1 "$TAKEN"
wait_for listening "$TAKEN"
sed -i "s/^workers = .*/workers = 4/; s/^http_listen = .*/http_listen = 127.0.0.1:$TAKEN/" "$EDGE_CONF"
expect 7 "$ZT" upgrade edge -c "$EDGE_CONF"
wait_for have "$ADDRESSES"
each_answers
stop edge
same "$STATUS" 0 "the exit code of the edge"
pass
