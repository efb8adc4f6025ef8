#!/usr/bin/env bash
# core
# One command makes what a phone or a browser takes, and leaves its key nowhere else; what is wrong is said before
# anything is issued.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
# password: the one that the last command has shown.
password() { awk '$1 == "password" {print $2}' <<<"$ERR"; }
# holds FILE NAME [OPTION...]: PKCS#12 that openssl opens, with a key for the certificate NAME.pem.
holds() {
	openssl pkcs12 -in "$1" -passin "pass:$PASS" -nodes "${@:3}" >all.pem 2>openssl.err || fail "$1: $(cat openssl.err)"
	same "$(openssl pkey -in all.pem -pubout)" "$(openssl x509 -in "$2.pem" -noout -pubkey)" "the key in $1"
	openssl verify -CAfile <("$ZT" ca anchors device -c "$CONF") "$2.pem" >/dev/null || fail "$2.pem is under no anchor"
	rm all.pem
}

ca 0 issue device old --user ann --p12
PASS=$(password)
same "${#PASS}" 23 "the length of the password '$PASS'"
lacks "$OUT" old.key
same "$(ls old.*)" $'old.p12\nold.pem' "what there is"
same "$(stat -c %a old.p12)" 600 "the mode of old.p12"
holds old.p12 old -legacy

mkdir there
ca 0 issue device new --p12-modern --mobileconfig --out there
PASS=$(password)
has "$ERR" there/new.p12
has "$ERR" there/new.mobileconfig
same "$(ls there)" $'new.mobileconfig\nnew.p12\nnew.pem' "what there is"
holds there/new.p12 there/new
python3 -c 'import plistlib, sys
for p in plistlib.load(open("there/new.mobileconfig", "rb"))["PayloadContent"]:
	if p["PayloadType"] == "com.apple.security.pkcs12": open("in.p12", "wb").write(p["PayloadContent"])' || fail "no profile"
holds in.p12 there/new -legacy

(umask 077 && echo a-password-of-mine >mine)
ca 0 issue client laptop --p12-modern --p12-pass-file mine
lacks "$ERR$OUT" a-password
openssl pkcs12 -in laptop.p12 -passin pass:a-password-of-mine -nodes >/dev/null 2>&1 || fail "another password than the one given"

# ---- and not ------------------------------------------------------------------------------------------
no() { untouched "$1" "$2" "$ZT" ca issue -c "$CONF" device x "${@:3}"; }
no 2 "exclude each other" --p12 --p12-modern
no 2 "with --csr the key is elsewhere" --p12 --csr old.pem
no 2 "needs a directory" --p12 --out -
no 2 "has a password of its own" --mobileconfig --key-pass-file mine
no 2 "--p12-pass-file is for" --p12-pass-file mine
no 2 "standard input (-) can be only one" --p12 --p12-pass-file - --pass-file -
no 1 "cannot write into the directory nowhere" --p12 --out nowhere
touch x.p12
no 1 "x.p12 exists already" --p12
same "$(ls x.*)" x.p12 "what a refusal leaves"
rm x.p12
(umask 077 && head -c 129 /dev/zero | tr '\0' a >long && printf 'p\xff' >bytes)
no 3 "has more than 128 characters" --p12 --p12-pass-file long
no 3 "only UTF-8" --mobileconfig --p12-pass-file bytes
same "$(ls x.* 2>/dev/null)" "" "what a refusal leaves"

# ---- the sentence of who looks for a key elsewhere ------------------------------------------------------
expect 0 "$ZT" ca issue device z --out there -c "$CONF"
untouched 1 "--key FILE says where it is" "$ZT" ca export z -c "$CONF"
ca 0 export z --key there/z.key
for word in key-compromise KEY_COMPROMISE keycompromise; do
	ca 0 issue device "r-$word" --p12
	ca 0 revoke "r-$word" --reason "$word"
	same "$("$ZT" ca show "r-$word" --json -c "$CONF" | json reason)" 1 "the reason"
done
