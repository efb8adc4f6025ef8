#!/usr/bin/env bash
# core
# A role keeps the identity that its join made: it follows the authority's status list, hands it on to its
# worker, renews when it is time and shows the new certificate from then on, without a stop. No process but
# the two that are for it comes near the key, and what is written belongs to who will renew it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

HOME_CONF=$TMP/home.conf ID=$TMP/home/connector/identity
printf '[state]\ndir = %s/home\nrun_dir = %s/run\n' "$TMP" "$TMP" >"$HOME_CONF"
# An edge where nobody is: that is another matter.
printf '[connector]\nedge = 127.0.0.1:%s\nhealth =\n[ingress last]\nservice = http_status:404\n' "$(free_port)" >>"$HOME_CONF"
connector() { expect "$1" "$ZT" connector "${@:2}" -c "$HOME_CONF"; }
child() {
	"$ZT" status connector --json -c "$HOME_CONF" | python3 -c '
import json, sys
v = [k for k in json.load(sys.stdin)["children"] if k["name"] == sys.argv[1]][-1]
for part in sys.argv[2].split("."): v = v[part]
print(v)' "$1" "$2" 2>/dev/null
}
says() { [ "$(child "$1" "$2")" = "$3" ]; }
more() { [ "$(child "$1" "$2")" -gt "$3" ]; }

# Not joined: it says what to do, and leaves nothing that runs.
connector 1
has "$ERR" "'zt connector join'"
# Joined for another role: not taken, and nothing is left.
new_token edge wrong
connector 9 join --token-file "$TMP/token"
has "$ERR" "the token is for the role edge, not for connector"
connector 2 join --to "$TMP/elsewhere" --token-file "$TMP/token"

# A life of 1000 s is renewed at two thirds; not before this test is over.
new_token connector nas --lifetime 1000s
connector 0 join --token-file "$TMP/token"
has "$OUT" "joined as connector"
connector 0 join --token-file "$TMP/token"
has "$OUT" "joined already as connector"
same "$(stat -c %a "$ID")/$(stat -c %a "$ID/identity.pem")" 700/600 "modes"
if [ "$(id -u)" = 0 ]; then
	same "$(find "$ID" ! -user 65532 -o ! -group 65532)" "" "what does not belong to the role's processes"
fi

start connector "$ZT" connector -c "$HOME_CONF"
wait_for says keeper counters.connected 1
wait_for says worker counters.list_fresh 1
number=$(child keeper counters.list_number)
# What changes reaches the worker, as a change.
new_token service other --dns other.test
expect 0 "$ZT" join --to "$TMP/other" --token-file "$TMP/token"
ca 0 revoke "$(serial_of "$TMP/other/identity.pem")"
wait_for more worker counters.list_number "$number"
same "$(child worker counters.identity_stuck)" 0 "is it stuck"

# A worker that comes later gets all of it; so does one whose keeper was started again.
for who in worker keeper; do
	kill -KILL "$(child $who pid)"
	wait_for more $who restarts 0
	wait_for says worker counters.list_fresh 1
	wait_for says keeper counters.connected 1
done

# The key is the handshake process's, and the keeper's for the moment of a renewal.
if [ "$(id -u)" = 0 ] && [ -z "${ASAN_OPTIONS:-}" ]; then
	for who in worker keeper; do
		same "$(find "/proc/$(child $who pid)/fd" -lname '*identity.pem' 2>/dev/null)" "" "the key open in $who"
	done
fi

# The authority goes and comes back.
stop ca
wait_for says keeper counters.connected 0
start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
wait_for says keeper counters.connected 1

# Suspended: told to the worker, tried again, and good again without a restart of anything.
ca 0 suspend "$(serial_of "$ID/identity.pem")"
wait_for says keeper counters.stuck 1
wait_for says worker counters.identity_stuck 1
ca 0 unsuspend "$(serial_of "$ID/identity.pem")"
expect 0 "$ZT" reload connector -c "$HOME_CONF"
wait_for says keeper counters.stuck 0
wait_for says worker counters.identity_stuck 0

# Renewed: 60 s of life, so due after 40. The supervisor sees the file and the next handshake shows it.
stop connector
same "$STATUS" 0 "the exit code of the connector"
new_token connector short --lifetime 60s
connector 0 join --replace --token-file "$TMP/token"
first=$(serial_of "$ID/identity.pem")
start connector "$ZT" connector -c "$HOME_CONF"
WAIT_S=90 wait_for more keeper counters.renewals 0
second=$(serial_of "$ID/identity.pem")
[ "$second" != "$first" ] || fail "the certificate is the old one"
WAIT_S=30 wait_for grep -q "reload" "$TMP/connector.log"
wait_for says keeper counters.connected 1
lacks "$(<"$TMP/connector.log")" "child died"
if "$ZT" ca list --all --json -c "$CONF" | grep '"name":"short"' | grep -q suspended; then fail "it was taken for a thief"; fi
