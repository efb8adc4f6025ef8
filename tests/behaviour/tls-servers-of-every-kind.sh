#!/bin/bash
# zt as a client of servers that others wrote: openssl, nginx, GnuTLS, NSS, node and python. It speaks to
# whoever has the right certificate, and to nobody else, and shows its own where it is asked for one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
. "$(dirname "$0")/peers.inc.sh"
need openssl curl nginx gnutls-serv selfserv certutil pk12util node python3
ca home
ca other
ca people
both="DNS:good.test, IP:127.0.0.1"
cert p256 home serverAuth "$both"
KEY_OPT=ec_paramgen_curve:P-384 cert p384 home serverAuth "$both"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "$both"
cert old home serverAuth "$both" 20240101000000Z 20240201000000Z
cert noip home serverAuth "DNS:good.test"
cert me people clientAuth
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert mersa people clientAuth

# Lines, for echo services that live on them: 1 MB, at most 1,000 bytes each.
mkdir "$TMP/www"
head -c 786432 /dev/urandom | base64 -w 1000 >"$TMP/www/blob"
WEB=$(free_port)
start web python3 "$PEERS/origin.py" "$WEB"

# ---- the servers (GnuTLS and NSS cannot be told to listen on loopback only): each once for every certificate, and once more demanding one. ON[SERVER/WHICH] is the port.
declare -A ON
SERVERS=(openssl nginx gnutls nss node python)
WHICH=(p256 p384 rsa old noip mutual)
for s in "${SERVERS[@]}"; do for w in "${WHICH[@]}"; do ON[$s/$w]=$(free_port); done; done
ON[openssl/echo]=$(free_port) ON[openssl/file]=$(free_port) ON[gnutls/echo]=$(free_port) ON[nss/file]=$(free_port)

cert_of() { [ "$1" = mutual ] && echo p256 || echo "$1"; }
script_args=()
for w in "${WHICH[@]}"; do
	c=$(cert_of "$w") demand=()
	[ "$w" = mutual ] && demand=(-Verify 3 -verify_return_error -CAfile "$PKI/people.pem")
	start "openssl-$w" openssl s_server -accept "127.0.0.1:${ON[openssl/$w]}" -cert "$PKI/$c.pem" -key "$PKI/$c.key" -alpn h2,http/1.1 -www "${demand[@]}"
	[ "$w" = mutual ] && demand=(--require-client-cert --verify-client-cert --x509cafile="$PKI/people.pem") || demand=(--disable-client-cert)
	start "gnutls-$w" gnutls-serv --http -p "${ON[gnutls/$w]}" --x509certfile="$PKI/$c.pem" --x509keyfile="$PKI/$c.key" --alpn=h2 --alpn=http/1.1 "${demand[@]}"
	nssdb "$TMP/nss-$w" people "$c"
	[ "$w" = mutual ] && demand=(-r -r) || demand=()
	certutil -M -d "sql:$TMP/nss-$w" -n people -t T,, # authorities of clients are another flag
	start "nss-$w" selfserv -v -n "$c" -e "$c" -p "${ON[nss/$w]}" -d "sql:$TMP/nss-$w" -Q "${demand[@]}"
done
for s in node python; do
	script_args=()
	for w in "${WHICH[@]}"; do
		c=$(cert_of "$w")
		[ "$w" = mutual ] && ca=$PKI/people.pem || ca=-
		script_args+=("${ON[$s/$w]}" "$PKI/$c.pem" "$PKI/$c.key" "$ca")
	done
	[ $s = node ] && start node node "$PEERS/server.js" "${script_args[@]}"
	[ $s = python ] && start python python3 "$PEERS/server.py" "${script_args[@]}"
done
nginx_server() { # PORT CERT LINE
	printf 'server { listen 127.0.0.1:%s ssl; ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key; %s\n' "$1" "$PKI" "$2" "$PKI" "$2" "${3:-}"
	printf 'location / { return 200 "hello $ssl_protocol resumed=$ssl_session_reused client=$ssl_client_s_dn alpn=$ssl_alpn_protocol\\n"; }\n'
	printf 'location /echo { proxy_pass http://127.0.0.1:%s; proxy_http_version 1.1; client_max_body_size 8m; } }\n' "$WEB"
}
{
	printf 'daemon off; pid %s/nginx.pid; error_log %s/nginx.err; events {}\n' "$TMP" "$TMP"
	printf 'http { log_format tls "$server_port $ssl_session_reused $ssl_client_verify $ssl_cipher"; access_log %s/nginx.access tls; ssl_session_cache shared:s:1m; ssl_protocols TLSv1.2 TLSv1.3;\n' "$TMP"
	printf 'client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n' "$TMP" "$TMP" "$TMP" "$TMP" "$TMP"
	for w in "${WHICH[@]}"; do
		[ "$w" = mutual ] && extra="ssl_verify_client on; ssl_client_certificate $PKI/people.pem;" || extra=
		nginx_server "${ON[nginx/$w]}" "$(cert_of "$w")" "$extra"
	done
	printf '}\n'
} >"$TMP/nginx.conf"
chmod 755 "$TMP" # nginx's workers are another user
start nginx nginx -c "$TMP/nginx.conf" -p "$TMP" -e "$TMP/nginx.err"
# What echoes or serves a file is another mode of the same program.
start openssl-echo openssl s_server -accept "127.0.0.1:${ON[openssl/echo]}" -cert "$PKI/p256.pem" -key "$PKI/p256.key" -rev
start openssl-file env -C "$TMP/www" openssl s_server -accept "127.0.0.1:${ON[openssl/file]}" -cert "$PKI/rsa.pem" -key "$PKI/rsa.key" -WWW
start gnutls-echo gnutls-serv --echo -p "${ON[gnutls/echo]}" --x509certfile="$PKI/p256.pem" --x509keyfile="$PKI/p256.key" --disable-client-cert
start nss-file selfserv -n p256 -e p256 -p "${ON[nss/file]}" -d "sql:$TMP/nss-p256" -g 64
for at in "${!ON[@]}"; do wait_for listening "${ON[$at]}"; done

