# shellcheck shell=bash
# web.inc.sh: the whole web path on loopback: authority, edge, connector. Source lib.sh first. Not a test itself.
#
#   host_section NAME ACCESS LINE...    one more [host NAME] of the edge, with a certificate of its own
#   ingress NAME LINE...                one more [ingress NAME] of the connector; the last one matches all
#   start_web                           all three, until a request would be carried
#
# Then: $EDGE_PORT (TLS), $EDGE_HTTP (plain), $EDGE_HEALTH and $CONNECTOR_HEALTH, $WEB_CA (who signed the hosts' certificates), $DEVICE_CERT and
# $DEVICE_KEY (a client that `access = cert` lets in), $CONNECTOR_ID, $EDGE_CONF and $CONNECTOR_CONF,
# $TMP/edge.log and $TMP/connector.log.
# EDGE_VIA=ADDRESS:PORT before start_web: what the connector dials, of something that leads to the edge.
# Without a connector: `host_section` with an origin, then start_edge alone.
. "$(dirname "${BASH_SOURCE[0]}")/ca.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/caserve.inc.sh"
need openssl curl python3
chmod 711 "$TMP"
WEB=$TMP/web
mkdir -p "$WEB"
WEB_CA=$WEB/ca.pem
EDGE_CONF=$TMP/edge.conf CONNECTOR_CONF=$TMP/connector.conf
EDGE_HOSTS=() EDGE_LINES=() EDGE_GRANTED=() INGRESS=() CONNECTOR_LINES=()
EDGE_PORT=$(free_port) EDGE_HTTP=$(free_port) EDGE_HEALTH=$(free_port) CONNECTOR_HEALTH=$(free_port)
CONNECTOR_ID=

