#!/bin/bash
# Configuration profiles for Apple's systems are property lists that Python, libxml2 and libplist read
# alike, whatever the title is made of; the identity and the authority inside are the bytes that went
# in, no password is anywhere, and each UUID is a fresh one of version 4.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl python3 xmllint plistutil
TOOL=$ROOT/build/rel/tests/tools/p12_tool
[ -x "$TOOL" ] || fail "$TOOL is not built (make tools)"
cd "$TMP" || exit 1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=root -keyout root.key -outform DER -out root.der \
	-config <(printf '[req]\ndistinguished_name=d\n[d]\n') 2>openssl.log || fail "no certificate"
printf 'k7mwp-4tqze-9xhra-c2vbd' >password
"$TOOL" make compat root.key phone password root.der >identity.p12 || fail "no PKCS#12"
head -c 100000 /dev/urandom >large

number=0
for title in 'phone' 'Jürgens <Telefon> & "Co" '\''s' ']]>' '<!-- -->' '&amp;' '日本 😀' ' blank ends '; do
	for roots in '' 'root.der' 'root.der root.der root.der root.der'; do
		for p12 in identity.p12 large; do
			number=$((number + 1))
			# shellcheck disable=SC2086 # a list of files
			"$TOOL" profile "$title" zt.device.0123abcd $p12 $roots >$number.mobileconfig || fail "refused: '$title'"
			xmllint --noout --nonet $number.mobileconfig || fail "libxml2 does not read $number.mobileconfig"
			plistutil -i $number.mobileconfig -o $number.bin -f bin || fail "libplist does not read $number.mobileconfig"
			title=$title python3 - $number $p12 $roots <<'PY' || fail "$number.mobileconfig is not what it should be"
import os, plistlib, re, sys
number, p12, *roots = sys.argv[1:]
text = open(number + '.mobileconfig', 'rb').read()
p = plistlib.loads(text, fmt=plistlib.FMT_XML)
assert p == plistlib.load(open(number + '.bin', 'rb'), fmt=plistlib.FMT_BINARY)
assert max(map(len, text.decode().split('\n')), default=0) <= 160 and re.search(r'(?m)^[A-Za-z0-9+/]{64}$', text.decode())
assert not re.search(r'(?m)^[A-Za-z0-9+/=]{65,}$', text.decode())
assert b'k7mwp' not in text and 'Password' not in repr(p.keys())
title = os.environ['title']
assert (p['PayloadType'], p['PayloadVersion'], p['PayloadDisplayName'], p['PayloadIdentifier']) == ('Configuration', 1, title, 'zt.device.0123abcd')
first, *rest = p['PayloadContent']
assert first['PayloadType'] == 'com.apple.security.pkcs12' and first['PayloadContent'] == open(p12, 'rb').read()
assert 'Password' not in first
assert len(rest) == len(roots)
for r, name in zip(rest, roots):
    assert r['PayloadType'] == 'com.apple.security.root' and r['PayloadContent'] == open(name, 'rb').read()
ids = [x['PayloadIdentifier'] for x in [p, first, *rest]]
uuids = [x['PayloadUUID'] for x in [p, first, *rest]]
assert len(set(ids)) == len(ids) == len(set(uuids)) and all(x['PayloadVersion'] == 1 for x in [first, *rest])
assert all(re.fullmatch(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}', u) for u in uuids)
open('uuids', 'a').write('\n'.join(uuids) + '\n')
PY
		done
	done
done
same "$(sort uuids | uniq -d)" "" "the UUIDs that came twice"
same "$(sort uuids | wc -l)" "$((number * 2 + number / 3 + number / 3 * 4))" "the number of UUIDs"

# The identity, taken out again, opens with its password.
python3 -c 'import plistlib; open("out.p12", "wb").write(plistlib.load(open("3.mobileconfig", "rb"))["PayloadContent"][0]["PayloadContent"])'
expect 0 openssl pkcs12 -in out.p12 -passin file:password -nodes
has "$OUT" "BEGIN PRIVATE KEY"
pass "$number profiles"
