#!/bin/bash
# A field that zt reads differently from everybody else is a way in. Certificates of many kinds,
# made by openssl and certtool, and all roots of this machine go through zt's reader and through
# openssl; every field that both show must be the same, and all must be readable.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl certtool python3

tool=$ROOT/build/rel/tests/tools/x509_show
[ -x "$tool" ] || fail "$tool is not built (make tools)"

python3 - "$tool" "$TMP" <<'PY' || fail "the two readers differ"
import calendar, hashlib, json, os, re, struct, subprocess, sys, time

tool, tmp = sys.argv[1:]
os.chdir(tmp)

def run(*cmd, data=None, ok=True):
    p = subprocess.run(cmd, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if ok and p.returncode:
        sys.exit('%s: %s' % (' '.join(cmd), p.stderr.decode()))
    return p.stdout

def der_of(pem):
    import base64
    return [base64.b64decode(b) for b in re.findall(
        rb'-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END', pem, re.S)]

# ---- certificates: name -> DER ---------------------------------------------------------------
certs = {}
KEYS = {'p256': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'p384': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
        'p521': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-521'], 'k1': ['EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
        'rsa1024': ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024'], 'rsa2048': ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
        'rsa3072': ['RSA', '-pkeyopt', 'rsa_keygen_bits:3072'], 'ed25519': ['ED25519'],
        'explicit': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit']}
for k, how in KEYS.items():
    run('openssl', 'genpkey', '-algorithm', *how, '-out', k + '.key')
open('req.cnf', 'w').write('[req]\ndistinguished_name=dn\n[dn]\n[inner]\nCN=inner\n')

def req(name, key='p256', subj='/CN=x', md='-sha256', exts=(), more=()):
    add = [a for e in exts for a in ('-addext', e)]
    certs[name] = run('openssl', 'req', '-x509', '-new', '-config', 'req.cnf', '-utf8', '-key', key + '.key', '-subj', subj,
                      md, '-days', '40', '-outform', 'DER', *add, *more)

for k in KEYS:
    req('key ' + k, k)
for md in ('sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'md5'):
    req('rsa ' + md, 'rsa2048', md='-' + md)
for md in ('sha1', 'sha256', 'sha384', 'sha512'):
    req('ec ' + md, 'p384', md='-' + md)
req('rsa pss', 'rsa2048', more=['-sigopt', 'rsa_padding_mode:pss'])
SANS = ['DNS:a.example', 'DNS:*.a.example', 'DNS:xn--bcher-kva.example', 'DNS:under_score.example', 'DNS:a,DNS:b,DNS:c',
        'IP:192.0.2.1', 'IP:2001:db8::1', 'IP:::ffff:192.0.2.1', 'IP:0.0.0.0,IP:::', 'URI:zt://0123456789abcdef/edge/a',
        'URI:https://user@a.example:8443/p?q#f', 'email:a@b.example', 'RID:1.2.3.4', 'otherName:1.2.3.4;UTF8:text',
        'dirName:inner', ','.join('DNS:n%d.example' % i for i in range(200))]
for i, san in enumerate(SANS):
    req('san %d' % i, exts=['subjectAltName=' + san])
req('san critical', subj='/', exts=['subjectAltName=critical,DNS:a.example'])
req('san mixed', exts=['subjectAltName=DNS:a.example,IP:10.0.0.1,URI:u:x,email:a@b,RID:1.2.3,otherName:1.2.3;UTF8:x'])
for i, eku in enumerate(['serverAuth', 'clientAuth', 'serverAuth,clientAuth', 'critical,serverAuth', 'anyExtendedKeyUsage',
                         'codeSigning,emailProtection,timeStamping,OCSPSigning', '1.2.3.4', '1.2.3.4,clientAuth']):
    req('eku %d' % i, exts=['extendedKeyUsage=' + eku])
for i, ku in enumerate(['digitalSignature', 'critical,digitalSignature,keyEncipherment', 'keyAgreement,decipherOnly',
                        'decipherOnly', 'critical,keyCertSign,cRLSign', 'nonRepudiation,dataEncipherment,encipherOnly']):
    req('ku %d' % i, exts=['keyUsage=' + ku])
BASIC = ['CA:FALSE', 'critical,CA:FALSE', 'critical,CA:TRUE,pathlen:0', 'CA:TRUE,pathlen:1', 'CA:TRUE,pathlen:127', 'CA:TRUE,pathlen:128',
         'CA:TRUE,pathlen:2147483647']
for i, basic in enumerate(BASIC):
    open('basic.cnf', 'w').write('[req]\ndistinguished_name=dn\nx509_extensions=e\n[dn]\n[e]\nbasicConstraints=%s\n' % basic)
    req('basic %d' % i, more=['-config', 'basic.cnf'])
NAMES = ['/CN=plain', '/C=DE/ST=Bayern/L=München/O=Müller \\& Söhne/OU=Straße/CN=bücher.example', '/CN=日本語/O=Ελληνικά', '/CN=😀',
         '/CN=a, b \\+ c "d" \\\\ <e>; #f', '/CN= leading and trailing ', '/CN=#hash', '/DC=example/DC=org/CN=x', '/', '/O=x+CN=y+OU=z',
         '/CN=a/CN=b', '/emailAddress=a@b.example/CN=x', '/serialNumber=123/CN=x', '/SN=sur/GN=given/title=Dr/UID=u/CN=x',
         '/businessCategory=Private/CN=x', '/CN=' + 'x' * 64, '/CN=tab\there']
for i, subj in enumerate(NAMES):
    req('name %d' % i, subj=subj, more=['-multivalue-rdn'] if '+C' in subj else [])
for i, mask in enumerate(['default', 'nombstr', 'pkix', 'MASK:0x800', 'MASK:0x100', 'MASK:0x4']): # BMP, Universal, T61
    open('mask.cnf', 'w').write('[req]\ndistinguished_name=dn\nstring_mask=%s\n[dn]\n' % mask)
    req('mask %d' % i, subj='/CN=Müller/O=x', more=['-config', 'mask.cnf'])
req('staple', exts=['tlsfeature=status_request'])
req('staple v2', exts=['tlsfeature=status_request_v2'])
req('constraints', exts=['nameConstraints=permitted;DNS:.example'])
req('constraints critical', exts=['nameConstraints=critical,permitted;DNS:.example,excluded;IP:10.0.0.0/255.0.0.0'])
req('unknown', exts=['1.2.3.4=DER:0500'])
req('unknown critical', exts=['1.2.3.4=critical,DER:0500', '1.2.3.5=critical,DER:0500'])
req('policies', exts=['certificatePolicies=1.2.3.4', 'crlDistributionPoints=URI:http://a/', 'authorityInfoAccess=OCSP;URI:http://b/'])
for i, serial in enumerate(['0', '1', '127', '128', '0x7fffffffffffffffffffffffffffffffffffffff', '-1', '-128', '0x8000']):
    req('serial %d' % i, more=['-set_serial', serial])
open('index.txt', 'w').close()
open('ca.cnf', 'w').write('''[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256
policy=p\nunique_subject=no\n[p]\nCN=optional\n[none]\n[e]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n''')
run('openssl', 'req', '-new', '-config', 'req.cnf', '-key', 'p256.key', '-subj', '/CN=dated', '-out', 'dated.csr')
open('ca.pem', 'wb').write(run('openssl', 'req', '-x509', '-new', '-config', 'req.cnf', '-key', 'p384.key', '-subj', '/CN=CA'))
for i, (a, b) in enumerate([('491231235959Z', '20500101000000Z'), ('19500101000000Z', '491231235959Z'), ('700101000000Z', '99991231235959Z'),
                            ('240229235959Z', '20520229000000Z'), ('19491231235959Z', '500101000000Z')]):
    run('openssl', 'ca', '-batch', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'p384.key', '-in', 'dated.csr', '-notext', '-out',
        'dated.pem', '-startdate', a, '-enddate', b, '-extensions', 'e' if i else 'none')
    certs['dates %d' % i] = der_of(open('dated.pem', 'rb').read())[0]
certs['version 1'] = run('openssl', 'x509', '-req', '-in', 'dated.csr', '-signkey', 'p256.key', '-outform', 'DER')

for i, template in enumerate([
        'cn = "gnutls"\nca\ncert_signing_key\ncrl_signing_key\npath_len = 3\n', 'cn = "leaf"\ndns_name = "a.example"\nip_address = "192.0.2.7"\n'
        'ip_address = "2001:db8::7"\nuri = "zt://x"\nemail = "a@b"\ntls_www_server\nsigning_key\n',
        'cn = "client"\ntls_www_client\nsigning_key\nencryption_key\n', 'dn = "CN=Müller,O=Söhne,C=DE"\nkey_agreement\n',
        'cn = "dates"\nactivation_date = "2049-12-31 23:59:59 UTC"\nexpiration_date = "2050-01-01 00:00:00 UTC"\n',
        'cn = "forever"\nexpiration_days = -1\n', 'cn = "staple"\ntls_feature = 5\ntls_feature = 17\n',
        'cn = "nc"\nca\nnc_permit_dns = "example"\nnc_exclude_ip = "10.0.0.0/8"\n', 'cn = "serial"\nserial = 255\nocsp_signing_key\ntime_stamping_key\n',
        'cn = "ext"\nadd_critical_extension = "1.2.3.4 0x0500"\nadd_extension = "1.2.3.5 0xaa"\n']):
    open('t.tmpl', 'w').write(template)
    key = ['p256', 'rsa3072', 'ed25519', 'p521'][i % 4]
    certs['gnutls %d' % i] = run('certtool', '--generate-self-signed', '--load-privkey', key + '.key', '--template', 't.tmpl', '--outder')
made = len(certs)

bundle = '/etc/ssl/certs/ca-certificates.crt'
if os.path.exists(bundle):
    for i, d in enumerate(der_of(open(bundle, 'rb').read())):
        certs['root %d' % i] = d

# ---- what zt says, and what openssl says -------------------------------------------------------
out = run(tool, data=b''.join(struct.pack('>I', len(d)) + d for d in certs.values())).decode().splitlines()
if len(out) != len(certs):
    sys.exit('%d answers to %d certificates' % (len(out), len(certs)))

NAMEOPT = 'oid,sep_comma_plus_space,esc_2253,esc_ctrl,esc_msb,utf8,dump_nostr,dump_der'
OIDS = {'CN': '2.5.4.3', 'O': '2.5.4.10', 'OU': '2.5.4.11', 'C': '2.5.4.6', 'L': '2.5.4.7', 'ST': '2.5.4.8', 'serialNumber': '2.5.4.5',
        'emailAddress': '1.2.840.113549.1.9.1', 'DC': '0.9.2342.19200300.100.1.25'}
KU = dict(zip(['Digital Signature', 'Non Repudiation', 'Key Encipherment', 'Data Encipherment', 'Key Agreement', 'Certificate Sign', 'CRL Sign',
               'Encipher Only', 'Decipher Only'], ['sign', 'commit', 'key-enc', 'data-enc', 'agree', 'cert-sign', 'crl-sign', 'enc-only', 'dec-only']))
EKU = {'TLS Web Server Authentication': 'server', 'TLS Web Client Authentication': 'client', 'Any Extended Key Usage': 'any'}
BITS = {'p256': 256, 'p384': 384, 'p521': 521}
DOES = {'X509v3 Basic Constraints', 'X509v3 Key Usage', 'X509v3 Extended Key Usage', 'X509v3 Subject Alternative Name',
        'X509v3 Subject Key Identifier', 'X509v3 Authority Key Identifier'}
EXT_OID = {'X509v3 Name Constraints': '2.5.29.30', 'X509v3 Certificate Policies': '2.5.29.32'}

def numeric(name):
    return re.sub(r'(^|, | \+ )([A-Za-z]+)=', lambda m: m[1] + OIDS[m[2]] + '=', name)

def when(s):
    return calendar.timegm(time.strptime(s, '%Y-%m-%d %H:%M:%SZ'))

def san(line):
    """openssl's one line; kinds that it prints with commas or not at all are not in it."""
    import ipaddress
    got = []
    for part in line.split(', '):
        kind, _, value = part.partition(':')
        if kind == 'IP Address':
            got.append({'ip': ipaddress.ip_address(value).packed.hex()})
        else:
            got.append({{'DNS': 'dns', 'URI': 'uri', 'email': 'mail'}.get(kind, 'other'): value})
    return got

def openssl(der):
    text = run('openssl', 'x509', '-inform', 'DER', '-noout', '-text', '-fingerprint', '-sha256', '-nameopt', NAMEOPT, '-dateopt', 'iso_8601',
               '-serial', '-startdate', '-enddate', '-subject', '-issuer', '-certopt', 'ext_parse', data=der).decode()
    # A name may span lines nowhere: control characters are escaped.
    one = lambda p, d=None: (re.findall(p, text, re.M) or [d])[-1]
    exts = {m[0]: (bool(m[1]), m[2]) for m in re.findall(r'^            (\S.*?):( critical)? *\n((?:^                 *.*\n?)+)?', text, re.M)}
    e = lambda name: exts.get(name, (False, ''))[1].strip()
    serial = int(one(r'^serial=(.*)$'), 16)
    n = max(1, (serial + (serial < 0)).bit_length() // 8 + 1)
    pub = run('openssl', 'x509', '-inform', 'DER', '-noout', '-pubkey', data=der)
    import base64
    spki = base64.b64decode(b''.join(pub.split(b'\n')[1:-2]))
    ids = lambda s: re.sub(r'^keyid:', '', s.split('\n')[0].strip()).replace(':', '').lower() if s else ''
    f = {'version': int(one(r'^ +Version: (\d)')), 'serial': serial.to_bytes(n, 'big', signed=True).hex(),
         'not_before': when(one(r'^notBefore=(.*)$')), 'not_after': when(one(r'^notAfter=(.*)$')),
         'subject': one(r'^subject=(.*)$'), 'issuer': one(r'^issuer=(.*)$'),
         'fingerprint': one(r'^sha256 Fingerprint=(.*)$').replace(':', '').lower(), 'pin': hashlib.sha256(spki).hexdigest(),
         'sig_alg': one(r'^    Signature Algorithm: (.*)$'), 'basic': 'X509v3 Basic Constraints' in exts, 'ca': 'CA:TRUE' in e('X509v3 Basic Constraints'),
         'path_len': int((re.findall(r'pathlen:(\d+)', e('X509v3 Basic Constraints')) or [-1])[0]),
         'has_ku': 'X509v3 Key Usage' in exts, 'has_eku': 'X509v3 Extended Key Usage' in exts,
         'ku': sorted(KU[k] for k in e('X509v3 Key Usage').split(', ') if k),
         'eku': sorted({EKU.get(k, 'other') for k in e('X509v3 Extended Key Usage').split(', ') if k}),
         'eku_critical': exts.get('X509v3 Extended Key Usage', (False,))[0], 'san_critical': exts.get('X509v3 Subject Alternative Name', (False,))[0],
         'san': san(e('X509v3 Subject Alternative Name')) if 'X509v3 Subject Alternative Name' in exts else [],
         'name_constraints': 'X509v3 Name Constraints' in exts, 'must_staple': 'status_request' in re.split(r'[, ]+', e('TLS Feature')),
         'ski': ids(e('X509v3 Subject Key Identifier')), 'aki': ids(e('X509v3 Authority Key Identifier')),
         'unknown_critical': ([EXT_OID.get(n, n) for n, v in exts.items() if v[0] and n not in DOES] or [''])[0]}
    return f

def ours(line):
    z = json.loads(line)
    if 'refused' in z:
        return z
    z['subject'], z['issuer'] = numeric(z['subject']), numeric(z['issuer'])
    z['ku'], z['eku'] = sorted(z['ku']), sorted(z['eku'])
    return z

SIG = {'?': None, 'rsassaPss': 'rsassaPss', 'Ed25519': 'ED25519'}
bad, compared = 0, 0
for (name, der), line in zip(certs.items(), out):
    z, o = ours(line), openssl(der)
    if 'refused' in z:
        print('%s: refused: %s' % (name, z['why']))
        bad += 1
        continue
    for k, want in o.items():
        got = z[k]
        if k == 'sig_alg':
            got = SIG.get(got, got)
        if k == 'aki' and not re.fullmatch('[0-9a-f]*', want):
            want = ''  # openssl shows issuer and serial where there is no key identifier
        if k == 'san' and any('other' in s for s in want):
            got, want = [s for s in got if 'other' not in s], [s for s in want if 'other' not in s]
        if k == 'unknown_critical' and want in ('TLS Feature',):
            continue
        compared += 1
        if got != want:
            print('%s: %s is %r, openssl says %r' % (name, k, got, want))
            bad += 1
    # openssl's own verdict on a self-signed one against ours
    if name.startswith('key ') and name != 'key explicit':
        usable = name[4:] in ('p256', 'p384', 'p521', 'rsa2048', 'rsa3072')
        if z['self_signed'] != usable or z['key_good'] != usable:
            print('%s: key_good %s, self_signed %s' % (name, z['key_good'], z['self_signed']))
            bad += 1
        if z['key_bits'] != BITS.get(name[4:], int(name[7:]) if 'rsa' in name else 0):
            print('%s: %d bits' % (name, z['key_bits']))
            bad += 1
print('%d made, %d roots, %d fields compared, %d differ' % (made, len(certs) - made, compared, bad))
sys.exit(bad or made < 60)
PY
exit 0
