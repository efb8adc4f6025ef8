#!/bin/bash
# Clients that others wrote get in with the right authority, name and certificate, and only so: openssl,
# curl, wget, GnuTLS, NSS, node, python and Chromium, beside each other in one table.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
. "$(dirname "$0")/peers.inc.sh"
need openssl curl wget gnutls-cli tstclnt certutil pk12util node python3 chromium unshare
ca home
ca other
ca people
cert p256 home serverAuth "DNS:p256.test, DNS:maybe.test, DNS:must.test, DNS:plain.test, DNS:slow.test"
KEY_OPT=ec_paramgen_curve:P-384 cert p384 home serverAuth "DNS:p384.test"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "DNS:rsa.test"
cert alice people clientAuth
KEY_OPT=ec_paramgen_curve:P-384 cert al384 people clientAuth
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert alrsa people clientAuth
cert mallory other clientAuth

WEB=$(free_port)
start web python3 "$PEERS/origin.py" "$WEB"
wait_for listening "$WEB"
relay_conf near "to = 127.0.0.1:$WEB" 'accept = tls' \
	"$(host p256 p256 'names = p256.test' 'alpn = http/1.1')" "$(host p384 p384 'names = p384.test' 'alpn = http/1.1')" \
	"$(host rsa rsa 'names = rsa.test' 'alpn = http/1.1')" "$(host plain p256 'names = plain.test')" \
	"$(host liar p256 'names = liar.test')" \
	"$(host maybe p256 'names = maybe.test' 'client_cert = optional' "client_ca = $PKI/people.pem")" \
	"$(host must p256 'names = must.test' 'client_cert = required' "client_ca = $PKI/people.pem" 'alpn = http/1.1')" \
	"$(host slow p256 'names = slow.test' 'client_cert = required' "client_ca = $PKI/people.pem")"
export ZT_TLS_HANDSHAKE_TIMEOUT=120s # a browser that starts beside compilers takes its time
start_relay near
port=${AT[near]}

for who in none alice al384 alrsa mallory; do # NSS shows what it has without being asked twice
	[ "$who" = none ] && set -- || set -- "$who"
	nssdb "$TMP/nss-home-$who" home "$@"
done
nssdb "$TMP/nss-other-none" other
mkdir -p "$TMP/chromium/policies/managed"
# The policy answers the question which certificate to show; nobody is there to click.
echo '{"AutoSelectCertificateForUrls": ["{\"pattern\": \"https://*\", \"filter\": {}}"]}' >"$TMP/chromium/policies/managed/zt.json"
echo "127.0.0.1 localhost p256.test p384.test rsa.test plain.test liar.test maybe.test must.test slow.test" >"$TMP/hosts"

head -c 1048576 /dev/urandom >"$TMP/blob"
echo "hello from behind" >"$TMP/hello"
printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >"$TMP/get.req"
{ printf 'POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n'; cat "$TMP/blob"; } >"$TMP/echo.req"

