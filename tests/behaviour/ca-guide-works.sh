#!/usr/bin/env bash
# The guide's first page (docs/ca.md, "Try it") does what it says, as it stands there.
. "$(dirname "$0")/lib.sh"
need openssl
mkdir "$TMP/bin" && ln -s "$ZT" "$TMP/bin/zt"
a=$(free_port) b=$(free_port)
sed -n '/^```sh$/,/^```$/p' "$ROOT/docs/ca.md" | sed '1d;/^```$/,$d' >"$TMP/guide.sh"
[ "$(wc -l <"$TMP/guide.sh")" -ge 35 ] || fail "docs/ca.md has no such commands any more"
sed -i "s/127.0.0.1:8443/127.0.0.1:$a/; s/127.0.0.1:8080/127.0.0.1:$b/" "$TMP/guide.sh"
grep -q "reach = 127.0.0.1:$a" "$TMP/guide.sh" || fail "the port was not replaced everywhere"
start guide env "TMPDIR=$TMP" "PATH=$TMP/bin:$PATH" bash -euo pipefail "$TMP/guide.sh"
join guide
same "$STATUS" 0 "how the guide ends"
said=$(cat "$TMP/guide.log")
for want in "A new authority is in" "alice-phone.mobileconfig" "token " "web.pem: OK" "1: approved" "revoked: 2 certificates" \
	"Revoked Certificates:" "Cessation Of Operation"; do
	has "$said" "$want"
done
same "$(grep -c ' revoked ' <<<"$said")" 2 "how many are listed as revoked"
pass
