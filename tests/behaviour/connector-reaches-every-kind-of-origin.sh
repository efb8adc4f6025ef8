#!/usr/bin/env bash
# core
# A connector reaches each kind of origin that a rule can name, over each kind of trust, and says what is wrong where
# it does not: the code of the reset, the rule, the origin, and the pin to set.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
need openssl curl
start_ca
join_as edge one "$TMP/one.id"
origin_pki
origin_cert good DNS:localhost,DNS:filetls.test,IP:127.0.0.1 28
origin_cert other DNS:other.test 28
origin_cert old DNS:localhost over
self_signed self 127.0.0.1

HTTP=$(free_port) TLS=$(free_port) SELF=$(free_port) OTHER=$(free_port) OLD=$(free_port) NOBODY=$(free_port) P1=$(free_port) P2=$(free_port)
chmod 711 "$TMP"
start_origin http "$HTTP"
start_origin tls "$TLS" "tls=$PKI/good.both"
start_origin self "$SELF" "tls=$PKI/self.both"
start_origin other "$OTHER" "tls=$PKI/other.both"
start_origin old "$OLD" "tls=$PKI/old.both"
start_origin file "$TMP/app.sock"
start_origin filetls "$TMP/tls.sock" "tls=$PKI/good.both"
start_origin v1 "$P1" proxy
start_origin v2 "$P2" proxy "tls=$PKI/good.both"
WRONG=sha256:$(printf '%064d' 0)

add plain http "service = http://localhost:$HTTP"
add ca http "service = https://localhost:$TLS" "ca = $PKI/ca.pem"
add byaddress http "service = https://127.0.0.1:$TLS" "ca = $PKI/ca.pem"
add system http "service = https://localhost:$TLS"
add pin http "service = https://127.0.0.1:$SELF" "pin = sha256:$(pin_of self)"
add wrongpin http "service = https://127.0.0.1:$SELF" "pin = $WRONG"
add nopin http "service = https://127.0.0.1:$SELF"
add insecure http "service = https://127.0.0.1:$SELF" 'insecure_any_cert = true'
add name http "service = https://127.0.0.1:$OTHER" "ca = $PKI/ca.pem"
add servername http "service = https://127.0.0.1:$OTHER" "ca = $PKI/ca.pem" 'server_name = other.test'
add old http "service = https://localhost:$OLD" "ca = $PKI/ca.pem"
add ws http "service = ws://localhost:$HTTP"
add tcp tcp "service = tcp://localhost:$HTTP"
add file http "service = unix:$TMP/app.sock"
add filetls http "service = unix+tls:$TMP/tls.sock" "ca = $PKI/ca.pem"
add nofile http "service = unix:$TMP/none.sock"
add v1 http "service = http://127.0.0.1:$P1" 'proxy_protocol = v1'
add v2 http "service = https://127.0.0.1:$P2" 'proxy_protocol = v2' "ca = $PKI/ca.pem"
add refused http "service = http://127.0.0.1:$NOBODY"
add noname http 'service = http://no-such-host.invalid:80'
add nottls http "service = https://127.0.0.1:$HTTP" 'insecure_any_cert = true'
serve_rules one

for r in plain:http ca:tls byaddress:tls pin:self insecure:self servername:other ws:http tcp:http file:file filetls:filetls v1:v1 v2:v2; do
	same "$(get "${r%:*}" /)" "${r#*:}" "the answer of ${r%:*}"
done
# Who is behind: version 1 in text, version 2 in bytes, before TLS.
same "$(get v1 / -o /dev/null -w '%header{x-proxy}')" "$(printf 'PROXY TCP4 192.0.2.1 198.51.100.7 4711 443\r\n' | hex)" "the header, version 1"
same "$(get v2 / -o /dev/null -w '%header{x-proxy}')" \
	"$(printf '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x07\x12\x67\x01\xbb' | hex)" "the header, version 2"

# Each way to be wrong has its code, delivered 0, and a sentence with rule and origin.
fails refused 2 "http://127.0.0.1:$NOBODY" "connection refused"
fails noname 4 "http://no-such-host.invalid:80" "the name does not exist"
fails nofile 2 "unix:$TMP/none.sock" "there is no such socket"
fails system 6 "https://localhost:$TLS" "no trusted authority" "pin = sha256:$(pin_of good)"
fails nopin 6 "https://127.0.0.1:$SELF" "pin = sha256:$(pin_of self)"
heard one "e['ev'] == 'reset' and e['text'].endswith('pin = sha256:$(pin_of self)')" || fail "something follows the pin"
fails wrongpin 6 "https://127.0.0.1:$SELF" "not the pinned one" "pin = sha256:$(pin_of self)"
fails name 6 "https://127.0.0.1:$OTHER" "pin = sha256:$(pin_of other)"
fails old 6 "https://localhost:$OLD" "out of date"
fails nottls 6 "https://127.0.0.1:$HTTP" "not TLS"

# A rule is served in the way that it says, and no other; a number that is not there is nothing.
NUMBER[wrongkind]=${NUMBER[plain]} KIND[wrongkind]=tcp
NUMBER[nothing]=200 KIND[nothing]=http
doors wrongkind nothing
reset_of wrongkind 8 "does not serve streams of this kind"
reset_of nothing 8 "no rule of this number"

# 1 MB both ways, byte for byte.
head -c 1048576 /dev/urandom >"$TMP/big"
same "$(get ca /count --data-binary "@$TMP/big" -H 'Expect:')" 1048576 "the bytes that came"
get ca /bytes/1048576 -o "$TMP/got"
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)' | cmp - "$TMP/got" || fail "the bytes that went"
# An origin that ends inside its answer is never an end for the visitor.
get ca /drop >/dev/null 2>&1 && fail "a cut answer looked whole"
wait_for heard one "e['ev'] == 'reset' and e['door'] == ${DOOR[ca]} and e['code'] == 7 and e['delivered'] > 0"
get plain /reset >/dev/null 2>&1 && fail "a reset answer looked whole"
wait_for heard one "e['ev'] == 'reset' and e['door'] == ${DOOR[plain]} and e['code'] == 7 and e['delivered'] > 0"
wait_for says streams_live 0
stop connector
same "$STATUS" 0 "the exit code"
lacks "$(<"$TMP/connector.log")" "child died"
