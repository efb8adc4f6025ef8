#!/bin/bash
# forge.sh: node-forge, whose PKCS#12 reader shares nothing with the others, against our files. No
# distribution packages it, so this is no part of `make test`: npm fetches it into build/forge.
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.4.3
tool=$PWD/build/rel/tests/tools/p12_tool
mkdir -p build/forge
cd build/forge
[ -d node_modules/node-forge ] || npm install --no-audit --no-fund --no-save --ignore-scripts "node-forge@$version" >npm.log 2>&1 || {
	cat npm.log >&2
	exit 1
}

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key 2>/dev/null
openssl req -x509 -new -key leaf.key -subj /CN=leaf -days 30 -outform DER -out leaf.der -config <(printf '[req]\ndistinguished_name=d\n[d]\n')
printf 'k7mwp-4tqze-9xhra-c2vbd' >ascii
python3 -c 'print("x" * 128, end="")' >long
printf 'pässwörd-✓-日本' >scripts
printf 'k7mwp-4tqze-9xhra-c2vbe' >wrong
for profile in compat modern; do
	for password in ascii long scripts; do
		"$tool" make $profile leaf.key 'Jürgens Telefon' $password leaf.der leaf.der >$profile-$password.p12
	done
done

cat >read.js <<'JS'
const forge = require('node-forge'), fs = require('fs'), crypto = require('crypto');
const certBag = forge.pki.oids.certBag, keyBag = forge.pki.oids.pkcs8ShroudedKeyBag;
const der = a => Buffer.from(forge.asn1.toDer(a).getBytes(), 'binary');
const leaf = fs.readFileSync('leaf.der');
const scalar = k => k.export({format: 'jwk'}).d;
const want = scalar(crypto.createPrivateKey(fs.readFileSync('leaf.key')));
let wrong = 0;

function read(file, password) {
	const p12 = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(fs.readFileSync(file, 'binary')), true, password);
	const certs = p12.getBags({bagType: certBag})[certBag], keys = p12.getBags({bagType: keyBag})[keyBag];
	const named = p12.getBags({friendlyName: 'Jürgens Telefon'}).friendlyName;
	const id = certs[0].attributes.localKeyId[0];
	const same = certs.length == 2 && keys.length == 1 && named.length == 2 && keys[0].attributes.localKeyId[0] == id &&
		der(certs[0].asn1).equals(leaf) &&
		scalar(crypto.createPrivateKey({key: der(keys[0].asn1), format: 'der', type: 'pkcs8'})) == want;
	return same ? 'read' : 'differs';
}
function judge(file, passwordFile, expected) {
	let got;
	try { got = read(file, fs.readFileSync(passwordFile, 'utf8')); } catch (e) { got = 'refused: ' + e.message; }
	const ok = got.startsWith(expected);
	wrong += !ok;
	console.log(`${ok ? 'ok   ' : 'FAIL '} ${file} with ${passwordFile}: ${got}`);
}
for (const profile of ['compat', 'modern']) {
	for (const p of ['ascii', 'long'])
		judge(`${profile}-${p}.p12`, p, 'read');
	// It takes one string both for the MAC, where it wants characters, and for PBES2, where it wants bytes.
	judge(`${profile}-scripts.p12`, 'scripts', profile == 'compat' ? 'read' : 'refused: Failed to decrypt');
	judge(`${profile}-ascii.p12`, 'wrong', 'refused: PKCS#12 MAC could not be verified');
}
process.exit(wrong ? 1 : 0);
JS
node read.js
