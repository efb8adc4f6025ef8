#!/usr/bin/env bash
# core
# An anchor is replaced in steps, beside a running authority and without it: both are trusted in between, what
# is signed follows the step, nothing is finished while certificates depend on it, and an imported or an
# offline key works as one that was made here.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
for n in one two; do ca 0 issue device $n; done
cp "$CA/device.pem" first.pem
count() { grep -c BEGIN "$CA/device.pem"; }
by() { openssl verify -partial_chain -CAfile "$1" "$2" >/dev/null 2>&1; }

# ---- begin, cancel ----------------------------------------------------------------------------------
untouched 1 "" "$ZT" ca rollover device switch -c "$CONF"
untouched 1 "" "$ZT" ca rollover device finish -c "$CONF"
untouched 1 "" "$ZT" ca rollover device cancel -c "$CONF"
ca 0 rollover device begin
has "$OUT" "keys/device.2.key"
has "$OUT" "2 certificates depend on the present one"
same "$(count)" 2 "the number of trusted device anchors"
same "$(stat -c %a "$CA/keys/device.2.key")" 600 "the mode of the new key"
untouched 1 "under way" "$ZT" ca rollover device begin -c "$CONF"
[ ! -e "$CA/keys/device.3.key" ] || fail "a key was left by a step that was refused"
ca 0 rollover device cancel
same "$(cat "$CA/device.pem")" "$(cat first.pem)" "what is trusted after cancel"
[ ! -e "$CA/keys/device.2.key" ] || fail "the key of a cancelled roll-over is still there"

# ---- the whole, beside a running authority ------------------------------------------------------------
start role "$ZT" ca -c "$CONF"
is_healthy() { "$ZT" health ca -c "$CONF"; }
wait_for is_healthy
ca 0 rollover device begin
same "$ERR" "" "what begin complains about"
generation=$(ls "$CA"/keys/device.*.key | sed 's/.*device\.\(.*\)\.key/\1/' | sort -n | tail -n 1)
ca 0 issue device three
by first.pem three.pem || fail "before the switch it is not the old one that signs"
ca 0 rollover device switch
ca 0 issue device four
by first.pem four.pem && fail "after the switch the old one still signs"
openssl verify -x509_strict -CAfile "$CA/device.pem" one.pem four.pem >/dev/null || fail "not both are believed in between"
ca 0 anchors device
same "$OUT" "$(cat "$CA/device.pem")" "what others are given"
untouched 4 "3 certificates of the old device authority are still in use" "$ZT" ca rollover device finish -c "$CONF"
ca 0 renew one
ca 0 revoke two
ca 0 rollover device finish --force
same "$(count)" 1 "the number of trusted device anchors at the end"
by "$CA/device.pem" one.pem || fail "what was renewed is not believed"
by "$CA/device.pem" three.pem && fail "what was under the old one is still believed"
ca 0 crl device --pem --out device.crl
openssl crl -in device.crl -CAfile "$CA/device.pem" -noout 2>&1 | grep -q 'verify OK' || fail "the list is not signed by the new one"
stop role
same "$STATUS" 0 "the exit code of the role"
ca 0 list
ca 0 anchors --json
same "$(grep '"device"' <<<"$OUT" | grep -c '"state":"retired"')" 2 "retired device anchors: the cancelled one and the first"
rm "$CA/keys/device.1.key"
ca 0 issue device five
by "$CA/device.pem" five.pem || fail "generation $generation does not sign"

# ---- the infra anchor, and what depends on it -----------------------------------------------------------
pin_of() { # FILE: of the last certificate in it
	tac "$1" | sed '/BEGIN CERTIFICATE/q' | tac >last.pem
	openssl x509 -in last.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64
}
token_pin() { python3 -c '
import base64, sys
t = sys.argv[1][4:]
print(base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))[2:34].hex())' "$1"; }
ca 0 rollover infra begin
token 0 create client
same "$(token_pin "$OUT")" "$(pin_of "$CA/serve.pem")" "what a token pins after begin"
ca 0 rollover infra switch
has "$OUT" "zt ca renew --serve"
token 0 create client
same "$(token_pin "$OUT")" "$(pin_of "$CA/serve.pem")" "what a token pins while the endpoint shows the old one"
old=$(pin_of "$CA/serve.pem")
ca 0 renew --serve
[ "$(pin_of "$CA/serve.pem")" != "$old" ] || fail "the endpoint is still under the old one"
token 0 create client
same "$(token_pin "$OUT")" "$(pin_of "$CA/serve.pem")" "what a token pins after renew --serve"
ca 0 rollover infra finish
start role "$ZT" ca -c "$CONF"
wait_for is_healthy
stop role

# ---- a key that is elsewhere ------------------------------------------------------------------------------
mv "$CA/keys/acme.1.key" "$TMP/stick.key"
untouched 8 "acme" "$ZT" ca issue service web --dns web.lan -c "$CONF"
[ ! -e web.key ] || fail "a key was left here although nothing was issued"
ca 0 issue device six
ca 0 list
mv "$TMP/stick.key" "$CA/keys/acme.1.key"
ca 0 issue service web --dns web.lan

# ---- somebody else's root ------------------------------------------------------------------------------------
rm -rf "$STATE"
umask 077
root() { # NAME KEY OPTIONS...
	openssl req -x509 -newkey "${2%%:*}" -pkeyopt "${2#*:}" -nodes -keyout "$1.rk" -out "$1.rp" -days 3000 -subj "/CN=$1 root" \
		-addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign "${@:3}" 2>/dev/null ||
		fail "openssl makes no root $1"
}
root ec ec:ec_paramgen_curve:P-384
root rsa rsa:rsa_keygen_bits:2048
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.rk -out leaf.rp -subj /CN=leaf \
	-addext basicConstraints=critical,CA:FALSE 2>/dev/null
openssl pkcs8 -topk8 -in ec.rk -out ec.locked -passout pass:sesam
echo sesam >sesam.pass
ca 8 init --import-infra ec.rp rsa.rk
has "$ERR" "rsa.rk is not the key of ec.rp"
ca 4 init --import-infra leaf.rp leaf.rk
has "$ERR" "leaf.rp"
ca 8 init --import-infra ec.rp ec.locked
has "$ERR" "--import-pass-file"
ca 8 init --import-acme rsa.rp rsa.rk --pass-file sesam.pass
has "$ERR" "must be encrypted with the passphrase"
cp ec.rk open.rk && chmod 644 open.rk
ca 1 init --import-infra ec.rp open.rk
has "$ERR" "chmod 600"
ca 2 init --import-infra ec.rp
has "$ERR" "a value is missing after --import-infra"
[ ! -e "$CA" ] || same "$(find "$CA" -mindepth 1 ! -name lock)" "" "what refused imports left"
ca 0 init --import-infra ec.rp ec.locked --import-pass-file sesam.pass --import-acme rsa.rp rsa.rk --offline
has "$OUT" "imported"
has "$OUT" "Which keys may leave this machine"
same "$(openssl x509 -in "$CA/infra.pem" -outform PEM)" "$(openssl x509 -in ec.rp)" "the imported infra anchor"
for r in "edge infra --dns e.lan" "client infra" "service acme --dns s.lan" "device device"; do
	read -r role anchor names <<<"$r"
	# shellcheck disable=SC2086 # options, a word each
	ca 0 issue "$role" "im-$role" $names
	openssl verify -x509_strict -CAfile "$CA/$anchor.pem" "im-$role.pem" >/dev/null || fail "an imported $anchor anchor signs no $role"
done
pass
