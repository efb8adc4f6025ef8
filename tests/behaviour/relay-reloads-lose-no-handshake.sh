#!/bin/bash
# core
# Clients that come while certificates are renewed, again and again, are served: no handshake is lost
# between the process that held the keys and the one that holds them now.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert one home serverAuth "DNS:a.test"
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a one 'names = a.test')"
start_relay near

cat >"$TMP/many.py" <<'PY'
import os, sys, threading, tlspeer
port, ca, stop = sys.argv[1:]
ctx, good, bad = tlspeer.context(ca), [0], []

def come():
    while not os.path.exists(stop):
        try:
            c = tlspeer.dial(port, ctx, "a.test")
            c.send(b"hello")
            if c.recv_exactly(5) != b"hello":
                raise OSError(c.end())
            c.close()
            good[0] += 1
        except Exception as e:
            bad.append(repr(e))

threads = [threading.Thread(target=come) for _ in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
print(good[0], len(bad), *bad[:3])
PY
start many env PYTHONPATH="$ROOT/tests/behaviour" PYTHONDONTWRITEBYTECODE=1 \
	python3 "$TMP/many.py" "${AT[near]}" "$PKI/home.pem" "$TMP/stop"
they_come() { [ "$(counter near tls_accepted)" -gt 50 ]; }
wait_for they_come
# The next reload ends the old process of this one, whatever it still does: not before it has left.
have_left() { [ "$(grep -c 'child left child=tlsd' "$TMP/near.log")" = "$1" ]; }
for n in {1..12}; do
	expect 0 "$ZT" reload relay -c "${CONF[near]}"
	wait_for have_left "$n"
done
lacks "$(cat "$TMP/near.log")" "killed by"
touch "$TMP/stop"
join many
read -r good bad words <"$TMP/many.log"
same "$bad" 0 "handshakes that failed ($words)"
[ "$good" -gt 50 ] || fail "only $good handshakes"
pass
