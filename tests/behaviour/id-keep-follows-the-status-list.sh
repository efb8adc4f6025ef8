#!/usr/bin/env bash
# core
# 'zt id keep' follows the authority's status list: a line for each change, the number on disk before it counts
# and never back, another connection when one is lost; and it ends when its own identity does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

# member NAME: joins and stays.
member() {
	new_token connector "$1"
	expect 0 "$ZT" join --to "$TMP/$1" --token-file "$TMP/token"
}
keep() {
	start "$1" "$ZT" id keep "$TMP/$1"
	wait_for grep -q "following the status list" "$TMP/$1.log"
}
number() { cut -d' ' -f2 "$TMP/$1/status.seen"; }
member one
member two
keep one
same "$(cut -d' ' -f1 "$TMP/one/status.seen")" 1 "the epoch that was seen"
expect 7 "$ZT" id keep "$TMP/one"
has "$ERR" "another 'zt id keep'"

# Somebody else is suspended, and good again, and revoked: a line each, and the number goes up.
two=$(serial_of "$TMP/two/identity.pem")
before=$(number one)
for what in suspend unsuspend revoke; do
	ca 0 $what "$two"
	declare -A says=([suspend]=suspended [unsuspend]=good [revoke]=revoked)
	wait_for grep -q "status changed what=certificate key=$two state=${says[$what]}" "$TMP/one.log"
done
same "$(grep -c "status changed" "$TMP/one.log")" 3 "lines for three changes"
[ "$(number one)" -gt "$before" ] || fail "the number did not go up"
# Who is revoked is told so when it comes.
expect 4 "$ZT" id keep "$TMP/two"
has "$ERR" "revoked"

# The authority goes away and comes back: it is found again, and the list goes on.
seen=$(number one)
stop ca
wait_for grep -q "the authority was lost" "$TMP/one.log"
start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
again() { [ "$(grep -c "connected to the authority" "$TMP/one.log")" -ge 2 ]; }
wait_for again
member three
wait_for grep -q "status changed what=certificate key=$(serial_of "$TMP/three/identity.pem") state=good" "$TMP/one.log"
[ "$(number one)" -gt "$seen" ] || fail "the number went back from $seen to $(number one)"

# Its own end: suspended is enough.
ca 0 suspend "$(serial_of "$TMP/one/identity.pem")"
join one
same "$STATUS" 4 "the exit code of who was suspended"
grep -q "this identity may not be used any more state=suspended" "$TMP/one.log" || fail "it does not say why"
ca 0 unsuspend "$(serial_of "$TMP/one/identity.pem")"

# A list with a lower number than was seen is refused, and nothing of it counts: what was seen stays.
stop_keep() { stop "$1" && same "$STATUS" 0 "the exit code of keep"; }
keep one
stop_keep one
for seen in "1 18446744073709551615 1" "9 1 1"; do
	echo "$seen" >"$TMP/one/status.seen"
	start one "$ZT" id keep "$TMP/one"
	wait_for grep -q "a status list was refused reason=\(rollback\|epoch\)" "$TMP/one.log"
	lacks "$(<"$TMP/one.log")" "following the status list"
	stop_keep one
	same "$(<"$TMP/one/status.seen")" "$seen" "what was seen"
done
# What was seen cannot be read: somebody has to look.
echo "1 2" >"$TMP/one/status.seen"
expect 6 "$ZT" id keep "$TMP/one"
has "$ERR" "status.seen"
# A list that another key signed.
rm "$TMP/one/status.seen"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout -out "$TMP/one/registry.pem"
start one "$ZT" id keep "$TMP/one"
wait_for grep -q "a status list was refused reason=signature" "$TMP/one.log"
stop_keep one
[ ! -e "$TMP/one/status.seen" ] || fail "a number was taken from a list that is not signed"
