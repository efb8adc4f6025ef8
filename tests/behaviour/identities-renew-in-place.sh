#!/usr/bin/env bash
# core
# An identity is renewed in one rename, by hand or by 'zt id keep' when it is time, and stays the same identity.
# A relay that serves with it and watches its files goes on with the new one and loses no connection.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca

ID=$TMP/id
shown() { "$ZT" id show --json "$ID" | json "$1"; }
new_token connector nas --lifetime 2000s
expect 0 "$ZT" join --to "$ID" --token-file "$TMP/token"
name=$(shown id)

# A relay on the identity, and its echo behind it.
AT=$(free_port) BACK=$(free_port)
start back socat "TCP-LISTEN:$BACK,bind=127.0.0.1,reuseaddr,fork" EXEC:cat
wait_for listening "$BACK"
cat >"$TMP/relay.conf" <<END
[state]
dir = $TMP/relay.state
run_dir = $TMP/relay.run
[tls]
per_address = 100000
burst = 100000
watch = true
[relay]
listen = 127.0.0.1:$AT
accept = tls
to = 127.0.0.1:$BACK
[host member]
names = relay.test
cert = $ID/identity.pem
key = $ID/identity.pem
END
start relay "$ZT" relay -c "$TMP/relay.conf"
wait_for "$ZT" health relay -c "$TMP/relay.conf"
served() { openssl s_client -connect "127.0.0.1:$AT" -servername relay.test -CAfile "$ID/trust/infra.pem" -verify_return_error \
	</dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null | cut -d= -f2 | tr A-F a-f; }
serves() { [ "$(served)" = "$1" ]; }
first=$(shown serial)
same "$(served)" "$first" "the serial that is served"

# Somebody reads the file all the time: it is one identity or the other, whole, at every moment. And one
# connection stays open over it all.
cat >"$TMP/reader.py" <<'PY'
import os, sys, time
path, seen = sys.argv[1], []
while not os.path.exists(sys.argv[2]):
    fd = os.open(path, os.O_RDONLY)
    text = b""
    while part := os.read(fd, 7):
        text += part
    os.close(fd)
    assert text.startswith(b"-----BEGIN PRIVATE KEY-----\n") and text.endswith(b"-----END CERTIFICATE-----\n"), text
    assert text.count(b"-----BEGIN ") == text.count(b"-----END ") == 2, text # base64 may spell END
    if text not in seen:
        seen.append(text)
    time.sleep(0.0005)
print("seen", len(seen))
PY
start reader python3 "$TMP/reader.py" "$ID/identity.pem" "$TMP/enough"
cat >"$TMP/talk.py" <<'PY'
import socket, ssl, sys, os, time
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
s = ctx.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="relay.test")
n = 0
while not os.path.exists(sys.argv[2]):
    s.sendall(b"%d\n" % n)
    assert s.recv(100) == b"%d\n" % n
    n += 1
    time.sleep(0.005)
print("echoed", n)
PY
start talk python3 "$TMP/talk.py" "$AT" "$TMP/enough"

# By hand: a new key as a rule, the old one when asked.
expect 0 "$ZT" id renew "$ID"
second=$(shown serial) key=$(openssl pkey -in "$ID/identity.pem" -pubout)
[ "$second" != "$first" ] || fail "the serial is the old one"
has "$OUT" "$second"
expect 0 "$ZT" id renew "$ID" --same-key
third=$(shown serial)
[ "$third" != "$second" ] || fail "the serial is the old one"
same "$(openssl pkey -in "$ID/identity.pem" -pubout)" "$key" "the key that was to stay"
same "$(shown id)" "$name" "the identity"
expect 0 "$ZT" reload relay -c "$TMP/relay.conf"
wait_for serves "$third"
expect 0 openssl verify -x509_strict -CAfile "$ID/trust/infra.pem" "$ID/identity.pem"

# By itself: five seconds after its issue, for the sake of this test.
start keep "$ZT" id keep "$ID" --renew-before 1998
wait_for grep -q "id/keep: renewed" "$TMP/keep.log"
stop keep
same "$STATUS" 0 "the exit code of keep"
fourth=$(shown serial)
[ "$fourth" != "$third" ] || fail "keep did not renew"
same "$(shown id)" "$name" "the identity"
wait_for serves "$fourth"
: >"$TMP/enough"
join reader && same "$STATUS" 0 "the exit code of who read all the time"
[ "$(sed -n 's/^seen //p' "$TMP/reader.log")" -ge 2 ] || fail "who read all the time saw nothing happen"
join talk && same "$STATUS" 0 "the exit code of the connection that stayed"
states=$("$ZT" ca list --json -c "$CONF" | grep '"name":"nas"' | sed 's/.*"state":"\([a-z]*\)".*/\1/' | sort | uniq -c | tr -s ' \n' ' ')
has "$states" " 1 good"
lacks "$states" "suspended"

# What cannot be renewed says so: too late, too early, by a role that does not, or of somebody else.
new_token device phone
expect 0 "$ZT" join --to "$TMP/device" --token-file "$TMP/token"
expect 4 "$ZT" id renew "$TMP/device"
has "$ERR" "role device do not renew themselves"
new_token connector long
expect 0 "$ZT" join --to "$TMP/long" --token-file "$TMP/token"
before=$(picture "$TMP/long")
expect 4 "$ZT" id renew "$TMP/long"
has "$ERR" "first tenth of its life"
same "$(picture "$TMP/long")" "$before" "an identity that was not renewed"
ca 0 revoke "$(serial_of "$TMP/long/identity.pem")"
expect 4 "$ZT" id renew "$TMP/long"
has "$ERR" "revoked"
# Of another authority: nothing is asked.
cp "$TMP/device/trust/device.pem" "$TMP/long/trust/infra.pem"
expect 6 "$ZT" id renew "$TMP/long"
has "$ERR" "signed by none of the authorities"
# A copy of an identity renews first: when the rightful one comes, both are suspended.
new_token connector twin --lifetime 2000s
expect 0 "$ZT" join --to "$TMP/twin" --token-file "$TMP/token"
cp -a "$TMP/twin" "$TMP/copy"
expect 0 "$ZT" id renew "$TMP/copy"
expect 4 "$ZT" id renew "$TMP/twin"
same "$("$ZT" ca list --json -c "$CONF" | grep '"name":"twin"' | grep -c '"state":"suspended"')" 2 "suspended certificates"
