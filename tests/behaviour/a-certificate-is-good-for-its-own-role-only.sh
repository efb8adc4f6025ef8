#!/usr/bin/env bash
# core
# security
# Five roles of certificates, five kinds of endpoints: each is let in at its own and nowhere else, with the
# alert and in words. Twice: under the anchors that the endpoints have, and where they trust all three, so
# that the role alone decides. Beside it what others make of the same certificates, who know authorities
# only. Then the same role of another authority, by an intermediate one, expired, copied.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
. "$(dirname "$0")/peers.inc.sh"
need openssl curl nginx python3
ROLES=(edge connector client service device)
start_web_origin
hello="hello from behind"

# ---- two authorities, of zt
# authority NAME: $PKI/infra-NAME.pem, device-NAME.pem, acme-NAME.pem, all together in all-NAME.pem, and one
# certificate of each role, NAME-ROLE.pem and .key. The keys of the anchors go where cert looks for them.
authority() {
	local a conf=$TMP/$1.ca.conf
	printf '[state]\ndir = %s/%s.ca\nrun_dir = %s/%s.ca.run\n[ca]\nreach = svc.test:8443\n' "$TMP" "$1" "$TMP" "$1" >"$conf"
	expect 0 "$ZT" ca init -c "$conf"
	for a in infra device acme; do
		cp "$TMP/$1.ca/ca/$a.pem" "$PKI/$a-$1.pem" && cp "$TMP/$1.ca/ca/keys/$a.1.key" "$PKI/$a-$1.key" &&
			mkdir -p "$PKI/$a-$1.d" && : >"$PKI/$a-$1.d/index" || fail "no anchor $a"
	done
	cat "$PKI/infra-$1.pem" "$PKI/device-$1.pem" "$PKI/acme-$1.pem" >"$PKI/all-$1.pem"
	for a in connector client device; do
		expect 0 "$ZT" ca issue "$a" "$1-$a" -c "$conf" --out "$PKI"
	done
	for a in edge service; do # these two may have the same name
		expect 0 "$ZT" ca issue "$a" "$1-$a" --dns svc.test -c "$conf" --out "$PKI"
	done
	cp "$TMP/$1.ca/ca/serve.pem" "$PKI/$1-registry.pem" && openssl pkey -in "$PKI/$1-registry.pem" -out "$PKI/$1-registry.key" ||
		fail "no certificate of the registry"
}
# id NAME: what stands for an authority in names of zt
id() { pin "$1" | cut -c8-23; }
authority home
authority other
declare -A ANCHOR=([edge]=infra [connector]=infra [client]=infra [service]=acme [device]=device [registry]=infra)

# ---- the endpoints
# Listeners, one relay: a name each for what clients show. "wide" ones trust all three anchors.
ca webs
cert web webs serverAuth "DNS:connector.test, DNS:client.test, DNS:device.test, DNS:wide-connector.test, DNS:wide-client.test, DNS:wide-device.test, DNS:over.test, DNS:own.test"
listener() { # NAME AUTHORITIES ROLES
	host "$1" web "names = $1.test" 'client_cert = required' "client_ca = $PKI/$2.pem" "client_role = $3"
}
listeners() { # the rest of the hosts
	relay_conf near "to = 127.0.0.1:$WEB" 'accept = tls' \
		"$(listener connector infra-home connector)" "$(listener client infra-home client)" \
		"$(listener device device-home device)" "$(listener wide-connector all-home connector)" \
		"$(listener wide-client all-home client)" "$(listener wide-device all-home device)" "$@"
}
listeners
start_relay near

