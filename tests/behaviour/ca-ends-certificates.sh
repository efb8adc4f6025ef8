#!/usr/bin/env bash
# core
# What is revoked or suspended stands on its anchor's revocation list, with its reason, and OpenSSL and
# GnuTLS refuse it by that list; renewed ones take their parent's place.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
for n in one two three four; do ca 0 issue device $n --user "$([ $n = four ] && echo bob || echo alice)"; done

list_of() { # ANCHOR
	ca 0 crl "$1" --pem --out "$1.crl"
	openssl crl -in "$1.crl" -CAfile "$CA/$1.pem" -noout >"$TMP/.v" 2>&1 && grep -q 'verify OK' "$TMP/.v" || fail "openssl crl: $(cat "$TMP/.v")"
	TEXT=$(openssl crl -in "$1.crl" -noout -text)
}
good() { openssl verify -crl_check -CAfile "$CA/device.pem" -CRLfile device.crl "$1" >/dev/null 2>&1; }

list_of device
has "$TEXT" "No Revoked Certificates"
good one.pem || fail "nothing was revoked yet"
number=$(openssl crl -in device.crl -noout -crlnumber)

ca 0 revoke one --reason keycompromise
has "$OUT" "revoked: 1 certificate"
list_of device
has "$TEXT" "$(serial_of one.pem | tr a-f A-F)"
has "$TEXT" "Key Compromise"
[ "$(openssl crl -in device.crl -noout -crlnumber)" != "$number" ] || fail "the number has not changed"
good one.pem && fail "openssl believes what was revoked"
good two.pem || fail "openssl does not believe the other"
! certtool --verify --load-ca-certificate "$CA/device.pem" --load-crl device.crl --infile one.pem >/dev/null 2>&1 || fail "certtool believes it"
certtool --verify --load-ca-certificate "$CA/device.pem" --load-crl device.crl --infile two.pem >/dev/null 2>&1 || fail "certtool refuses it"

ca 0 suspend two
list_of device
has "$TEXT" "Certificate Hold"
good two.pem && fail "openssl believes what is suspended"
ca 0 unsuspend "$(serial_of two.pem | sed 's/../&:/g; s/:$//')"
list_of device
good two.pem || fail "openssl does not believe what is good again"

ca 0 revoke --user alice
has "$OUT" "revoked: 2 certificates" # one of the three was already
list_of device
for n in two three; do good $n.pem && fail "$n is believed"; done
good four.pem || fail "bob's is not believed"
ca 0 list --json
same "$(grep -c '"state":"good"' <<<"$OUT")" 2 "the good ones: bob's and the authority's own"
ca 0 list --all
same "$(grep -c ' revoked ' <<<"$OUT")" 3 "those shown as revoked"

# DER, into a pipe.
"$ZT" ca crl device -c "$CONF" | openssl crl -inform DER -noout -crlnumber >/dev/null || fail "it is not DER"
for a in infra acme; do list_of $a; done

# A renewal: same names, another key and serial, files replaced, the old one good for a day.
ca 0 issue service web --dns web.lan
cp web.pem old.pem && cp web.key old.key
ca 0 renew web
cmp -s web.pem old.pem && fail "it is the same certificate"
cmp -s web.key old.key && fail "it is the same key"
[ ! -e web.key.new ] || fail "the new key was left beside"
same "$(openssl pkey -in web.key -pubout)" "$(openssl x509 -in web.pem -noout -pubkey)" "the key of the new one"
same "$(openssl x509 -in web.pem -noout -ext subjectAltName)" "$(openssl x509 -in old.pem -noout -ext subjectAltName)" "its names"
ca 0 show "$(serial_of old.pem)" --json
same "$(json state <<<"$OUT")" superseded "the state of the old one"
ca 0 show web --json
same "$(json parent <<<"$OUT")" "$(serial_of old.pem)" "what it is a renewal of"

# The authority's own.
before=$(openssl x509 -in "$CA/serve.pem" -noout -serial)
sed -i 's/^reach.*/reach = other.test:1/' "$CONF"
ca 0 renew --serve
[ "$(openssl x509 -in "$CA/serve.pem" -noout -serial)" != "$before" ] || fail "serve.pem is the old one"
has "$(openssl x509 -in "$CA/serve.pem" -noout -ext subjectAltName)" "DNS:other.test"
openssl verify -CAfile "$CA/infra.pem" "$CA/serve.pem" >/dev/null || fail "serve.pem is not believed"
same "$(stat -c %a "$CA/serve.pem")" 600 "the mode of serve.pem"
pass
