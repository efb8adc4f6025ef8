#!/usr/bin/env bash
# core
# An authority is made, and every certificate it can issue is what OpenSSL (strictly) and GnuTLS believe
# for its purpose, under its own anchor and under no other.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"

ca 0 init
has "$OUT" "A new authority is in $CA"
has "$OUT" "not encrypted"
for a in infra device acme; do
	same "$(openssl pkey -in "$CA/keys/$a.1.key" -pubout)" "$(openssl x509 -in "$CA/$a.pem" -noout -pubkey)" "the key of $a"
	has "$OUT" "sha256:$(openssl x509 -in "$CA/$a.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64)"
	has "$(openssl x509 -in "$CA/$a.pem" -noout -ext basicConstraints,keyUsage)" "CA:TRUE, pathlen:0"
	same "$(stat -c %a "$CA/keys/$a.1.key")" 600 "the mode of the key of $a"
done
same "$(stat -c %a "$CA/keys/registry.key" "$CA/serve.pem" "$CA/keys" "$CA/registry" "$CA")" "600
600
700
700
700" "modes"
[ ! -e "$CA/init.unfinished" ] || fail "the marker is still there"

# ROLE ANCHOR PURPOSE (openssl) OID (GnuTLS) NAMES...
every() {
	"$@" edge infra sslserver 1.3.6.1.5.5.7.3.1 --dns edge.example.org --ip 192.0.2.1
	"$@" connector infra sslclient 1.3.6.1.5.5.7.3.2
	"$@" client infra sslclient 1.3.6.1.5.5.7.3.2
	"$@" service acme sslserver 1.3.6.1.5.5.7.3.1 --dns nas.lan --dns www.nas.lan --ip fd00::10
	"$@" device device sslclient 1.3.6.1.5.5.7.3.2
}
judge() { # ROLE ANCHOR PURPOSE OID
	local f=$1.pem text a
	openssl verify -x509_strict -check_ss_sig -CAfile "$CA/$2.pem" -purpose "$3" "$f" >"$TMP/.v" 2>&1 || fail "openssl: $(cat "$TMP/.v")"
	certtool --verify --load-ca-certificate "$CA/$2.pem" --verify-purpose="$4" --infile "$f" >"$TMP/.v" 2>&1 ||
		fail "certtool: $(cat "$TMP/.v")"
	for a in infra device acme; do
		[ "$a" = "$2" ] || ! openssl verify -CAfile "$CA/$a.pem" "$f" >/dev/null 2>&1 || fail "a $1 is believed under $a"
	done
	text=$(openssl x509 -in "$f" -noout -text)
	has "$text" "Version: 3"
	has "$text" "URI:zt://$(openssl x509 -in "$CA/$2.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-16)/$1/"
	lacks "$text" "mine-$1"
	has "$text" "CA:FALSE"
	[[ $(serial_of "$f") =~ ^[0-7][0-9a-f]{31}$ ]] || fail "the serial of $f is $(serial_of "$f")"
}
issue() { # ROLE ANCHOR PURPOSE OID [NAMES...]
	ca 0 issue "$1" "mine-$1" --user alice "${@:5}"
	has "$OUT" "issued mine-$1, role $1"
	has "$OUT" "serial       $(serial_of "mine-$1.pem")"
	same "$(stat -c %a "mine-$1.key")" 600 "the mode of the key"
	same "$(openssl pkey -in "mine-$1.key" -pubout)" "$(openssl x509 -in "mine-$1.pem" -noout -pubkey)" "the key of the $1"
	mv "mine-$1.pem" "$1.pem" && mv "mine-$1.key" "$1.key"
	judge "$@"
}
every issue
text=$(openssl x509 -in service.pem -noout -ext subjectAltName)
has "$text" "DNS:nas.lan, DNS:www.nas.lan, IP Address:FD00:0:0:0:0:0:0:10"
text=$(openssl x509 -in edge.pem -noout -ext subjectAltName)
has "$text" "DNS:edge.example.org, IP Address:192.0.2.1"

