#!/usr/bin/env bash
# core
# security
# zt join takes its token from a pipe, a file, the environment or an argument, and from then on no other
# process can read it; a token that is not good ends with 9 in words and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

# uses_of NAME: how often tokens of that name were used.
uses_of() { "$ZT" token list --all --json -c "$CONF" | python3 -c '
import json, sys
print(sum(t["used"] for t in map(json.loads, sys.stdin) if t["name"] == sys.argv[1]))' "$1"; }
id_of() { "$ZT" id show --json "$1" | json id; }

# Every way in.
new_token connector ways --uses 6
expect 0 bash -c '"$1" join --to "$2/i1" <"$2/token"' - "$ZT" "$TMP"
expect 0 bash -c '"$1" join --to "$2/i2" - <"$2/token"' - "$ZT" "$TMP"
expect 0 "$ZT" join --to "$TMP/i3" --token-file "$TMP/token"
expect 0 env ZT_JOIN_TOKEN="$TOKEN" "$ZT" join --to "$TMP/i4"
expect 0 env ZT_JOIN_TOKEN_FILE="$TMP/token" "$ZT" join --to "$TMP/i5"
expect 0 "$ZT" join --to "$TMP/i6" " $TOKEN"
same "$(for i in 1 2 3 4 5 6; do id_of "$TMP/i$i"; done | sort -u | wc -l)" 6 "the number of identities"
same "$(uses_of ways)" 6 "the uses of the token"
# As others see it: the key is the certificate's, the anchor signed it, nobody else can read it.
expect 0 openssl verify -x509_strict -purpose sslclient -CAfile "$TMP/i1/trust/infra.pem" "$TMP/i1/identity.pem"
same "$(openssl pkey -in "$TMP/i1/identity.pem" -pubout)" "$(openssl x509 -in "$TMP/i1/identity.pem" -noout -pubkey)" "the key"
same "$(stat -c %a "$TMP/i1" "$TMP/i1/identity.pem" | tr '\n' ' ')" "700 600 " "the modes"
same "$(ls "$TMP/i1")" $'identity.pem\nregistry.pem\ntrust\ntrust.seen\nwhere' "what is kept"
same "$(cat "$TMP/i1/where")" "127.0.0.1:$ENROL" "where the authority is"
cmp -s "$TMP/i1/trust/infra.pem" "$CA/infra.pem" || fail "the anchor is another"
expect 0 "$ZT" id show "$TMP/i1"
has "$OUT" "connector"
has "$OUT" "$(serial_of "$TMP/i1/identity.pem")"

# While it waits for approval it runs as long as we like: what do others see of it?
new_token client seen --approve --uses 2
secret=${TOKEN:70:22} # the digits of the secret alone
start arg "$ZT" join --to "$TMP/w1" "$TOKEN"
start env env ZT_JOIN_TOKEN="$TOKEN" "$ZT" join --to "$TMP/w2"
wait_for grep -q "waits for approval" "$TMP/arg.log"
wait_for grep -q "waits for approval" "$TMP/env.log"
for name in arg env; do
	for file in cmdline environ; do
		if tr '\0' ' ' <"/proc/${PIDS[$name]}/$file" | grep -q -e "$secret" -e zt1_; then
			fail "the token is in the $file of 'zt join' ($name)"
		fi
	done
done
has "$(tr '\0' ' ' <"/proc/${PIDS[arg]}/cmdline")" "$TMP/w1" # it is this process that was looked at
stop arg && stop env
! grep -r -l -e "$secret" "$TMP/w1" "$TMP/w2" "$TMP"/*.log || fail "the secret was written somewhere"

# bad DIR CODE PART ARG...: ends with CODE and a line that has PART, and DIR is not there.
bad() {
	local dir=$TMP/none code=$1 part=$2
	shift 2
	expect "$code" "$ZT" join --to "$dir" "$@"
	has "$ERR" "$part"
	lacks "$ERR" "$secret"
	same "$(wc -l <<<"$ERR")" "${LINES_WANTED:-1}" "the lines it says"
	[ ! -e "$dir" ] || fail "something was left behind by: $* ($(ls "$dir"))"
}
new_token connector once
expect 0 "$ZT" join --to "$TMP/once" --token-file "$TMP/token"
bad 9 "refused: bad, used or expired token" --token-file "$TMP/token"
# Of one second: it is made now and asked with when the authority itself says that it is over.
new_token connector brief --ttl 1s
over() { ! "$ZT" token list -c "$CONF" | grep -q brief; }
wait_for over
bad 9 "refused: bad, used or expired token" --token-file "$TMP/token"
new_token connector ended
token 0 revoke "$("$ZT" token list --json -c "$CONF" | python3 -c '
import json, sys
print(next(t["token"] for t in map(json.loads, sys.stdin) if t["name"] == "ended"))')"
bad 9 "refused: bad, used or expired token" --token-file "$TMP/token"
# Of an authority that has forgotten it: the same pin, and an id that it does not know.
py "$TOKEN" >"$TMP/strange" <<'PY' || fail "another token"
raw = bytearray(base64.urlsafe_b64decode(sys.argv[1][4:] + "=" * (-len(sys.argv[1][4:]) % 4)))
raw[34] ^= 1
crc = 0xffffffff
for b in raw[:-4]:
    crc ^= b
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
raw[-4:] = struct.pack("<I", crc ^ 0xffffffff)
print("zt1_" + base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())
PY
chmod 600 "$TMP/strange"
bad 9 "could not prove that it knows" --token-file "$TMP/strange"
bad 9 "cut off or mistyped" "${TOKEN%?}"
bad 9 "cut off or mistyped" "${TOKEN/zt1_AQ/zt1_Aq}"
bad 9 "no join token" "hello"
bad 9 "later version" "zt2_${TOKEN#zt1_}"
chmod 644 "$TMP/token"
bad 1 "can be read" --token-file "$TMP/token"
chmod 600 "$TMP/token"
LINES_WANTED=2
bad 2 "one token at a time" "$TOKEN" "$TOKEN"
bad 2 "given twice" --token-file "$TMP/token" "$TOKEN"
bad 2 "HOST:PORT" --at nowhere "$TOKEN"
bad 2 "--wait" --wait never "$TOKEN"
LINES_WANTED=1
# Nobody there: the token's address, and the one that was named, are both tried.
new_token connector lost
stop ca
bad 5 "not reachable" --at "127.0.0.1:$(free_port)" --token-file "$TMP/token"
# An identity is not overwritten by accident.
before=$(picture "$TMP/i1")
expect 0 "$ZT" join --to "$TMP/i1" --token-file "$TMP/token" # nobody is asked: there is nothing to do
has "$OUT" "joined already as connector $(id_of "$TMP/i1")"
expect 5 "$ZT" join --to "$TMP/i1" --replace --token-file "$TMP/token"
same "$(picture "$TMP/i1")" "$before" "the identity that was there"
start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
same "$(uses_of lost)" 0 "the uses of a token that was not needed"
was=$(id_of "$TMP/i1")
new_token client other
expect 1 "$ZT" join --to "$TMP/i1" --token-file "$TMP/token"
has "$ERR" "holds another identity"
same "$(picture "$TMP/i1")" "$before" "the identity that was there"
expect 0 "$ZT" join --to "$TMP/i1" --replace --token-file "$TMP/token"
[ "$(id_of "$TMP/i1")" != "$was" ] || fail "it was not replaced"