# Dialers: a relay that demands a role of the far side, which is OpenSSL's server with any certificate.
declare -A SHOWS
shows() { # CERT: a server that shows it, on ${SHOWS[CERT]}; it answers what the web origin does
	[ -z "${SHOWS[$1]:-}" ] || return 0
	SHOWS[$1]=$(free_port)
	(cd "$TMP/www" && exec openssl s_server -accept "127.0.0.1:${SHOWS[$1]}" -cert "$PKI/$1.pem" -key "$PKI/$1.key" -tls1_2 -WWW -quiet) \
		>"$TMP/$1.s_server" 2>&1 </dev/null &
	PIDS[s_server-$1]=$!
	wait_for listening "${SHOWS[$1]}"
}
declare -A DIALS=([edge]="infra-home edge" [service]="acme-home service svc.test" [wide-edge]="all-home edge"
	[wide-service]="all-home service svc.test")
dialer() { # ENDPOINT CERT: it dials who shows CERT
	local ca role name
	read -r ca role name <<<"${DIALS[$1]}"
	shows "$2"
	relay_conf "$1" "to = 127.0.0.1:${SHOWS[$2]}" 'connect = tls' "connect_ca = $PKI/$ca.pem" "connect_role = $role" \
		${name:+"connect_name = $name"}
	if [ -z "${PIDS[$1]:-}" ]; then start_relay "$1"; else expect 0 "$ZT" reload relay -c "${CONF[$1]}"; fi
}

# ---- one cell
# why RELAY: what its log says since the mark of who was not let in
why() {
	logged "$1" 'not opened' || return 1
	if logged "$1" 'shows the role' 'is wanted'; then HOW=role
	elif logged "$1" 'extended key usage is for something else'; then HOW=purpose
	elif logged "$1" 'leads to no trusted authority'; then HOW=authority
	elif logged "$1" 'did not sign it'; then HOW=issuer
	elif logged "$1" 'shows no role of zt'; then HOW=none
	elif logged "$1" 'out of date'; then HOW='date'
	elif logged "$1" 'is for another name'; then HOW=name
	else HOW=$(tail -n 1 "$TMP/$1.log"); fi
}
# enter ENDPOINT CERT: at a listener; "passed", or why not, in $HOW
enter() {
	mark near
	if [ "$(curl -sS --max-time 20 --cacert "$PKI/webs.pem" --resolve "$1.test:${AT[near]}:127.0.0.1" --cert "$PKI/$2.pem" \
		--key "$PKI/$2.key" "https://$1.test:${AT[near]}/hello" 2>"$TMP/said")" = "$hello" ]; then
		HOW=passed
	else
		wait_for why near
	fi
}
# reach ENDPOINT CERT: by a dialer
reach() {
	dialer "$1" "$2"
	mark "$1"
	if [ "$(curl -sS --http0.9 --max-time 20 "http://127.0.0.1:${AT[$1]}/hello" 2>"$TMP/said")" = "$hello" ]; then
		HOW=passed
	else
		wait_for why "$1"
	fi
}
meet() { # ENDPOINT CERT
	case $1 in
	*edge | *service) reach "$1" "$2" ;;
	*) enter "$1" "$2" ;;
	esac
}

# ---- the matrix. A client's certificate is none of a server whatever its role, and the reverse; and a
# service is asked for its name first, which a connector, a client or a device cannot have.
declare -A USE=([edge]=server [connector]=both [client]=client [service]=server [device]=client)
declare -A ASKS=([edge]=server [connector]=client [client]=client [service]=server [device]=client)
wanted() { # ENDPOINT ROLE WIDE
	if [ "$1" = "$2" ]; then echo passed
	elif [ "$1" = service ] && [ "$2" != edge ]; then echo name
	elif [ -z "$3" ] && [ "${ANCHOR[$1]}" != "${ANCHOR[$2]}" ]; then echo authority
	elif [ "${USE[$2]}" != both ] && [ "${USE[$2]}" != "${ASKS[$1]}" ]; then echo purpose
	else echo role; fi
}
for wide in "" wide-; do
	new_matrix
	for role in "${ROLES[@]}"; do
		for end in "${ROLES[@]}"; do
			meet "$wide$end" "home-$role"
			cell "$role" "$end" "$(wanted "$end" "$role" "$wide")" "$HOW"
		done
	done
	matrix "${wide:-own }anchors" "${ROLES[@]}"
