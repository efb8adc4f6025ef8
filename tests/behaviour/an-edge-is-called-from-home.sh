#!/usr/bin/env bash
# core
# security
# An edge joins though it cannot reach home: it waits, home calls. Who connects to it before, or says anything at all,
# changes nothing: strangers in any number, the slow ones and the wrong authority; and what zt says at either
# end when it does not come to that.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"

E=$(free_port)
edge_conf() {
	printf '[state]\ndir = %s/edge.state\nrun_dir = %s/edge.run\n[edge]\nlisten = 127.0.0.1:%s\n' "$TMP" "$TMP" "$E"
	printf '[host x]\nnames = x.test\ncert = /x.pem\nkey = /x.key\naccess = public\n'
}
edge_conf >"$TMP/edge.conf"
ID=$TMP/edge.state/edge/identity
# wait_edge NAME [OPTION...]: zt edge join in the background, until it waits.
wait_edge() {
	start "$1" "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token" "${@:2}"
	wait_for grep -q "waiting for home to call" "$TMP/$1.log"
}
call() { expect "$1" "$ZT" ca call "127.0.0.1:$E" -c "$CONF" "${@:2}"; }

start_ca
new_token edge vps
has "$ERR" "zt edge join --token-file -"
has "$ERR" "zt ca call THERE:443"

# Home calls, and that is all.
wait_edge first
call 0
has "$OUT" "vps has joined"
join first
same "$STATUS" 0 "the end of zt edge join"
logged() { grep -qF -- "$2" "$TMP/$1.log"; }
logged first "joined as edge " || fail "it does not say what it is now"
logged first "set" || fail "it does not say what [edge] enrol is for"
same "$(head -1 "$ID/where")" "127.0.0.1:$E" "where it renews first"
openssl verify -CAfile "$ID/trust/infra.pem" "$ID/identity.pem" >"$TMP/verify" || fail "$(<"$TMP/verify")"
# Done again it is joined already, and nobody is waited for.
expect 0 "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token"
has "$OUT" "joined already as edge"
pass
