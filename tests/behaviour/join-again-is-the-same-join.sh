#!/usr/bin/env bash
# core
# A join that was interrupted, at any system call, or whose answer was lost, is the same join when it is done
# again: the same key, the same certificate, and the token is not used a second time. So is a renewal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

pub() { openssl pkey -in "$1" -pubout; }
# entry NAME FIELD: of the only certificate with that name; fails when there are more.
entries() { "$ZT" ca list --json -c "$CONF" | grep -c "\"name\":\"$1\""; }
uses_of() { "$ZT" token list --all --json -c "$CONF" | python3 -c '
import json, sys
print(sum(t["used"] for t in map(json.loads, sys.stdin) if t["name"] == sys.argv[1]))' "$1"; }
# cut NAME N: a way to the authority on $PORT that loses the answer to the N-th record of data.
cut_way() {
	PORT=$(free_port)
	start "$1" python3 "$(dirname "$0")/joincut.py" "$PORT" "$ENROL" "$2"
	wait_for grep -q ready "$TMP/$1.log"
}

# Killed while it waits for a yes, which comes in the meantime.
new_token connector waits --approve
start first "$ZT" join --to "$TMP/waits" --token-file "$TMP/token"
wait_for grep -q "waits for approval" "$TMP/first.log"
stop first KILL
key=$(pub "$TMP/waits/joining.pem")
same "$(stat -c %a "$TMP/waits/joining.pem")" 600 "the mode of a key that waits"
expect 4 "$ZT" join --to "$TMP/waits" --token-file "$TMP/token" --wait 0
has "$ERR" "nobody approved"
has "$ERR" "Compare the key before: $(openssl pkey -in "$TMP/waits/joining.pem" -pubout -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)"
ca 0 pending --json
same "$(grep -c '"number"' <<<"$OUT")" 1 "joins that wait" # asked twice, one join
ca 0 approve "$(json number <<<"$OUT")"
expect 0 "$ZT" join --to "$TMP/waits" --token-file "$TMP/token"
same "$(openssl x509 -in "$TMP/waits/identity.pem" -noout -pubkey)" "$key" "the key of the certificate"
[ ! -e "$TMP/waits/joining.pem" ] || fail "the key that waited is there still"
# Refused by somebody: nothing is kept.
new_token connector unwanted --approve
expect 4 "$ZT" join --to "$TMP/unwanted" --token-file "$TMP/token" --wait 0
[ -e "$TMP/unwanted/joining.pem" ] || fail "the key of a join that waits is not kept"
ca 0 pending --json
ca 0 reject "$(json number <<<"$OUT")"
expect 9 "$ZT" join --to "$TMP/unwanted" --token-file "$TMP/token" --wait 0
has "$ERR" "rejected"
[ ! -e "$TMP/unwanted/joining.pem" ] || fail "the key of a join that was rejected is there still"

# The answer is lost: the authority has made the certificate, and makes no other.
new_token connector lost
cut_way cut 2
expect 5 "$ZT" join --to "$TMP/lost" --at "127.0.0.1:$PORT" --token-file "$TMP/token"
wait_for grep -q cut "$TMP/cut.log"
has "$ERR" "ended the connection without an answer"
same "$(entries lost)/$(uses_of lost)" 1/1 "certificates/uses after the answer was lost"
key=$(pub "$TMP/lost/joining.pem")
expect 0 "$ZT" join --to "$TMP/lost" --token-file "$TMP/token"
same "$(openssl x509 -in "$TMP/lost/identity.pem" -noout -pubkey)" "$key" "the key of the certificate"
same "$(entries lost)/$(uses_of lost)" 1/1 "certificates/uses after it was asked for again"
has "$("$ZT" ca list --json -c "$CONF" | grep '"name":"lost"')" "$(serial_of "$TMP/lost/identity.pem")"

# The same of a renewal: another key after a lost answer would be a thief's.
new_token connector again --lifetime 2000s
expect 0 "$ZT" join --to "$TMP/again" --token-file "$TMP/token"
parent=$(serial_of "$TMP/again/identity.pem")
cut_way cut2 1
echo "127.0.0.1:$PORT" >"$TMP/again/where"
expect 5 "$ZT" id renew "$TMP/again"
wait_for grep -q cut "$TMP/cut2.log"
same "$(serial_of "$TMP/again/identity.pem")" "$parent" "the serial after the answer was lost"
same "$(entries again)" 2 "certificates after the answer was lost"
echo "127.0.0.1:$ENROL" >"$TMP/again/where"
expect 1 "$ZT" id renew "$TMP/again" --same-key
has "$ERR" "a renewal with that one is under way"
key=$(pub "$TMP/again/renewing.pem")
expect 0 "$ZT" id renew "$TMP/again"
same "$(openssl x509 -in "$TMP/again/identity.pem" -noout -pubkey)" "$key" "the key of the renewed certificate"
same "$(entries again)" 2 "certificates after it was asked for again"
[ ! -e "$TMP/again/renewing.pem" ] || fail "the key that waited is there still"
if "$ZT" ca list --json -c "$CONF" | grep '"name":"again"' | grep -q suspended; then fail "it was taken for a thief"; fi

# Killed at every system call in turn that writes, renames or talks: then once more, undisturbed.
if strace -o /dev/null true 2>/dev/null; then
	new_token connector killed --uses 1000
	ASAN_OPTIONS=detect_leaks=0 strace -o "$TMP/calls" -e trace=openat,write,fsync,rename,renameat,linkat,unlinkat,mkdir,mkdirat,connect,sendto,recvfrom,close \
		"$ZT" join --to "$TMP/k0" --token-file "$TMP/token" >/dev/null || fail "a join under strace"
	mapfile -t calls < <(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$TMP/calls" | awk '{ print $1, ++n[$1] }')
	[ ${#calls[@]} -ge 40 ] || fail "strace listed only ${#calls[@]} calls"
	step=$((${ZT_KILLS:-100} >= ${#calls[@]} ? 1 : (${#calls[@]} + ${ZT_KILLS:-100} - 1) / ${ZT_KILLS:-100}))
	n=0 killed=0
	# One address may ask sixty times, then five times a second.
	unhurried() {
		for _ in {1..60}; do
			"$@" >"$TMP/said" 2>&1
			grep -q 'asks too often' "$TMP/said" || return 0
			sleep 0.4
		done
	}
	killed_join() {
		(ASAN_OPTIONS=detect_leaks=0 strace -o /dev/null -e "trace=$name" -e "inject=$name:signal=KILL:when=$when" \
			"$ZT" join --to "$TMP/k" --token-file "$TMP/token"; exit $?) 2>&1
		code=$?
		return "$code"
	}
	for ((i = 0; i < ${#calls[@]}; i += step)); do
		read -r name when <<<"${calls[i]}"
		unhurried killed_join
		[ "$code" != 137 ] || killed=$((killed + 1))
		unhurried "$ZT" join --to "$TMP/k" --token-file "$TMP/token"
		expect 0 "$ZT" join --to "$TMP/k" --token-file "$TMP/token" # it has joined: nothing to do
		same "$(openssl pkey -in "$TMP/k/identity.pem" -pubout 2>/dev/null)" \
			"$(openssl x509 -in "$TMP/k/identity.pem" -noout -pubkey)" "the key after a kill at $name $when"
		same "$(find "$TMP/k" -mindepth 1 -maxdepth 1 ! -name '*.new-*' -printf '%f\n' | sort | tr '\n' ' ')" "identity.pem registry.pem trust trust.seen where " "what is left after $name $when"
		rm -rf "$TMP/k"
		n=$((n + 1))
		same "$(uses_of killed)" $((n + 1)) "uses after a kill at $name $when"
	done
	[ "$killed" -ge $((n * 9 / 10)) ] || fail "only $killed of $n were killed"
	echo "killed $killed times, $n joins, $n certificates"
fi
