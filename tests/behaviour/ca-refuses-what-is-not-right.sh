#!/usr/bin/env bash
# core
# A wrong passphrase, a key that is cut, open to others, a link or another authority's, a registry that is
# damaged, gone or somebody else's: a sentence that names it, its exit code, for the role and for
# commands, and nothing is changed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 1 list
has "$ERR" "zt ca init"
expect 1 "$ZT" ca -c "$CONF"
ca 0 init
ca 0 issue client one
state() { find "$CA" -type f ! -name '*lock' -exec sha256sum {} + | sort; }
WAS=$(state)

# refused CODE WORD WHAT: by both
refused() {
	ca "$1" list
	has "$ERR" "$2"
	expect "$1" "$ZT" ca serve -c "$CONF"
	has "$ERR" "$2"
	pgrep -f "$CONF" >/dev/null && fail "$3: something still runs"
	return 0
}
untouched() { same "$(state)" "$WAS" "the state after: $1"; }
keep() { cp -p "$CA/$1" "$TMP/kept"; }
back() { rm -rf "${CA:?}/$1" && cp -p "$TMP/kept" "$CA/$1"; }

keep keys/infra.1.key
head -c 100 "$TMP/kept" >"$CA/keys/infra.1.key"
refused 3 "keys/infra.1.key" "a key that is cut"
back keys/infra.1.key
chmod 640 "$CA/keys/infra.1.key"
refused 1 "chmod 600 $CA/keys/infra.1.key" "a key that others can read"
chmod 600 "$CA/keys/infra.1.key"
mv "$CA/keys/infra.1.key" "$TMP/elsewhere" && ln -s "$TMP/elsewhere" "$CA/keys/infra.1.key"
refused 1 "$CA/keys/infra.1.key is a symbolic link" "a planted link"
rm "$CA/keys/infra.1.key" && mv "$TMP/elsewhere" "$CA/keys/infra.1.key"
cp "$CA/keys/device.1.key" "$CA/keys/infra.1.key"
refused 8 "keys/infra.1.key is not the key of the infra anchor" "another's key"
back keys/infra.1.key
keep keys/registry.key
cp "$CA/keys/device.1.key" "$CA/keys/registry.key"
refused 8 "keys/registry.key is not the key that the registry was begun with" "another registry's key"
back keys/registry.key
untouched "keys that are not right"

# A passphrase: none, a wrong one, the right one; in a file and, for a command, in the environment.
for k in infra.1 device.1 acme.1 registry; do
	openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1000 -passout pass:sesame -in "$CA/keys/$k.key" -out "$CA/keys/$k.new" || fail "openssl pkcs8"
	chmod 600 "$CA/keys/$k.new" && mv "$CA/keys/$k.new" "$CA/keys/$k.key"
done
WAS=$(state)
refused 8 "keys/registry.key" "no passphrase"
cp "$CONF" "$TMP/plain.conf"
printf 'key_pass_file = %s\n' "$TMP/pass" >"$TMP/line"
sed -i "/^\[ca\]/r $TMP/line" "$CONF"
echo wrong >"$TMP/pass" && chmod 600 "$TMP/pass"
refused 8 "keys/registry.key" "a wrong passphrase"
echo sesame >"$TMP/pass"
ca 0 list
start role "$ZT" ca -c "$CONF"
is_healthy() { "$ZT" health ca -c "$CONF"; }
wait_for is_healthy
ca 0 issue client two --user alice
# A reload with a wrong one is refused as a whole, and the old keys serve on.
echo wrong >"$TMP/pass"
touch "$TMP/pass"
keep keys/acme.1.key
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1001 -passin pass:sesame -passout pass:sesame -in "$TMP/kept" -out "$CA/keys/acme.1.key" || fail "openssl pkcs8"
chmod 600 "$CA/keys/acme.1.key"
expect 3 "$ZT" reload ca -c "$CONF"
has "$ERR" "keys/registry.key"
ca 0 issue client three --user alice
echo sesame >"$TMP/pass"
expect 0 "$ZT" reload ca -c "$CONF"
ca 0 issue client four --user alice
stop role
same "$STATUS" 0 "exit code"
WAS=$(state)

# The registry: a flipped byte, another owner's, gone.
keep registry/registry
python3 - "$CA/registry/registry" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(200); b = f.read(1); f.seek(200); f.write(bytes([b[0] ^ 1]))
PY
refused 6 "registry/registry" "a flipped byte"
back registry/registry
untouched "a damaged registry"
mv "$CA/registry/registry" "$TMP/gone"
refused 1 "registry/registry" "no registry"
[ ! -e "$CA/registry/registry" ] || fail "a new registry was made in the place of one that is gone"
mv "$TMP/gone" "$CA/registry/registry"
mv "$CA/registry" "$TMP/moved" && ln -s "$TMP/moved" "$CA/registry"
refused 1 "$CA/registry" "a link in the place of the directory"
rm "$CA/registry" && mv "$TMP/moved" "$CA/registry"
chmod 750 "$CA/registry"
refused 1 "chmod 700" "an open directory"
chmod 700 "$CA/registry"
ca 0 list
untouched "a registry that is not right"
pass