# ---- one function a client. NAME WHAT, where WHAT is get, echo or resume; $CA and $WHO (a
# certificate, or nothing) are what it has, ${MORE[@]} are options of its own. It leaves the body in
# $TMP/body, its words in $TMP/said, its exit code in $RC.
# body_of_raw: HTTP's head off.
body_of_raw() { python3 -c '
import sys
head, _, body = open(sys.argv[1], "rb").read().partition(b"\r\n\r\n")
if head.startswith(b"HTTP/1.1 200 "): sys.stdout.buffer.write(body)' "$TMP/raw" >"$TMP/body"; }
asked() { [ "$1" = echo ] && echo "$TMP/echo.req" || echo "$TMP/get.req"; }

by_openssl() {
	local c=(openssl s_client -connect "127.0.0.1:$port" -servername "$1" -verify_hostname "$1" -CAfile "$PKI/$CA.pem"
		-verify_return_error -ign_eof ${WHO:+-cert "$PKI/$WHO.pem" -key "$PKI/$WHO.key"} "${MORE[@]}")
	if [ "$2" = resume ]; then # a session goes into a file
		"${c[@]}" -sess_out "$TMP/sess" <"$TMP/get.req" >"$TMP/said" 2>&1
		"${c[@]}" -sess_in "$TMP/sess" <"$TMP/get.req" >"$TMP/said" 2>&1
		RC=$?
		cp "$TMP/hello" "$TMP/body" # it is among its words
		grep -qx "hello from behind" "$TMP/said" || : >"$TMP/body"
	else
		"${c[@]}" -alpn h2,http/1.1 -quiet <"$(asked "$2")" >"$TMP/raw" 2>"$TMP/said"
		RC=$?
		body_of_raw
	fi
}
by_gnutls() {
	local c=(gnutls-cli --x509cafile="$PKI/$CA.pem" --sni-hostname="$1" --verify-hostname="$1" --logfile="$TMP/said" -p "$port"
		${WHO:+--x509certfile="$PKI/$WHO.pem" --x509keyfile="$PKI/$WHO.key"} --alpn=h2 --alpn=http/1.1 "${MORE[@]}")
	[ "$2" = resume ] && c+=(-r)
	rm -f "$TMP/said"
	"${c[@]}" 127.0.0.1 <"$(asked "$2")" >"$TMP/raw" 2>"$TMP/said.err"
	RC=$?
	cat "$TMP/said.err" >>"$TMP/said"
	body_of_raw
}
by_nss() {
	local db=$TMP/nss-$CA-${WHO:-none}
	local c=(tstclnt -h 127.0.0.1 -a "$1" -p "$port" -d "sql:$db" ${WHO:+-n "$WHO"} -A "$(asked "$2")" "${MORE[@]}")
	[ "$2" = resume ] && c+=(-L 2)
	"${c[@]}" </dev/null >"$TMP/raw" 2>"$TMP/said"
	RC=$?
	body_of_raw
	[ "$2" != resume ] || cp "$TMP/hello" "$TMP/body" # two answers: they are counted by who asks
}
by_curl() {
	local url=https://$1:$port/
	local c=(curl -sSv --max-time 300 --resolve "$1:$port:127.0.0.1" --cacert "$PKI/$CA.pem" -H 'Connection: close'
		${WHO:+--cert "$PKI/$WHO.pem" --key "$PKI/$WHO.key"} "${MORE[@]}")
	case $2 in
	get) "${c[@]}" -o "$TMP/body" "$url" ;;
	echo) "${c[@]}" -o "$TMP/body" -H 'Expect:' --data-binary "@$TMP/blob" "${url}echo" ;;
	resume) "${c[@]}" -o "$TMP/body" "$url" -o "$TMP/body" "$url" ;;
	esac 2>"$TMP/said"
	RC=$?
}
by_wget() {
	local url=https://$1:$port/
	local c=(inside env HOME="$TMP" wget -nv -O "$TMP/body" --tries=1 --timeout=300 --no-hsts --ca-certificate="$PKI/$CA.pem"
		--no-http-keep-alive ${WHO:+--certificate="$PKI/$WHO.pem" --private-key="$PKI/$WHO.key"} "${MORE[@]}")
	# It has the system's authorities besides, none of which is ours.
	[ "$2" = echo ] && c+=(--post-file="$TMP/blob") url+=echo
	"${c[@]}" "$url" >"$TMP/said" 2>&1
	RC=$?
}
by_node() { script_client node client.js "$@"; }
by_python() { script_client python3 client.py "$@"; }
script_client() {
	"$1" "$PEERS/$2" "$port" "$3" "$4" "$PKI/$CA.pem" ${WHO:+"$PKI/$WHO.pem" "$PKI/$WHO.key"} <"$TMP/blob" >"$TMP/body" 2>"$TMP/said"
	RC=$?
}

# ---- what is seen
# try CLIENT NAME WHAT [WHO]: leaves in $SEEN what became of it.
CA=home WHO='' MORE=()
try() {
	local want=$TMP/hello
	mark near
	: >"$TMP/body"
	: >"$TMP/said"
	WHO=${4:-} "by_$1" "$2" "$3"
	[ "$3" = echo ] && want=$TMP/blob
	if [ "$RC" = 0 ] && cmp -s "$TMP/body" "$want"; then
		SEEN=ok
	elif [ -s "$TMP/body" ]; then # a part of it, or something else
		SEEN="wrong body"
	elif grep -qiE "$MISNAMED" "$TMP/said"; then
		SEEN=misnamed
	elif grep -qiE "$AUTHORITY" "$TMP/said"; then
		SEEN=distrusts
	elif grep -qiE "$ALERT" "$TMP/said"; then
		SEEN="alert 40"
	elif grep -qiE "$UNKNOWN" "$TMP/said"; then
		SEEN="alert 48"
	else
		SEEN="failed ($RC)"
	fi
}
# How each says that it does not know the authority, that the name is another, and which alert it got.
AUTHORITY='certificate verify failed|unable to get (local )?issuer|certificate is not trusted|issuer is unknown|issuer is not recognized|unable to verify|doesn.t have a known issuer'
MISNAMED='hostname mismatch|no alternative certificate subject name matches|does not match|ERR_TLS_CERT_ALTNAME_INVALID|does not match hostname'
ALERT='alert handshake failure|handshake_failure|Handshake failed|unable to negotiate|handshake.failure'
UNKNOWN='alert unknown ca|tlsv1_alert_unknown_ca|\[48\]|CA is unknown|does not recognize and trust the CA|unknown.ca'

