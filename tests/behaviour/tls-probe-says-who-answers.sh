#!/usr/bin/env bash
# core
# `zt tls probe` against OpenSSL's server: the chain, the pin, what is wrong and what to do about
# it in words, and the exit codes.
. "$(dirname "$0")/lib.sh"
need openssl python3

cd "$TMP" || fail "no $TMP"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "/CN=Home CA" \
	-days 30 2>/dev/null || fail "no authority"
# make_cert NAME SAN DAYS
make_cert() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" \
		-subj "/CN=$1" 2>/dev/null
	printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$2" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile "$1.ext" \
		-out "$1.pem" 2>/dev/null || fail "no certificate $1"
}
pin_of() {
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1
}
# serve NAME PORT OPTION...
serve() {
	local name=$1 port=$2
	shift 2
	start "$name-server" openssl s_server -accept "127.0.0.1:$port" -cert "$name.pem" -key "$name.key" \
		-CAfile ca.pem -quiet "$@"
	wait_for listening "$port"
}

make_cert nas DNS:nas.test,IP:127.0.0.1 20
make_cert other DNS:other.test 20
good=$(free_port)
serve nas "$good" -tls1_2 -alpn http/1.1

expect 0 "$ZT" tls probe "127.0.0.1:$good" --name nas.test --ca ca.pem --alpn http/1.1
has "$OUT" "TLS 1.2, ECDHE-ECDSA-"
has "$OUT" "protocol http/1.1"
has "$OUT" "certificate 1 of 2: CN=nas"
has "$OUT" "dns:nas.test, ip:127.0.0.1"
has "$OUT" "issuer   CN=Home CA"
has "$OUT" "sha256:$(pin_of nas.pem)"
has "$OUT" "good: it leads to an authority of ca.pem and is for nas.test"
expect 0 "$ZT" tls probe "127.0.0.1:$good" --ca "$TMP/ca.pem" # for the address
expect 4 "$ZT" tls probe "127.0.0.1:$good" --name nas.test # the system does not know this authority
has "$OUT" "unknown-ca:"
has "$OUT" " pin = sha256:$(pin_of nas.pem)"
expect 4 "$ZT" tls probe "127.0.0.1:$good" --name else.test --ca ca.pem
has "$OUT" "wrong-name:"
expect 0 "$ZT" tls probe "127.0.0.1:$good" --name else.test --pin "sha256:$(pin_of nas.pem)"
expect 4 "$ZT" tls probe "127.0.0.1:$good" --pin "sha256:$(pin_of other.pem)"
has "$OUT" "not good: the key is not the pinned one"
expect 0 "$ZT" tls probe "127.0.0.1:$good" --name nas.test --ca ca.pem --json
same "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["good"], d["certificates"][0]["pin"])' <<<"$OUT")" \
	"True $(pin_of nas.pem)" "the JSON"

# A server that wants to know us.
asks=$(free_port)
make_cert laptop DNS:laptop.test 20
sed -i s/serverAuth/clientAuth/ laptop.ext
openssl x509 -req -in laptop.csr -CA ca.pem -CAkey ca.key -days 20 -extfile laptop.ext -out laptop.pem 2>/dev/null
start asking-server openssl s_server -accept "127.0.0.1:$asks" -cert nas.pem -key nas.key -CAfile ca.pem -quiet \
	-tls1_2 -Verify 1 -verify_return_error
wait_for listening "$asks"
expect 1 "$ZT" tls probe "127.0.0.1:$asks" --name nas.test --ca ca.pem
has "$OUT" "--cert FILE"
expect 0 "$ZT" tls probe "127.0.0.1:$asks" --name nas.test --ca ca.pem --cert laptop.pem --key laptop.key
chmod 644 laptop.key
expect 1 "$ZT" tls probe "127.0.0.1:$asks" --name nas.test --ca ca.pem --cert laptop.pem --key laptop.key
has "$ERR" "chmod 600"

# What is no TLS 1.2 at all.
newer=$(free_port)
serve other "$newer" -tls1_3
expect 1 "$ZT" tls probe "127.0.0.1:$newer" --name other.test --ca ca.pem
has "$OUT" "TLS 1.3"
plain=$(free_port)
start plain python3 -m http.server --bind 127.0.0.1 "$plain"
wait_for listening "$plain"
expect 1 "$ZT" tls probe "127.0.0.1:$plain"
has "$OUT" "not TLS"
expect 5 "$ZT" tls probe "127.0.0.1:$(free_port)"
has "$ERR" "connection refused"

misuse() { # PART ARG...
	local part=$1
	shift
	expect 2 "$ZT" tls "$@"
	same "$OUT" "" "stdout of 'zt tls $*'"
	has "$ERR" "$part"
}
misuse "usage:"
misuse "usage:" prove "nas:1"
misuse "Give HOST:PORT" probe
misuse "not HOST:PORT" probe nas
misuse "--cert and --key go together" probe nas:1 --cert x
misuse "64 hex digits" probe nas:1 --pin sha256:12
misuse "a DNS name" probe nas:1 --name 'a b'
misuse "1 to 600" probe nas:1 --timeout 0
expect 3 "$ZT" tls probe nas:1 --ca /nowhere/ca.pem
has "$ERR" "/nowhere/ca.pem"
pass
