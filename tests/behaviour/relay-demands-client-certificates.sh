#!/bin/bash
# core
# security
# One port, three names: one asks for no client certificate, one for an optional one, one demands
# it. And no session that was made without a certificate (or under another name, or before a
# reload) enters where one is asked for: T-01.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need curl python3
ca home
ca people
ca strangers
cert s home serverAuth "DNS:open.test, DNS:also.test, DNS:maybe.test, DNS:closed.test"
cert alice people clientAuth
cert mallory strangers clientAuth
cert server people serverAuth "DNS:alice"
cert old people clientAuth "" 20240101000000Z 20240201000000Z
start_web_origin
conf() {
	relay_conf near "to = 127.0.0.1:$WEB" 'accept = tls' \
		"$(host open s 'names = open.test')" "$(host also s 'names = also.test')" \
		"$(host maybe s 'names = maybe.test' 'client_cert = optional' "client_ca = $PKI/people.pem")" \
		"$(host closed s 'names = closed.test' 'client_cert = required' "client_ca = $PKI/people.pem")"
}
conf
start_relay near
port=${AT[near]}

# get NAME [CERT]: what came, or nothing.
get() {
	curl -sS --max-time 20 --cacert "$PKI/home.pem" --resolve "$1.test:$port:127.0.0.1" \
		${2:+--cert "$PKI/$2.pem" --key "$PKI/$2.key"} "https://$1.test:$port/hello" 2>"$TMP/curl.err"
}
hello="hello from behind"
same "$(get open)" "$hello" "open, no certificate"
same "$(get open alice)" "$hello" "open, with one that nobody asked for"
same "$(get maybe)" "$hello" "optional, without"
same "$(get maybe alice)" "$hello" "optional, with"
same "$(get closed alice)" "$hello" "required, with"
logged near open name=closed.test client=alice || fail "the log does not name the client"
lacks "$(grep name=open.test "$TMP/near.log")" "client="
same "$(get closed)" "" "required, without"
wait_for logged near 'not opened' "the peer sent no certificate and must"
for who in mallory server old; do
	same "$(get closed "$who")" "" "required, with the certificate of $who"
done
same "$(get maybe mallory)" "" "optional, with a stranger's" # a bad one is not better than none
wait_for logged near 'not opened' "leads to no trusted authority"
wait_for logged near 'not opened' "may not be used for this"
wait_for logged near 'not opened' "out of date"

# The authorities that are acceptable are named, so that a browser offers the right certificate.
out=$(openssl s_client -connect "127.0.0.1:$port" -servername closed.test -tls1_2 </dev/null 2>&1)
has "$out" "Acceptable client certificate CA names"
has "$out" "CN = people"
out=$(openssl s_client -connect "127.0.0.1:$port" -servername open.test -tls1_2 </dev/null 2>&1)
lacks "$out" "Acceptable client certificate CA names"

# ---- T-01
# session NAME FILE [s_client option...]: a handshake that keeps its session
session() {
	openssl s_client -connect "127.0.0.1:$port" -servername "$1.test" -tls1_2 -sess_out "$2" "${@:3}" </dev/null >"$TMP/.s" 2>&1
	[ -s "$2" ] || fail "no session from $1.test"
}
# again NAME FILE [option...]: "Reused", "New" or what went wrong, in $HOW
again() {
	HOW=$(openssl s_client -connect "127.0.0.1:$port" -servername "$1.test" -tls1_2 -sess_in "$2" "${@:3}" </dev/null 2>&1 |
		sed -n 's/^\(Reused\|New\), TLSv1.2.*/\1/p; s/.*SSL alert number \(.*\)/alert \1/p' | tr '\n' ' ')
}
as_alice=(-cert "$PKI/alice.pem" -key "$PKI/alice.key")
session open "$TMP/open.sess"
again open "$TMP/open.sess"
same "$HOW" "Reused " "the same name again" # or the rest proves nothing
again also "$TMP/open.sess"
same "$HOW" "New " "another name"
again maybe "$TMP/open.sess"
same "$HOW" "New " "where one may be shown"
has "$(openssl s_client -connect "127.0.0.1:$port" -servername closed.test -tls1_2 -sess_in "$TMP/open.sess" </dev/null 2>&1)" "Acceptable client certificate CA names"
again closed "$TMP/open.sess"
has "$HOW" "alert"
lacks "$HOW" "Reused"
again closed "$TMP/open.sess" "${as_alice[@]}"
same "$HOW" "New " "where one is demanded, with one"
# A session made with a certificate is not resumed either: it would outlive the certificate.
for name in maybe closed; do
	rm -f "$TMP/$name.sess"
	openssl s_client -connect "127.0.0.1:$port" -servername "$name.test" -tls1_2 -sess_out "$TMP/$name.sess" "${as_alice[@]}" </dev/null >/dev/null 2>&1
	[ -s "$TMP/$name.sess" ] || continue # not even a session id was given
	again "$name" "$TMP/$name.sess" "${as_alice[@]}"
	same "$HOW" "New " "$name again"
	again "$name" "$TMP/$name.sess"
	lacks "$HOW" "Reused"
done
# Another epoch of the configuration.
session open "$TMP/open.sess"
conf
expect 0 "$ZT" reload relay -c "${CONF[near]}"
again open "$TMP/open.sess"
same "$HOW" "New " "after a reload"
pass
