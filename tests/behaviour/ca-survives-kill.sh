#!/usr/bin/env bash
# shellcheck disable=SC2317 # what is called by the name of its case
# An authority is killed at system call after system call, in every process that takes part: those of the command
# or of the joiner, and those of the running role. Whatever a command had acknowledged is there; what is there is
# whole, and openssl believes it; no serial number stands twice; the authority starts again; the same command,
# given again, does what it was to do, once.
. "$(dirname "$0")/lib.sh"
KILLAT=$ROOT/build/rel/tests/tools/killat
ZT_KILLS=${ZT_KILLS:-56} # each of them starts an authority twice and more
# shellcheck disable=SC2034 # kill.inc.sh looks for it
JW=$KILLAT
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/kill.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
need_root # the processes of the role are not dumpable
CASES=(issue token revoke init issue-role token-role revoke-role join-role)
SHARE=$(((KILLS + ${#CASES[@]} - 1) / ${#CASES[@]}))
: >"$TMP/known"
: >"$TMP/fingerprints"
mkdir "$TMP/in"
NUMBER=0 KILLED=0 MISSED=0 POINTS=0 VICTIMS=0 UNHEARD=0

# ---- what the authority says of itself ----------------------------------------------------------
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
# whole SERIAL: its record names a certificate, and that certificate is one.
whole() {
	local line cert=$TMP/cert.pem
	line=$(grep "\"serial\":\"$1\"" "$TMP/list") || fail "$AT: $1 is not there"
	"$ZT" ca show "$1" --pem -c "$CONF" >"$cert" || fail "$AT: $1 cannot be shown"
	openssl verify -x509_strict -CAfile "$CA/infra.pem" "$cert" >/dev/null 2>"$TMP/err" || fail "$AT: $1: $(cat "$TMP/err")"
	openssl x509 -in "$cert" -noout -serial -ext subjectAltName -fingerprint -sha256 >"$TMP/cert.says" 2>&1
	grep -qix "serial=$1" "$TMP/cert.says" || fail "$AT: the serial of the certificate is another one"
	has "$(<"$TMP/cert.says")" "/$(field role <<<"$line")/$(field id <<<"$line")"
	grep -i '^sha256 fingerprint=' "$TMP/cert.says" | sed "s/^/$1 /" >>"$TMP/fingerprints"
}
# look: what is there now, against what was. The new ones are in $TMP/new.
look() {
	"$ZT" ca list --all --json -c "$CONF" >"$TMP/list" 2>"$TMP/err" || fail "$AT: zt ca list: $(cat "$TMP/err")"
	field serial <"$TMP/list" | sort >"$TMP/there"
	[ -z "$(uniq -d "$TMP/there")" ] || fail "$AT: a serial number twice: $(uniq -d "$TMP/there")"
	[ -z "$(comm -23 "$TMP/known" "$TMP/there")" ] || fail "$AT: lost: $(comm -23 "$TMP/known" "$TMP/there")"
	comm -13 "$TMP/known" "$TMP/there" >"$TMP/new"
	local s
	while read -r s; do whole "$s"; done <"$TMP/new"
	cp "$TMP/there" "$TMP/known"
}
named() { grep "\"name\":\"$1\"" "$TMP/list"; }
is_there() { grep -q "\"serial\":\"$(serial_of "$1")\"" "$TMP/list" || fail "$AT: $1 was written and is not in the registry"; }

# ---- one kind of command each: begin, what is true after a kill, again --------------------------
# begin sets CMD; after gets its exit code; $NAME is new each time.
issue_begin() { CMD=("$ZT" ca issue client "$NAME" --out "$TMP/out" -c "$CONF"); }
issue_after() {
	[ "$1" != 0 ] || [ -s "$TMP/out/$NAME.pem" ] || fail "$AT: it ended well without a certificate"
	[ ! -e "$TMP/out/$NAME.pem" ] || is_there "$TMP/out/$NAME.pem"
	[ -n "$(named "$NAME")" ] || [ ! -e "$TMP/out/$NAME.pem" ] || fail "$AT: a certificate without a record"
	# A command that was killed when all was done says so.
	if [ -e "$TMP/out/$NAME.pem" ]; then
		expect 1 "${CMD[@]}"
		has "$ERR" "$NAME.pem exists already"
	else
		expect 0 "${CMD[@]}"
	fi
	look
	is_there "$TMP/out/$NAME.pem"
	same "$(named "$NAME" | wc -l)" 1 "$AT: certificates of this name"
	same "$(openssl pkey -in "$TMP/out/$NAME.key" -pubout)" "$(openssl x509 -in "$TMP/out/$NAME.pem" -noout -pubkey)" "$AT: the key"
}

token_begin() { CMD=("$ZT" token create client "$NAME" -c "$CONF"); }
# Is every token that was printed one that can be used?
tokens_are_there() {
	local said
	for said in "$@"; do
		grep -qE '^zt1_[A-Za-z0-9_-]+$' "$said" || continue
		python3 -c 'import sys; from enrolpeer import Token; print(Token(open(sys.argv[1]).read()).id.hex())' "$said" >"$TMP/id" ||
			fail "$AT: half a token: $(cat "$said")"
		grep -q "\"id\":\"$(cat "$TMP/id")\".*\"name\":\"$NAME\".*\"state\":\"good\"" "$TMP/tokens" || fail "$AT: a token that was printed is not there"
	done
}
token_after() {
	[ "$1" != 0 ] || [ -s "$TMP/said" ] || fail "$AT: it ended well without a token"
	expect 0 "${CMD[@]}"
	echo "$OUT" >"$TMP/said.again"
	"$ZT" token list --json -c "$CONF" >"$TMP/tokens" || fail "$AT: zt token list"
	tokens_are_there "$TMP/said" "$TMP/said.again"
	[ "$(grep -c "\"name\":\"$NAME\"" "$TMP/tokens")" -le 2 ] || fail "$AT: more tokens than were asked for"
	expect 0 "$ZT" token revoke "$(cat "$TMP/id")" -c "$CONF" # the list stays short
	look
}

VICTIM=
revoke_begin() {
	if [ -z "$VICTIM" ]; then
		VICTIM=$NAME
		expect 0 "$ZT" ca issue client "$VICTIM" --out "$TMP/out" -c "$CONF"
		look
	fi
	CMD=("$ZT" ca revoke "$VICTIM" -c "$CONF")
}
revoke_after() {
	local state
	state=$(named "$VICTIM" | field state)
	[ "$1" != 0 ] || same "$state" revoked "$AT: what was revoked"
	[ "$state" = revoked ] || [ "$state" = good ] || fail "$AT: it is $state"
	expect 0 "${CMD[@]}"
	look
	same "$(named "$VICTIM" | field state)" revoked "$AT: what was revoked"
	"$ZT" ca crl infra -c "$CONF" | openssl crl -noout -text 2>/dev/null | grep -qi "$(named "$VICTIM" | field serial)" ||
		fail "$AT: it is not on the revocation list"
	VICTIM=
}

init_begin() {
	mkdir -p "$TMP/in"
	sed "s|^dir = .*|dir = $TMP/in/$NAME|" "$CONF.serve" >"$TMP/in.conf"
	CMD=("$ZT" ca init -c "$TMP/in.conf")
}
init_after() {
	local outside=$CONF there=$CA known=$TMP/known.kept
	if [ -e "$TMP/in/$NAME/ca/registry/registry" ]; then
		expect 1 "${CMD[@]}"
		has "$ERR" "there is an authority already"
	else
		[ "$1" != 0 ] || fail "$AT: it ended well without a registry"
		expect 0 "${CMD[@]}"
		[ -z "$ERR" ] || has "$ERR" "an earlier init did not end"
	fi
	mv "$TMP/known" "$known" && : >"$TMP/known"
	CONF=$TMP/in.conf CA=$TMP/in/$NAME/ca
	look
	same "$(cat "$TMP/there")" "$(serial_of "$CA/serve.pem")" "$AT: what a new authority has issued"
	CONF=$outside CA=$there
	mv "$known" "$TMP/known"
	rm -rf "${TMP:?}/in/$NAME"
}

join_begin() {
	new_token client "$NAME"
	mv "$TMP/token" "$TMP/token.join"
	CMD=("$ZT" join --to "$TMP/out/$NAME.id" --token-file "$TMP/token.join")
}
join_after() {
	local id=$TMP/out/$NAME.id/identity.pem
	[ "$1" != 0 ] || [ -s "$id" ] || fail "$AT: it ended well without an identity"
	[ ! -e "$id" ] || is_there "$id"
	expect 0 "${CMD[@]}"
	look
	is_there "$id"
	same "$(named "$NAME" | wc -l)" 1 "$AT: certificates of this join"
	same "$(openssl pkey -in "$id" -pubout)" "$(openssl x509 -in "$id" -noout -pubkey)" "$AT: the key"
	rm -rf "$TMP/out/$NAME.id"
}

# ---- the role -----------------------------------------------------------------------------------
role_pids() {
	[ "$ROLE" = yes ] || return 0
	echo "${PIDS[ca]}"
	ps -o args=,pid= --ppid "${PIDS[ca]}" | sort | sed 's/.* //'
}
role_up() {
	[ "$ROLE" = yes ] || return 0
	if [ -n "${PIDS[ca]:-}" ] && gone "${PIDS[ca]}"; then
		wait "${PIDS[ca]}" 2>/dev/null
		unset "PIDS[ca]"
	fi
	running ca || start ca "$ZT" ca serve -c "$CONF"
	wait_for "$ZT" health ca -c "$CONF"
}
role_down() { [ -z "${PIDS[ca]:-}" ] || stop ca; }

# ---- the kills ----------------------------------------------------------------------------------
# traced [KILLAT-OPTION...]: CMD under killat, the role's processes beside it; its code is in $CODE.
traced() {
	local pid pids=()
	for pid in $(role_pids); do pids+=(-p "$pid"); done
	{ "$KILLAT" "$TMP/report" "${pids[@]}" "$@" -- "${CMD[@]}" >"$TMP/said" 2>"$TMP/said.err"; } 2>/dev/null </dev/null ||
		fail "$AT: killat: $(cat "$TMP/said.err")"
	CODE=$(sed -n 's/^code //p' "$TMP/report")
}
one_kill() { # PROC CALL
	NUMBER=$((NUMBER + 1)) NAME=c$NUMBER AT="$KIND: process $1 at its call $2"
	role_up
	"${WHAT}_begin"
	traced -k "$1" "$2"
	if grep -q '^killed' "$TMP/report"; then
		KILLED=$((KILLED + 1))
	else
		MISSED=$((MISSED + 1))
	fi
	role_up # by itself, or because it has to be started again
	look
	[ "$(wc -l <"$TMP/new")" -le 1 ] || fail "$AT: more there than was asked for"
	[ ! -s "$TMP/new" ] || [ "$CODE" = 0 ] || UNHEARD=$((UNHEARD + 1))
	"${WHAT}_after" "$CODE"
	role_down # what waits longer after each death would wait for nothing here
}

# shellcheck disable=SC2034 # ca_conf writes them
ENROL=$(free_port) HTTP=$(free_port)
ca_conf
cp "$CONF" "$CONF.serve"
ca 0 init
AT="a new authority" && look
for KIND in "${CASES[@]}"; do
	WHAT=${KIND%-role} ROLE=no
	[ "$WHAT" = "$KIND" ] || ROLE=yes
	# Once without a kill: how many calls has which process?
	NUMBER=$((NUMBER + 1)) NAME=c$NUMBER AT="$KIND: without a kill"
	role_up
	"${WHAT}_begin"
	traced
	same "$CODE" 0 "$AT: the exit code ($(cat "$TMP/said.err"))"
	look
	"${WHAT}_after" 0
	role_down
	mapfile -t points < <(awk '$1 == "proc" { for (i = 1; i <= $4; i++) print $2, i }' "$TMP/report")
	[ ${#points[@]} -ge 20 ] || fail "$AT: only ${#points[@]} system calls"
	POINTS=$((POINTS + ${#points[@]})) VICTIMS=$((VICTIMS + $(grep -c '^proc' "$TMP/report")))
	n=$((SHARE < ${#points[@]} ? SHARE : ${#points[@]}))
	for ((i = 0; i < n; i++)); do
		# shellcheck disable=SC2086 # two words
		one_kill ${points[$(((2 * i + 1) * ${#points[@]} / (2 * n)))]}
	done
done
[ "$MISSED" -le $((KILLED / 10)) ] || fail "$MISSED of $((KILLED + MISSED)) runs ended before their kill"
# A certificate must have been written down without anybody being told, or this shows little.
[ "$UNHEARD" -gt 0 ] || fail "no kill fell between record and answer"
same "$(cut -d ' ' -f 1 "$TMP/fingerprints" | sort | uniq -d)" "" "serial numbers of two certificates"
echo "figure: authority killed: $KILLED of $POINTS system calls of $VICTIMS processes, $(wc -l <"$TMP/fingerprints") certificates, none lost"
pass "$UNHEARD of them between the record and its answer"
