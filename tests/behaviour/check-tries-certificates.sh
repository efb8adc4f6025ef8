#!/usr/bin/env bash
# core
# `zt check` reads the certificates and keys that a configuration names, as a role would: what cannot
# be used is a fault, what clients will not like is a warning, what it may not read is neither.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
cd "$PKI" || fail "no $PKI"
day() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
conf() { # CERT KEY NAMES
	cat >zt.conf <<END
[relay]
listen = 127.0.0.1:0
to = 127.0.0.1:9
accept = tls
[host a]
names = $3
cert = $PKI/$1
key = $PKI/$2
END
}
ca home
cert good home serverAuth DNS:a.test,DNS:*.w.test
cert soon home serverAuth DNS:a.test "$(day -60days)" "$(day +3days)"
cert over home serverAuth DNS:a.test "$(day -60days)" "$(day -1day)"

conf good.pem good.key 'a.test, *.w.test'
expect 0 "$ZT" check -c zt.conf
has "$OUT" "OK:"
same "$ERR" "" "what it says about a good one"

conf good.pem good.key 'a.test, b.test'
expect 0 "$ZT" check -c zt.conf
has "$ERR" "b.test"
lacks "$ERR" "a.test"
has "$ERR" "it is for another name"
conf soon.pem soon.key a.test
expect 0 "$ZT" check -c zt.conf
has "$ERR" "it expires in "
conf over.pem over.key a.test
expect 0 "$ZT" check -c zt.conf
has "$ERR" "it has expired"

conf good.pem soon.key a.test
expect 3 "$ZT" check -c zt.conf
has "$ERR" "soon.key"
conf nowhere.pem good.key a.test
expect 3 "$ZT" check -c zt.conf
has "$ERR" "nowhere.pem"
head -c 300 good.pem >cut.pem
conf cut.pem good.key a.test
expect 3 "$ZT" check -c zt.conf
has "$ERR" "cut.pem"
cp good.key open.key && chmod 644 open.key
conf good.pem open.key a.test
expect 3 "$ZT" check -c zt.conf
has "$ERR" "chmod 600 $PKI/open.key"

# Who may not read a key may still check the rest.
if [ "$(id -u)" = 0 ]; then
	conf good.pem good.key a.test
	chmod 755 "$TMP" "$PKI" && chmod 644 zt.conf
	expect 0 setpriv --reuid 65534 --regid 65534 --clear-groups "$ZT" check -c "$PKI/zt.conf"
	has "$OUT" "OK:"
	has "$ERR" "warning: not checked as this user: $PKI/zt.conf:"
	has "$ERR" "[host a]: cannot open $PKI/good.key"
fi
pass
