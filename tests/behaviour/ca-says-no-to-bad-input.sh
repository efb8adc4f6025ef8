#!/usr/bin/env bash
# core
# Whatever is wrong with a command's words, options, dates, names and requests is said in one sentence that
# names it, with its exit code, and the authority's directory is byte for byte what it was.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
ca 0 issue device phone --user alice
no() { untouched "$1" "$2" "$ZT" ca "$3" -c "$CONF" "${@:4}"; }
no_token() { untouched "$1" "$2" "$ZT" token "$3" -c "$CONF" "${@:4}"; }

# ---- words and options ------------------------------------------------------------------------
no 2 "did you mean 'service'" issue servce x
no 2 "there is no role 'root'" issue root x
no 2 "an argument is missing: zt ca issue ROLE NAME" issue device
no 2 "what is 'z' for?" issue device x z
no 2 "did you mean '--days'" issue device x --day 3
no 2 "a value is missing after --days" issue device x --days
no 2 "--user is given twice" issue device x --user a --user b
no 2 "--user is given an empty value" issue device x --user ''
no 2 "NAME is 1 to 64 of" issue device '../../etc/passwd'
no 2 "NAME is 1 to 64 of" issue device "$(printf 'x%.0s' {1..65})"
no 2 'NAME is 1 to 64 of a-z A-Z 0-9 . _ - @ and begins with a letter or digit, not '"'\u001b[31m'" issue device $'\e[31m'
no 2 "--user is 1 to 64 of" issue device x --user 'a b'
no 2 "the role registry is the authority's own" issue registry x
no 2 "there is no anchor 'web'" crl web
no 2 "there is no anchor 'web'" anchors web
no 2 "a roll-over has the steps" rollover infra start
no 2 "--force is for finish" rollover infra begin --force
no 2 "N is a number" approve first
no 2 "did you mean 'keyCompromise'" revoke phone --reason keycompromised
no 2 "zt ca suspend" revoke phone --reason certificateHold
no 2 "exclude each other" revoke phone --user alice
no 2 "whose?" revoke
no 2 "neither a name" show '*'
no 2 "which one?" renew
no 2 "it takes no NAME" renew phone --serve
no 2 "exclude each other" show phone --json --pem
for word in list show issue; do expect 0 "$ZT" ca $word --help && has "$OUT" "usage: zt ca $word"; done
untouched 2 "did you mean 'revoke'" sh -c "'$ZT' ca revok phone -c '$CONF' 2>&1 >/dev/null | head -n 1 >&2; exit 2"
expect 0 "$ZT" help ca
has "$OUT" rollover
expect 0 "$ZT" help token
has "$OUT" create

# ---- dates --------------------------------------------------------------------------------------
no 2 "--days takes a whole number from 1 to 3653, not '0'" issue device x --days 0
no 2 "--days takes a whole number from 1 to 3653, not '3654'" issue device x --days 3654
no 2 "not '-1'" issue device x --days -1
no 2 "not '1e3'" issue device x --days 1e3
no 2 "--days, --lifetime and --until exclude each other" issue device x --days 3 --until 2030-01-01
no 2 "exclude each other" renew phone --days 3 --lifetime 3d
no 2 "--lifetime takes a number with s, m, h or d, from 1 minute to 3653 days" issue device x --lifetime 59s
no 2 "--until takes a date such as 2030-12-31" issue device x --until 31.12.2030
no 2 "not '2030-02-30'" issue device x --until 2030-02-30
no 2 "is in the past" issue device x --until 2026-01-01
no 2 "ten years at most" issue device x --until 2126-01-01
no 2 "--until takes a date" renew phone --until tomorrow

# ---- names ----------------------------------------------------------------------------------------
no 2 "--dns is not for the role client" issue client x --dns a.lan
no 2 "--ip is not for the role device" issue device x --ip 192.0.2.1
no 2 "the role service needs a name" issue service x
no 4 "--dns: a wildcard is never issued" issue service x --dns '*.lan'
no 4 "is no DNS name" issue service x --dns 'a b'
no 4 "is no DNS name" issue service x --dns a..lan
no 2 "--ip takes an address" issue service x --ip 192.0.2.256
no 2 "--ip takes an address" issue service x --ip nas.lan
many=() && for i in {1..17}; do many+=(--dns "n$i.lan"); done
no 2 "a certificate has 16 names at most" issue service x "${many[@]}"
no 1 "'phone' has a certificate already" issue device phone --out "$(mktemp -d -p "$TMP")"
no 1 "no such certificate" show nobody
no 1 "no certificate with this name" revoke nobody
no 1 "no such certificate" renew nobody
no 1 "no certificate with this serial" suspend 0123456789abcdef0123456789abcdef
no 1 "" approve 7

