#!/usr/bin/env bash
# Whoever copies the blocks of docs/ca.md one behind the other gets what the page says: every block marked sh
# is run as it stands there, on free ports, and what they must have printed is looked for.
. "$(dirname "$0")/lib.sh"
need openssl curl python3 nginx
GUIDE=$ROOT/docs/ca.md
mkdir -p "$TMP/bin" "$TMP/work"
ln -s "$ZT" "$TMP/bin/zt"
chmod 755 "$TMP" "$TMP/work" # on the way to what nginx serves as another user
# Whatever it has started ends with it.
cat >"$TMP/guide" <<'END'
trap 'kill $(jobs -p) $(cat nginx.pid 2>/dev/null) 2>/dev/null || :; wait' EXIT
END
awk '/^```sh$/ {on = 1; print "echo \"#block\""; next} /^```$/ {on = 0} on' "$GUIDE" >>"$TMP/guide"
same "$(grep -c '^echo "#block"' "$TMP/guide")" "$(grep -c '^```sh$' "$GUIDE")" "the number of blocks"
for port in 8443 8480 8080 9443 9444; do
	sed -i "s/\b$port\b/$(free_port)/g" "$TMP/guide"
done
# A line that fails ends it, but for those that say what happens then.
(cd "$TMP/work" && TMPDIR=$TMP/work PATH=$TMP/bin:$PATH exec timeout 120 bash -e "$TMP/guide") >"$TMP/said" 2>&1 ||
	fail "the guide ends in block $(grep -c '^#block' "$TMP/said"): $(tail -n 12 "$TMP/said")"
said() { grep -qF -- "$1" "$TMP/said" || fail "the guide does not print '$1': $(cat "$TMP/said")"; }
said 'joined as connector'
said 'password     '
same "$(grep -c '^hello$' "$TMP/said")" 2 "how often a phone gets in: the relay, nginx"
said 'refused without a certificate, as it should be'
said 'nas.pem: OK'
said '{"status":"ok"}'
said 'joined as client'
said '1: approved'
said 'Key Compromise'
said 'SSL certificate error'
said 'a service is no phone: refused'
said 'refused: the one before nas was renewed'
said "the device authority's key is not on this machine"
said 'taken in: 1'
said 'epoch 2'
said 'tablet good'
said 'anns-phone revoked'
