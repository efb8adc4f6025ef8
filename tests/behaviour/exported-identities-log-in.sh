#!/bin/bash
# security
# What `zt ca export` hands out is what people log in with: curl with PEM and with PKCS#12 of both kinds, and
# Chromium with the file in its certificate store, at a relay of ours and at nginx, both of which demand
# a certificate of the device authority. Certificates of other roles, and none, are turned away by both.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
. "$(dirname "$0")/peers.inc.sh"
need curl nginx certutil pk12util chromium unshare openssl python3
cd "$TMP" || exit 1

# ---- an authority, a server's certificate, and somebody's telephone
printf '[state]\ndir = %s/ca.state\nrun_dir = %s/ca.run\n' "$TMP" "$TMP" >ca.conf
ca() { "$ZT" ca "$@" -c "$TMP/ca.conf"; }
expect 0 ca init
mkdir keys && chmod 700 keys
expect 0 ca issue service web --dns relay.test --dns nginx.test --out keys
expect 0 ca issue device phone --user alice --out keys
expect 0 ca issue client laptop --out keys
for anchor in infra device acme; do
	expect 0 ca anchors $anchor
	echo "$OUT" >"$anchor.pem"
	grep -q 'BEGIN CERTIFICATE' $anchor.pem || fail "no anchors in: $OUT"
done

# ---- the files
# exported NAME FORMAT FILE: its password in FILE.pass
exported() {
	expect 0 ca export "$1" --key "keys/$1.key" --format "$2" --out "$3"
	same "$OUT" "" "standard output of export"
	same "$(stat -c %a "$3")" 600 "the mode of $3"
	sed -n 's/^password *//p' <<<"$ERR" >"$3.pass"
	truncate -s -1 "$3.pass" 2>/dev/null
	if [ "$2" = pem ]; then same "$(<"$3.pass")" "" "the password of $3"; else
		[[ $(<"$3.pass") =~ ^[a-z0-9]{5}(-[a-z0-9]{5}){3}$ ]] || fail "no password: $ERR"
	fi
}
for who in phone laptop web; do
	exported $who pem $who.all.pem
	exported $who p12 $who.p12
	exported $who p12-modern $who-modern.p12
	exported $who mobileconfig $who.mobileconfig
	for f in $who.p12 $who-modern.p12; do
		expect 0 openssl pkcs12 -in $f -passin "file:$f.pass" -nodes -out out.pem
		for part in "keys/$who.key" "keys/$who.pem"; do
			python3 - "$part" out.pem <<'PY' || fail "$part is not in $f"
import re, sys
blocks = lambda f: {b.replace(b'\n', b'') for b in re.findall(rb'-----BEGIN [A-Z ]*-----(.*?)-----END', open(f, 'rb').read(), re.S)}
sys.exit(not blocks(sys.argv[1]) or not blocks(sys.argv[1]) <= blocks(sys.argv[2]))
PY
		done
		grep -q "friendlyName: $who" out.pem || fail "$f does not say whose it is"
	done
done
# The profile has the same inside, and says for which device and role it is.
for who in phone laptop; do
	python3 - $who <<'PY' || fail "the profile of $who is not what it should be"
import plistlib, re, ssl, subprocess, sys
who = sys.argv[1]
role, anchor = {'phone': ('device', 'device'), 'laptop': ('client', 'infra')}[who]
p = plistlib.load(open(who + '.mobileconfig', 'rb'))
identity, root = p['PayloadContent']
cn = re.search('CN ?= ?([0-9a-f]{24})', subprocess.run(['openssl', 'x509', '-in', 'keys/%s.pem' % who, '-noout', '-subject'],
                                                       capture_output=True, text=True).stdout)[1]
assert p['PayloadDisplayName'] == who and p['PayloadIdentifier'] == 'zt.%s.%s' % (role, cn), p['PayloadIdentifier']
assert root['PayloadContent'] == ssl.PEM_cert_to_DER_cert(open(anchor + '.pem').read())
open('inside.p12', 'wb').write(identity['PayloadContent'])
PY
	expect 0 openssl pkcs12 -in inside.p12 -passin "file:$who.mobileconfig.pass" -nodes -nocerts -out out.pem
	same "$(openssl pkey -in out.pem -pubout)" "$(openssl pkey -in keys/$who.key -pubout)" "the key of $who in its profile"
done
same "$(cat ./*.pass | sort | uniq -d)" "" "the passwords that came twice"
expect 1 ca export phone --key keys/phone.key --out phone.p12
has "$ERR" "exists already"
openssl pkcs12 -in phone.p12 -passin "file:phone.p12.pass" -nokeys -out /dev/null 2>err || fail "it was not left as it was: $(<err)"

