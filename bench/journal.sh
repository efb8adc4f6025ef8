#!/bin/bash
# Durable appends a second: the journal beside SQLite, in the same run on the same file system,
# one after the other in every round, so that a slow moment of the disk hits all of them.
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${ROUNDS:-7} MS=${MS:-1000}
# Under build/, not in $TMP: that may be a memory disk, where fsync() costs nothing.
D=$PWD/build/bench-journal
rm -rf "$D"
mkdir -p "$D"
trap 'rm -rf "$D"' EXIT
zt=build/rel/bench/bench_journal
[ -x "$zt" ] || { echo "$zt is not built (make tools)"; exit 77; }

kinds=(floor each store)
if cc -O2 -o "$D/sqlite" bench/peers/sqlite.c -lsqlite3 2>"$D/cc.log"; then
	kinds+=(wal delete)
else
	echo "bench: no SQLite library to build with: left out" >&2
fi

for ((round = 0; round < ROUNDS; round++)); do
	for kind in "${kinds[@]}"; do
		rm -rf "$D/run"
		mkdir -m 700 "$D/run"
		case $kind in
		wal | delete) got=$("$D/sqlite" "$kind" "$D/run" "$MS") ;;
		*) got=$("$zt" "$kind" "$D/run" "$MS") ;;
		esac
		read -r count us <<<"$got"
		echo $((count * 1000000 / us)) >>"$D/$kind"
	done
done

at() { sort -n "$D/$1" | sed -n "$2p"; } # the n-th smallest
median() { at "$1" $(((ROUNDS + 1) / 2)); }
row() { # LABEL KIND
	[ -e "$D/$2" ] || return 0
	awk -v label="$1" -v m="$(median "$2")" -v lo="$(at "$2" 1)" -v hi="$(at "$2" "$ROUNDS")" \
		-v base="$(median each)" 'BEGIN { printf "| %s | %d | %d…%d | %.2f |\n", label, m, lo, hi, m / base }'
}

echo "### Durable appends"
echo
echo "64-byte records, each acknowledged after its fsync() unless the row says otherwise; at most"
echo "$MS ms or 4,000 of them, median of $ROUNDS interleaved rounds, on $(stat -f -c %T "$D"), sqlite" \
	"$(sqlite3 --version 2>/dev/null | cut -d' ' -f1)."
echo
echo "| what | per second | range | to the journal |"
echo "|---|---|---|---|"
row "journal, one record per fsync()" each
row "SQLite, WAL, synchronous=FULL, one INSERT per transaction" wal
row "SQLite, DELETE, synchronous=FULL, one INSERT per transaction" delete
row "store, 16 events per poll (and per fsync())" store
row "the disk: fsync() of one changed word of a file that does not grow" floor
echo
