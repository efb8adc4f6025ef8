#!/bin/bash
# Sealing and opening TLS 1.2 records: zt's beside OpenSSL's libcrypto, called as its own libssl
# calls it. Both run in every round, one after the other, so that a slow moment hits both.
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${ROUNDS:-7} MS=${MS:-100}
zt=build/rel/bench/bench_record
[ -x "$zt" ] || { echo "$zt is not built (make tools)"; exit 77; }
D=$(mktemp -d "${TMP:-/tmp}/record-XXXXXX")
trap 'rm -rf "$D"' EXIT
peer=$D/openssl
if ! cc -O2 -o "$peer" bench/peers/openssl.c -lcrypto 2>"$D/cc.log"; then
	echo "no OpenSSL library to compare with"
	exit 77
fi

ciphers=(aes128 aes256 chacha20) lengths=(1024 4096 16384) ways=(portable aesni vaes)
# What is compared is the same thing: every byte of a record.
for cipher in "${ciphers[@]}"; do
	for n in 1 15 16 17 "${lengths[@]}" 16383; do
		[ "$("$zt" "$cipher" "$n")" = "$("$peer" "$cipher" "$n")" ] ||
			{ echo "$cipher, $n bytes: zt and OpenSSL make different records" >&2; exit 1; }
	done
done

for ((round = 0; round < ROUNDS; round++)); do
	for cipher in "${ciphers[@]}"; do
		for n in "${lengths[@]}"; do
			"$zt" "$cipher" "$n" "$MS" >>"$D/zt.$cipher.$n"
			"$peer" "$cipher" "$n" "$MS" >>"$D/peer.$cipher.$n"
		done
	done
	for way in "${ways[@]}"; do
		"$zt" aes128 16384 "$MS" "$way" >>"$D/way.$way" 2>"$D/no-way" || rm -f "$D/way.$way"
	done
	speed=$(openssl speed -seconds 1 -bytes 16384 -evp aes-128-gcm 2>/dev/null | sed -n 's/^AES-128-GCM *\([0-9]*\).*/\1/p')
	echo "$((speed / 1000)) 0" >>"$D/speed"
done

median() { cut -d' ' -f"$2" "$D/$1" | sort -n | sed -n "$(((ROUNDS + 1) / 2))p"; } # FILE COLUMN
gb() { awk -v v="$1" 'BEGIN { printf "%.2f", v / 1000 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

echo "### Records"
echo
echo "GB/s of plaintext on one core, header, nonce and additional data included: the fastest batch of"
echo "16 records in $MS ms, median of $ROUNDS interleaved rounds; $(openssl version | cut -d' ' -f1,2). Before"
echo "measuring, both made the same bytes."
echo
echo "| cipher | plaintext | zt seals | OpenSSL | ratio | zt opens | OpenSSL | ratio |"
echo "|---|---|---|---|---|---|---|---|"
for cipher in "${ciphers[@]}"; do
	for n in "${lengths[@]}"; do
		s=$(median "zt.$cipher.$n" 1) S=$(median "peer.$cipher.$n" 1)
		o=$(median "zt.$cipher.$n" 2) O=$(median "peer.$cipher.$n" 2)
		echo "| $cipher | $n | $(gb "$s") | $(gb "$S") | $(ratio "$s" "$S") | $(gb "$o") | $(gb "$O") | $(ratio "$o" "$O") |"
	done
done
echo
echo "| AES-128-GCM, 16384 bytes | seals | opens |"
echo "|---|---|---|"
for way in "${ways[@]}"; do
	[ ! -e "$D/way.$way" ] || echo "| zt, $way | $(gb "$(median "way.$way" 1)") | $(gb "$(median "way.$way" 2)") |"
done
echo "| \`openssl speed -evp aes-128-gcm\` (one nonce for all, nothing around it) | $(gb "$(median speed 1)") | |"
echo