# ---- zt in front of one of them
first=1
# far SERVER/WHICH LINE...: that is where the relay goes now.
far() {
	local to=${ON[$1]}
	shift
	relay_conf near "to = 127.0.0.1:$to" 'connect = tls' "$@"
	if [ "$first" ]; then start_relay near; else expect 0 "$ZT" reload relay -c "${CONF[near]}"; fi
	first=
	mark near
}
named=("connect_name = good.test" "connect_ca = $PKI/home.pem")
# get: $SEEN is ok when the server answered as itself, or why zt did not speak to it.
get() {
	curl -sS --http0.9 --max-time 20 -H 'Connection: close' -o "$TMP/body" "http://127.0.0.1:${AT[near]}/" 2>"$TMP/said"
	[ -e "$TMP/body" ] || : >"$TMP/body"
	# NSS says back what it was asked.
	if grep -qaE '^hello TLSv1.2|Protocol *: TLSv1.2|>TLS1.2<' "$TMP/body" ||
		{ grep -qaFx "GET / HTTP/1.1"$'\r' "$TMP/body" && grep -qa '^EOF' "$TMP/body"; }; then
		SEEN=ok
	else
		SEEN=$(tail -n +$((${MARK[near]} + 1)) "$TMP/near.log" | sed -n 's/.*not opened.* why="\([^"]*\)".*/\1/p' | tail -n 1)
		SEEN=${SEEN:-"failed, no line"}
	fi
	cat "$TMP/body" >>"$TMP/said"
	rm "$TMP/body"
}
short() { # what zt says, as the table says it
	local number
	case $SEEN in
	*"leads to no trusted authority"*) SEEN=distrusts ;;
	*"is for another name"*) SEEN=misnamed ;;
	*"out of date"*) SEEN=dated ;;
	*"is not the pinned one"*) SEEN=unpinned ;;
	"the peer refused: "*"("*")") number=${SEEN##*(} SEEN="alert ${number%)}" ;;
	esac
}
check() { # SERVER COLUMN WANT LINE...
	local row=$1 column=$2 want=$3 at=$4
	shift 4
	far "$row/$at" "$@"
	get
	short
	cell "$row" "$column" "$want" "$SEEN"
}

for s in "${SERVERS[@]}"; do
	for key in p256 p384 rsa; do check $s $key ok $key "${named[@]}"; done
	check $s address ok p256 "connect_ca = $PKI/home.pem"
	check $s "no address" misnamed noip "connect_ca = $PKI/home.pem"
	check $s "wrong name" misnamed p256 'connect_name = bad.test' "connect_ca = $PKI/home.pem"
	check $s "unknown ca" distrusts p256 'connect_name = good.test' "connect_ca = $PKI/other.pem"
	check $s expired dated old "${named[@]}"
	check $s pin ok old "connect_pin = $(pin old)"
	check $s "wrong pin" unpinned p256 "connect_pin = $(pin rsa)"
	# Whose certificate it is, the server says itself.
	for c in me mersa; do
		far $s/mutual "${named[@]}" "connect_cert = $PKI/$c.pem" "connect_key = $PKI/$c.key"
		get
		if [ $s = nss ]; then shown=$(<"$TMP/nss-mutual.log"); else shown=$(<"$TMP/said"); fi
		[ "$SEEN" != ok ] || grep -qE "(CN ?=|client=) ?$c( |\$)" <<<"$shown" || SEEN=unseen
		cell $s "cert $c" ok "$SEEN"
	done
	# Each misses a certificate in its own way.
	case $s in
	gnutls) want="alert 50" ;;
	nss) want="alert 42" ;;
	nginx) want="page 400" ;;
	*) want="alert 40" ;;
	esac
	far $s/mutual "${named[@]}"
	get
	short
	! grep -q "400 No required SSL certificate was sent" "$TMP/said" || SEEN="page 400"
	cell $s "no cert" "$want" "$SEEN"

	far $s/p256 "${named[@]}" 'connect_alpn = http/1.1'
	get
	logged near open far_alpn=http/1.1 || SEEN="no alpn"
	cell $s alpn ok "$SEEN"

	far $s/rsa "${named[@]}"
	get
	get
	if [ "$SEEN" = ok ]; then
		logged near open far_resumed=true && SEEN=resumed || SEEN=fresh
		case $s in
		nginx) [ "$(grep "^${ON[nginx/rsa]} " "$TMP/nginx.access" | tail -n 1 | cut -d' ' -f2)" = r ] || SEEN="nginx: fresh" ;;
		openssl) grep -q '^Reused' "$TMP/said" || SEEN="openssl: fresh" ;;
		nss) grep -q '[1-9][0-9]* cache hits' "$TMP/nss-rsa.log" || SEEN="nss: fresh" ;;
		gnutls) grep -q 'resumed' "$TMP/gnutls-rsa.log" || SEEN="gnutls: fresh" ;;
		*) grep -q 'resumed=True' "$TMP/said" || SEEN="$s: fresh" ;;
		esac
	fi
	cell $s resume resumed "$SEEN"