done
judged

# In words, with both roles, and what the peer is told: certificate_unsupported, 43.
mark near
enter connector home-client
logged near 'not opened' 'it shows the role client and connector is wanted' || fail "the log does not name both roles"
enter wide-connector home-device
logged near 'it shows the role device and connector is wanted' || fail "the log does not name both roles"
out=$(timeout 20 openssl s_client -ign_eof -connect "127.0.0.1:${AT[near]}" -servername connector.test -tls1_2 -cert "$PKI/home-client.pem" \
	-key "$PKI/home-client.key" </dev/null 2>&1)
has "$out" "SSL alert number 43"

# ---- what others make of them: an authority is all that they know
at=$(free_port)
cat >"$TMP/nginx.conf" <<END
daemon off; pid $TMP/nginx.pid; error_log $TMP/nginx.err;
events {}
http {
	access_log off; client_body_temp_path $TMP/nb; proxy_temp_path $TMP/np; fastcgi_temp_path $TMP/nf; uwsgi_temp_path $TMP/nu; scgi_temp_path $TMP/ns;
	server {
		listen 127.0.0.1:$at ssl; ssl_certificate $PKI/web.pem; ssl_certificate_key $PKI/web.key;
		ssl_client_certificate $PKI/infra-home.pem; ssl_verify_client on;
		location / { return 200 "$hello"; }
	}
}
END
start nginx nginx -p "$TMP" -c "$TMP/nginx.conf" -e "$TMP/nginx.err"
wait_for listening "$at"
foreign() { # CERT: what a server with nginx's knowledge answers
	curl -sS --max-time 20 --cacert "$PKI/webs.pem" --resolve "connector.test:$at:127.0.0.1" --cert "$PKI/$1.pem" --key "$PKI/$1.key" \
		"https://connector.test:$at/" 2>&1
}
same "$(foreign home-connector)" "$hello" "nginx, a connector"
same "$(foreign home-client)" "$hello" "nginx, a client in the place of a connector" # this is what the role is for
has "$(foreign home-device)" "400"
has "$(foreign other-connector)" "400"
# and a dialer: OpenSSL's believes a connector in the place of an edge
out=$(openssl s_client -connect "127.0.0.1:${SHOWS[home-connector]}" -CAfile "$PKI/infra-home.pem" -tls1_2 </dev/null 2>&1)
has "$out" "Verify return code: 0 (ok)"
meet edge home-connector
same "$HOW" role "the same at an edge's dialer"

# ---- nobody else's, and no other kind of the same
for end in "${ROLES[@]}"; do
	meet "$end" "other-$end" # the same role, of another authority
	same "$HOW" authority "the $end of another authority"
done
meet edge home-registry
same "$HOW" role "the registry as an edge"
for end in connector client; do
	meet "$end" home-registry
	same "$HOW" purpose "the registry as a $end"
done
meet device home-registry
same "$HOW" authority "the registry as a device"
meet service home-registry
same "$HOW" authority "the registry as a service"

# forged NAME CA USE ROLE [FROM UNTIL]: what nobody would issue, by hand; the name is that of home's infra
infra=$(id infra-home)
forged() { cert "$1" "$2" "$3" "URI:zt://$infra/$4/00112233445566778899aabb" "${@:5}"; }
forged good infra-home clientAuth connector
meet connector good
same "$HOW" passed "one made by hand with the anchor's key" # or the rest proves nothing
forged old infra-home clientAuth connector 20240101000000Z 20240201000000Z
meet connector old
same "$HOW" date "one that has expired"
cert two infra-home clientAuth "URI:zt://$infra/connector/00112233445566778899aabb, URI:zt://$infra/client/00112233445566778899aabb"
meet connector two
same "$HOW" none "one with two names of zt"
cert nameless infra-home clientAuth
meet connector nameless
same "$HOW" none "one without a name of zt"
cert words infra-home clientAuth "DNS:zt.test"
meet connector words
same "$HOW" none "one with another kind of name"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=self" -config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') \
	-addext "subjectAltName = URI:zt://$infra/connector/00112233445566778899aabb" -addext "extendedKeyUsage = clientAuth" \
	-keyout "$PKI/self.key" -out "$PKI/self.pem" 2>/dev/null || fail "no self-signed one"
