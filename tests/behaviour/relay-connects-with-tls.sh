#!/bin/bash
# security
# TLS to an origin that a plain client cannot speak to: a private authority, the system's, a pin,
# names, addresses, dates, and a certificate of our own for an origin that demands one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need curl nginx
ca home
ca other
cert good home serverAuth "DNS:good.test, IP:127.0.0.1"
cert named home serverAuth "DNS:good.test"
cert old home serverAuth "DNS:good.test, IP:127.0.0.1" 20240101000000Z 20240201000000Z
cert early home serverAuth "DNS:good.test, IP:127.0.0.1" 20990101000000Z 20990201000000Z
cert asclient home clientAuth "DNS:good.test, IP:127.0.0.1"
cert me other clientAuth
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "DNS:good.test, IP:127.0.0.1"

declare -A ON
nginx_server() { # NAME CERT LINE...
	ON[$1]=$(free_port)
	printf 'server { listen 127.0.0.1:%s ssl; ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key; location / { return 200 "hello $ssl_protocol $ssl_client_verify"; } %s }\n' \
		"${ON[$1]}" "$PKI" "$2" "$PKI" "$2" "${3:-}"
}
{
	printf 'daemon off; pid %s/nginx.pid; error_log %s/nginx-error.log; events {}\n' "$TMP" "$TMP"
	printf 'http { access_log off; ssl_session_cache shared:s:1m; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n' \
		"$TMP" "$TMP" "$TMP" "$TMP" "$TMP"
	for c in good named old early asclient rsa; do
		nginx_server "$c" "$c" >"$TMP/part" # not in a subshell: it sets ON
		cat "$TMP/part"
	done
	nginx_server mutual good "ssl_verify_client on; ssl_client_certificate $PKI/other.pem;" >"$TMP/part"
	cat "$TMP/part"
	printf '}\n'
} >"$TMP/nginx.conf"
chmod 755 "$TMP" # nginx's workers are another user
start nginx nginx -c "$TMP/nginx.conf" -p "$TMP" -e "$TMP/nginx-error.log"
wait_for listening "${ON[mutual]}"

first=1
# far ORIGIN LINE...: the relay now goes there. try: $CODE and $BODY of a request through it.
far() {
	local to=${ON[$1]}
	shift
	relay_conf near "to = 127.0.0.1:$to" 'connect = tls' "$@"
	if [ "$first" ]; then start_relay near; else expect 0 "$ZT" reload relay -c "${CONF[near]}"; fi
	first=
}
try() { BODY=$(curl -sS --max-time 20 "http://127.0.0.1:${AT[near]}/" 2>"$TMP/curl.err"); }
works() {
	far "$@"
	try
	has "$BODY" "hello TLSv1.2"
}
# refused WORDS ORIGIN LINE...
refused() {
	local words=$1
	shift
	[ "$first" ] || mark near
	far "$@"
	try
	same "$BODY" "" "what came from $1"
	wait_for logged near 'not opened' 'by="far side"' "$words"
}

works good 'connect_name = good.test' "connect_ca = $PKI/home.pem"
wait_for logged near open far_name=good.test far_suite=ECDHE-ECDSA- far_resumed=false
works good "connect_ca = $PKI/home.pem" # the address that is dialled is in it
works rsa 'connect_name = good.test' "connect_ca = $PKI/home.pem"
works good "connect_pin = $(pin good)"
works old "connect_pin = $(pin old)" # with a pin its key is what counts
works named 'connect_name = good.test' "connect_ca = $PKI/home.pem"
works good 'insecure_connect_any_cert = true'

refused "leads to no trusted authority" good 'connect_name = good.test' "connect_ca = $PKI/other.pem"
refused "leads to no trusted authority" good 'connect_name = good.test' 'connect_ca = system'
refused "is not the pinned one" good "connect_pin = $(pin rsa)"
refused "out of date" old "connect_ca = $PKI/home.pem"
refused "out of date" early "connect_ca = $PKI/home.pem"
refused "is for another name" good 'connect_name = bad.test' "connect_ca = $PKI/home.pem"
refused "is for another name" named "connect_ca = $PKI/home.pem" # the address is not in it
refused "may not be used for this" asclient "connect_ca = $PKI/home.pem"

works mutual "connect_ca = $PKI/home.pem" "connect_cert = $PKI/me.pem" "connect_key = $PKI/me.key"
has "$BODY" "SUCCESS"
far mutual "connect_ca = $PKI/home.pem"
try
has "$BODY" "400" # nginx's way to say that a certificate is missing

# Sessions are resumed where the far side keeps them.
works good "connect_ca = $PKI/home.pem"
mark near
try
try
wait_for logged near open far_resumed=true
pass
