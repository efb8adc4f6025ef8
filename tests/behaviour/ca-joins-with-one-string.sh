#!/usr/bin/env bash
# core
# security
# A token lets one key join, once: by zt join, and by a second program that was written from the
# protocol's page. What is replayed, guessed or made up is refused in words; a join that asks again with
# the same key is the same join; renewal is for holders of certificates.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

new_token connector nas
py <<'PY' || fail "a join by another program"
t = Token(open(TMP + "/token").read())
assert t.role == 2 and t.addrs == [f"127.0.0.1:{ENROL}"], (t.role, t.addrs)
a = request(TMP + "/a.key")
got = join(ENROL, t, a)
keep(got, TMP + "/a.pem")
assert hashlib.sha256(spki(certs(got["INFRA"])[0])).digest() == t.pin
assert join(ENROL, t, a)["CHAIN"] == got["CHAIN"], "the same key got another certificate"
code, text = refusal(join(ENROL, t, request(TMP + "/b.key")))
assert code == E_TOKEN and "token" in text, (code, text)
PY
py <<'PY' || fail "the signature over the anchors"
# GRANTED of the same join again: its anchors are signed by the registry key, as the page says
got = join(ENROL, Token(open(TMP + "/token").read()), request(TMP + "/a.key"))
trust, digest = got["TRUST"], lambda k: hashlib.sha256(got.get(k, b"")).digest()
for name, data in (("reg.der", got["REGISTRY"]), ("sig", trust[16:]),
                   ("said", b"zt trusted anchors\0" + trust[:16] + digest("INFRA") + digest("DEVICE") + digest("ACME"))):
    open(TMP + "/" + name, "wb").write(data)
assert struct.unpack("<QQ", trust[:16]) == (1, 6), trust[:16]
PY
expect 0 openssl dgst -sha256 -verify "$TMP/reg.der" -keyform DER -signature "$TMP/sig" "$TMP/said"
expect 0 openssl verify -CAfile "$CA/infra.pem" -purpose sslclient "$TMP/a.pem"
expect 0 openssl x509 -in "$TMP/a.pem" -noout -ext subjectAltName
has "$OUT" "/connector/"
same "$(openssl x509 -in "$TMP/a.pem" -noout -pubkey)" "$(openssl pkey -in "$TMP/a.key" -pubout)" "the key of the certificate"
same "$(front joined)/$(front refused)" 3/1 "joined/refused in the counters"
grep -q 'ca/front: joined.*token=' "$TMP/ca.log" || fail "the log does not say who joined"
if grep -q "$TOKEN" "$TMP/ca.log"; then fail "the token is in the log"; fi

# Our own joiner, with a token for two.
new_token client laptop --uses 2
expect 0 "$ZT" join --to "$TMP/one" --token-file "$TMP/token"
expect 0 "$ZT" join --to "$TMP/two" --token-file "$TMP/token"
expect 9 "$ZT" join --to "$TMP/three" --token-file "$TMP/token"
cmp -s "$TMP/one/identity.pem" "$TMP/two/identity.pem" && fail "two joins are one identity"

# Everything that is not the holder of the secret, at this moment, of this connection.
new_token connector --uses 9
py <<'PY' || fail "joins that must not be"
t = Token(open(TMP + "/token").read())
csr = request(TMP + "/c.key")
def talk(j=None):
    p, j = Peer(ENROL), j or Join(t, csr)
    j.hello(p)
    j.challenge(p.read())
    return p, j
