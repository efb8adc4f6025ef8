#!/bin/bash
# waits
# Everybody comes at once: whole handshakes as fast as they go, connections that end as soon as they are made, half hellos
# without end. Who is in is served all the while through his tunnel, a connector that lost its connection in the middle of
# it gets in again, and nothing is left of it afterwards. STORM_SHAKES: handshakes in all; a short run is two seconds.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
SHAKES=${STORM_SHAKES:-1000}

storm_tunnel
start_web
W=$(edge_child worker pid)
serves() { [ "$(web app.test / -m 5)" = ok ]; }
wait_for serves
before=$(ls "/proc/$W/fd" | wc -l)

# whoever was in stays in, and is served; what it costs him is told
passed() { # NAME
	storm_figure "$1: kept visitor's p99 before, during, after in us" '"%d %d %d" % tuple(s["kept"][p]["p99"] for p in ("before", "during", "after"))'
	storm_figure "$1: peers a second, and visitors who came anew: p50 in us, failed" \
		"'%d %d %d' % (s['open'] / $2, s['fresh']['during']['p50'], s['fresh']['during']['failed'])"
	storm_is 's["kept"]["during"]["failed"] == 0 and s["kept"]["during"]["n"] > 20 and s["fresh"]["after"]["failed"] == 0'
}
S=$((2 + SHAKES / 1000))
storm kind=shake n=200 most="$SHAKES" hands=200 s="$S" calm=1
passed 'handshakes' "$S"
storm kind=drop n=200 s=2 calm=1
passed 'connect and drop' 2

# The connector comes back in the middle of half hellos that take every slot they get.
start flood "$STORM" "$EDGE_PORT" app.test kind=hello full=1 n=600 hands=100000 s=60 calm=0
full() { [ "$(edge_child worker counters.tls_handshakes_full)" -gt 100 ]; }
wait_for full
then=$(date +%s%N)
stop connector
start connector "$ZT" connector -c "$CONNECTOR_CONF"
wait_for grep -q 'Connected to network' "$TMP/connector.log"
echo "figure: half hellos: ms until a connector that is started anew is in: $((($(date +%s%N) - then) / 1000000))"
stop flood
wait_for serves

quiet() { [ "$(edge_child worker counters.visitors) $(edge_child worker counters.tls_handshakes)" = "0 0" ]; }
wait_for quiet
after=$(ls "/proc/$W/fd" | wc -l)
[ "$after" -le "$before" ] || fail "$before descriptors before, $after afterwards"
edge_is_alive
pass