done

# ---- 1 MB there and back, or only back where the program can do no more.
moved() { cmp -s "$TMP/body" "$1" && SEEN=ok || SEEN="$(wc -c <"$TMP/body") bytes"; }
for s in nginx node python; do
	far $s/rsa "${named[@]}"
	curl -sS --max-time 60 -H 'Expect:' --data-binary "@$TMP/www/blob" -o "$TMP/body" "http://127.0.0.1:${AT[near]}/echo" 2>"$TMP/said"
	moved "$TMP/www/blob"
	cell $s "1 MB" ok "$SEEN"
	none $s "1 MB back"
done
for s in openssl:reverse gnutls:echo; do
	far ${s%:*}/echo "${named[@]}"
	python3 "$PEERS/ask.py" "${AT[near]}" ${s#*:} <"$TMP/www/blob" >"$TMP/body" 2>"$TMP/said"
	moved "$TMP/www/blob"
	cell ${s%:*} "1 MB" ok "$SEEN"
done
far openssl/file "${named[@]}"
curl -sS --max-time 60 -o "$TMP/body" "http://127.0.0.1:${AT[near]}/blob" 2>"$TMP/said"
moved "$TMP/www/blob"
cell openssl "1 MB back" ok "$SEEN"
far nss/file "${named[@]}"
curl -sS --http0.9 --max-time 60 -o "$TMP/body" "http://127.0.0.1:${AT[near]}/" 2>"$TMP/said"
# It sends 65 times 16 KiB behind the request, each byte one more than the last.
python3 - "$TMP/body" <<'PY' && SEEN=ok || SEEN="$(wc -c <"$TMP/body") bytes"
import sys
body = open(sys.argv[1], "rb").read().partition(b"\r\n\r\n")[2]
sys.exit(body != bytes(range(256)) * (65 * 64))
PY
cell nss "1 MB back" ok "$SEEN"
none nss "1 MB"
none gnutls "1 MB back"

matrix server p256 p384 rsa address "no address" "wrong name" "unknown ca" expired pin
matrix server "wrong pin" "cert me" "cert mersa" "no cert" alpn resume "1 MB" "1 MB back"

# ---- servers that know one suite only
new_matrix
one_suite() { # SERVER KEY SUITE GNUTLS NSS
	local to k=${2,,} full=ECDHE-$2-$3
	[ "$k" = ecdsa ] && k=p256
	to=$(free_port)
	case $1 in
	openssl) start one openssl s_server -accept "127.0.0.1:$to" -cert "$PKI/$k.pem" -key "$PKI/$k.key" -tls1_2 -cipher "$full" -www ;;
	gnutls) start one gnutls-serv --http -p "$to" --x509certfile="$PKI/$k.pem" --x509keyfile="$PKI/$k.key" --disable-client-cert \
		--priority="NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+$4" ;;
	nss) start one selfserv -v -n "$k" -e "$k" -p "$to" -d "sql:$TMP/nss-$k" -V tls1.2:tls1.2 -c ":$5" ;;
	esac
	wait_for listening "$to"
	ON[one]=$to
	far one "${named[@]}"
	get
	logged near open "far_suite=$full" || SEEN="not $full: $SEEN"
	cell "$1" "$2 ${3%%-*}" ok "$SEEN"
	stop one
}
for s in openssl gnutls nss; do
	one_suite $s ECDSA AES128-GCM-SHA256 AES-128-GCM C02B
	one_suite $s ECDSA AES256-GCM-SHA384 AES-256-GCM C02C
	one_suite $s ECDSA CHACHA20-POLY1305 CHACHA20-POLY1305 CCA9
	one_suite $s RSA AES128-GCM-SHA256 AES-128-GCM C02F
	one_suite $s RSA AES256-GCM-SHA384 AES-256-GCM C030
	one_suite $s RSA CHACHA20-POLY1305 CHACHA20-POLY1305 CCA8
done
matrix suites "ECDSA AES128" "ECDSA AES256" "ECDSA CHACHA20" "RSA AES128" "RSA AES256" "RSA CHACHA20"
judged
pass
