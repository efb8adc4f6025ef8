# shellcheck shell=bash
# origins.inc.sh: origins (origin.py), rules, and doors of an edge in python (edgebridge.py) to each of them. Source
# lib.sh, ca.inc.sh, caserve.inc.sh and tunnel.inc.sh first. Not a test itself.
PKI=$TMP/pki
mkdir -p "$PKI"
declare -A NUMBER KIND DOOR
RULES='' RULES_N=0

hex() { od -An -v -tx1 | tr -d ' \n'; }
origin_pki() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=origins" \
		-addext 'keyUsage = critical, keyCertSign' -keyout "$PKI/ca.key" -out "$PKI/ca.pem" 2>"$PKI/log" || fail "no authority: $(<"$PKI/log")"
}
# origin_cert NAME SAN DAYS: $PKI/NAME.both holds certificate and key. DAYS `over`: it was good until 2020.
origin_cert() {
	local when=(-days "$3")
	if [ "$3" = over ]; then
		printf '[ca]\ndefault_ca = d\n[d]\ndatabase = %s/db\nnew_certs_dir = %s\nserial = %s/sn\npolicy = p\ndefault_md = sha256\n[p]\ncommonName = supplied\n' \
			"$PKI" "$PKI" "$PKI" >"$PKI/ca.cnf"
		: >"$PKI/db"
		echo 01 >"$PKI/sn"
		when=()
	fi
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>"$PKI/log" ||
		fail "no request $1: $(<"$PKI/log")"
	printf 'subjectAltName = %s\nbasicConstraints = CA:false\nextendedKeyUsage = serverAuth\n' "$2" >"$PKI/ext"
	if [ "$3" = over ]; then
		openssl ca -batch -config "$PKI/ca.cnf" -notext -in "$PKI/$1.csr" -cert "$PKI/ca.pem" -keyfile "$PKI/ca.key" -extfile "$PKI/ext" \
			-startdate 20190101000000Z -enddate 20200101000000Z -out "$PKI/$1.pem" 2>"$PKI/log"
	else
		openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.pem" -CAkey "$PKI/ca.key" -CAcreateserial "${when[@]}" -sha256 \
			-extfile "$PKI/ext" -out "$PKI/$1.pem" 2>"$PKI/log"
	fi || fail "no certificate $1: $(<"$PKI/log")"
	cat "$PKI/$1.pem" "$PKI/$1.key" >"$PKI/$1.both"
}
# self_signed NAME ADDRESS
self_signed() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -addext "subjectAltName = IP:$2" \
		-keyout "$PKI/$1.key" -out "$PKI/$1.pem" 2>"$PKI/log" || fail "no certificate $1: $(<"$PKI/log")"
	cat "$PKI/$1.pem" "$PKI/$1.key" >"$PKI/$1.both"
}
pin_of() { openssl x509 -in "$PKI/$1.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1; }

# start_hole PORT: a listener whose queue is full: it accepts nothing and refuses nothing.
start_hole() {
	start hole python3 -c '
import socket, sys, time
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", int(sys.argv[1]))); l.listen(0)
full = [socket.socket() for i in range(4)]
for s in full: s.setblocking(False); s.connect_ex(("127.0.0.1", int(sys.argv[1])))
print("full", flush=True); time.sleep(600)' "$1"
	wait_for grep -q full "$TMP/hole.log"
}
# start_origin NAME PORT|PATH OPTION...
start_origin() {
	start "origin-$1" python3 "$ROOT/tests/behaviour/origin.py" "$2" "$1" "${@:3}"
	if [[ $2 == /* ]]; then wait_for test -S "$2"; else wait_for listening "$2"; fi
}
requests_at() { grep -c "^request ${2-}" "$TMP/origin-$1.log"; }

# add NAME KIND LINE...: one more rule, for $NAME.test.
add() {
	RULES+=$(rule "$1" "hostname = $1.test" "${@:3}")$'\n'
	NUMBER[$1]=$RULES_N KIND[$1]=$2
	RULES_N=$((RULES_N + 1))
}
# doors NAME...: of an edge that runs; as curl sees them, on ${DOOR[NAME]}.
doors() {
	local r
	for r in "$@"; do
		echo "listen 0 ${NUMBER[$r]} ${KIND[$r]} $r.test 192.0.2.1:4711 198.51.100.7:443 0 $r"
	done >"$TMP/$EDGE.ctl"
	wait_for grep -q "\"label\": \"$r\"" "$TMP/$EDGE.log"
	for r in "$@"; do
		DOOR[$r]=$(sed -n "s/^{\"ev\": \"door\", \"port\": \([0-9]*\), \"label\": \"$r\"}$/\1/p" "$TMP/$EDGE.log")
	done
}
# start_bridge NAME: an edge with the identity $TMP/NAME.id.
start_bridge() {
	EDGE=$1 EDGE_AT=$(free_port)
	start "$1" python3 "$ROOT/tests/behaviour/edgebridge.py" "$EDGE_AT" "$TMP/$1.id/identity.pem" "$TMP/$1.id/trust/infra.pem" "$TMP/$1.ctl"
}
# serve_rules NAME: the edge NAME, a connector with all the rules, a door to each.
serve_rules() {
	start_bridge "$1"
	new_token connector nas
	printf '[state]\ndir = %s/home\nrun_dir = %s/run\n' "$TMP" "$TMP" >"$HOME_CONF"
	connector 0 join --token-file "$TMP/token"
	connector_conf "127.0.0.1:$EDGE_AT" "${MORE-}$RULES$CATCH_ALL"
	start_connector
	wait_for heard "$1" 'e["ev"] == "health"'
	doors "${!NUMBER[@]}"
}
# get NAME PATH CURL-OPTION...
get() { curl -sS --max-time 20 "${@:3}" "http://127.0.0.1:${DOOR[$1]}$2"; }
# reset_of NAME CODE WORDS...: a request to that door ends with this.
reset_of() {
	local w all="e['ev'] == 'reset' and e['door'] == ${DOOR[$1]}"
	get "$1" / >/dev/null 2>&1 && fail "$1 was served"
	wait_for heard "$EDGE" "$all"
	all+=" and e['code'] == $2"
	for w in "${@:3}"; do all+=" and '$w' in e['text']"; done
	heard "$EDGE" "$all" || fail "$1 ended otherwise: $(grep "\"door\": ${DOOR[$1]}," "$TMP/$EDGE.log" | tail -1)"
}
# fails NAME CODE WORDS...: the same with the name of the rule, and nothing was delivered.
fails() {
	reset_of "$@" "[ingress $1] "
	heard "$EDGE" "e['ev'] == 'reset' and e['door'] == ${DOOR[$1]} and e['delivered'] == 0" || fail "something was delivered to $1"
}