# A password of one's own, a serial, a key under a passphrase, and the same on standard output.
printf 'my own pässword\n' >own && chmod 600 own
expect 0 ca export phone --key keys/phone.key --p12-pass-file own --out own.p12
lacks "$ERR" password
expect 0 openssl pkcs12 -in own.p12 -passin 'pass:my own pässword' -nodes
serial=$(openssl x509 -in keys/phone.pem -noout -serial | sed 's/serial=//' | tr A-F a-f)
expect 0 ca export "$serial" --key keys/phone.key --format pem --out -
same "$OUT" "$(<phone.all.pem)" "the export by serial"
printf 'of the key' >keypass && chmod 600 keypass
openssl pkcs8 -topk8 -in keys/phone.key -passout file:keypass -v2 aes-256-cbc -out keys/sealed.key && chmod 600 keys/sealed.key
expect 0 ca export phone --key keys/sealed.key --key-pass-file keypass --format pem --out -
same "$OUT" "$(<phone.all.pem)" "the export with a sealed key"

# What goes wrong leaves nothing behind and says why.
: >empty && chmod 600 empty
cp keys/phone.key keys/open.key && chmod 644 keys/open.key
# refused CODE SENTENCE ARG...
refused() {
	local code=$1 says=$2
	shift 2
	expect "$code" ca export "$@" --out no.p12
	has "$ERR" "$says"
	[ ! -e no.p12 ] || fail "a file was left by: $*"
}
refused 8 "not the one of the certificate" phone --key keys/laptop.key
refused 8 "passphrase" phone --key keys/sealed.key
refused 1 "No such file" phone --key keys/none.key
refused 1 "chmod 600" phone --key keys/open.key
refused 2 "--format takes" phone --key keys/phone.key --format rc2
refused 2 "not encrypted" phone --key keys/phone.key --format pem --p12-pass-file own
refused 3 "" phone --key keys/phone.key --p12-pass-file empty
refused 1 "" nobody --key keys/phone.key
python3 -c 'print("\U0001f600", end="")' >emoji && chmod 600 emoji
refused 3 "U+FFFF" phone --key keys/phone.key --p12-pass-file emoji

# ---- two servers
start_web_origin
echo '<title>done: logged in</title>' >www/page.html && echo "logged in" >www/hello
PKI=$TMP/keys
relay_conf near "to = 127.0.0.1:$WEB" 'accept = tls' \
	"$(host must web 'names = relay.test' 'client_cert = required' "client_ca = $TMP/device.pem" 'alpn = http/1.1')"
start_relay near
NGINX=$(free_port)
{
	printf 'daemon off; pid %s/nginx.pid; error_log %s/nginx.err; events {}\nhttp { access_log off; default_type text/html;\n' "$TMP" "$TMP"
	for d in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' $d "$TMP" $d; done
	printf 'server { listen 127.0.0.1:%s ssl; ssl_certificate %s/web.pem; ssl_certificate_key %s/web.key; root %s/www;\n' \
		"$NGINX" "$PKI" "$PKI" "$TMP"
	printf 'ssl_verify_client on; ssl_client_certificate %s/device.pem; }\n}\n' "$TMP"
} >nginx.conf
chmod 755 "$TMP" # nginx's workers are another user
start nginx nginx -c "$TMP/nginx.conf" -p "$TMP" -e "$TMP/nginx.err"
wait_for listening "$NGINX"
declare -A PORT=([relay]=${AT[near]} [nginx]=$NGINX)

# ---- curl
# get SERVER CURL-OPTION...: what came
get() {
	local server=$1
	shift
	curl -sS --max-time 20 --cacert acme.pem --resolve "$server.test:${PORT[$server]}:127.0.0.1" "$@" \
		"https://$server.test:${PORT[$server]}/hello" 2>curl.err
}
for server in relay nginx; do
	same "$(get $server --cert phone.all.pem)" "logged in" "$server, PEM"
	for f in phone.p12 phone-modern.p12; do
		printf 'cert-type = "P12"\ncert = "%s:%s"\n' $f "$(<$f.pass)" >curlrc
		same "$(get $server -K curlrc)" "logged in" "$server, $f"
		printf 'cert-type = "P12"\ncert = "%s:%s"\n' $f "wrong" >curlrc
		same "$(get $server -K curlrc)" "" "$server, $f with a wrong password"
	done
	lacks "$(get $server)" "logged in"
	for who in laptop web; do # another authority's, each good in its own place
		lacks "$(get $server --cert $who.all.pem)" "logged in"
	done
