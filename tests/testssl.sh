#!/bin/bash
# testssl.sh [--page]
#
# Runs testssl.sh, the program, against a relay that speaks TLS, once for an ECDSA certificate and
# once for an RSA one, and compares what it finds with docs/testssl.md: a finding graver than INFO must have its row
# there, with an answer. Takes some minutes. --page: prints the page anew, its answers kept.
. "$(dirname "$0")/behaviour/lib.sh"
TESTSSL=$(command -v testssl || command -v testssl.sh) || fail "testssl.sh is not installed: sh third_party/deps.sh test"
# Nothing can be asked of anybody else in a network of its own.
if [ "$(id -u)" = 0 ] && [ -z "${IN_NS:-}" ] && unshare -n true 2>/dev/null; then
	trap - EXIT
	IN_NS=1 TMP=$TMP unshare -n bash "$0" "$@"
	code=$?
	rm -rf "$TMP"
	exit $code
fi
[ -z "${IN_NS:-}" ] || ip link set lo up
. "$ROOT/tests/behaviour/tls.inc.sh"
PAGE=$ROOT/docs/testssl.md

ca home
from=$(date -u -d -1day +%Y%m%d%H%M%SZ) until=$(date -u -d +200days +%Y%m%d%H%M%SZ)
cert ecdsa home serverAuth "DNS:ecdsa.test" "$from" "$until"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "DNS:rsa.test" "$from" "$until"
WEB=$(free_port)
start web python3 "$ROOT/tests/behaviour/peers/origin.py" "$WEB"
wait_for listening "$WEB"
for key in ecdsa rsa; do
	# Some of its questions come without a name.
	relay_conf $key "to = 127.0.0.1:$WEB" 'accept = tls' "$(host $key $key "names = $key.test" 'alpn = http/1.1' 'default = true')"
	start_relay $key
done
cd "$TMP" || fail "no $TMP" # where it writes
# ask KEY OPTION...
ask() {
	local key=$1
	shift
	timeout 1200 "$TESTSSL" --ip 127.0.0.1 --nodns none --warnings off --color 0 --quiet --connect-timeout 10 --openssl-timeout 10 \
		--add-ca "$PKI/home.pem" --jsonfile "$TMP/$key.json" --logfile "$TMP/$key.txt" "$@" "$key.test:${AT[$key]}" >"$TMP/$key.out" 2>&1 </dev/null ||
		[ -s "$TMP/$key.json" ] || fail "testssl.sh: $(tail -n 5 "$TMP/$key.out")"
}
ask ecdsa &
ask rsa -p -s -f -P -S -U # what does not depend on the certificate once is enough
wait $!
for key in ecdsa rsa; do logged $key open || fail "nobody asked for $key"; done
python3 "$ROOT/tests/testssl.py" "${1:---check}" "$PAGE" "$TMP" || fail "docs/testssl.md has no answer to what testssl.sh found"
pass