resumed() { # "resumed" only when both ends say so
	local ours=fresh theirs=fresh
	[ "$SEEN" = ok ] || return
	logged near open resumed=true && ours=resumed
	grep -qE '^Reused|This is a resumed|^1 cache hits|re-using session|^TLSv1.2 .* resumed$' "$TMP/said" &&
		! grep -q "session ID is stale" "$TMP/said" && theirs=resumed # curl says what it tried, then how that went
	if [ "$(tail -n +$((${MARK[near]} + 1)) "$TMP/near.log" | grep -c ' open ')" != 2 ]; then
		SEEN="not two"
	elif [ "$ours" = "$theirs" ]; then
		SEEN=$ours
	else
		SEEN="zt: $ours"
	fi
}
# soon COMMAND...: the client may have left before the line was written.
soon() {
	local tries
	for tries in {1..500}; do
		"$@" && return
		sleep 0.02
	done
	echo "not after $tries tries: $*" >>"$TMP/said"
	return 1
}
# shows WHO: the log names it as the client.
shows() {
	[ "$SEEN" = ok ] || return
	if [ -n "$1" ]; then
		logged near open "client=$1" || SEEN="unnamed"
	else
		! logged near open client= || SEEN="named"
	fi
}

for c in openssl curl wget gnutls nss node python; do
	for key in p256 p384 rsa; do
		try $c $key.test get
		cell $c $key ok "$SEEN"
	done
	try $c p256.test echo
	cell $c "1 MB" ok "$SEEN"
	try $c rsa.test echo
	cell $c "1 MB rsa" ok "$SEEN"
	case $c in
	wget | nss) none $c alpn ;; # neither offers any
	*)
		try $c p256.test get
		logged near open alpn=http/1.1 || SEEN="no alpn"
		cell $c alpn ok "$SEEN"
		;;
	esac
	try $c plain.test get # whoever offers protocols may be served without one
	! logged near open alpn= || SEEN="some alpn"
	cell $c "no alpn" ok "$SEEN"

	CA=other try $c p256.test get
	cell $c "wrong ca" distrusts "$SEEN"
	case $c in # the others leave without a word, or look after the handshake
	openssl | curl | python) wait_for logged near 'not opened' "the peer refused: unknown_ca (48)" ;;
	esac
	try $c liar.test get
	cell $c "wrong name" misnamed "$SEEN"

	try $c maybe.test get
	shows ''
	cell $c maybe ok "$SEEN"
	try $c maybe.test get alice
	shows alice
	cell $c "maybe+cert" ok "$SEEN"
	try $c must.test echo alice
	shows alice
	cell $c "must+cert" ok "$SEEN"
	try $c must.test get al384
	shows al384
	cell $c "+p384" ok "$SEEN"
	try $c must.test get alrsa
	shows alrsa
	cell $c "+rsa" ok "$SEEN"
	try $c must.test get
	soon logged near 'not opened' "the peer sent no certificate and must" || SEEN+=", no line"
	cell $c must "alert 40" "$SEEN"

	if [ $c = wget ]; then
		none $c resume "must again" # it makes every session anew
	else
		try $c p256.test resume
		resumed
		cell $c resume resumed "$SEEN"
		try $c must.test resume alice
		resumed
		cell $c "must again" fresh "$SEEN"
	fi
done

# A certificate of somebody else's authority. Who is told to show it hears what was wrong with it; wget
# leaves the choice to GnuTLS, which goes by the names it was sent and shows none.
for c in openssl curl gnutls nss node python; do
	try $c must.test get mallory
	cell $c stranger "alert 48" "$SEEN"
done
try wget must.test get mallory
cell wget stranger "alert 40" "$SEEN"

