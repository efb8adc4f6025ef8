#!/bin/bash
# core
# A new certificate is served after a reload, or by itself when its file changes; connections that
# live go on; a certificate that does not work is refused and the old one serves on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
for c in one two three; do cert "$c" home serverAuth "DNS:a.test"; done
install -m 600 "$PKI/one.key" "$PKI/now.key"
cp "$PKI/one.pem" "$PKI/now.pem"
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a now 'names = a.test')"
start_relay near
port=${AT[near]}
# put CERT: its files take the place of those in use, as renewal programs do it.
put() {
	install -m 600 "$PKI/$1.key" "$PKI/new.key" && mv "$PKI/new.key" "$PKI/now.key"
	cp "$PKI/$1.pem" "$PKI/new.pem" && mv "$PKI/new.pem" "$PKI/now.pem"
}
served() { # the CN of what is served
	openssl s_client -connect "127.0.0.1:$port" -servername a.test -tls1_2 </dev/null 2>/dev/null |
		openssl x509 -noout -subject | sed 's/.*CN = //'
}
is_served() { [ "$(served)" = "$1" ]; }

cat >"$TMP/live.py" <<'PY'
import sys, tlspeer
c = tlspeer.dial(sys.argv[1], tlspeer.context(sys.argv[2]), "a.test")
n = 0
for line in sys.stdin:
    n += 1
    c.send(line.encode())
    got = c.recv_exactly(len(line))
    print("ok" if got.decode() == line else f"lost: {c.end()}", flush=True)
PY
mkfifo "$TMP/ask" "$TMP/answer"
start live env PYTHONPATH="$ROOT/tests/behaviour" PYTHONDONTWRITEBYTECODE=1 \
	bash -c 'exec python3 "$0" "$@" <'"'$TMP/ask' >'$TMP/answer'" "$TMP/live.py" "$port" "$PKI/home.pem"
exec 8>"$TMP/ask" 9<"$TMP/answer"
alive() {
	echo "still there?" >&8
	read -r -t "$WAIT_S" -u 9 said || said="no answer"
	same "$said" ok "the connection that was made before, $1"
}
alive "before any reload"
same "$(counter near from_clients)" 13 "bytes of a connection that is still open"
same "$(served)" one "at first"

put two
same "$(served)" one "before the reload" # files are read when told
expect 0 "$ZT" reload relay -c "${CONF[near]}"
same "$(served)" two "after the reload"
alive "after the reload"

cp "$PKI/one.key" "$PKI/now.key" # not the key of this certificate
expect 3 "$ZT" reload relay -c "${CONF[near]}"
has "$ERR" "reload refused"
place="${CONF[near]}:$(grep -n '^\[host' "${CONF[near]}" | head -1 | cut -d: -f1): [host " # who names these files
has "$ERR" "$place"
has "$ERR" "$PKI/now.key"
same "$(served)" two "after a key that does not fit"
echo junk >"$PKI/now.pem"
expect 3 "$ZT" reload relay -c "${CONF[near]}"
has "$ERR" "$place"
has "$ERR" "$PKI/now.pem"
chmod 644 "$PKI/now.key"
expect 3 "$ZT" reload relay -c "${CONF[near]}"
has "$ERR" "chmod 600"
same "$(served)" two "after files that do not work"
alive "after refused reloads"

# By itself.
put two
sed -i 's/^watch = false/watch = true/' "${CONF[near]}"
expect 0 "$ZT" reload relay -c "${CONF[near]}"
put three
wait_for is_served three
alive "after a reload that nobody asked for"
same "$(child_of near worker restarts)" 0 "restarts of the worker"
exec 8>&-
join live
pass
