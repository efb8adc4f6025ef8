#!/usr/bin/env bash
# make.sh DIR: makes anew what tests/unit/io/test_tls*.c serve and show: leaves of one authority, good
# ones and each with one thing wrong, all with the same two keys. Needs openssl. The keys protect
# nothing. Tests set their clock to 2027.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(mktemp -d)"
ext() { printf 'basicConstraints=%s\nkeyUsage=%s\n%s%s' "$1" "$2" "${3:+extendedKeyUsage=$3
}" "${4:+subjectAltName=$4
}" >ext.cnf; }
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -subj "/CN=test ca" -days 1 -set_serial 1 -out ca.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out ec.key
openssl genrsa -out rsa.key 2048 2>/dev/null
serial=10
leaf() { # name key subject from to hash  (ext.cnf is there)
	serial=$((serial+1))
	openssl req -new -key $2.key -subj "$3" -out leaf.csr
	rm -rf demo; mkdir demo; : >demo/index; echo $serial >demo/serial
	cat >ca.cnf <<E
[ca]
default_ca=d
[d]
database=demo/index
serial=demo/serial
new_certs_dir=demo
policy=p
unique_subject=no
[p]
commonName=optional
E
	openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -md $6 -startdate $4 -enddate $5 -extfile ext.cnf -in leaf.csr -out leaf.pem -notext 2>/dev/null
	openssl x509 -in leaf.pem -outform DER -out "$out/$1.der"
}
Y=20260101000000Z Z=20300101000000Z
names="DNS:a.example,DNS:*.b.example,IP:127.0.0.1"
ext critical,CA:FALSE critical,digitalSignature serverAuth $names; leaf server-ec ec "/CN=a.example" $Y $Z sha256
leaf server-expired ec "/CN=a.example" 20200101000000Z 20210101000000Z sha256
leaf server-early ec "/CN=a.example" 20290101000000Z $Z sha256
leaf server-sha1 ec "/CN=a.example" $Y $Z sha1
leaf server-rsa rsa "/CN=a.example" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature clientAuth $names; leaf server-eku-client ec "/CN=a.example" $Y $Z sha256
ext critical,CA:TRUE critical,digitalSignature,keyCertSign serverAuth $names; leaf server-is-ca ec "/CN=a.example" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature serverAuth ""; leaf server-cn-only ec "/CN=a.example" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature serverAuth DNS:other.example; leaf server-other-name ec "/CN=a.example" $Y $Z sha256
ext critical,CA:FALSE critical,keyAgreement serverAuth $names; leaf server-no-sign ec "/CN=a.example" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature clientAuth DNS:alice.example; leaf client ec "/CN=alice" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature clientAuth "URI:zt://0011223344556677/client/bob"; leaf client-zt ec "/CN=x" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature serverAuth DNS:alice.example; leaf client-eku-server ec "/CN=alice" $Y $Z sha256
ext critical,CA:TRUE critical,digitalSignature,keyCertSign clientAuth DNS:alice.example; leaf client-is-ca ec "/CN=alice" $Y $Z sha256
ext critical,CA:FALSE critical,digitalSignature clientAuth DNS:alice.example; leaf client-expired ec "/CN=alice" 20200101000000Z 20210101000000Z sha256
leaf client-sha1 ec "/CN=alice" $Y $Z sha1
openssl genrsa -out weak.key 1024 2>/dev/null; leaf client-rsa1024 weak "/CN=alice" $Y $Z sha256
openssl ec -in ec.key -outform DER -out "$out/ec.key.der" 2>/dev/null
openssl rsa -in rsa.key -traditional -outform DER -out "$out/rsa.key.der" 2>/dev/null
