#!/bin/bash
# core
# security
# The sidecar: an edge without any connector in front of nginx on the same machine, plain and over TLS. What a host
# does not let in never reaches the origin; who shows no certificate where one counts, asks for another host on the
# connection, or says nothing for too long is told so.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
need nginx

web_cert origin origin.test
N=$(free_port) NS=$(free_port)
mkdir -p "$TMP/www/sub"
echo hello >"$TMP/www/hello"
chmod -R a+rX "$TMP/www" "$TMP/web"
cat >"$TMP/nginx.conf" <<END
daemon off; error_log $TMP/nginx.err; pid $TMP/nginx.pid; worker_processes 1;
events { worker_connections 64; }
http {
  client_body_temp_path $TMP/n1; proxy_temp_path $TMP/n2; fastcgi_temp_path $TMP/n3; uwsgi_temp_path $TMP/n4; scgi_temp_path $TMP/n5;
  log_format seen '\$ssl_protocol|\$host|\$request|\$http_x_forwarded_for|\$http_x_forwarded_proto|\$http_x_real_ip';
  access_log $TMP/seen seen;
  server { listen 127.0.0.1:$N; root $TMP/www; }
  server { listen 127.0.0.1:$NS ssl; server_name origin.test; ssl_certificate $WEB/origin.pem; ssl_certificate_key $WEB/origin.key; root $TMP/www; }
}
END
start nginx nginx -c "$TMP/nginx.conf"
wait_for listening "$N"
wait_for listening "$NS"
pin=sha256:$(openssl x509 -in "$WEB/origin.pem" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)

# Who shows a certificate: of an authority that is not zt's.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=people -addext 'keyUsage = critical, keyCertSign' \
	-keyout "$WEB/people.key" -out "$WEB/people.pem" 2>"$WEB/openssl.log" || fail "no authority"
for who in ann mallory; do
	by=people
	[ "$who" = ann ] || by=ca
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$who" -keyout "$WEB/$who.key" -out "$WEB/$who.csr" 2>/dev/null
	openssl x509 -req -in "$WEB/$who.csr" -CA "$WEB/$by.pem" -CAkey "$WEB/$by.key" -CAcreateserial -days 28 -sha256 -out "$WEB/$who.pem" \
		-extfile <(printf 'basicConstraints = CA:false\nextendedKeyUsage = clientAuth\n') 2>"$WEB/openssl.log" || fail "no certificate"
done

# local_host NAME "NAMES" LINE...: a host with an origin on this machine.
local_host() {
	local name=$1 names=$2
	# shellcheck disable=SC2086 # a list
	web_cert "$name" $names
	EDGE_HOSTS+=("[host $name]" "names = ${names// /, }" "cert = $WEB/$name.pem" "key = $WEB/$name.key" "${@:3}")
}
plain="origin = http://127.0.0.1:$N"
local_host app 'app.test *.wild.test' 'access = public' "$plain"
local_host closed closed.test 'access = none' "$plain"
local_host silent silent.test "$plain"
local_host maybe maybe.test 'access = cert' 'client_cert = optional' "client_ca = $WEB/people.pem" "$plain"
local_host must must.test 'access = cert' 'client_cert = required' "client_ca = $WEB/people.pem" "$plain"
local_host tls tls.test 'access = public' "origin = https://origin.test:$NS" "origin_ca = $WEB_CA"
local_host pinned pinned.test 'access = public' "origin = https://127.0.0.1:$NS" "origin_pin = $pin"
local_host wrong wrong.test 'access = public' "origin = https://127.0.0.1:$NS" "origin_pin = sha256:$(printf '%064d' 7)"
local_host gone gone.test 'access = public' 'origin = http://127.0.0.1:9'
edge_line 'head_timeout = 1s' 'idle = 1s'
start_edge

# gets STATUS HOST PATH [CURL OPTION...]
gets() {
	OUT=$(web "$2" "$3" -o "$TMP/body" -w '%{http_code}' "${@:4}" 2>"$TMP/curl.err")
	same "$OUT" "$1" "the status of https://$2$3 ($(cat "$TMP/curl.err" "$TMP/body"))"
}
: >"$TMP/seen"
gets 200 app.test /hello
same "$(<"$TMP/body")" hello "what the origin sent"
gets 200 a.wild.test /hello
gets 404 app.test /nothing
wait_for test "$(wc -l <"$TMP/seen")" = 3
has "$(<"$TMP/seen")" '|app.test|GET /hello HTTP/1.1|127.0.0.1|https|127.0.0.1'

# Nothing of these reaches the origin.
: >"$TMP/seen"
gets 403 closed.test /hello
lacks "$(<"$TMP/body")" access # that the host has no access line is the owner's business
gets 403 silent.test /hello
gets 421 app.test /hello -H 'Host: closed.test'
gets 421 app.test /hello -H 'Host: nobody.test'
gets 421 closed.test /hello -H 'Host: app.test'
gets 403 maybe.test /hello
gets 000 must.test /hello
gets 000 maybe.test /hello --cert "$WEB/mallory.pem" --key "$WEB/mallory.key"
gets 421 must.test /hello --cert "$WEB/ann.pem" --key "$WEB/ann.key" -H 'Host: app.test'
gets 502 gone.test /
gets 502 wrong.test /hello
has "$(<"$TMP/body")" "not the pinned one"
web b.c.wild.test /hello >"$TMP/body" 2>&1 && fail "two labels below a wildcard were served"
same "$(cat "$TMP/seen")" "" "what the origin saw of refused requests"
gets 200 maybe.test /hello --cert "$WEB/ann.pem" --key "$WEB/ann.key"
gets 200 must.test /hello --cert "$WEB/ann.pem" --key "$WEB/ann.key"
gets 200 pinned.test /hello
wait_for grep -q '^TLSv1.2|' "$TMP/seen"
grep -F '"server_name":"must.test"' "$TMP/edge.log" | grep -F '"status":200' | grep -qF ann || fail "the access log does not say who it was"

# A connection that carries several, and what ends it.
same "$(web app.test /hello -o /dev/null -w '%{http_code} %{num_connects}\n' --next --cacert "$WEB_CA" --connect-to "app.test:443:127.0.0.1:$EDGE_PORT" \
	-sS -o /dev/null -w '%{http_code} %{num_connects}\n' https://app.test/hello)" $'200 1\n200 0' "two requests on one connection"
python3 - "$EDGE_PORT" "$WEB_CA" <<'PY' || fail "patience"
import re, socket, ssl, sys
c = ssl.create_default_context(cafile=sys.argv[2])
def tls():
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
    return c.wrap_socket(s, server_hostname="app.test", suppress_ragged_eofs=False)
def rest(s):
    got = b""
    while True:
        more = s.recv(65536)
        if not more:
            return got
        got += more
# A head that never ends: 408, or nothing, and closed, head_timeout after its first byte.
s = tls()
s.sendall(b"GET / HTTP/1.1\r\nHost: app.te")
got = rest(s)
assert got == b"" or got.startswith(b"HTTP/1.1 408 "), got
# Silence after an answer: closed tidily.
s = tls()
s.sendall(b"GET /hello HTTP/1.1\r\nHost: app.test\r\n\r\n")
got = rest(s)
assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"hello\n"), got
# Three at once, answered in order.
s = tls()
s.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: app.test\r\n\r\n" % p for p in (b"hello", b"no", b"hello")))
got = rest(s)
assert re.findall(rb"HTTP/1\.1 (\d+)", got) == [b"200", b"404", b"200"], got
PY
edge_is_alive
pass
