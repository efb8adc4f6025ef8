#!/usr/bin/env bash
# Origins that are down, refuse, do not answer at all, or whose name is told late, never, or, after a while, as 127.0.0.1: the
# visitor is told in time, and nothing that only the connector's own machine may ask is reached.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_root
need ip unshare
[ -n "${ZT_OWN_NET:-}" ] || ZT_OWN_NET=1 exec unshare -mn bash "${BASH_SOURCE[0]}"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=38
ip link set lo up && ip addr add 10.9.9.1/32 dev lo || fail "no address"
printf '127.0.0.1 localhost mine.test\n' >"$TMP/hosts"
printf 'nameserver 127.0.0.1\n' >"$TMP/resolv.conf"
mount --bind "$TMP/hosts" /etc/hosts && mount --bind "$TMP/resolv.conf" /etc/resolv.conf || fail "no names of its own"
# A name server: flip.test is 10.9.9.1 for one second, and what the file says then; slow.test takes one; mute.test is not heard.
echo 10.9.9.1 >"$TMP/flip"
start dns python3 -c '
import socket, struct, sys, threading, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53))
print("open", flush=True)
def answer(q, to):
    at, labels = 12, []
    while q[at]: labels.append(q[at + 1:at + 1 + q[at]].decode().lower()); at += 1 + q[at]
    kind, name = struct.unpack(">H", q[at + 1:at + 3])[0], ".".join(labels)
    if name == "mute.test": return
    if name == "slow.test": time.sleep(1)
    ip = open(sys.argv[1]).read().strip() if name == "flip.test" else "10.9.9.1" if name == "slow.test" else None
    rr = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(ip) if ip and kind == 1 else b""
    s.sendto(q[:2] + struct.pack(">HHHHH", 0x8180 if ip else 0x8183, 1, 1 if rr else 0, 0, 0) + q[12:at + 5] + rr, to)
while True:
    q, to = s.recvfrom(600)
    threading.Thread(target=answer, args=(q, to), daemon=True).start()' "$TMP/flip"
wait_for grep -q open "$TMP/dns.log"
N=$(free_port) HOLE=$(free_port)
for at in 127.0.0.1 10.9.9.1; do
	mkdir -p "$TMP/www-$at" && echo "$at" >"$TMP/www-$at/index.html"
	start "origin-$at" python3 -u -m http.server --bind "$at" --directory "$TMP/www-$at" "$N"
	wait_for grep -q Serving "$TMP/origin-$at.log"
done
relay hole "$N" 'new silent'
start full python3 -c '
import socket, sys, time
l = socket.socket(); l.bind(("127.0.0.1", int(sys.argv[1]))); l.listen(0)
full = [socket.socket() for i in range(4)]
for s in full: s.setblocking(False); s.connect_ex(("127.0.0.1", int(sys.argv[1])))
print("full", flush=True); time.sleep(600)' "$HOLE"
wait_for grep -q full "$TMP/full.log"
origin() {
	host_section "$1" public "$1.test" 'response_timeout = 2s'
	ingress "$1" "hostname = $1.test" "service = http://$2" 'connect_timeout = 4s'
}
origin flip "flip.test:$N"
origin slow "slow.test:$N"
origin mute "mute.test:$N"
origin noname "gone.test:$N"
origin mine "mine.test:$N"
origin here "localhost:$N"
origin refuses "127.0.0.1:$(free_port)"
origin hole "127.0.0.1:$HOLE"
origin silent "127.0.0.1:${RELAY[hole]}"
# The edge's own origins are no other matter.
host_section local public local.test "origin = http://flip.test:$N"
host_section named public named.test "origin = http://mine.test:$N"
ingress last 'service = http_status:404'
start_web
# told NAME STATUS...: one of these, in time.
TOLD=
told() {
	local s t
	read -r s t < <(web "$1.test" / -o "$TMP/page" -w '%{http_code} %{time_total}\n')
	[[ " ${*:2} " == *" $s "* ]] || fail "$1: $s after $t s: $(<"$TMP/page")"
	awk -v t="$t" 'BEGIN { exit t > 25 }' || fail "$1: $s after $t s"
	TOLD+="$1 $s in $(printf %.1f "$t") s, "
}
told flip 200
same "$(<"$TMP/page")" 10.9.9.1 "who answers"
told mine 200
told local 200
same "$(<"$TMP/page")" 10.9.9.1 "who answers the edge"
told named 200
told here 200
told slow 200
told mute 502 504
told noname 502
told refuses 502
told hole 504
told silent 504
echo 127.0.0.1 >"$TMP/flip"
before=$(grep -c 'GET /' "$TMP/origin-127.0.0.1.log")
refused() { [ "$(web flip.test / -o "$TMP/page" -w '%{http_code}')" = 502 ]; }
wait_for refused # as soon as the old answer is over
local_refused() { [ "$(web local.test / -o "$TMP/page" -w '%{http_code}')" = 502 ]; }
wait_for local_refused
for _ in 1 2 3; do told local 502; done
for _ in 1 2 3; do told flip 502; done
has "$(<"$TMP/page")" "this machine's own"
same "$(grep -c 'GET /' "$TMP/origin-127.0.0.1.log")" "$before" "requests that came to 127.0.0.1"
echo 10.9.9.1 >"$TMP/flip"
back() { [ "$(web flip.test / -o "$TMP/page" -w '%{http_code}')" = 200 ]; }
wait_for back
echo "figure: row 38: ${TOLD%, }; none reached 127.0.0.1 by the name that flipped to it"
edge_is_alive
