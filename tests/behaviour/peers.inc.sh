# shellcheck shell=bash
# peers.inc.sh: a matrix of programs that are not ours and what becomes of them. Source lib.sh and
# tls.inc.sh first. Not a test itself.
export PEERS=$ROOT/tests/behaviour/peers
export PYTHONDONTWRITEBYTECODE=1
declare -A CELL
ROWS=() WRONG=()
export TMP

# cell ROW COLUMN WANT GOT: one verdict. A wrong one is kept with what the programs said, for the end.
cell() {
	local said
	[[ " ${ROWS[*]} " == *" $1 "* ]] || ROWS+=("$1")
	CELL[$1/$2]=$4
	[ "$4" = "$3" ] && return
	CELL[$1/$2]="$4!"
	said=$(tail -c 1500 "$TMP/said" 2>/dev/null | tr -c '[:print:]\n' '?')
	WRONG+=("$1, $2: '$4' instead of '$3'. It said: $said"$'\n'"zt said: $(tail -n +$((${MARK[near]:-0} + 1)) "$TMP/near.log")")
}
# none ROW COLUMN...: the program has no such thing.
none() {
	local row=$1 column
	shift
	for column in "$@"; do CELL[$row/$column]=-; done
}
# matrix CORNER COLUMN...: prints it. A cell that nobody filled is a fault of the test.
matrix() {
	local row column corner=$1
	shift
	printf '%-10s' "$corner"
	printf ' %-11s' "$@"
	echo
	for row in "${ROWS[@]}"; do
		printf '%-10s' "$row"
		for column in "$@"; do
			printf ' %-11s' "${CELL[$row/$column]:-missing!}"
			[ -n "${CELL[$row/$column]:-}" ] || WRONG+=("$row, $column: was not tried")
		done
		echo
	done
	echo
}
new_matrix() { ROWS=() CELL=(); }
judged() {
	local w
	[ ${#WRONG[@]} = 0 ] || for w in "${WRONG[@]}"; do echo "-- $w" >&2; done
	[ ${#WRONG[@]} = 0 ] || fail "${#WRONG[@]} of the cells are wrong: ${WRONG[*]%%. It said:*}"
}

# nssdb DIR CA [CERT]: a database of NSS that trusts CA and holds CERT with its key.
nssdb() {
	mkdir -p "$1"
	{
		certutil -N -d "sql:$1" --empty-password && certutil -A -d "sql:$1" -n "$2" -t C,, -i "$PKI/$2.pem"
		[ $# = 2 ] || { openssl pkcs12 -export -in "$PKI/$3.pem" -inkey "$PKI/$3.key" -passout pass: -name "$3" -out "$1/p12" &&
			pk12util -i "$1/p12" -d "sql:$1" -W ''; }
	} >"$TMP/nssdb.out" 2>&1 || fail "cannot make a database of NSS: $(<"$TMP/nssdb.out")"
}

# inside CMD...: where $TMP/hosts is /etc/hosts, and $TMP/chromium Chromium's folder of policies.
inside() {
	local how=-m
	[ "$(id -u)" = 0 ] || how=-Urm
	# shellcheck disable=SC2016 # for the inner shell
	unshare "$how" sh -c 'mount --bind "$0/hosts" /etc/hosts && { ! [ -d /etc/chromium ] ||
		mount --bind "$0/chromium" /etc/chromium; } && exec "$@"' "$TMP" "$@"
}
