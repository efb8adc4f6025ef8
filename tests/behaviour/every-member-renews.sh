#!/usr/bin/env bash
# An edge, whose certificate is for a server alone, shows it to the authority to renew and to watch, as a
# connector and a client do; whose role does neither is told so. Nobody but the authority takes a
# certificate for servers from a client.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

shown() { "$ZT" id show --json "$TMP/$1" | json "$2"; }
declare -A PURPOSE=([edge]="TLS Web Server Authentication" [connector]="TLS Web Server Authentication, TLS Web Client Authentication"
	[client]="TLS Web Client Authentication")
for role in edge connector client; do
	new_token "$role" "the-$role" --lifetime 2000s
	expect 0 "$ZT" join --to "$TMP/$role" --token-file "$TMP/token"
	has "$(openssl x509 -in "$TMP/$role/identity.pem" -noout -ext extendedKeyUsage)"$'\n' "    ${PURPOSE[$role]}"$'\n'
	id=$(shown "$role" id) first=$(shown "$role" serial)
	expect 0 "$ZT" id renew "$TMP/$role"
	second=$(shown "$role" serial)
	[ "$second" != "$first" ] || fail "$role: the serial is the old one"
	same "$(shown "$role" id)/$(shown "$role" role)" "$id/$role" "who it is after the renewal"
	expect 0 openssl verify -x509_strict -CAfile "$CA/infra.pem" "$TMP/$role/identity.pem"
	# Due five seconds after its issue, for the sake of this test, and each that follows too. It watches until then.
	start "keep-$role" "$ZT" id keep "$TMP/$role" --renew-before 1995
done
for role in edge connector client; do
	wait_for grep -q "id/keep: renewed" "$TMP/keep-$role.log"
	wait_for grep -q "following the status list" "$TMP/keep-$role.log"
	stop "keep-$role"
	same "$STATUS" 0 "the exit code of keep"
	# One joined, one by hand, one for each line of its log; the stop may have come before the last line.
	made=$("$ZT" ca list --all --json -c "$CONF" | grep -c "\"name\":\"the-$role\"")
	told=$((2 + $(grep -c "id/keep: renewed" "$TMP/keep-$role.log")))
	[ "$made" = "$told" ] || same "$made" $((told + 1)) "certificates of the $role, $told of which it knows"
done

# An edge by another program, and the authority's own certificate, which has a role that does neither.
new_token edge vps --lifetime 2000s
(umask 077 && openssl pkey -in "$CA/serve.pem" -out "$TMP/serve.key") || fail "no key in serve.pem"
py "$CA/serve.pem" <<'PY' || fail "certificates shown by another program"
keep(join(ENROL, Token(open(TMP + "/token").read()), request(TMP + "/vps.key")), TMP + "/vps.pem")
answer = renew(ENROL, TMP + "/vps.pem", TMP + "/vps.key", request(TMP + "/vps2.key"))
assert answer[0] == GRANTED, answer
assert watch(ENROL, TMP + "/vps.pem", TMP + "/vps.key").read()[0] == LIST
for answer in (renew(ENROL, sys.argv[1], TMP + "/serve.key", request(TMP + "/no.key")),
               watch(ENROL, sys.argv[1], TMP + "/serve.key").read()):
    code, text = refusal(answer)
    assert code == E_DENIED and "of no role that renews itself or watches" in text, (code, text)
PY

# Other roles are not even of an authority that counts here. Who asks is told why, and so is the log.
for role in device service; do
	words=()
	[ "$role" = device ] || words=(--dns svc.test)
	new_token "$role" "the-$role" "${words[@]}"
	expect 0 "$ZT" join --to "$TMP/$role" --token-file "$TMP/token"
	for verb in renew keep; do
		expect 4 "$ZT" id "$verb" "$TMP/$role"
		has "$ERR" "certificates of role $role do not renew themselves; 'zt ca renew' on the authority does"
	done
	before=$(grep -c 'ca/front: closed.*certificate' "$TMP/ca.log")
	py "$TMP/$role/identity.pem" <<'PY' || fail "a $role was let in"
try:
    answer = renew(ENROL, sys.argv[1], sys.argv[1], request(TMP + "/no.key"))
except (ssl.SSLError, ConnectionError):
    answer = None
assert answer is None, answer
PY
	said() { [ "$(grep -c 'ca/front: closed.*certificate' "$TMP/ca.log")" -gt "$before" ]; }
	wait_for said
done

# Anywhere else the purpose counts: a host that asks for clients under infra takes no edge for one.
AT=$(free_port)
cat >"$TMP/relay.conf" <<END
[state]
dir = $TMP/relay.state
run_dir = $TMP/relay.run
[relay]
listen = 127.0.0.1:$AT
accept = tls
to = 127.0.0.1:$(free_port)
[host web]
names = relay.test
cert = $TMP/connector/identity.pem
key = $TMP/connector/identity.pem
client_cert = required
client_ca = $TMP/connector/trust/infra.pem
END
start relay "$ZT" relay -c "$TMP/relay.conf"
wait_for "$ZT" health relay -c "$TMP/relay.conf"
for role in edge client; do
	timeout 60 openssl s_client -ign_eof -connect "127.0.0.1:$AT" -servername relay.test -tls1_2 -cert "$TMP/$role/identity.pem" \
		-key "$TMP/$role/identity.pem" </dev/null >"$TMP/$role.said" 2>&1
done
wait_for grep -q 'its extended key usage is for something else' "$TMP/relay.log"
same "$(grep -c 'its extended key usage is for something else' "$TMP/relay.log")" 1 "clients that were refused"
grep -q 'alert unsupported certificate' "$TMP/edge.said" || fail "the edge got in"
if grep -q 'alert unsupported certificate' "$TMP/client.said"; then fail "the client was refused"; fi
stop relay
stop ca
same "$STATUS" 0 "the exit code"
