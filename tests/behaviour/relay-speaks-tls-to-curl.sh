#!/bin/bash
# core
# security
# TLS for a service that has none: curl and openssl get in with the right name and authority, and
# whoever asks for something else is refused, always in the same way.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need curl python3
ca home
cert a home serverAuth "DNS:a.test"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert w home serverAuth "DNS:*.w.test"
start_web_origin
relay_conf near "to = 127.0.0.1:$WEB" 'accept = tls' \
	"$(host a a 'names = a.test' 'alpn = http/1.1')" "$(host w w 'names = *.w.test')"
start_relay near
port=${AT[near]}

# get NAME [CURL OPTION...]: /hello from that name; exit code in $got.
get() {
	local name=$1
	shift
	BODY=$(curl -sS --max-time 20 --cacert "$PKI/home.pem" --resolve "$name:$port:127.0.0.1" "$@" \
		"https://$name:$port/hello" 2>"$TMP/curl.err")
	got=$?
}
get a.test -v
same "$got/$BODY" "0/hello from behind" "a.test"
has "$(<"$TMP/curl.err")" "TLSv1.2 / ECDHE-ECDSA-"
has "$(<"$TMP/curl.err")" "server accepted http/1.1"
get deep.w.test -v
same "$got/$BODY" "0/hello from behind" "deep.w.test"
has "$(<"$TMP/curl.err")" "TLSv1.2 / ECDHE-RSA-"
logged near open name=a.test suite=ECDHE-ECDSA alpn=http/1.1 resumed=false || fail "no line about the connection of a.test"
wait_for logged near closed 'why="finished first"' to_client=

get a.test --cacert "$PKI/w.pem"
same "$got" 60 "curl with another authority"
for name in b.test a.b.w.test w.test; do
	get "$name"
	same "$got" 35 "curl asks for $name, which nobody serves"
done
wait_for logged near 'not opened' "nothing is configured for this name"

# What the peer is told must not say which names there are.
alert() { openssl s_client -connect "127.0.0.1:$port" "$@" </dev/null 2>&1 | sed -n 's/.*SSL alert number //p' | head -n 1; }
unknown=$(alert -servername b.test)
same "$unknown" 112 "alert for an unknown name"
same "$(alert -noservername)" "$unknown" "alert without a name"
same "$(alert -servername a.test -alpn h2)" "$unknown" "alert for a protocol that nobody speaks"
same "$(alert -servername a.test -tls1_3)" 70 "alert for TLS 1.3 only"
same "$(alert -servername a.test -tls1_1 -cipher ALL:@SECLEVEL=0)" 70 "alert for TLS 1.1"
same "$(alert -servername a.test -tls1_2 -cipher AES128-SHA:@SECLEVEL=0)" 40 "alert for suites without forward secrecy"

out=$(openssl s_client -connect "127.0.0.1:$port" -servername a.test -tls1_2 -CAfile "$PKI/home.pem" \
	-verify_return_error -verify_hostname a.test </dev/null 2>&1)
has "$out" "Verify return code: 0 (ok)"
has "$out" "Cipher    : ECDHE-ECDSA-"

# Not TLS at all: closed, and the log says so.
printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"$port"'; cat >&3; cat <&3' >"$TMP/plain.out" 2>/dev/null
same "$(wc -c <"$TMP/plain.out")" 0 "bytes answered to plain HTTP"
wait_for logged near 'not opened' "the peer speaks HTTP, not TLS"
stop near
same "$STATUS" 0 "exit code"
pass