# ---- requests -------------------------------------------------------------------------------------
ask() { # NAME SUBJECT [openssl req options]: a request of a new key
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" "${@:3}" 2>/dev/null ||
		fail "openssl makes no request $1"
}
ask authority / -addext basicConstraints=critical,CA:TRUE
ask signer / -addext keyUsage=keyCertSign
ask lists / -addext keyUsage=cRLSign,digitalSignature
ask wild / -addext 'subjectAltName=DNS:*.example.org'
ask identity / -addext subjectAltName=URI:zt://0011223344556677/edge/00112233445566778899aabb
ask mail / -addext subjectAltName=email:mallory@example.org
ask other /CN=mallory
ask good /
no 4 "authority.csr: it asks to be an authority itself (CA:TRUE)" issue service x --dns a.lan --csr authority.csr
no 4 "signer.csr: it asks to sign certificates" issue service x --dns a.lan --csr signer.csr
no 4 "lists.csr: it asks to sign certificates or revocation lists" issue device x --csr lists.csr
no 4 "wild.csr: it asks for every name of a domain (*.example.org)" issue service x --dns a.lan --csr wild.csr
no 4 "identity.csr: it asks for an identity of its own choice" issue edge x --csr identity.csr
no 4 "mail.csr: it asks for mallory@example.org" issue device x --user alice@example.org --csr mail.csr
no 4 "other.csr: its common name is another one than bob" issue device bob --user bob --csr other.csr
no 4 "other.csr: its common name is another one than phone" renew phone --csr other.csr
sed 's/^M/N/' good.csr >broken.csr
no 3 "broken.csr" issue device x --csr broken.csr
head -c 200 good.csr >cut.csr
no 3 "cut.csr" issue device x --csr cut.csr
openssl req -in good.csr -outform DER | sed 's/\x30/\x31/3' >flipped.der
untouched 3 "flipped.der" "$ZT" ca issue device x --csr flipped.der -c "$CONF"
python3 - <<'PY'
import subprocess
der = bytearray(subprocess.run(["openssl", "req", "-in", "good.csr", "-outform", "DER"], stdout=subprocess.PIPE, check=True).stdout)
der[-1] ^= 1 # of the signature
open("forged.der", "wb").write(der)
PY
no 4 "forged.der" issue device x --csr forged.der
no 1 "cannot read nothing.csr" issue device x --csr nothing.csr
no 1 "it is not a file" issue device x --csr /dev/null
no 3 "there is no CERTIFICATE REQUEST in it" issue device x --csr phone.pem
head -c 70000 /dev/zero >big.csr
no 3 "big.csr has more than 65536 bytes" issue device x --csr big.csr
openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -out weak.csr -subj / 2>/dev/null
no 8 "weak.csr" issue device x --csr weak.csr
openssl req -new -newkey ed25519 -nodes -keyout ed.key -out ed.csr -subj / 2>/dev/null
no 8 "ed.csr" issue device x --csr ed.csr
openssl req -new -key "$CA/keys/device.1.key" -out own.csr -subj / 2>/dev/null
no 4 "this is a key of the authority itself" issue device x --csr own.csr
no 2 "there is nothing to encrypt" issue device x --csr good.csr --ask-key-pass
no 2 "standard input (-) can be only one of" issue device x --csr - --pass-file -

# ---- where it goes --------------------------------------------------------------------------------
no 1 "cannot write into the directory" issue device x --out "$TMP/nowhere"
no 1 "cannot write into the directory" issue device x --out "$CONF"
touch taken.key taken2.pem && ln -s /etc/passwd planted.key
no 1 "taken.key exists already" issue device taken
no 1 "taken2.pem exists already" issue device taken2
no 1 "planted.key exists already" issue device planted
same "$(stat -c %s taken.key)" 0 "what was there"
same "$(find . -name 'x.*')" "" "what refused commands left here"
(umask 022 && echo sesam >open.pass)
no 1 "chmod 600" issue device x --key-pass-file open.pass
: >empty.pass && chmod 600 empty.pass
no 3 "is empty" issue device x --key-pass-file empty.pass
same "$(find . -name 'x.*')" "" "what refused commands left here"

# ---- tokens -----------------------------------------------------------------------------------------
no_token 2 "nothing joins as registry" create registry
no_token 2 "there is no role 'router'" create router
no_token 2 "--uses takes a whole number from 1 to 10000, not '0'" create client --uses 0
no_token 2 "--ttl takes a number with s, m, h or d" create client --ttl 30
no_token 2 "--ttl takes a number with s, m, h or d" create client --ttl 367d
no_token 4 "longer than 24 hours only with --cidr or --approve" create client --ttl 25h
no_token 2 "--cidr takes a network" create client --cidr 192.168.1.1/24
no_token 2 "--cidr takes a network" create client --cidr home
no_token 2 "--at takes HOST:PORT" create client --at ca.lan
no_token 2 "--dns is not for the role connector" create connector --dns a.lan
no_token 4 "--dns: a wildcard is never issued" create service --dns '*.lan'
no_token 2 "a token is named by" revoke 0123
no_token 1 "no such token" revoke 0123456789ab
no_token 2 "that is the token itself" revoke zt1_abc
sed -i '/^reach/d' "$CONF"
no_token 2 "set [ca] reach, or give --at HOST:PORT" create client

# ---- the authority itself -----------------------------------------------------------------------------
echo "[ca]
listen = nowhere" >"$TMP/bad.conf"
before=$(picture "$CA")
expect 3 "$ZT" ca list -c "$TMP/bad.conf"
has "$ERR" "bad.conf:"
same "$(picture "$CA")" "$before" "the directory after a bad configuration"
expect 3 "$ZT" ca list -c "$TMP/none.conf"
pass