# a proof of another talk
p, old = talk(); recorded = old.proof(); p.close()
p, j = talk(); p.send(recorded)
assert refusal(p.read())[0] == E_TOKEN and p.read() is None
# the whole of it once more, byte for byte: the nonce of the authority is another
p, j = talk(); first = j.proof(); p.send(first); j.granted(p.read()); p.close()
p = Peer(ENROL); j.hello(p); answer = p.read()
assert answer[0] == CHALLENGE and answer[1]["NONCE"] != j.nonce_a
p.send(first); assert refusal(p.read())[0] == E_TOKEN
# two proofs at once: one answer, then the end
p, j = talk(); p.send(j.proof() * 2); j.granted(p.read()); assert p.read() is None
# who is in between has another key than the authority's
p, j = talk(); j.server = bytes(32); p.send(j.proof()); assert refusal(p.read())[0] == E_TOKEN
# the authority's own proof sent back, and a wrong secret
p, j = talk(); p.send(frame(PROOF, PROOF=j.mac(b"authority"))); assert refusal(p.read())[0] == E_TOKEN
p, j = talk(); p.send(frame(PROOF, PROOF=bytes(32))); assert refusal(p.read())[0] == E_TOKEN
# another role, a token that there is not: challenged by a secret that nobody knows, then the same words
said = set()
for how in (dict(role=1), dict(id=os.urandom(16))):
    p, j = Peer(ENROL), Join(t, csr, **how)
    j.hello(p); answer = p.read()
    if answer[0] == CHALLENGE:
        j.nonce_a = answer[1]["NONCE"]; p.send(j.proof()); answer = p.read()
    said.add(refusal(answer))
assert len(said) == 1 and said.pop()[0] == E_TOKEN, said
# a request that does not prove its key
bad = bytearray(csr); bad[-1] ^= 1
assert refusal(join(ENROL, t, bytes(bad)))[0] != 0
# out of turn
for first in (PROOF, GRANTED, WATCH + 40):
    p = Peer(ENROL); p.send(frame(first, PROOF=bytes(32))); refusal(p.read()); assert p.read() is None
p, j = talk(); j.hello(p); refusal(p.read())
# without a certificate there is nothing to renew or watch
assert refusal(renew(ENROL, None, None, csr))[0] == E_DENIED
assert refusal(watch(ENROL, None, None).read())[0] == E_DENIED
PY
same "$("$ZT" ca list --json -c "$CONF" | grep -c '"role":"connector"')" 2 "certificates of connectors after all that"

# Renewal: by its holder, not too early; a certificate of another anchor is none.
ca 0 issue device phone --out "$TMP/out"
py "$TMP/out" <<'PY' || fail "renewals"
answer = renew(ENROL, TMP + "/a.pem", TMP + "/a.key", request(TMP + "/a2.key"))
code, text = refusal(answer)  # a minute old: a loop in an agent must not fill the registry
assert code == E_DENIED and "tenth" in text, (code, text)
# TLS says who it is, but the request is not signed by that key: what a stolen network side could send
request(TMP + "/thief.key")
code, text = refusal(renew(ENROL, TMP + "/a.pem", TMP + "/a.key", request(TMP + "/a2.key"), TMP + "/thief.key"))
assert code == E_DENIED and "not signed" in text, (code, text)
out = sys.argv[1]
names = [n for n in os.listdir(out)]
key = next((out + "/" + n for n in names if n.startswith("phone") and "key" in n), None)
cert = next((out + "/" + n for n in names if n.startswith("phone") and "key" not in n), None)
assert key and cert, names
try:
    answer = renew(ENROL, cert, key, request(TMP + "/d2.key"))
except (ssl.SSLError, ConnectionResetError):
    answer = None  # TLS does not even let it in
assert answer is None or refusal(answer)[0] == E_DENIED, answer
PY

# Somebody's yes.
new_token client guest --approve
py <<'PY' || fail "a join that waits"
p, j = Peer(ENROL), Join(Token(open(TMP + "/token").read()), request(TMP + "/g.key"))
j.hello(p, "büro\x1b[2J\0".encode()) # in any language; on the authority's terminal it is plain
j.challenge(p.read()); p.send(j.proof()); answer = p.read()
assert answer[0] == PENDING and struct.unpack("<I", answer[1]["AFTER"])[0] > 0, answer
PY
ca 0 pending --json
has "$OUT" '"label":"b??ro?[2J?"'
ca 0 approve "$(grep -o '"number":[0-9]*' <<<"$OUT" | head -1 | tr -dc 0-9)"
py <<'PY' || fail "the join after the yes"
keep(join(ENROL, Token(open(TMP + "/token").read()), request(TMP + "/g.key")), TMP + "/g.pem")
PY
expect 0 openssl verify -CAfile "$CA/infra.pem" "$TMP/g.pem"
stop ca
same "$STATUS" 0 "the exit code"