done
logged near open name=relay.test "client=$(openssl x509 -in keys/phone.pem -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')" ||
	fail "the log does not name the device"
wait_for logged near 'not opened' "leads to no trusted authority"

# ---- in the middle of a roll-over: both anchors go along, whoever signed first, and old and new log in
expect 0 ca rollover device begin
expect 0 ca export phone --key keys/phone.key --format pem --out both.pem
expect 0 ca rollover device switch
expect 0 ca issue device tablet --out keys
expect 0 ca export tablet --key keys/tablet.key --format pem --out tablet.pem
exported tablet p12 tablet.p12
expect 0 ca anchors device
echo "$OUT" >device.pem # the file that both servers name
expect 0 "$ZT" reload relay -c "${CONF[near]}"
stop nginx # a reload has an old worker answer for a while
start nginx nginx -c "$TMP/nginx.conf" -p "$TMP" -e "$TMP/nginx.err"
wait_for listening "$NGINX"
printf 'cert-type = "P12"\ncert = "tablet.p12:%s"\n' "$(<tablet.p12.pass)" >curlrc
gets() { [ "$(get "$@")" = "logged in" ]; }
for server in relay nginx; do
	wait_for gets $server --cert tablet.pem
	same "$(get $server --cert both.pem)" "logged in" "$server, the old one with two anchors"
	same "$(get $server -K curlrc)" "logged in" "$server, the new one with two anchors"
	same "$(get $server --cert phone.all.pem)" "logged in" "$server, the old one as before"
done
python3 - both.pem tablet.pem <<'PY' || fail "anchors are not in their order"
import re, subprocess, sys
for f in sys.argv[1:]:
    leaf, signer, other = re.findall('-----BEGIN CERT.*?END CERTIFICATE-----\n', open(f).read(), re.S)
    ask = lambda c, what: subprocess.run(['openssl', 'x509', '-noout', what], input=c, capture_output=True, text=True).stdout.split('=', 1)[1]
    assert ask(leaf, '-issuer') == ask(signer, '-subject') != ask(other, '-subject')
PY
expect 0 ca revoke tablet
expect 0 ca export tablet --key keys/tablet.key --out revoked.p12
has "$ERR" "note: this certificate is revoked"

# ---- Chromium, each time with a home of its own
mkdir -p chromium/policies/managed
echo '{"AutoSelectCertificateForUrls": ["{\"pattern\": \"https://*\", \"filter\": {}}"]}' >chromium/policies/managed/zt.json
echo "127.0.0.1 localhost relay.test nginx.test" >hosts
# browse P12 URL...: the first word of what became of each, in ${SEEN[@]}
browse() {
	local p12=$1 home=$TMP/home-$1
	shift
	mkdir -p "$home/.pki/nssdb"
	{
		certutil -N -d "sql:$home/.pki/nssdb" --empty-password && certutil -A -d "sql:$home/.pki/nssdb" -n acme -t C,, -i acme.pem
		[ "$p12" = none ] || pk12util -i "$p12" -d "sql:$home/.pki/nssdb" -w "$p12.pass" -K ''
	} >nss.log 2>&1 || fail "NSS does not take $p12"
	inside env HOME="$home" python3 "$PEERS/chrome.py" "$@" >visits 2>chromium.said
	mapfile -t SEEN < <(python3 -c '
import json, sys
for line in sys.stdin:
    v = json.loads(line)
    print(v["error"] or v["title"])' <visits)
}
for f in phone.p12 phone-modern.p12; do
	browse $f "https://relay.test:${PORT[relay]}/page.html" "https://nginx.test:${PORT[nginx]}/page.html"
	same "${SEEN[0]:-nothing}" "done: logged in" "Chromium with $f at the relay"
	same "${SEEN[1]:-nothing}" "done: logged in" "Chromium with $f at nginx"
done
for f in none laptop.p12; do
	mark near
	browse $f "https://relay.test:${PORT[relay]}/page.html"
	# Which of its words depends on whether it is still writing when it is turned away.
	[[ ${SEEN[0]:-nothing} == net::ERR_* ]] || fail "Chromium with $f at the relay: ${SEEN[0]:-nothing}"
	wait_for logged near 'not opened' "the peer sent no certificate and must"
	! logged near ' open ' || fail "Chromium came in with $f"
done
pass "logged in: curl with 3 files and Chromium with 2, at 2 servers"
