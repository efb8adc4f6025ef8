#!/bin/bash
# core
# Told to stop, the relay takes nothing new, lets what runs finish and then ends with 0; what does
# not finish in time is reset, not ended.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
cat >"$TMP/drain.py" <<'PY'
import os, signal, socket, sys, time, tlspeer
port, ca, pid, how = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
c = tlspeer.dial(port, tlspeer.context(ca), "a.test")
c.send(b"one"); assert c.recv_exactly(3) == b"one"
os.kill(pid, signal.SIGTERM)
for _ in range(3000):
    try: socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError: break
    except ConnectionResetError: pass # it was in the queue of a socket that was just ended
    time.sleep(0.01)
else: sys.exit("it takes connections for ever")
c.send(b"two"); assert c.recv_exactly(3) == b"two", c.end()
if how == "finish":
    c.finish()
    assert c.recv() == b"" and c.end() == "end", c.end()
else:
    assert c.recv() == b"" and c.end() in ("cut", "reset"), c.end()
PY
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
start_relay near
peer "$TMP/drain.py" "${AT[near]}" "$PKI/home.pem" "${PIDS[near]}" finish || fail "a stream did not outlast the stop"
join near
same "$STATUS" 0 "exit code"
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')" '[limits]' 'drain = 1s'
start_relay near
peer "$TMP/drain.py" "${AT[near]}" "$PKI/home.pem" "${PIDS[near]}" wait || fail "a stream at the end of the patience"
join near
pass
