#!/bin/bash
# Private keys written by OpenSSL and GnuTLS, in each form and encryption that zt takes, come out
# as the keys they are; OpenSSL and GnuTLS read what zt writes; each believes the other's
# signatures; what is not taken is refused in words.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl certtool
tool=$ROOT/build/rel/tests/tools/key_tool
[ -x "$tool" ] || fail "$tool is not built (make tools)"
cd "$TMP" || fail "no $TMP"
pass='päss word'
files=0

quiet() { "$@" >cmd.log 2>&1 || fail "$*"; }

# public FILE: the DER of the public key, as hex.
public() { openssl pkey -in "$1" -passin "pass:$pass" -pubout -outform DER 2>cmd.log | od -An -v -tx1 | tr -d ' \n'; }

# reads FILE TYPE: zt reads it and shows the key that openssl sees.
reads() {
	local want
	want=$(public "$1")
	[ -n "$want" ] || fail "openssl does not read $1"
	expect 0 "$tool" show "$1" "$pass"
	has "$OUT" "ok $2 "
	[ ${#OUT} -gt 100 ] || fail "no public key in: $OUT"
	has "$want" "${OUT##* }"
	files=$((files + 1))
}

# ---- what OpenSSL writes ------------------------------------------------------------------------
for curve in P-256 P-384 P-521; do
	type=p${curve#P-}
	quiet openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$type.pem"
	reads "$type.pem" "$type"
	quiet openssl ec -in "$type.pem" -out "$type.sec1.pem"
	reads "$type.sec1.pem" "$type"
	quiet openssl ec -in "$type.pem" -no_public -out "$type.bare.pem"
	reads "$type.bare.pem" "$type"
	quiet openssl ecparam -name "$curve" -genkey -out "$type.params.pem"
	reads "$type.params.pem" "$type"
	for form in pem sec1.pem; do
		quiet openssl pkey -in "$type.$form" -outform DER -out "$type.$form.der"
		reads "$type.$form.der" "$type"
	done
	quiet openssl ec -in "$type.pem" -outform DER -out "$type.sec1.der"
	reads "$type.sec1.der" "$type"
done
for bits in 2048 3072 4096; do
	quiet openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out rsa$bits.pem
	reads rsa$bits.pem rsa
	quiet openssl rsa -in rsa$bits.pem -traditional -out rsa$bits.pkcs1.pem
	reads rsa$bits.pkcs1.pem rsa
	quiet openssl pkcs8 -topk8 -nocrypt -in rsa$bits.pkcs1.pem -outform DER -out rsa$bits.der
	reads rsa$bits.der rsa
	quiet openssl pkcs8 -topk8 -in rsa$bits.pem -v2 aes-256-cbc -passout "pass:$pass" -out rsa$bits.sealed.pem
	reads rsa$bits.sealed.pem rsa
done
for cipher in aes-128-cbc aes-192-cbc aes-256-cbc des3; do
	for prf in hmacWithSHA1 hmacWithSHA256 hmacWithSHA384 hmacWithSHA512; do
		quiet openssl pkcs8 -topk8 -in p256.pem -v2 $cipher -v2prf $prf -iter $((RANDOM % 3000 + 1)) \
			-passout "pass:$pass" -out sealed.pem
		reads sealed.pem p256
		expect 1 "$tool" show sealed.pem "not $pass"
		has "$OUT" "refused key: wrong passphrase"
	done
done
quiet openssl pkcs8 -topk8 -in p384.pem -v2 aes-256-cbc -iter 600000 -passout "pass:$pass" -outform DER -out sealed.der
reads sealed.der p384

# ---- what GnuTLS writes ---------------------------------------------------------------------------
gnutls_type() { case $1 in rsa) echo rsa ;; *) echo "p$(echo "$1" | tr -dc 0-9 | cut -c1-3)" ;; esac }
for kind in secp256r1 secp384r1 secp521r1 rsa; do
	how=(--key-type ecdsa --curve "$kind")
	[ $kind != rsa ] || how=(--key-type rsa --bits 2048)
	quiet certtool --generate-privkey "${how[@]}" --no-text --outfile gnutls.$kind.pem
	reads gnutls.$kind.pem "$(gnutls_type $kind)"
	quiet certtool --generate-privkey "${how[@]}" --no-text --outder --outfile gnutls.$kind.der
	reads gnutls.$kind.der "$(gnutls_type $kind)"
	for cipher in aes-128 aes-192 aes-256 3des; do
		[ $kind = secp256r1 ] || [ $cipher = aes-256 ] || continue
		quiet certtool --to-p8 --load-privkey gnutls.$kind.pem --password "$pass" --pkcs-cipher $cipher --no-text \
			--outfile gnutls.sealed.pem
		reads gnutls.sealed.pem "$(gnutls_type $kind)"
	done
done
[ $files -ge 40 ] || fail "only $files files were read"
echo "$files key files were read"

# ---- what zt writes ---------------------------------------------------------------------------------
# both_read FILE: OpenSSL and GnuTLS take it, and see the key that zt sees.
both_read() {
	expect 0 "$tool" show "$1" "$pass"
	has "$(public "$1")" "${OUT##* }"
	expect 0 certtool --key-info --infile "$1" --password "$pass"
	has "$OUT" "Public Key Algorithm: EC/ECDSA"
	quiet openssl pkey -in "$1" -passin "pass:$pass" -noout -check
}
for type in p256 p384 p521; do
	"$tool" new $type '' 0 >new.pem || fail "new $type"
	both_read new.pem
	"$tool" new $type "$pass" 1000 >new.sealed.pem || fail "new sealed $type"
	both_read new.sealed.pem
	"$tool" seal $type.sec1.pem '' "$pass" 5 >sealed.pem || fail "seal $type"
	both_read sealed.pem
	same "$(public sealed.pem)" "$(public $type.pem)" "the public key of a sealed $type"
	"$tool" seal sealed.pem "$pass" '' 0 >open.pem || fail "open $type"
	quiet openssl pkcs8 -topk8 -nocrypt -in $type.pem -out other.pem
	same "$(<open.pem)" "$(<other.pem)" "PKCS#8 of $type beside OpenSSL's"
done

# ---- signatures ---------------------------------------------------------------------------------------
echo 'something to sign' >message
for key in p256 p384 p521 rsa2048 rsa3072 rsa4096; do
	quiet openssl pkey -in $key.pem -pubout -out pub.pem
	for hash in sha256 sha384 sha512; do
		"$tool" sign $key.pem '' $hash <message >ours.sig || fail "sign with $key"
		quiet openssl dgst -$hash -verify pub.pem -signature ours.sig message
		quiet openssl dgst -$hash -sign $key.pem -out theirs.sig message
		same "$("$tool" verify $key.pem '' $hash theirs.sig <message)" good "OpenSSL's signature with $key"
		same "$(echo else | "$tool" verify $key.pem '' $hash theirs.sig)" bad "another message with $key"
		case $key in rsa*) cmp -s ours.sig theirs.sig || fail "the two signatures with $key differ" ;; esac
	done
	quiet openssl dgst -sha1 -sign $key.pem -out sha1.sig message
	same "$("$tool" verify $key.pem '' sha256 sha1.sig <message)" bad "a SHA-1 signature with $key"
	quiet openssl dgst -sha256 -sign $key.pem -out theirs.sig message
	same "$("$tool" verify gnutls.secp256r1.pem '' sha256 theirs.sig <message)" bad "somebody else's signature"
