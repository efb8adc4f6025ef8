#!/bin/bash
# waits
# Peers that are slow on purpose: half a hello, a head of a byte a second, readers of a KiB a second. Each goes at its
# deadline: who shakes hands after handshake_timeout, a head after head_timeout, who takes next to nothing while places are
# scarce after twice that. Visitors beside them are served, and so is a slow one while there is room. STORM_SLOW: how many
# of each.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
slow_edge

storm kind=head n="$N" s=$((60 + 2 * LONG)) calm=1
figures heads
served
storm_is "s['open'] == $N and s['cut'] == $N and s['held'] == 0 and s['status'] == {'408': $N}"
storm_is "900 <= s['first_cut_ms'] and s['last_cut_ms'] < $((5000 + 2000 * LONG))"

# They see their end behind what is on its way to them, at a KiB a second: the edge is asked instead.
start readers "$STORM" "$EDGE_PORT" app.test kind=read n="$N" ask=/big s=$((60 + 4 * LONG)) calm=0
crowded() { [ "$(edge_child worker counters.visitors)" -gt $(((N + N / 8 + 20) * 3 / 4)) ]; }
wait_for crowded
room_again() { ! crowded; } # they are cut as slow, or for sitting on buffers that others wait for
wait_for room_again
stop readers
grep '^{' "$TMP/readers.log" >"$TMP/storm.json"
storm_figure "readers, $N peers: kept visitor's p99 in us" 's["kept"]["during"]["p99"]'
echo "figure: readers: worker's RSS in KiB: $(rss "$W")"
served

cat >"$TMP/drip.py" <<'PY'
import socket, ssl, sys, time
C = ssl.create_default_context(cafile=sys.argv[2])
s = C.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30), server_hostname="sink.test")
s.sendall(b"POST / HTTP/1.1\r\nHost: sink.test\r\nContent-Length: 6\r\n\r\n")
for i in range(6): s.sendall(b"x"); time.sleep(0.6)
assert s.recv(99).startswith(b"HTTP/1.1 200"), "a slow one was cut though there was room"
PY
sed -i 's/^per_address = .*/&\nhandshake_timeout = 2s/' "$EDGE_CONF"
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
storm kind=hello n="$N" s=$((60 + LONG)) hands=100000 calm=0
figures hellos
storm_is "s['held'] == 0 and s['failed'] + s['cut'] == s['begun']"
storm_is 's["kept"]["during"]["failed"] == 0'
[ "$(edge_child worker counters.tls_handshakes_full)" -gt 0 ] || fail "they had all places"

start drip python3 "$TMP/drip.py" "$EDGE_PORT" "$WEB_CA"
join drip
same "$STATUS" 0 "a slow one while there is room: $(<"$TMP/drip.log")"
edge_is_alive
pass
