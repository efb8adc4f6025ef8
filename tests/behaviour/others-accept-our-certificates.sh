#!/bin/bash
# What zt writes, openssl at its strictest and GnuTLS must take: certificates of every curve under
# authorities of every kind of key, chains, requests and revocation lists. And what they mean must
# be what zt meant: the right names, the right purposes, the revoked ones revoked.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl certtool python3

make=$ROOT/build/rel/tests/tools/x509_make
[ -x "$make" ] || fail "$make is not built (make tools)"
cd "$TMP" || exit 1

openssl ecparam -name prime256v1 -genkey -noout -out p256.key
openssl ecparam -name secp384r1 -genkey -noout -out p384.key
openssl ecparam -name secp521r1 -genkey -noout -out p521.key
openssl genrsa -out rsa.key 2048 2>/dev/null

verify() { openssl verify -x509_strict -check_ss_sig -CAfile root.pem "$@"; }
refuses() { # WHAT CMD...: it must fail and say WHAT
	local what=$1
	shift
	expect_not "$@"
	has "$OUT$ERR" "$what"
}
expect_not() {
	"$@" >"$TMP/.out" 2>"$TMP/.err" </dev/null && fail "'$*' succeeded"
	OUT=$(<"$TMP/.out") ERR=$(<"$TMP/.err")
}

for key in p256 p384 p521 rsa; do
	mkdir "$key" && cd "$key" || exit 1
	expect 0 "$make" . "../$key.key" "$(date +%s)"
	for f in root inter server client both nameless late names issued; do
		expect 0 openssl x509 -inform DER -in $f.der -out $f.pem
		expect 0 certtool -i --inder --infile $f.der
		expect 0 openssl x509 -in $f.pem -noout -text
		lacks "$OUT" "<INVALID"
	done

	# The chain of every leaf, and of the one below the intermediate.
	expect 0 verify root.pem inter.pem server.pem client.pem both.pem nameless.pem late.pem names.pem
	expect 0 verify -untrusted inter.pem issued.pem
	for f in inter server client both nameless late names; do
		expect 0 certtool --verify --load-ca-certificate root.pem --infile $f.pem
		has "$OUT$ERR" "The certificate is trusted"
	done
	cat issued.pem inter.pem >chain.pem
	expect 0 certtool --verify --load-ca-certificate root.pem --infile chain.pem

	# Names and purposes.
	expect 0 verify -purpose sslserver -verify_hostname a.example server.pem
	expect 0 verify -purpose sslserver -verify_hostname x.b.example server.pem
	expect 0 verify -purpose sslserver -verify_ip 192.0.2.1 server.pem
	expect 0 verify -purpose sslserver -verify_ip 2001:db8::1 nameless.pem
	expect 0 verify -purpose sslclient client.pem
	expect 0 verify -purpose sslclient both.pem
	expect 0 verify -purpose sslserver both.pem
	refuses "hostname mismatch" verify -verify_hostname c.example server.pem
	refuses "hostname mismatch" verify -verify_hostname x.y.b.example server.pem
	refuses "IP address mismatch" verify -verify_ip 192.0.2.2 server.pem
	refuses "purpose" verify -purpose sslclient server.pem
	refuses "purpose" verify -purpose sslserver client.pem
	expect 0 openssl x509 -in client.pem -noout -serial
	same "$OUT" "serial=FF03" "the serial number with its top bit set"
	expect 0 openssl x509 -in late.pem -noout -enddate -dateopt iso_8601
	same "$OUT" "notAfter=2050-01-01 00:00:00Z" "the end of late"
	expect 0 openssl x509 -in names.pem -noout -subject -nameopt RFC2253
	same "$OUT" 'subject=CN=\E6\97\A5\E6\9C\AC,O=M\C3\BCller\, S\C3\B6hne \+ Co,C=DE' "the subject of names"

	# Requests.
	for f in csr csr-bare; do
		expect 0 openssl req -inform DER -in $f.der -verify -noout -text
		has "$OUT$ERR" "verify OK"
		expect 0 certtool --crq-info --inder --infile $f.der
		has "$OUT$ERR" "Self signature: verified"
	done
	expect 0 openssl req -inform DER -in csr.der -noout -text
	has "$OUT" "DNS:a.example, DNS:*.b.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:zt://0123456789abcdef/edge/a, email:a@b.example"

	# Revocation lists.
	for f in crl crl-empty; do
		expect 0 openssl crl -inform DER -in $f.der -out $f.pem
		expect 0 openssl crl -in $f.pem -CAfile root.pem -verify -noout
		has "$OUT$ERR" "verify OK"
		expect 0 certtool --verify-crl --load-ca-certificate root.pem --infile $f.pem
		expect 0 certtool --crl-info --infile $f.pem
		has "$OUT" "Version: 2"
	done
	expect 0 verify -crl_check -CRLfile crl-empty.pem server.pem client.pem both.pem
	expect 0 verify -crl_check -CRLfile crl.pem late.pem nameless.pem
	refuses "certificate revoked" verify -crl_check -CRLfile crl.pem server.pem
	refuses "certificate revoked" verify -crl_check -CRLfile crl.pem client.pem
	refuses "certificate revoked" verify -crl_check -CRLfile crl.pem both.pem
	expect 0 openssl crl -in crl.pem -noout -text -crlnumber
	has "$OUT" "crlNumber=0x0100"
	has "$OUT" "Key Compromise"
	has "$OUT" "Superseded"
	cd ..
done

# The last bit of the signature flipped: still well-formed, and nobody believes it.
cd p256 || exit 1
for f in server csr crl; do
	python3 - $f.der <<'PY'
import sys
b = bytearray(open(sys.argv[1], 'rb').read())
b[-1] ^= 1
open('flipped.der', 'wb').write(b)
PY
	case $f in
	server)
		expect 0 openssl x509 -inform DER -in flipped.der -out flipped.pem
		refuses "signature failure" verify flipped.pem
		;;
	*) # openssl's exit code has not always told
		if [ $f = csr ]; then openssl req -inform DER -in flipped.der -verify -noout
		else openssl crl -inform DER -in flipped.der -CAfile root.pem -verify -noout
		fi >said.txt 2>&1
		has "$(<said.txt)" "verify failure"
		;;
	esac
done
exit 0
