#!/bin/bash
# certlint.sh
#
# Every kind of certificate that zt issues, read by our own lint, which must also see everything that is
# broken on purpose, and by zlint when it is on PATH: each lint that fires there has a row with an answer
# in docs/certificates.md, and each row's lint fires.
. "$(dirname "$0")/behaviour/lib.sh"
LINT=$ROOT/tests/tools/certlint.py
mkdir "$TMP/certs"
"$ROOT/build/rel/tests/tools/cert_all" "$TMP/certs" >"$TMP/list" || fail "no certificates (make tools)"
python3 "$LINT" "$TMP/certs" "$TMP/list" || fail "our own lint"
python3 "$LINT" --selftest "$TMP/certs" "$TMP/list" || fail "our own lint is blind"
command -v zlint >/dev/null || pass "zlint is not on PATH: go install github.com/zmap/zlint/v3/cmd/zlint@v3.6.8"

for file in "$TMP"/certs/*.der; do
	zlint -format der "$file" 2>/dev/null | sed "s|^|$(basename "$file" .der) |"
done >"$TMP/said"
python3 - "$TMP/said" "$ROOT/docs/certificates.md" <<'PY'
import collections, json, re, sys
fired, ran, files = collections.defaultdict(set), set(), 0
for line in open(sys.argv[1]):
    name, _, text = line.partition(' ')
    files += 1
    for lint, verdict in json.loads(text).items():
        if verdict['result'] not in ('NA', 'NE'):
            ran.add(lint)
        if verdict['result'] not in ('pass', 'NA', 'NE'):
            fired[lint].add(name)
answered = set(re.findall(r'^\| `([enw]_[a-z0-9_]+)` \|', open(sys.argv[2]).read(), re.M))
for lint in sorted(fired):
    print('%-70s %2d%s' % (lint, len(fired[lint]), '' if lint in answered else '  has no row in docs/certificates.md'))
for lint in sorted(answered - set(fired)):
    print('%s: has a row in docs/certificates.md, and does not fire' % lint)
print('zlint: %d certificates, %d lints applied, %d fired' % (files, len(ran), len(fired)))
sys.exit(answered != set(fired) or not files)
PY
