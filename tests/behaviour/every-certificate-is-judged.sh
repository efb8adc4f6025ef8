#!/bin/bash
# security
# Every kind of certificate that zt can issue, with each kind of key, is read by a lint of its own to
# the last bit, and judged by OpenSSL (-x509_strict), GnuTLS and NSS: good for the purposes of its role
# under its own anchor, and for nothing else and under no other.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl certtool certutil python3
TOOL=$ROOT/build/rel/tests/tools/cert_all
LINT=$ROOT/tests/tools/certlint.py
[ -x "$TOOL" ] || fail "$TOOL is not built (make tools)"
cd "$TMP" || exit 1
mkdir certs
"$TOOL" certs >list || fail "no certificates"

expect 0 python3 "$LINT" certs list
echo "lint: $OUT"
expect 0 python3 "$LINT" --selftest certs list
echo "lint: $OUT"

for der in certs/*.der; do openssl x509 -inform DER -in "$der" -out "${der%.der}.pem" || fail "openssl does not read $der"; done

# allowed PURPOSES(1 server, 2 client, 3 both) BIT
allowed() { (($1 & $2)); }
declare -A SSL=([1]=sslserver [2]=sslclient) OID=([1]=1.3.6.1.5.5.7.3.1 [2]=1.3.6.1.5.5.7.3.2) USAGE=([1]=V [2]=C)
openssl_takes() { openssl verify -x509_strict -auth_level 2 -CAfile "certs/$2.pem" -purpose "${SSL[$3]}" "certs/$1.pem" >said 2>&1; }
gnutls_takes() {
	cat "certs/$1.pem" "certs/$2.pem" >chain.pem
	certtool --verify --infile "certs/$1.pem" --load-ca-certificate "certs/$2.pem" --verify-purpose "${OID[$3]}" \
		--verify-profile medium >said 2>&1
}
# One database for each anchor.
for anchor in infra device acme; do
	mkdir "db-$anchor"
	certutil -N -d "sql:db-$anchor" --empty-password && certutil -A -d "sql:db-$anchor" -n anchor -t CT,, -i "certs/$anchor.pem" || fail "no database"
done
nss_takes() {
	certutil -A -d "sql:db-$2" -n "$1" -t ,, -i "certs/$1.pem" >said 2>&1 && certutil -V -d "sql:db-$2" -n "$1" -u "${USAGE[$3]}" >said 2>&1
}

good=0 refused=0
# verdict WHO FILE ANCHOR BIT WANT(0 or 1)
verdict() {
	local got=1
	"$1_takes" "$2" "$3" "$4" && got=0
	[ $got = "$5" ] || fail "$1 says $got of $2 under $3 for ${SSL[$4]}, not $5: $(<said)"
	if [ "$got" = 0 ]; then good=$((good + 1)); else refused=$((refused + 1)); fi
}
while read -r file anchor role purposes; do
	[ "$role" != anchor ] || continue
	for bit in 1 2; do
		want=1
		! allowed "$purposes" $bit || want=0
		for who in openssl gnutls nss; do
			verdict $who "$file" "$anchor" $bit $want
			case $file in *-default) ;; *) continue ;; esac
			for other in infra device acme; do
				[ $other = "$anchor" ] || verdict $who "$file" $other $bit 1
			done
		done
	done
done <list

# An anchor is no certificate of a server or client, and an issued one is no authority.
for anchor in infra device acme; do
	expect 0 openssl verify -x509_strict -CAfile certs/$anchor.pem certs/$anchor.pem
	expect 0 openssl x509 -in certs/$anchor.pem -noout -purpose
	has "$OUT" "SSL client CA : Yes"
	has "$OUT" "SSL server : No"
	has "$OUT" "SSL client : No"
done
expect 2 openssl verify -x509_strict -partial_chain -trusted certs/edge-default.pem certs/connector-default.pem
# The same from the command line: keys, requests and the process that signs are in between there.
printf '[state]\ndir = %s/state\nrun_dir = %s/run\n[ca]\nreach = ca.home.arpa:9443\n' "$TMP" "$TMP" >ca.conf
ca() { "$ZT" ca "$@" -c "$TMP/ca.conf"; }
expect 0 ca init
mkdir issued && chmod 700 issued
for anchor in infra device acme; do
	expect 0 ca anchors $anchor
	openssl x509 -outform DER -out issued/$anchor.der <<<"$OUT" || fail "no anchor"
	echo "$anchor $anchor anchor 0"
done >issued.list
from_ca() { # ROLE ANCHOR PURPOSES [OPTION...]
	local role=$1 anchor=$2 purposes=$3
	shift 3
	expect 0 ca issue "$role" "the-$role" --out issued "$@"
	openssl x509 -in "issued/the-$role.pem" -outform DER -out "issued/$role-default.der"
	echo "$role-default $anchor $role $purposes" >>issued.list
}
from_ca edge infra 1 --dns edge.example.org --ip 192.0.2.1
from_ca connector infra 3
from_ca client infra 2 --user alice
from_ca service acme 1 --dns nas.home.arpa --ip 192.168.1.2 --ip fd00::2
from_ca device device 2 --user alice
openssl x509 -in state/ca/serve.pem -outform DER -out issued/registry-default.der || fail "the authority has no certificate of its own"
echo "registry-default infra registry 1" >>issued.list
expect 0 python3 "$LINT" issued issued.list
same "$OUT" "9 certificates, 0 at fault" "the lint's answer to what zt ca issued"
expect 0 ca revoke the-client
ca crl infra --pem >crl.pem 2>crl.err || fail "no list: $(<crl.err)"
openssl crl -in crl.pem -outform DER -out crl.der && openssl x509 -inform DER -in issued/infra.der -out infra.pem || fail "openssl does not read the list"
expect 0 python3 "$LINT" --der crl.der
expect 0 openssl crl -in crl.pem -CAfile infra.pem -noout
expect 2 openssl verify -x509_strict -crl_check -CRLfile crl.pem -CAfile infra.pem issued/the-client.pem
has "$ERR" "certificate revoked"
expect 0 openssl verify -x509_strict -crl_check -CRLfile crl.pem -CAfile infra.pem issued/the-edge.pem

[ $good -gt 60 ] && [ $refused -gt 60 ] || fail "only $good good and $refused refused"
pass "$good times good, $refused times refused"
