#!/bin/bash
# core
# Each connection ends with one line that says who ended it and why, in words: a far side that is
# not there, a name that does not exist, silence.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
nobody=$(free_port)
relay_conf near "to = 127.0.0.1:$nobody"
start_relay near
cat >"$TMP/end.py" <<'PY'
import sys, tlspeer
c = tlspeer.dial(sys.argv[1])
for _ in range(int(sys.argv[2])): c.send(b"x"); assert c.recv(1) == b"x"
assert c.recv() == b""
print(c.end())
PY
peer "$TMP/end.py" "${AT[near]}" 0 >/dev/null || fail "the connection was not closed"
wait_for logged near 'not opened' 'by="far side"' "cannot connect to 127.0.0.1:$nobody: connection refused"

relay_conf near 'to = nowhere.invalid:80'
expect 0 "$ZT" reload relay -c "${CONF[near]}"
peer "$TMP/end.py" "${AT[near]}" 0 >/dev/null || fail "the connection was not closed"
wait_for logged near 'not opened' 'by="far side"' "cannot connect to nowhere.invalid: the name does not exist"

start_echo_origin
relay_conf near "to = localhost:$ECHO" 'idle = 1s'
expect 0 "$ZT" reload relay -c "${CONF[near]}"
same "$(peer "$TMP/end.py" "${AT[near]}" 3)" reset "the end of a silent connection"
wait_for logged near closed from_client=3 to_client=3 by=zt why=idle

# Every open line has its closed line.
same "$(grep -c 'worker: open' "$TMP/near.log")" "$(grep -c 'worker: closed' "$TMP/near.log")" "lines of opened and of closed"

# Nothing to do is said at the start.
relay_conf none
sed -i '/^listen/d' "${CONF[none]}"
expect 3 "$ZT" relay -c "${CONF[none]}"
has "$ERR" "[relay] listen"
pass
