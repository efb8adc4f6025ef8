#!/usr/bin/env bash
# core
# security
# Whoever is not the authority that the token pins is told nothing: another authority, somebody in
# between with a certificate of his own making or of the same authority, and a thief of the authority's TLS
# key who knows no secret. What zt join does not check, a second joiner that believes any certificate shows:
# the proofs alone give him away.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
MIDDLE=$(dirname "$0")/joinmiddle.py

pin_of() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -c1-16; }
# middle NAME CERT KEY [TARGET]: somebody who listens on $PORT.
middle() {
	local name=$1
	shift
	PORT=$(free_port)
	start "$name" python3 "$MIDDLE" "$PORT" "$@"
	wait_for grep -q ready "$TMP/$name.log"
}
# refused CODE PART: zt join at $PORT is refused and leaves nothing.
refused() {
	expect "$1" "$ZT" join --to "$TMP/none" --at "127.0.0.1:$PORT" --token-file "$TMP/only"
	has "$ERR" "$2"
	[ ! -e "$TMP/none" ] || fail "something was left behind"
}
# told NAME: what that somebody was told, one number a frame.
told() { sed -n 's/^told //p' "$TMP/$1.log" | tr '\n' ' '; }

start_ca
new_token connector nas
# A token without an address, so that --at is the only one that is asked.
py "$TOKEN" >"$TMP/only" <<'PY' || fail "a token without addresses"
raw = base64.urlsafe_b64decode(sys.argv[1][4:] + "=" * (-len(sys.argv[1][4:]) % 4))[:66] + b"\0"
crc = 0xffffffff
for b in raw:
    crc ^= b
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
print("zt1_" + base64.urlsafe_b64encode(raw + struct.pack("<I", crc ^ 0xffffffff)).rstrip(b"=").decode())
PY
chmod 600 "$TMP/only"
expect 2 "$ZT" join --to "$TMP/none" --token-file "$TMP/only"
has "$ERR" "--at HOST:PORT"

# Another authority of the same make, with its own anchors: both pins are named, and it sees no token.
(STATE=$TMP/other.state CONF=$TMP/other.conf && OTHER=$(free_port) && echo "$OTHER" >"$TMP/other.port" &&
	printf '[state]\ndir = %s\nrun_dir = %s/other.run\n[ca]\nlisten = 127.0.0.1:%s\nreach = 127.0.0.1:%s\n' \
		"$STATE" "$TMP" "$OTHER" "$OTHER" >"$CONF" && "$ZT" ca init -c "$CONF" >"$TMP/other.init") || fail "another authority"
start other "$ZT" ca serve -c "$TMP/other.conf"
wait_for "$ZT" health ca -c "$TMP/other.conf"
PORT=$(<"$TMP/other.port")
refused 4 "sha256:$(pin_of "$TMP/other.state/ca/infra.pem")"
has "$ERR" "sha256:$(pin_of "$CA/infra.pem")"
if grep -q "event=join" "$TMP/other.log"; then fail "the other authority was told of a token"; fi
# But an address that is wrong is no end: the next one of the list is asked.
expect 0 "$ZT" join --to "$TMP/i" --at "127.0.0.1:$PORT" --token-file "$TMP/token"

# In between, with a certificate of his own making; with one whose issuer has the authority's names; and
# with good ones of this very authority, which are for something else.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$TMP/self.key" -out "$TMP/self.pem" \
	-subj "/CN=$(openssl x509 -in "$CA/infra.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')" 2>/dev/null
middle self "$TMP/self.pem" "$TMP/self.key" "$ENROL"
refused 4 "nobody that it shows"
same "$(told self)" "" "what the one in the middle was told"
cat "$TMP/self.pem" "$CA/infra.pem" >"$TMP/both.pem"
middle both "$TMP/both.pem" "$TMP/self.key" "$ENROL"
refused 4 "is not the authority"
same "$(told both)" "" "what the one in the middle was told"
cat "$TMP/i/identity.pem" "$CA/infra.pem" >"$TMP/member.pem" && chmod 600 "$TMP/member.pem"
middle member "$TMP/member.pem" "$TMP/member.pem" "$ENROL"
refused 4 "not good for this"
same "$(told member)" "" "what a member in the middle was told"
wait_for grep -q gone "$TMP/member.log"

# A second joiner that checks no certificate: in the middle both proofs come out wrong.
middle proofs "$TMP/self.pem" "$TMP/self.key" "$ENROL"
py "$PORT" <<'PY' || fail "the proofs do not give away who is in between"
t, csr = Token(open(TMP + "/token").read()), request(TMP + "/x.key")
p, j = Peer(sys.argv[1]), None
j = Join(t, csr); j.hello(p)
answer = p.read()
assert answer[0] == CHALLENGE
try:
    j.challenge(answer)
    sys.exit("the authority's proof is right through somebody else's TLS key")
except AssertionError as e:
    assert "does not know the secret" in str(e), e
p.send(j.proof())  # it goes on all the same: then the authority knows
assert refusal(p.read())[0] == E_TOKEN
PY
same "$(told proofs)" "1 2 " "what was passed on"

# The authority's own TLS key, stolen, without a secret: it is met, told which token, and no more.
cp "$CA/serve.pem" "$TMP/thief.pem"
middle thief "$TMP/thief.pem" "$TMP/thief.pem"
expect 9 "$ZT" join --to "$TMP/none" --at "127.0.0.1:$PORT" --token-file "$TMP/only"
has "$ERR" "could not prove that it knows"
[ ! -e "$TMP/none" ] || fail "something was left behind"
same "$(told thief)" "1 " "what the thief was told"

# Another protocol.
PORT=$(free_port)
start web openssl s_server -accept "127.0.0.1:$PORT" -cert "$TMP/self.pem" -key "$TMP/self.key" -tls1_2 -www
wait_for listening "$PORT"
refused 5 "no TLS"