# The authority's own.
openssl verify -x509_strict -CAfile "$CA/infra.pem" -purpose sslserver "$CA/serve.pem" >/dev/null || fail "serve.pem is not believed"
has "$(openssl x509 -in "$CA/serve.pem" -noout -ext subjectAltName)" "DNS:ca.home.test, IP Address:192.0.2.7"

# For the key of somebody's request, PEM and DER, elliptic curves and RSA; printed on standard output.
for key in EC:P-256 EC:P-384 RSA:2048; do
	[ "${key%:*}" = EC ] && opt=ec_paramgen_curve || opt=rsa_keygen_bits
	for form in PEM DER; do
		openssl req -new -newkey "${key%:*}" -pkeyopt "$opt:${key#*:}" -nodes -keyout r.key -outform $form -out r.csr \
			-subj "/CN=ignored" 2>/dev/null || fail "no request for $key"
		ca 0 issue service "by-request-${key#*:}-$form" --dns r.lan --csr r.csr --out -
		printf '%s\n' "$OUT" >r.pem
		same "$(grep -c BEGIN r.pem)" 1 "the number of things on standard output"
		same "$(openssl x509 -in r.pem -noout -pubkey)" "$(openssl pkey -in r.key -pubout)" "the key of the request"
		lacks "$(openssl x509 -in r.pem -noout -subject)" ignored
	done
done
# From standard input; and the same key is not certified twice.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout s.key -out s.csr -subj / 2>/dev/null
expect 0 bash -c "'$ZT' ca issue service stdin --dns r.lan --csr - --out - -c '$CONF' <s.csr"
has "$OUT" "BEGIN CERTIFICATE"
untouched 1 "this key has a certificate already" "$ZT" ca issue service again --dns r.lan --csr s.csr --out - -c "$CONF"
# A request's wishes are not granted, and what was left out is said.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout m.key -out more.csr -subj / -addext subjectAltName=DNS:r.lan,DNS:more.lan 2>/dev/null
ca 0 issue service more --dns r.lan --csr more.csr
has "$ERR" "more.lan: not in the certificate"
lacks "$(openssl x509 -in more.pem -noout -ext subjectAltName)" more.lan

# How long: days, a date, and the key under a passphrase.
ca 0 issue device phone --days 10
same "$(($(date -d "$(openssl x509 -in phone.pem -noout -enddate | cut -d= -f2)" +%s) - $(date +%s) > 863900))" 1 "ten days"
ca 0 issue device tablet --until 2030-01-31
same "$(openssl x509 -in tablet.pem -noout -enddate)" "notAfter=Jan 31 00:00:00 2030 GMT" "the end of the tablet's"
(umask 077 && echo sesam >key.pass)
ca 0 issue device locked --key-pass-file key.pass
openssl pkey -in locked.key -passin pass:sesam -noout || fail "the key does not open"
openssl pkey -in locked.key -passin pass:other -noout 2>/dev/null && fail "the key opens with any passphrase"

# What is there is shown.
ca 0 list
has "$OUT" "mine-service"
has "$OUT" "GOOD UNTIL"
ca 0 list --json --user alice
same "$(wc -l <<<"$OUT")" 5 "the number of alice's"
same "$(head -n1 <<<"$OUT" | json serial)" "$(serial_of edge.pem)" "the first of alice's"
ca 0 show mine-edge
has "$OUT" "edge.example.org"
ca 0 show "$(serial_of edge.pem)" --pem
same "$OUT" "$(openssl x509 -in edge.pem)" "what --pem shows"
ca 0 show "$(openssl x509 -in edge.pem -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')" --json
same "$(json name <<<"$OUT")" mine-edge "what the opaque id names"
ca 0 anchors device
same "$OUT" "$(cat "$CA/device.pem")" "the anchor"
pass
