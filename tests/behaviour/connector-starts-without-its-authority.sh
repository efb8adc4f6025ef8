#!/usr/bin/env bash
# A connector whose authority is away waits for the status list for a while, says so, and then goes to work with
# edges that it cannot judge. When the authority is back, one that was revoked meanwhile is left at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
start_ca
ONE=$(free_port) TWO=$(free_port)
for name in one two; do
	join_as edge "$name" "$TMP/$name.id"
done
new_token connector nas
connector_conf "127.0.0.1:$ONE, 127.0.0.1:$TWO" "$CATCH_ALL"
connector 0 join --token-file "$TMP/token"
start_edge one "$ONE"
start_edge two "$TWO"
wait_for listening "$ONE"
wait_for listening "$TWO"
ca 0 revoke "$(serial_of "$TMP/two.id/identity.pem")"
stop ca

start_connector
for name in one two; do
	wait_for heard "$name" 'e["ev"] == "health"'
	same "$(count "$name" 'e["ev"] == "status"')" 0 "lists that $name heard"
done
logged "no status list came from the authority: the edge is dialled" || fail "it does not say so"

start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
expect 0 "$ZT" reload connector -c "$HOME_CONF" # else the keeper tries when its time has come
wait_for heard one 'e["ev"] == "status"'
wait_for heard two 'e["ev"] == "goaway" and e["reason"] == 3'
wait_for says uplinks_up 1
same "$(count one 'e["ev"] == "conn"')" 1 "the number of connections to the good one"
