#!/usr/bin/env bash
# core
# security
# An edge joins though it cannot reach home: it waits, home calls. What is said at either end, and with which exit
# code, when it comes to that and when it does not.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/called.inc.sh"

start_ca
new_token edge vps
has "$ERR" "zt edge join --token-file -"
has "$ERR" "zt ca call THERE:443"

# Home calls, and that is all. It may call before somebody waits.
start early "$ZT" ca call "127.0.0.1:$E" -c "$CONF"
wait_edge first
join early
same "$STATUS" 0 "the end of zt ca call"
said early "vps has joined"
join first
same "$STATUS" 0 "the end of zt edge join"
said first "joined as edge "
said first "[edge] enrol = NAME"
same "$(head -1 "$ID/where")" "127.0.0.1:$E" "where it renews first"
openssl verify -CAfile "$ID/trust/infra.pem" "$ID/identity.pem" >"$TMP/verify" || fail "$(<"$TMP/verify")"
# Done again it is joined already, and nobody is waited for.
expect 0 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token"
has "$OUT" "joined already as edge"

# The token is used up: final for both, and nothing is left.
edge_at second
wait_edge used
call 4
has "$ERR" "no certificate came of it"
join used
same "$STATUS" 9 "the end of a join whose token is used up"
said used "the authority refused"
[ -z "$(ls -A "$ID" 2>/dev/null)" ] || fail "something was left behind"

# A token for something else, an address that is taken, nobody in time, a token as an argument.
new_token connector nas
expect 9 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token"
has "$ERR" "for the role connector"
new_token edge third
expect 7 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token" --listen "127.0.0.1:$ENROL"
has "$ERR" "--listen ADDR:PORT"
expect 2 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token" --listen nowhere
expect 2 "$ZT" join --to "$TMP/x" --token-file "$TMP/token" --listen "127.0.0.1:$E"
expect 5 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token" --timeout 1
has "$ERR" "has not called within 1 seconds"
[ -z "$(ls -A "$ID" 2>/dev/null)" ] || fail "something was left behind"
start arg "$ZT" edge join -c "$TMP/edge.conf" "$TOKEN"
wait_for grep -q "waiting for home to call" "$TMP/arg.log"
lacks "$(tr '\0' ' ' <"/proc/${PIDS[arg]}/cmdline")" "zt1_"
call 0
join arg
same "$STATUS" 0 "the end of a join with an argument"

# Somebody has to say yes: the wait goes on meanwhile.
edge_at fourth
new_token edge fourth --approve
wait_edge approve
call 4
has "$ERR" "zt ca pending"
wait_for grep -q "waits for approval" "$TMP/approve.log"
running approve || fail "the wait ended though somebody may still say yes"
ca 0 approve 1
call 0
has "$OUT" "fourth has joined"
join approve
same "$STATUS" 0 "the end of a join that was approved"

# Nobody waits there; somebody who says nothing; something else.
call 5 --timeout 1s
has "$ERR" "connection refused. Does 'zt edge join' wait there"
python3 - "$E" >"$TMP/other.log" 2>&1 <<'PY' &
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
s.accept()[0].close()
c = s.accept()[0]
c.sendall(b"SSH-2.0-x\r\n")
c.recv(100)
PY
PIDS[other]=$!
wait_for grep -q ready "$TMP/other.log"
call 4
has "$ERR" "something else than 'zt edge join'"
join other
call 2 --timeout 0s
expect 2 "$ZT" ca call nowhere -c "$CONF"

# The authority does not run.
edge_at fifth
new_token edge fifth
stop ca
wait_edge down --timeout 20
call 5
has "$ERR" "Does 'zt ca' run?"
stop down
pass
