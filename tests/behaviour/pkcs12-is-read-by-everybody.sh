#!/bin/bash
# security
# PKCS#12 files of both profiles are read by OpenSSL (with its old algorithms and without), GnuTLS, NSS
# and Java: key, certificates and name come out as they went in. A wrong password opens nothing
# anywhere. Passwords of one and of 128 characters, and of many scripts. What derives the keys agrees
# with OpenSSL's own.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl certtool certutil pk12util keytool python3
TOOL=$ROOT/build/rel/tests/tools/p12_tool
[ -x "$TOOL" ] || fail "$TOOL is not built (make tools)"
export LC_ALL=C.UTF-8
cd "$TMP" || exit 1
keytool() { command keytool -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC "$@"; } # 36 runs of half a second

# ---- what goes in ----------------------------------------------------------------------------------
key() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2" 2>/dev/null || fail "no key"; }
leaf() { # NAME CURVE
	key "$2" "$1.key"
	openssl req -new -key "$1.key" -subj "/CN=$1" -config <(printf '[req]\ndistinguished_name=d\n[d]\n') |
		openssl x509 -req -CA root.pem -CAkey root.key -set_serial "0x$(openssl rand -hex 8)" -days 20 \
			-extfile <(printf 'extendedKeyUsage=clientAuth\n') -out "$1.pem" 2>/dev/null || fail "no certificate"
	openssl x509 -in "$1.pem" -outform DER -out "$1.der"
}
key P-256 root.key
openssl req -x509 -new -key root.key -subj /CN=root -days 30 -out root.pem \
	-config <(printf '[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\nbasicConstraints=critical,CA:true\n') || fail "no root"
openssl x509 -in root.pem -outform DER -out root.der
for curve in P-256 P-384 P-521; do leaf "$curve" $curve; done
NAME='Jürgens Telefon'
printf 'k7mwp-4tqze-9xhra-c2vbd' >generated
printf x >one
printf 'pässwörd-✓-日本-%s' "$'\"\\&<>" >scripts
python3 -c 'print("".join(chr(33 + i % 94) for i in range(128)), end="")' >long
python3 -c 'print("é" * 64 + "日" * 64, end="")' >longscripts

