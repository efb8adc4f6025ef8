#!/usr/bin/env bash
# Edge and connector are reloaded under load, again and again: listeners, certificates, hosts, grants, rules and origins
# come, go and change places between reloads, and every few of them is no good, in one way after the other. That is
# refused with its exit code and the place of the fault, and the old one serves on. Not one request fails, on kept
# connections and new ones, to origins at home and beside the edge, with TLS and without; a WebSocket and a download
# outlast all of it, byte for byte. ZT_RELOADS: how many of each.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
RELOADS=${ZT_RELOADS:-25}
A=$(free_port) B=$(free_port) T=$(free_port) SECOND=$(free_port) TAKEN=$(free_port)
host_section app public 'app.test' # at home
host_section here public 'here.test' "origin = http://127.0.0.1:$A"
host_section safe public 'safe.test' "origin = https://127.0.0.1:$T" "origin_ca = $WEB_CA"
ingress app 'hostname = app.test' "service = http://127.0.0.1:$A"
ingress last 'service = http_status:404'
web_cert other app.test
web_cert origin localhost
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=origin -keyout "$WEB/tls.key" -out "$WEB/tls.csr" 2>"$WEB/openssl.log" &&
	openssl x509 -req -in "$WEB/tls.csr" -CA "$WEB_CA" -CAkey "$WEB/ca.key" -CAcreateserial -days 28 -sha256 \
		-extfile <(printf 'subjectAltName = IP:127.0.0.1\nbasicConstraints = CA:false\nextendedKeyUsage = serverAuth\n') \
		-out "$WEB/tls.pem" 2>>"$WEB/openssl.log" || fail "no certificate of the origin"
start_web
same "$("$ZT" check -c "$EDGE_CONF" >/dev/null; echo $?)" 0 "the edge's configuration"
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/behaviour/webreload.py" "$ZT" "$EDGE_CONF" \
	"$CONNECTOR_CONF" "$EDGE_PORT" "$WEB" "$A" "$B" "$T" "$SECOND" "$TAKEN" "$RELOADS" || fail "see above"
edge_is_alive
stop connector
same "$STATUS" 0 "the end of the connector"
stop edge
same "$STATUS" 0 "the end of the edge"
pass