done

# ---- what is refused -----------------------------------------------------------------------------------
# refuses FILE WORDS
refuses() {
	expect 1 "$tool" show "$1" "$pass"
	has "$OUT" "refused "
	has "$OUT" "$2"
}
quiet openssl genrsa -out bad.pem 1024
refuses bad.pem "RSA of 1024 bits"
quiet openssl genrsa -3 -out bad.pem 2048
refuses bad.pem "exponent"
quiet openssl genpkey -algorithm ed25519 -out bad.pem
refuses bad.pem "Ed25519"
quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out bad.pem
refuses bad.pem "curve 1.3.132.0.10"
quiet openssl ec -in p256.pem -param_enc explicit -out bad.pem
refuses bad.pem "spells its curve out"
quiet openssl ec -in p256.pem -aes128 -passout "pass:$pass" -out bad.pem
refuses bad.pem "encrypted the old way"
quiet openssl pkcs8 -topk8 -in p256.pem -scrypt -passout "pass:$pass" -out bad.pem
refuses bad.pem "scrypt"
quiet openssl pkcs8 -topk8 -in p256.pem -v1 PBE-SHA1-3DES -passout "pass:$pass" -out bad.pem
refuses bad.pem "PKCS#12's own scheme (3DES)"
quiet openssl pkcs8 -topk8 -in p256.pem -v2 aes-256-cbc -v2prf hmacWithSHA224 -passout "pass:$pass" -out bad.pem
refuses bad.pem "HMAC-SHA-224"
quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3 -out bad.pem
refuses bad.pem "more than two prime factors"
quiet openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out bad.pem
refuses bad.pem "rsassaPss"
quiet openssl req -x509 -new -key p256.pem -subj /CN=x -out bad.pem
refuses bad.pem "no private key inside"
cat bad.pem p256.pem >both.pem
reads both.pem p256
expect 1 "$tool" show gnutls.sealed.pem ''
has "$OUT" "no passphrase was given"
exit 0
