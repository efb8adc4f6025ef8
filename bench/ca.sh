#!/bin/bash
# Certificates a second: zt's authority beside `openssl ca`, interleaved in one run on one file system: one
# command for each certificate, and many in one go.
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${ROUNDS:-7} ONE=${ONE:-40} MANY=${MANY:-400}
# Under build/, not in $TMP: that may be a memory disk, where fsync() costs nothing.
D=$PWD/build/bench-ca
rm -rf "$D"
mkdir -p "$D/csr" "$D/out" "$D/openssl/new"
chmod 700 "$D"
pid=
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$D"; }
trap cleanup EXIT
zt=$PWD/zt
many=$PWD/build/rel/bench/bench_ca
[ -x "$many" ] || { echo "$many is not built (make tools)"; exit 77; }
command -v openssl >/dev/null || { echo "openssl is not installed"; exit 77; }

printf '[state]\ndir = %s/state\nrun_dir = %s/run\n[ca]\nlisten = 127.0.0.1:0\nreach = ca.test:1\n' "$D" "$D" >"$D/zt.conf"
"$zt" ca init -c "$D/zt.conf" >/dev/null

cat >"$D/ca.cnf" <<END
[ca]
default_ca = d
[d]
dir = $D/openssl
database = $D/openssl/index.txt
new_certs_dir = $D/openssl/new
certificate = $D/openssl/ca.pem
private_key = $D/openssl/ca.key
rand_serial = yes
default_md = sha256
default_days = 730
policy = p
unique_subject = no
x509_extensions = x
[p]
commonName = supplied
[x]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new_key[@]}" -keyout "$D/openssl/ca.key" -out "$D/openssl/ca.pem" -subj /CN=bench -days 3650 2>/dev/null
: >"$D/openssl/index.txt"

# Requests for keys that nobody has used; the last of them is number $made.
made=0
requests() {
	local last=$((made + $1))
	while [ "$made" -lt "$last" ]; do
		made=$((made + 1))
		openssl req -new "${new_key[@]}" -keyout "$D/csr/key" -out "$D/csr/$made" -subj "/CN=r$made" 2>/dev/null
	done
}

one_zt() { # NUMBER
	"$zt" ca issue device "r$1" --csr "$D/csr/$1" --out "$D/out" -c "$D/zt.conf"
}
beside() { one_zt "$1"; } # a role that runs: its ca-sign, not one for each command
start_role() {
	"$zt" ca serve -c "$D/zt.conf" 2>"$D/log" &
	pid=$!
	for _ in $(seq 500); do
		! "$zt" health ca -c "$D/zt.conf" >/dev/null 2>&1 || return 0
		sleep 0.01
	done
	cat "$D/log" >&2
	return 1
}
stop_role() { kill "$pid"; wait "$pid"; pid=; }
one_openssl() {
	openssl ca -batch -notext -config "$D/ca.cnf" -in "$D/csr/$1" -out "$D/out/one.pem"
}
many_openssl() { # FIRST
	local i files=()
	for ((i = $1; i < $1 + MANY; i++)); do files+=("$D/csr/$i"); done
	openssl ca -batch -notext -config "$D/ca.cnf" -out "$D/out/many.pem" -infiles "${files[@]}"
}
# each WHAT FIRST: ONE of them, and how many that was a second
each() {
	local i start
	start=$(date +%s%N)
	for ((i = $2; i < $2 + ONE; i++)); do
		"$1" "$i" >"$D/said" 2>&1 || { cat "$D/said" >&2; return 1; }
	done
	rate "$ONE" $(($(date +%s%N) - start)) >>"$D/$1"
}
rate() { awk -v n="$1" -v ns="$2" 'BEGIN { printf "%.1f\n", n * 1e9 / ns }'; }

requests "$MANY"
for ((round = 0; round < ROUNDS; round++)); do
	requests $((2 * ONE)) # zt gives a key one certificate
	each one_zt $((made - ONE + 1))
	each one_openssl $((made - ONE + 1))
	start_role
	each beside $((made - 2 * ONE + 1))
	read -r n us <<<"$("$many" "$D/zt.conf" "$MANY")"
	rate "$n" $((us * 1000)) >>"$D/many_zt"
	stop_role
	start=$(date +%s%N)
	many_openssl 1 >"$D/said" 2>&1 || { cat "$D/said" >&2; exit 1; }
	rate "$MANY" $(($(date +%s%N) - start)) >>"$D/many_openssl"
done
# All of them, and the authority's own: what was not issued was not measured.
issued=$("$zt" ca list --all --json -c "$D/zt.conf" | wc -l)
[ "$issued" = $((ROUNDS * (2 * ONE + MANY) + 1)) ] || { echo "bench: $issued certificates were issued" >&2; exit 1; }

at() { sort -n "$D/$1" | sed -n "$2p"; } # the n-th smallest
median() { at "$1" $(((ROUNDS + 1) / 2)); }
row() { # LABEL KIND BASE
	awk -v label="$1" -v m="$(median "$2")" -v lo="$(at "$2" 1)" -v hi="$(at "$2" "$ROUNDS")" -v base="$(median "$3")" \
		'BEGIN { printf "| %s | %.0f | %.0f…%.0f | %.2f |\n", label, m, lo, hi, m / base }'
}
echo "### Certificates"
echo
echo "P-256 keys and authorities, requests made before; median of $ROUNDS interleaved rounds of $ONE commands and of"
echo "$MANY certificates in one go, on $(stat -f -c %T "$D"), $(openssl version | cut -d' ' -f1,2). zt answers after its"
echo "fsync(); openssl has none."
echo
echo "| what | per second | range | to openssl |"
echo "|---|---|---|---|"
row "zt ca issue, one command for each, no role running" one_zt one_openssl
row "zt ca issue, one command for each, beside zt ca serve" beside one_openssl
row "openssl ca, one command for each" one_openssl one_openssl
row "zt, many by one line to the running ca-sign" many_zt many_openssl
row "openssl ca -infiles, one command for all" many_openssl many_openssl
echo
