#!/usr/bin/env bash
# Whoever copies the blocks of docs/edge.md one behind the other gets what the page says: every block marked sh is
# run as it stands there, on free ports, and what they must have printed is looked for.
. "$(dirname "$0")/lib.sh"
need openssl curl python3
GUIDE=$ROOT/docs/edge.md
mkdir -p "$TMP/bin" "$TMP/work"
ln -s "$ZT" "$TMP/bin/zt"
chmod 755 "$TMP" "$TMP/work"
cat >"$TMP/guide" <<'END'
trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT
END
awk '/^```sh$/ {on = 1; print "echo \"#block\""; next} /^```$/ {on = 0} on' "$GUIDE" >>"$TMP/guide"
same "$(grep -c '^echo "#block"' "$TMP/guide")" "$(grep -c '^```sh$' "$GUIDE")" "the number of blocks"
for port in 8443 8480 8080; do
	sed -i "s/\b$port\b/$(free_port)/g" "$TMP/guide"
done
(cd "$TMP/work" && TMPDIR=$TMP/work PATH=$TMP/bin:$PATH exec timeout 60 bash -e "$TMP/guide") >"$TMP/said" 2>&1 ||
	fail "the guide ends in block $(grep -c '^#block' "$TMP/said"): $(tail -n 12 "$TMP/said")"
said() { grep -qF -- "$1" "$TMP/said" || fail "the guide does not print '$1': $(cat "$TMP/said")"; }
said 'photos without a certificate: 403'
said 'photos with one: 200'
said 'plain: 301 https://app.test/x?y=z'
said 'closed: 403'
said 'open again: 200'
said 'after an upgrade: 200'
said 'another certificate'
said '"logger":"http.log.access"'
same "$(grep -c '^hello$' "$TMP/said")" 2 "how often somebody gets the page"
same "$(grep -A1 -m1 '^plain: ' "$TMP/said" | tail -n 1)" '#block' "what comes behind the redirect"
said 'done'
pass