# ---- Chromium: three browsers, each with a profile of its own.
for p in trusts distrusts member; do mkdir -p "$TMP/$p/.pki"; done
nssdb "$TMP/trusts/.pki/nssdb" home
nssdb "$TMP/distrusts/.pki/nssdb" other
nssdb "$TMP/member/.pki/nssdb" home alice
# browse PROFILE HOST...: visits each; what came of the last visit to HOST is in ${VISIT[HOST]}.
declare -A VISIT
browse() {
	local profile=$1 host urls=() line
	shift
	for host in "$@"; do urls+=("https://$host.test:$port/page"); done
	mark near
	VISIT=()
	inside env HOME="$TMP/$profile" python3 "$PEERS/chrome.py" ${ZT_SHOT:+--shot "$ZT_SHOT"} "${urls[@]}" >"$TMP/visits" 2>"$TMP/said"
	exec 5<"$TMP/visits"
	for host in "$@"; do
		IFS= read -r line <&5 || line='{}'
		echo "$line" >>"$TMP/said"
		VISIT[$host]=$(python3 "$PEERS/chrome.py" --judge "$line")
	done
	exec 5<&-
}
# if_ok HOST COMMAND...: what the visit to HOST came to, and when it was ok, but COMMAND does not hold, that.
if_ok() {
	local seen=${VISIT[$1]} host=$1
	shift
	[ "$seen" != ok ] || "$@" || seen="not $*"
	echo "$seen"
}
opened() { logged near open "name=$1.test" "$2"; }
not_opened() { ! opened "$@"; }

# The page has sixty assets and sends a megabyte there and back. Where a protocol is agreed on, Chromium takes the
# connection for open before our last word (RFC 7918), and when a refusal comes in that moment it says of one in ten
# that the socket is not connected. Without a protocol it waits.
browse trusts p256 p384 rsa plain maybe slow liar
for key in p256 p384 rsa; do cell chromium $key ok "${VISIT[$key]}"; done
cell chromium "1 MB" ok "${VISIT[p256]}"
cell chromium "1 MB rsa" ok "${VISIT[rsa]}"
cell chromium alpn ok "$(if_ok p256 opened p256 alpn=http/1.1)"
cell chromium "no alpn" ok "$(if_ok plain not_opened plain alpn=)"
[ "$(if_ok p256 opened p256 resumed=true)" = ok ] && SEEN=resumed || SEEN=${VISIT[p256]} # on six connections
cell chromium resume resumed "$SEEN"
cell chromium maybe ok "$(if_ok maybe not_opened maybe client=)"
cell chromium must BAD_SSL_CLIENT_AUTH_CERT "${VISIT[slow]}"
cell chromium "wrong name" CERT_COMMON_NAME_INVALID "${VISIT[liar]}"
browse distrusts p256
cell chromium "wrong ca" CERT_AUTHORITY_INVALID "${VISIT[p256]}"
browse member maybe must
cell chromium "maybe+cert" ok "$(if_ok maybe opened maybe client=alice)"
cell chromium "must+cert" ok "$(if_ok must opened must client=alice)"
[ "$(if_ok must not_opened must resumed=true)" = ok ] && SEEN=fresh || SEEN=${VISIT[must]}
cell chromium "must again" fresh "$SEEN"
none chromium stranger +p384 +rsa # a profile holds one certificate, and offers it where it is asked for
matrix client p256 p384 rsa "1 MB" "1 MB rsa" alpn "no alpn" "wrong ca" "wrong name"
matrix client maybe "maybe+cert" must "must+cert" +p384 +rsa stranger resume "must again"

# ---- every suite, when the client knows no other, 1 MB there and back.
new_matrix
for suite in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
	for host in p256:ECDSA rsa:RSA; do
		full=ECDHE-${host#*:}-$suite
		gnutls=${suite%-SHA*}
		for c in openssl curl gnutls; do
			case $c in
			openssl) MORE=(-tls1_2 -cipher "$full") ;;
			curl) MORE=(--tls-max 1.2 --ciphers "$full") ;;
			gnutls) MORE=(--priority="NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+$(sed 's/AES\(...\)/AES-\1/' <<<"$gnutls")") ;;
			esac
			try $c "${host%:*}.test" echo
			logged near open "suite=$full" || SEEN="another"
			cell $c "${host#*:} ${suite%%-*}" ok "$SEEN"
			MORE=()
		done
	done
done
matrix suites "ECDSA AES128" "ECDSA AES256" "ECDSA CHACHA20" "RSA AES128" "RSA AES256" "RSA CHACHA20"
judged
pass
