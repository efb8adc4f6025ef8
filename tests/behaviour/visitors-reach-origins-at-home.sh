#!/usr/bin/env bash
# core
# The whole way: a visitor, the edge, the tunnel, a connector, an origin. Each kind of origin is served, and what is wrong
# at home is said with the right status: 502 with the pin to set, 503 when all are known to be down, 504 in time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tunnel.inc.sh" # rule, child
. "$(dirname "$0")/origins.inc.sh"

. "$(dirname "$0")/web.inc.sh"
tunnel_is_up() { grep -q "a connector announced its rules" "$TMP/edge.log"; }
origin_pki
origin_cert good DNS:localhost,IP:127.0.0.1 28
origin_cert old DNS:localhost over
self_signed self 127.0.0.1
HTTP=$(free_port) TLS=$(free_port) SELF=$(free_port) OLD=$(free_port) NOBODY=$(free_port) HOLE=$(free_port)
echo 200 >"$TMP/health"
start_origin http "$HTTP" "health=$TMP/health"
start_origin tls "$TLS" "tls=$PKI/good.both"
start_origin self "$SELF" "tls=$PKI/self.both"
start_origin old "$OLD" "tls=$PKI/old.both"
start_origin file "$TMP/app.sock"
start_hole "$HOLE"
# NAME LINE...
at_home() {
	NAMES+=" $1.test"
	ingress "$1" "hostname = $1.test" "${@:2}"
}
NAMES=
at_home plain "service = http://localhost:$HTTP"
at_home ca "service = https://localhost:$TLS" "ca = $PKI/ca.pem"
at_home pin "service = https://127.0.0.1:$SELF" "pin = sha256:$(pin_of self)"
at_home wrongpin "service = https://127.0.0.1:$SELF" "pin = sha256:$(printf '%064d' 0)"
at_home nopin "service = https://127.0.0.1:$SELF"
at_home insecure "service = https://127.0.0.1:$SELF" 'insecure_any_cert = true'
at_home old "service = https://localhost:$OLD" "ca = $PKI/ca.pem"
at_home file "service = unix:$TMP/app.sock"
at_home refused "service = http://127.0.0.1:$NOBODY"
at_home noname 'service = http://no-such-host.invalid:80'
at_home hole "service = http://127.0.0.1:$HOLE" 'connect_timeout = 1s'
at_home down "service = http://127.0.0.1:$NOBODY" 'health_every = 1s'
at_home sick "service = http://127.0.0.1:$HTTP" 'health_every = 1s' 'health_path = /health'
at_home over "service = http://127.0.0.1:$NOBODY, http://localhost:$HTTP"
at_home nohello 'service = hello_world'
at_home gone 'service = http_status:410'
ingress last 'service = http_status:404'
host_section all public "${NAMES# }"
start_web

for r in plain:http ca:tls pin:self insecure:self file:file over:http; do
	same "$(web "${r%:*}.test" /)" "${r#*:}" "the answer of ${r%:*}"
done
status_of() { web "$1.test" / -o "$TMP/page" -w '%{http_code}' "${@:2}"; }
same "$(status_of gone)" 410 "the status of a rule"
same "$(status_of nohello)" 200 "the status of hello_world"
for r in wrongpin:502 nopin:502 old:502 refused:502 noname:502 hole:504; do
	same "$(status_of "${r%:*}")" "${r#*:}" "the status of ${r%:*}"
	cp "$TMP/page" "$TMP/page.${r%:*}"
done
for r in wrongpin nopin; do has "$(<"$TMP/page.$r")" "sha256:$(pin_of self)"; done
has "$(<"$TMP/page.refused")" "refused"
wait_for grep -q 'origin is down ingress=down' "$TMP/connector.log"
is_503() { [ "$(status_of "$1")" = 503 ]; }
wait_for is_503 down
is_200() { [ "$(status_of "$1")" = 200 ]; }
wait_for is_200 sick
echo 500 >"$TMP/health"
wait_for is_503 sick
echo 204 >"$TMP/health"
wait_for is_200 sick

head -c 8388608 /dev/urandom >"$TMP/big"
same "$(web ca.test /count --data-binary "@$TMP/big")" 8388608 "the bytes that came"
web ca.test /bytes/8388608 -o "$TMP/got"
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 32768)' | cmp - "$TMP/got" || fail "the bytes that went"
web plain.test /drop -o /dev/null 2>/dev/null && fail "a cut answer looked whole"
edge_is_alive
stop connector
same "$STATUS" 0 "the connector's exit code"
lacks "$(<"$TMP/connector.log")" "child died"
