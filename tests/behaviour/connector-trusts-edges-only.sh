#!/usr/bin/env bash
# core
# security
# A connector speaks to edges of its own authority and to nobody else: not to another role, not to another
# authority's edge, not to one that was revoked; one that is revoked while it serves is left at once, and what
# another edge serves goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
start_ca
declare -A PORT
for name in one two role gone; do
	PORT[$name]=$(free_port)
done
join_as edge one "$TMP/one.id"
join_as edge two "$TMP/two.id"
join_as edge gone "$TMP/gone.id"
join_as connector role "$TMP/role.id"
ca 0 revoke "$(serial_of "$TMP/gone.id/identity.pem")"

edges=
for name in "${!PORT[@]}"; do
	start_edge "$name" "${PORT[$name]}"
	wait_for listening "${PORT[$name]}"
	edges+=${edges:+, }127.0.0.1:${PORT[$name]}
done
connector_conf "$edges" "$CATCH_ALL"
new_token connector nas
connector 0 join --token-file "$TMP/token"
start_connector
for name in one two; do
	wait_for heard "$name" 'e["ev"] == "health"'
done
wait_for_line() { wait_for logged_of "$1" "$2"; }
logged_of() { grep -F "edge=127.0.0.1:${PORT[$1]} " "$TMP/connector.log" | grep -qF -- "$2"; }
wait_for_line gone "it is revoked"
wait_for_line role "it shows the role connector and edge is wanted"
for name in gone role; do
	same "$(count "$name" 'e["ev"] == "hello"')" 0 "hellos that $name was sent"
	lacks "$(<"$TMP/connector.log")" "Connected to network: 127.0.0.1:${PORT[$name]}"
done

# Revoked while it serves: left at once, with a reason, and not believed again.
ca 0 revoke "$(serial_of "$TMP/one.id/identity.pem")"
wait_for heard one 'e["ev"] == "goaway" and e["reason"] == 3'
wait_for heard one 'e["ev"] == "end" and e["why"] == "clean"'
wait_for_line one "it is revoked"
wait_for says uplinks_up 1
same "$(count two 'e["ev"] == "conn"')" 1 "the number of connections to the other"
lacks "$(<"$TMP/two.log")" '"goaway"'