meet connector self
same "$HOW" authority "a self-signed one with a copied name"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config <(printf '[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = %s\n' \
	"$(openssl x509 -in "$PKI/infra-home.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')") \
	-addext "keyUsage = critical, keyCertSign" -keyout "$PKI/fake.key" -out "$PKI/fake.pem" 2>/dev/null || fail "no fake anchor"
mkdir -p "$PKI/fake.d" && : >"$PKI/fake.d/index"
forged copied fake clientAuth connector
meet connector copied
[ "$HOW" != passed ] || fail "an anchor of the same name with another key was believed"

# ---- several authorities: both may give roles, each its own
cat "$PKI/infra-other.pem" "$PKI/infra-home.pem" >"$PKI/over.pem" # a roll-over, newest first
ca own                                                           # somebody's own root, with one below it
own=$(id own)
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=below" -config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') \
	-keyout "$PKI/below.key" -out "$PKI/below.csr" 2>/dev/null &&
	openssl x509 -req -in "$PKI/below.csr" -CA "$PKI/own.pem" -CAkey "$PKI/own.key" -CAcreateserial -days 20 -out "$PKI/below.pem" \
		-extfile <(printf 'basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign\n') 2>/dev/null || fail "no intermediate"
mkdir -p "$PKI/below.d" && : >"$PKI/below.d/index"
cert direct own clientAuth "URI:zt://$own/client/00112233445566778899aabb"
cert indirect below clientAuth "URI:zt://$own/client/00112233445566778899aabb"
cat "$PKI/below.pem" >>"$PKI/indirect.pem"
forged mixed infra-other clientAuth client # other's signature, home's name
listeners "$(listener over over 'client, connector')" "$(listener own own client)"
expect 0 "$ZT" reload relay -c "${CONF[near]}"
for c in home-client home-connector other-client other-connector; do
	meet over "$c"
	same "$HOW" passed "$c while both are trusted"
done
meet over mixed
same "$HOW" issuer "one authority that gives a role in the other's name"
meet own direct
same "$HOW" passed "a role by somebody's own root"
meet own indirect
same "$HOW" issuer "a role by an authority below it"
cp "$PKI/infra-other.pem" "$PKI/over.pem" # the old one goes
expect 0 "$ZT" reload relay -c "${CONF[near]}"
meet over other-client
same "$HOW" passed "the new authority alone"
meet over home-client
same "$HOW" authority "the old one after the roll-over"

# ---- the worker that checks roles is handed those files, and never a key (keys-stay-in-the-key-process.sh)
cat "$PKI/infra-home.pem" "$PKI/infra-home.key" >"$PKI/both.pem"
listeners "$(listener over both client)"
expect 3 "$ZT" check -c "${CONF[near]}"
has "$ERR" "both.pem holds a private key"
expect 3 "$ZT" reload relay -c "${CONF[near]}"
has "$OUT$ERR" "both.pem holds a private key"
for _ in 1 2 3 4 5 6 7 8 9; do cat "$PKI/infra-home.pem"; done >"$PKI/nine.pem"
listeners "$(listener over nine client)"
expect 3 "$ZT" check -c "${CONF[near]}"
has "$ERR" "more than 8 authorities"
meet connector home-connector
same "$HOW" passed "the configuration that was in force goes on"
pass
