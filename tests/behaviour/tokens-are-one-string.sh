#!/usr/bin/env bash
# core
# `zt token create` prints the token and nothing else on standard output; it says what docs/formats.md says it
# does (read here without zt). Its secret is in no list, no log and no message; a token that nobody got is
# taken back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
need python3
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
cat >"$TMP/read.py" <<'PY'
import base64, json, sys
text = sys.argv[1]
assert text.startswith("zt1_"), text
raw = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
crc = 0xffffffff  # CRC32C (RFC 3720), bit by bit
for byte in raw[:-4]:
    crc ^= byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
assert int.from_bytes(raw[-4:], "little") == crc ^ 0xffffffff, "checksum"
at, addrs = 67, []
for _ in range(raw[66]):
    addrs.append(raw[at + 1:at + 1 + raw[at]].decode())
    at += 1 + raw[at]
assert at == len(raw) - 4, "length"
print(json.dumps({"version": raw[0], "role": raw[1], "pin": raw[2:34].hex(), "id": raw[34:50].hex(),
                  "secret": raw[50:66].hex(), "addrs": addrs}))
PY
tell() { python3 "$TMP/read.py" "$1" | json "$2"; }
create() { # ROLE-NUMBER ADDRESSES ARGS...: TOKEN, ID, SECRET
	token 0 create "${@:3}"
	same "$(wc -l <<<"$OUT")" 1 "lines on standard output"
	TOKEN=$OUT ID=$(tell "$OUT" id) SECRET=$(tell "$OUT" secret) SAID=$ERR
	same "$(tell "$TOKEN" version)" 1 "layout"
	same "$(tell "$TOKEN" role)" "$1" "role"
	same "$(tell "$TOKEN" addrs)" "$2" "addresses"
	same "$(tell "$TOKEN" pin)" "$(openssl x509 -in "$CA/infra.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64)" "pin"
	has "$SAID" "token ${ID:0:12}"
	lacks "$SAID" "$TOKEN"
	SECRETS+=("$SECRET" "${TOKEN:60:30}")
}
SECRETS=()
here='["ca.home.test:8443", "192.0.2.7:8443"]'
create 2 "$here" connector nas
has "$SAID" "for 30 minutes"
first=$ID
create 1 "$here" edge vps --dns vps.example.org --ip 192.0.2.9 --user alice
has "$SAID" "of user alice"
create 3 '["[::1]:7", "a.b:65535"]' client --uses 5 --ttl 20h --lifetime 7d --at '[::1]:7' --at a.b:65535
has "$SAID" "lets 5 clients join"
create 4 "$here" service web --dns web.lan --ttl 30d --approve
has "$SAID" "zt ca pending"
create 5 "$here" device --cidr 192.168.1.0/24 --cidr fd00::/8 --ttl 2d
last=$ID

token 0 list
for want in "5 of 5" connector web yes; do [ "$want" = "5 of 5" ] && want="0 of 5"; has "$OUT" "$want"; done
token 0 list --json
same "$(wc -l <<<"$OUT")" 5 "tokens"
same "$(head -n 1 <<<"$OUT" | json id)" "$first" "the first"
same "$(tail -n 1 <<<"$OUT" | json cidr)" '["192.168.1.0/24", "fd00::/8"]' "networks"
same "$(sed -n 3p <<<"$OUT" | json lifetime)" 604800 "how long its certificates are good"
json_list=$OUT

token 0 revoke "${first:0:12}"
has "$OUT" "revoked; what has joined"
token 0 revoke "$first"
has "$OUT" "was revoked already"
token 0 list
lacks "$OUT" "${first:0:12}"
token 0 list --all
has "$OUT" "${first:0:12}  connector  nas   -      revoked"

# Nobody got it: it is good for nothing.
expect 1 sh -c "'$ZT' token create client lost -c '$CONF' >/dev/full"
has "$ERR" "cannot write the token"
token 0 list --all --json
same "$(tail -n 1 <<<"$OUT" | json state)" revoked "the state of a token that could not be written"

# Beside a running role the same, and its log says that there is one and not which.
start role "$ZT" ca -c "$CONF"
is_healthy() { "$ZT" health ca -c "$CONF"; }
wait_for is_healthy
create 2 "$here" connector beside
has "$(cat "$TMP/role.log")" "${ID:0:12}"
stop role
token 0 revoke "${last:0:16}"
token 0 list --all
for s in "${SECRETS[@]}"; do
	lacks "$OUT$json_list$(cat "$TMP/role.log")" "$s"
done
pass