# secret_of FILE: the scalar in hex, from what GnuTLS prints or from a PEM file. (GnuTLS's own PEM does
# not say the curve.)
secret_of() {
	if grep -q '^private key:' "$1"; then
		sed -n '/^private key:/,/^[[:space:]]*$/s/^[[:space:]]\(.*\)/\1/p' "$1"
	else
		openssl pkey -noout -text -in "$1" 2>>log.log | sed -n '/^priv:/,/^pub:/s/^    //p'
	fi | tr -dc '0-9a-f' | sed 's/^0*//'
}
# same_key FILE WHOSE WHERE
same_key() {
	local got want
	got=$(secret_of "$1") want=$(secret_of "$2.key")
	[ ${#want} -gt 50 ] && [ "$got" = "$want" ] || fail "$3: the key that came out is another one"
}
# same_certs FILE WHOSE WHERE: the leaf and the root, in PEM anywhere in FILE.
same_certs() {
	python3 - "$@" <<'PY' || fail "$3: the certificates that came out are others"
import base64, re, sys
got = {base64.b64decode(b) for b in re.findall(rb'-----BEGIN CERTIFICATE-----(.*?)-----END', open(sys.argv[1], 'rb').read(), re.S)}
sys.exit(got != {open(n + '.der', 'rb').read() for n in (sys.argv[2], 'root')})
PY
}

# ---- who reads, each READER FILE PASSWORDFILE: 0 and key.out, certs.out; not 0 when it refuses ----
by_openssl() { openssl pkcs12 ${3:+"$3"} -in "$1" -passin "file:$2" -nodes -out both.out 2>said && cp both.out key.out && cp both.out certs.out; }
by_openssl_legacy() { by_openssl "$1" "$2" -legacy; }
by_gnutls() {
	certtool --p12-info --inder --infile "$1" --password "$(<"$2")" >certs.out 2>said || return 1
	# It shows the key as it is, in its own encryption, and opens that in another step.
	sed -n '/BEGIN ENCRYPTED PRIVATE KEY/,/END ENCRYPTED PRIVATE KEY/p' certs.out >sealed.out
	certtool -k --pkcs8 --infile sealed.out --password "$(<"$2")" >key.out 2>said
}
by_nss() {
	rm -rf nssdb && mkdir nssdb && certutil -N -d sql:nssdb --empty-password || fail "no database"
	pk12util -i "$1" -d sql:nssdb -w "$2" -K '' >said 2>&1 || return 1
	# NSS gives a key back only as PKCS#12 of its own.
	certutil -L -d sql:nssdb -n "$NAME" -a >certs.out && certutil -L -d sql:nssdb -n root -a >>certs.out &&
		printf again >again && pk12util -o again.p12 -n "$NAME" -d sql:nssdb -w again -K '' >said 2>&1 &&
		openssl pkcs12 -in again.p12 -passin pass:again -nodes -nocerts -out key.out 2>said
}
by_java() {
	rm -f java.p12
	keytool -importkeystore -srckeystore "$1" -srcstoretype PKCS12 -srcstorepass:file "$2" \
		-destkeystore java.p12 -deststoretype PKCS12 -deststorepass again12 >said 2>&1 || return 1
	keytool -list -keystore "$1" -storetype PKCS12 -storepass:file "$2" >said 2>&1 && grep -qi "$NAME, .*PrivateKeyEntry" said &&
		openssl pkcs12 -in java.p12 -passin pass:again12 -nodes -out both.out 2>said && cp both.out key.out && cp both.out certs.out
}
# Java's PBE takes printable ASCII alone: its own limit, for files of any program.
java_takes() { LC_ALL=C grep -q '^[ -~]*$' "$1"; }

reads=0 refusals=0
# judge FILE WHOSE PASSWORDFILE
judge() {
	local reader
	for reader in openssl openssl_legacy gnutls nss java; do
		rm -f key.out certs.out both.out
		if [ $reader = java ] && ! java_takes "$3"; then
			! by_java "$1" "$3" || fail "Java reads passwords beyond ASCII now: take java_takes out of this test"
			continue
		fi
		by_$reader "$1" "$3" || fail "$reader does not read $1 with the password in $3: $(tail -n 3 said)"
		same_key key.out "$2" "$reader, $1"
		same_certs certs.out "$2" "$reader, $1"
		reads=$((reads + 1))
	done
}
# refused FILE PASSWORDFILE: nobody opens it.
refused() {
	local reader
	for reader in openssl openssl_legacy gnutls nss java; do
		! by_$reader "$1" "$2" || fail "$reader opened $1 with the wrong password in $2"
		refusals=$((refusals + 1))
	done
}
make_p12() { "$TOOL" make "$1" "$2.key" "$NAME" "$3" "$2.der" root.der >"$4" || fail "$1 for $2 was not made"; }

printf 'k7mwp-4tqze-9xhra-c2vbe' >wrong
printf 'k7mwp-4tqze-9xhra-c2vb' >short
printf 'K7mwp-4tqze-9xhra-c2vbd' >upper
: >empty
for profile in compat modern; do
	for password in generated one scripts long longscripts; do
		make_p12 $profile P-256 $password p12
		judge p12 P-256 $password
	done
	for curve in P-384 P-521; do
		make_p12 $profile $curve generated p12
		judge p12 $curve generated
	done
	make_p12 $profile P-256 generated $profile.p12
	for password in wrong short upper empty; do refused $profile.p12 $password; done
done

# ---- the very algorithms that phones want, and no other --------------------------------------------
for legacy in '' -legacy; do
	openssl pkcs12 -info -in compat.p12 -passin file:generated -nodes ${legacy:+"$legacy"} >out 2>&1 || fail "openssl $legacy: $(<out)"
	grep -qx 'MAC: sha1, Iteration 2048' out || fail "compat: $(grep -a MAC out)"
	grep -qx 'MAC length: 20, salt length: 8' out || fail "compat: $(grep -a MAC out)"
	same "$(grep -ac 'pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048$' out)" 2 "the number of 3DES bags"
	lacks "$(<out)" RC2
	openssl pkcs12 -info -in modern.p12 -passin file:generated -nodes ${legacy:+"$legacy"} >out 2>&1 || fail "openssl $legacy: $(<out)"
	grep -qx 'MAC: sha256, Iteration 100000' out || fail "modern: $(grep -a MAC out)"
	same "$(grep -ac 'PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256$' out)" 2 "the number of AES bags"
done
openssl asn1parse -inform DER -in compat.p12 >out && lacks "$(<out)" RC2
certtool --p12-info --inder --infile compat.p12 --password "$(<generated)" >out 2>&1
for part in "Friendly name: $NAME" 'Schema: PKCS12-3DES-SHA1' 'MAC: SHA1' 'Salt size: 8' 'Iteration count: 2048'; do has "$(<out)" "$part"; done

# One bit anywhere in what is authenticated: the MAC is looked at.
python3 - <<'PY'
d = bytearray(open('compat.p12', 'rb').read())
d[len(d) // 2] ^= 1
open('flipped.p12', 'wb').write(d)
PY
refused flipped.p12 generated

# ---- the derivation, beside OpenSSL's, with dice --------------------------------------------------
python3 - "$TOOL" <<'PY' || fail "the two derivations differ"
import random, subprocess, sys
r = random.Random(12)
run = lambda *a: subprocess.run(a, check=True, capture_output=True, text=True, timeout=60).stdout.strip().replace(':', '').lower()
for i in range(120):
    digest, use, rounds, length = r.choice(['sha1', 'sha256']), r.choice('123'), str(r.randint(1, 3000)), str(r.randint(1, 150))
    password = ''.join(chr(r.randint(1, 0xd7ff)) for _ in range(r.randint(0, 128))).encode('utf-16-be').hex() + '0000'
    salt = r.randbytes(r.choice([1, 8, 16, 63, 64])).hex()
    ours = run(sys.argv[1], 'kdf', digest, use, rounds, password, salt, length)
    theirs = run('openssl', 'kdf', '-keylen', length, '-kdfopt', 'digest:' + digest, '-kdfopt', 'hexpass:' + password, '-kdfopt',
                 'hexsalt:' + salt, '-kdfopt', 'iter:' + rounds, '-kdfopt', 'id:' + use, 'PKCS12KDF')
    if ours != theirs:
        sys.exit('%s %s %s %s %s %s: %s, openssl says %s' % (digest, use, rounds, password, salt, length, ours, theirs))
PY
pass "$reads times read, $refusals times refused"