# web_pki: an authority for the hosts' certificates, as somebody else would have.
web_pki() {
	[ ! -e "$WEB_CA" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=web" \
		-addext 'keyUsage = critical, keyCertSign' -keyout "$WEB/ca.key" -out "$WEB_CA" 2>"$WEB/openssl.log" ||
		fail "cannot make an authority: $(<"$WEB/openssl.log")"
}
# web_cert NAME DNS...: $WEB/NAME.pem and $WEB/NAME.key for these names.
web_cert() {
	local name=$1 san
	web_pki
	shift
	san=$(printf 'DNS:%s,' "$@")
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$WEB/$name.key" \
		-out "$WEB/$name.csr" 2>"$WEB/openssl.log" &&
		openssl x509 -req -in "$WEB/$name.csr" -CA "$WEB_CA" -CAkey "$WEB/ca.key" -CAcreateserial -days 28 -sha256 \
			-extfile <(printf 'subjectAltName = %s\nbasicConstraints = CA:false\nextendedKeyUsage = serverAuth\n' "${san%,}") \
			-out "$WEB/$name.pem" 2>>"$WEB/openssl.log" || fail "cannot make the certificate $name: $(<"$WEB/openssl.log")"
	chmod 600 "$WEB/$name.key"
}

# host_section NAME ACCESS "NAMES" LINE...: NAMES separated by blanks.
host_section() {
	local name=$1 access=$2 names=$3
	shift 3
	# shellcheck disable=SC2086 # a list
	web_cert "$name" $names
	EDGE_HOSTS+=("[host $name]" "names = ${names// /, }" "cert = $WEB/$name.pem" "key = $WEB/$name.key" "access = $access")
	[ "$access" != cert ] || EDGE_HOSTS+=("client_cert = required" "client_ca = $WEB/device.pem")
	[ $# = 0 ] || EDGE_HOSTS+=("$@")
	# shellcheck disable=SC2206 # a list
	EDGE_GRANTED+=($names)
}
# edge_line LINE...: more of [edge]. connector_line LINE...: more of [connector].
edge_line() { EDGE_LINES+=("$@"); }
connector_line() { CONNECTOR_LINES+=("$@"); }
# ingress NAME LINE...
ingress() {
	INGRESS+=("[ingress $1]" "${@:2}")
}

state_lines() { printf '[state]\ndir = %s/%s.state\nrun_dir = %s/%s.run\n[tls]\nper_address = 1000000\nburst = 1000000\n' "$TMP" "$1" "$TMP" "$1"; }
edge_conf() {
	{
		state_lines edge
		printf '[edge]\nlisten = 127.0.0.1:%s\nhttp_listen = 127.0.0.1:%s\nhealth = 127.0.0.1:%s\n' "$EDGE_PORT" "$EDGE_HTTP" "$EDGE_HEALTH"
		printf '%s\n' ${EDGE_LINES[@]+"${EDGE_LINES[@]}"} ${EDGE_HOSTS[@]+"${EDGE_HOSTS[@]}"}
		[ -z "$CONNECTOR_ID" ] || printf '[grant home]\nconnector = %s\nnames = %s\n' "$CONNECTOR_ID" "$(IFS=, && echo "${EDGE_GRANTED[*]}")"
	} >"$EDGE_CONF"
}
connector_conf() {
	{
		state_lines connector
		printf '[connector]\nedge = %s\nhealth = 127.0.0.1:%s\n' "${EDGE_VIA:-127.0.0.1:$EDGE_PORT}" "$CONNECTOR_HEALTH"
		printf '%s\n' ${CONNECTOR_LINES[@]+"${CONNECTOR_LINES[@]}"} ${INGRESS[@]+"${INGRESS[@]}"}
	} >"$CONNECTOR_CONF"
}

# start_authority: running, with a certificate of a device: $DEVICE_CERT, $DEVICE_KEY.
start_authority() {
	start_ca
	mkdir -p "$WEB/out"
	ca 0 issue device phone --user ann --out "$WEB/out"
	# shellcheck disable=SC2034 # for the script that sources this
	DEVICE_CERT=$WEB/out/phone.pem DEVICE_KEY=$WEB/out/phone.key
	"$ZT" ca anchors device -c "$CONF" >"$WEB/device.pem" || fail "no anchors"
}
# role_owns DIR: the role's processes, who are somebody else only when root starts them and a sandbox holds them.
role_owns() { [ "$(id -u)" != 0 ] || [ "${ZT_LIMITS_INSECURE_NO_SANDBOX:-}" = true ] || chown -R 65532:65532 "$1"; }
# join_role ROLE: its identity is where `zt ROLE` looks for it.
join_role() {
	local id=$TMP/$1.state/$1/identity
	new_token "$1" "the-$1"
	if [ "$1" = connector ]; then
		connector_conf
		expect 0 "$ZT" connector join -c "$CONNECTOR_CONF" --token-file "$TMP/token"
		CONNECTOR_ID=$(openssl x509 -in "$id/identity.pem" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p')
		return
	fi
	mkdir -p "$TMP/$1.state/$1"
	chmod 700 "$TMP/$1.state/$1"
	expect 0 "$ZT" join --to "$id" --token-file "$TMP/token"
	role_owns "$id"
}

start_edge() {
	edge_conf
	start edge "$ZT" edge -c "$EDGE_CONF"
	wait_for "$ZT" health edge -c "$EDGE_CONF"
	wait_for listening "$EDGE_PORT"
}
start_connector() {
	connector_conf
	start connector "$ZT" connector -c "$CONNECTOR_CONF"
	wait_for grep -q 'Connected to network' "$TMP/connector.log"
	wait_for grep -q 'a connector announced its rules' "$TMP/edge.log"
}
start_web() {
	start_authority
	join_role edge
	join_role connector
	start_edge
	start_connector
}

# web HOST PATH [CURL OPTION...]: the visitor; https://HOST:443/PATH at the edge's port. Output as curl's.
web() {
	curl -sS --max-time 60 --cacert "$WEB_CA" --connect-to "$1:443:127.0.0.1:$EDGE_PORT" "${@:3}" "https://$1$2"
}
# edge_is_alive: none of its children was started again, and it answers.
edge_is_alive() {
	same "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print(sum(k["restarts"] for k in json.load(sys.stdin)["children"]))')" 0 "restarts of the edge's children"
}
# join_second: another connector of the same rules, $SECOND, with an identity of its own; the next edge_conf grants it the same.
join_second() {
	SECOND=$TMP/second.conf
	sed "s|$TMP/connector|$TMP/second|g; s|^health = .*|health =|" "$CONNECTOR_CONF" >"$SECOND"
	new_token connector second
	expect 0 "$ZT" connector join -c "$SECOND" --token-file "$TMP/token"
	CONNECTOR_ID+=", $(openssl x509 -in "$TMP/second.state/connector/identity/identity.pem" -noout -subject -nameopt multiline |
		sed -n 's/ *commonName *= //p')"
}
