# shellcheck shell=bash
# tls.inc.sh: authorities, certificates and running relays for the scripts that need them. Source
# lib.sh first. Not a test itself.
need openssl
PKI=$TMP/pki
mkdir -p "$PKI"
chmod 700 "$TMP"

# ca NAME: an authority, $PKI/NAME.pem and $PKI/NAME.key.
ca() {
	local dir=$PKI/$1.d
	mkdir -p "$dir" && : >"$dir/index" && : >"$dir/index.attr"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-config <(printf '[req]\ndistinguished_name = dn\nx509_extensions = ca\n[dn]\n[ca]\n%s\n' \
			$'basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash') \
		-keyout "$PKI/$1.key" -out "$PKI/$1.pem" 2>"$PKI/openssl.log" || fail "cannot make the authority $1: $(<"$PKI/openssl.log")"
}

# cert NAME CA USE [SAN [FROM UNTIL]]: $PKI/NAME.pem (with its chain of one) and $PKI/NAME.key,
# for USE serverAuth or clientAuth; SAN as openssl writes it, "DNS:a.test, IP:127.0.0.1". FROM and
# UNTIL: YYYYMMDDHHMMSSZ; without them it is good for this month.
# KEY_ARGS: what kind of key, else P-256.
cert() {
	local dir=$PKI/$2.d san=${4:+subjectAltName = $4}
	openssl req -new -newkey "${KEY_ALG:-ec}" -pkeyopt "${KEY_OPT:-ec_paramgen_curve:P-256}" -nodes -subj "/CN=$1" \
		-config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') \
		-keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>"$PKI/openssl.log" &&
		openssl ca -batch -notext -in "$PKI/$1.csr" -out "$PKI/$1.pem" \
			-startdate "${5:-$(date -u -d -1day +%Y%m%d%H%M%SZ)}" -enddate "${6:-$(date -u -d +28days +%Y%m%d%H%M%SZ)}" \
			-config <(printf '%s\n' '[ca]' 'default_ca = c' '[c]' "new_certs_dir = $dir" "database = $dir/index" \
				'unique_subject = no' 'rand_serial = yes' "certificate = $PKI/$2.pem" "private_key = $PKI/$2.key" 'default_md = sha256' \
				'policy = p' 'x509_extensions = leaf' '[p]' 'commonName = supplied' '[leaf]' \
				'basicConstraints = CA:false' 'keyUsage = digitalSignature, keyEncipherment' \
				"extendedKeyUsage = $3" "$san") 2>>"$PKI/openssl.log" ||
		fail "cannot make the certificate $1: $(<"$PKI/openssl.log")"
	chmod 600 "$PKI/$1.key"
	chmod 644 "$PKI/$1.pem"
}

# pin NAME: the pin of its public key, as connect_pin takes it.
pin() {
	openssl x509 -in "$PKI/$1.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
		openssl dgst -sha256 -r | sed 's/^\([0-9a-f]*\).*/sha256:\1/'
}

# relay_conf NAME LINE...: writes ${CONF[NAME]}; the LINEs begin inside [relay], which listens on
# ${AT[NAME]} of 127.0.0.1.
declare -A CONF AT
relay_conf() {
	local name=$1
	shift
	AT[$name]=${AT[$name]:-$(free_port)}
	CONF[$name]=$TMP/$name.conf
	{
		printf '[state]\ndir = %s/%s.state\nrun_dir = %s/%s.run\n' "$TMP" "$name" "$TMP" "$name"
		printf '[tls]\nper_address = 100000\nburst = 100000\nwatch = false\n'
		printf '[relay]\nlisten = 127.0.0.1:%s\n' "${AT[$name]}"
		printf '%s\n' "$@"
	} >"${CONF[$name]}"
}
# host NAME CERT LINE...: prints a [host NAME] section with that certificate, for relay_conf.
host() {
	printf '[host %s]\ncert = %s/%s.pem\nkey = %s/%s.key\n' "$1" "$PKI" "$2" "$PKI" "$2"
	shift 2
	printf '%s\n' "$@"
}
relay_is_healthy() { "$ZT" health relay -c "${CONF[$1]}"; }
start_relay() {
	start "$1" "$ZT" relay -c "${CONF[$1]}"
	wait_for relay_is_healthy "$1"
}
# relay_status NAME PATH
relay_status() { "$ZT" status relay --json -c "${CONF[$1]}" | json "$2"; }
# child_of NAME PROC FIELD: of the child called PROC, the youngest generation.
child_of() {
	"$ZT" status relay --json -c "${CONF[$1]}" | python3 -c '
import json, sys
kids = [k for k in json.load(sys.stdin)["children"] if k["name"] == sys.argv[1]]
v = kids[-1]
for part in sys.argv[2].split("."): v = v[part]
print(v)' "$2" "$3" 2>/dev/null
}
counter() { child_of "$1" worker "counters.$2"; }
# mark NAME: from here on, logged NAME looks at what comes after.
declare -A MARK
mark() { MARK[$1]=$(wc -l <"$TMP/$1.log"); }
# logged NAME PART...: some line of its log has all the PARTs.
logged() {
	local text part name=$1
	shift
	text=$(tail -n +$((${MARK[$name]:-0} + 1)) "$TMP/$name.log")
	for part in "$@"; do
		text=$(grep -F -- "$part" <<<"$text") || return 1
	done
}

# start_echo_origin: a plain TCP service that sends back what it gets, on $ECHO.
start_echo_origin() {
	ECHO=$(free_port)
	printf '[state]\ndir = %s/echo.state\nrun_dir = %s/echo.run\n[echo]\nlisten = 127.0.0.1:%s\n' \
		"$TMP" "$TMP" "$ECHO" >"$TMP/echo.conf"
	start echo "$ZT" echo -c "$TMP/echo.conf"
	wait_for "$ZT" health echo -c "$TMP/echo.conf"
}
# start_web_origin: a plain HTTP server, on $WEB, with the file /hello.
start_web_origin() {
	WEB=$(free_port)
	mkdir -p "$TMP/www" && echo "hello from behind" >"$TMP/www/hello"
	start web python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$WEB"
	wait_for listening "$WEB"
}
# peer SCRIPT ARG...: a python script that may import tlspeer.
peer() { PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

# start_pair TO: "near" takes plain connections and speaks TLS to "far", which passes on to TO.
start_pair() {
	ca pair
	cert far pair serverAuth "DNS:far.test"
	relay_conf far "to = 127.0.0.1:$1" 'accept = tls' "$(host far far 'names = far.test')"
	start_relay far
	relay_conf near "to = 127.0.0.1:${AT[far]}" 'connect = tls' 'connect_name = far.test' "connect_ca = $PKI/pair.pem"
	start_relay near
}
