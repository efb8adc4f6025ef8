#!/bin/bash
# A registry of many certificates: opening, memory, look-ups, beside `openssl ca -status`, which reads its
# index as a whole for one answer.
set -eu
cd "$(dirname "$0")/.."

CERTS=${CERTS:-100000} ROUNDS=${ROUNDS:-7}
D=$PWD/build/bench-registry
rm -rf "$D"
mkdir -p "$D"
trap 'rm -rf "$D"' EXIT
zt=build/rel/bench/bench_registry
[ -x "$zt" ] || { echo "$zt is not built (make tools)"; exit 77; }

median() { sort -n | sed -n "$(((ROUNDS + 1) / 2))p"; }
column() { awk -v c="$1" '{ print $c }' "$D/$2" | median; }

for n in 1000 10000 "$CERTS"; do
	rm -rf "$D/run"
	mkdir -m 700 "$D/run"
	"$zt" make "$D/run" "$n"
	for ((round = 0; round < ROUNDS; round++)); do
		"$zt" load "$D/run" >>"$D/$n"
	done
done

# OpenSSL: an index of as many lines, and the question for the last of them.
if command -v openssl >/dev/null; then
	printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nserial=%s\n' "$D/index.txt" "$D/serial" >"$D/ca.cnf"
	echo 01 >"$D/serial"
	seq -f '%.0f' "$CERTS" | awk '{ printf "V\t361121000000Z\t\t7F%030X\tunknown\t/CN=laptop-%d\n", $1 + 4096, $1 }' >"$D/index.txt"
	serial=$(printf "7F%030X" $((CERTS + 4096)))
	for ((round = 0; round < ROUNDS; round++)); do
		start=$(date +%s%N)
		openssl ca -config "$D/ca.cnf" -status "$serial" >"$D/openssl.out" 2>&1 || true
		echo $((($(date +%s%N) - start) / 1000)) >>"$D/openssl"
	done
	grep -q Valid "$D/openssl.out" || rm -f "$D/openssl"
fi

echo "### Registry of an authority"
echo
echo "Medians of $ROUNDS. Opening reads and checks every byte of the file; memory is what the process has more of"
echo "afterwards; \"again\" is the whole file written anew and synced."
echo
echo "| certificates | file | opened in | memory each | by serial | by key | by name | its bytes | again |"
echo "|---|---|---|---|---|---|---|---|---|"
for n in 1000 10000 "$CERTS"; do
	awk -v n="$n" -v file="$(column 2 "$n")" -v open="$(column 3 "$n")" -v mem="$(column 4 "$n")" -v s="$(column 5 "$n")" \
		-v k="$(column 6 "$n")" -v m="$(column 7 "$n")" -v d="$(column 8 "$n")" -v c="$(column 9 "$n")" 'BEGIN {
		printf "| %d | %.1f MB | %.0f ms | %.0f B | %d ns | %d ns | %d ns | %.1f µs | %.0f ms |\n",
			n, file / 1e6, open / 1e3, mem / n, s, k, m, d / 1e3, c / 1e3 }'
done
[ ! -e "$D/openssl" ] || printf '\nOne question of OpenSSL (`ca -status`) about an index of %s lines: %.0f ms.\n' "$CERTS" \
	"$(median <"$D/openssl" | awk '{ print $1 / 1000 }')"
