/*
 * p12: the writer of p12.h. Owns nothing. The order is the one that every reader expects, openssl's:
 * encrypted certificates, then the key in a bag of its own encryption, then the MAC over both.
 * The key is never in the caller's buffer unencrypted, not even for a moment.
 */
#include "p12.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "base/pbe.h"
#include "der.h"
#include "pbes2.h"
#include "privkey.h"
#include "x509.h"
#include "x509_build.h"

#define UTF16_MAX (2 * P12_PASSWORD_MAX + 2) /* and a NUL */
#define PART 32                              /* of the random bytes: salt and vector of one use */
#define KEY_PLAIN_MAX 241                    /* PKCS#8 of P-521 */

enum part { PART_CERTS, PART_KEY, PART_MAC };

static const struct profile {
	enum oid digest;
	enum pbe_prf prf;
	size_t hash; /* bytes */
	uint32_t iterations;
	size_t salt; /* of the MAC too */
} profiles[] = {
	/* 8 bytes: macOS was seen to refuse 16 */
	[P12_COMPAT] = {OID_SHA1, PBE_HMAC_SHA1, 20, P12_COMPAT_ITERATIONS, 8},
	[P12_MODERN] = {OID_SHA256, PBE_HMAC_SHA256, 32, P12_MODERN_ITERATIONS, 16},
};

struct state {
	const struct p12_make *m;
	const struct profile *p;
	uint8_t utf16_mem[UTF16_MAX];
	struct span utf16;          /* the password for the derivation of appendix B */
	uint8_t key_id[X509_KEY_ID];/* ties key and certificate together */
};

/* ---- text ------------------------------------------------------------------------------------- */

static uint8_t low6(struct rd *r, uint32_t *bad)
{
	uint8_t b = rd_u8(r);

	*bad |= (b & 0xc0) ^ 0x80;
	return b & 0x3f;
}

/* Top bit: v < least. Both below 2^31. */
static uint32_t below(uint32_t v, uint32_t least)
{
	return (v - least) & 0x80000000;
}

/* One character of UTF-8. How many bytes it has becomes public, its value does not: what is wrong
 * with it is gathered and judged once, at the end. */
static uint32_t read_char(struct rd *r, uint32_t *bad)
{
	uint8_t lead = rd_u8(r), ascii = lead < 0x80, three = (lead & 0xe0) == 0xe0;
	uint32_t v;

	ct_public(&ascii, sizeof ascii);
	ct_public(&three, sizeof three);
	if (ascii)
		return lead;
	if (!three) {
		*bad |= (lead & 0xe0) ^ 0xc0;
		v = (uint32_t)(lead & 0x1f) << 6;
		v |= low6(r, bad);
		*bad |= below(v, 0x80);
		return v;
	}
	*bad |= lead & 0x10; /* four bytes: beyond the basic plane */
	v = (uint32_t)(lead & 0x0f) << 12;
	v |= (uint32_t)low6(r, bad) << 6;
	v |= low6(r, bad);
	*bad |= below(v, 0x800) | (~below(v, 0xd800) & below(v, 0xe000)); /* too long a form, half of a pair */
	return v;
}

/* UTF-8 -> big-endian UTF-16. Full says w; 0 or -ZT_E_UTF8. */
static int wr_utf16(struct wr *w, struct span utf8)
{
	struct rd r = rd_of(utf8);
	uint32_t bad = 0;

	while (rd_left(&r)) {
		uint32_t v = read_char(&r, &bad);

		bad |= below(v, 1); /* NUL, which readers would take for the end */
		wr_be16(w, (uint16_t)v);
	}
	ct_public(&bad, sizeof bad);
	return bad || r.bad ? -ZT_E_UTF8 : 0;
}

/* what: "password" or "name". max characters. */
static int check_text(struct wr *w, struct span text, const char *what, unsigned max, struct why *why)
{
	if (wr_utf16(w, text) < 0)
		return why_set(why, ZT_E_UTF8, "the %s for PKCS#12 has a character that cannot be written there: only UTF-8 "
			       "up to U+FFFF can, so no emoji, and no NUL", what);
	if (w->full)
		return why_set(why, ZT_E_TOOLONG, "the %s for PKCS#12 has more than %u characters", what, max);
	return 0;
}

int p12_password_check(struct span password, struct why *why)
{
	uint8_t mem[2 * P12_PASSWORD_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	int rc = check_text(&w, password, "password", P12_PASSWORD_MAX, why);

	wipe(mem, sizeof mem);
	return rc;
}

/* ---- encryption ------------------------------------------------------------------------------- */

static struct span salt_of(const struct state *s, enum part part)
{
	return span_of(&s->m->random[part * PART], s->p->salt);
}

static void pbes2_of(struct pbes2 *p, const struct state *s, enum part part)
{
	struct span salt = salt_of(s, part);

	*p = (struct pbes2){.prf = s->p->prf, .cipher = PBE_AES256_CBC, .iterations = s->p->iterations, .salt_n = salt.n};
	memcpy(p->salt, salt.p, salt.n);
	memcpy(p->iv, &s->m->random[part * PART + PART / 2], PBE_BLOCK_MAX);
}

static void wr_cipher(struct wr *w, const struct state *s, enum part part)
{
	struct pbes2 p;
	size_t alg, parameters;

	if (s->m->profile == P12_MODERN) {
		pbes2_of(&p, s, part);
		pbes2_write(w, &p);
		return;
	}
	alg = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_PBE_SHA1_DES3));
	parameters = der_open(w, DER_SEQUENCE);
	der_wr_octets(w, salt_of(s, part));
	der_wr_u64(w, s->p->iterations);
	der_close(w, parameters);
	der_close(w, alg);
}

/* In place; data has room for PBE_BLOCK_MAX bytes more. Answers the new length. */
static size_t encrypt(const struct state *s, enum part part, uint8_t *data, size_t n)
{
	struct p12_kdf kdf = {s->p->prf, s->utf16, salt_of(s, part), s->p->iterations};
	size_t block = pbe_iv_len(PBE_DES3_CBC), pad = block - n % block;
	uint8_t key[PBE_KEY_MAX], iv[PBE_BLOCK_MAX];
	struct pbes2 p;

	if (s->m->profile == P12_MODERN) {
		pbes2_of(&p, s, part);
		return pbes2_encrypt(&p, s->m->password, data, n);
	}
	memset(&data[n], (int)pad, pad);
	p12_kdf(&kdf, P12_FOR_KEY, key, pbe_key_len(PBE_DES3_CBC));
	p12_kdf(&kdf, P12_FOR_IV, iv, block);
	pbe_cbc(PBE_DES3_CBC, true, key, iv, data, n + pad);
	wipe(key, sizeof key);
	wipe(iv, sizeof iv);
	return n + pad;
}

/* ---- bags ------------------------------------------------------------------------------------- */

static void wr_attribute(struct wr *w, enum oid type, uint8_t tag, struct span value)
{
	size_t attr = der_open(w, DER_SEQUENCE), set;

	der_wr_oid(w, oid_bytes(type));
	set = der_open(w, DER_SET);
	der_wr(w, tag, value);
	der_close(w, set);
	der_close(w, attr);
}

/* A SET OF is in the order of its encodings (X.690 section 11.6), which depends on how long the name is. */
static void wr_attributes(struct wr *w, const struct state *s)
{
	uint8_t text[2 * P12_NAME_MAX], mem[2][2 * P12_NAME_MAX + 32];
	struct wr name = wr_of(text, sizeof text), a = wr_of(mem[0], sizeof mem[0]), b = wr_of(mem[1], sizeof mem[1]);
	size_t set = der_open(w, DER_SET);
	bool first;

	wr_attribute(&a, OID_LOCAL_KEY_ID, DER_OCTETS, span_of(s->key_id, sizeof s->key_id));
	wr_utf16(&name, s->m->name); /* checked before */
	if (name.n)
		wr_attribute(&b, OID_FRIENDLY_NAME, DER_BMP, wr_span(&name));
	first = span_cmp(wr_span(&a), wr_span(&b)) < 0;
	wr_put(w, wr_span(first ? &a : &b));
	wr_put(w, wr_span(first ? &b : &a));
	der_close(w, set);
}

static void wr_cert_bag(struct wr *w, const struct state *s, size_t i)
{
	size_t bag = der_open(w, DER_SEQUENCE), value, cert, octets;

	der_wr_oid(w, oid_bytes(OID_CERT_BAG));
	value = der_open(w, DER_CTXC(0));
	cert = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_X509_CERT));
	octets = der_open(w, DER_CTXC(0));
	der_wr_octets(w, s->m->certs[i]);
	der_close(w, octets);
	der_close(w, cert);
	der_close(w, value);
	if (i == 0)
		wr_attributes(w, s);
	der_close(w, bag);
}

/* ContentInfo of encryptedData (RFC 2315 section 13): certificates are no secret, so they may stand in w
 * and be encrypted there. */
static int wr_certs(struct wr *w, const struct state *s)
{
	size_t info = der_open(w, DER_SEQUENCE), explicit, data, content, bytes, bags;

	der_wr_oid(w, oid_bytes(OID_CMS_ENCRYPTED));
	explicit = der_open(w, DER_CTXC(0));
	data = der_open(w, DER_SEQUENCE);
	der_wr_u64(w, 0);
	content = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_CMS_DATA));
	wr_cipher(w, s, PART_CERTS);
	bytes = der_open(w, DER_CTX(0));
	bags = der_open(w, DER_SEQUENCE);
	for (size_t i = 0; i < s->m->ncerts; i++)
		wr_cert_bag(w, s, i);
	der_close(w, bags);
	if (w->full || w->cap - w->n < PBE_BLOCK_MAX)
		return -ZT_E_FULL;
	w->n = bytes + encrypt(s, PART_CERTS, &w->p[bytes], w->n - bytes);
	der_close(w, bytes);
	der_close(w, content);
	der_close(w, data);
	der_close(w, explicit);
	der_close(w, info);
	return 0;
}

static void wr_key_bag(struct wr *w, const struct state *s, struct span sealed)
{
	size_t bag = der_open(w, DER_SEQUENCE), value, info;

	der_wr_oid(w, oid_bytes(OID_SHROUDED_KEY));
	value = der_open(w, DER_CTXC(0));
	info = der_open(w, DER_SEQUENCE);
	wr_cipher(w, s, PART_KEY);
	der_wr_octets(w, sealed);
	der_close(w, info);
	der_close(w, value);
	wr_attributes(w, s);
	der_close(w, bag);
}

/* ContentInfo of data: a list of one bag. */
static int wr_key(struct wr *w, const struct state *s)
{
	uint8_t mem[KEY_PLAIN_MAX + PBE_BLOCK_MAX];
	struct wr plain = wr_of(mem, KEY_PLAIN_MAX);
	size_t info, explicit, octets, bags;
	int rc = privkey_write(&plain, s->m->key);

	if (rc < 0)
		return rc;
	ZT_ASSERT(!plain.full);
	info = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_CMS_DATA));
	explicit = der_open(w, DER_CTXC(0));
	octets = der_open(w, DER_OCTETS);
	bags = der_open(w, DER_SEQUENCE);
	wr_key_bag(w, s, span_of(mem, encrypt(s, PART_KEY, mem, plain.n)));
	der_close(w, bags);
	der_close(w, octets);
	der_close(w, explicit);
	der_close(w, info);
	wipe(mem, sizeof mem);
	return 0;
}

/* ---- the file --------------------------------------------------------------------------------- */

static void authenticate(const struct state *s, struct span safe, uint8_t mac[static PBE_HASH_MAX])
{
	struct p12_kdf kdf = {s->p->prf, s->utf16, salt_of(s, PART_MAC), s->p->iterations};
	uint8_t key[PBE_HASH_MAX];

	p12_kdf(&kdf, P12_FOR_MAC, key, s->p->hash);
	pbe_hmac(s->p->prf, span_of(key, s->p->hash), safe, mac);
	wipe(key, sizeof key);
	ct_public(mac, s->p->hash);
}

/* MacData, RFC 7292 section 4. */
static void wr_mac(struct wr *w, const struct state *s, const uint8_t *mac)
{
	size_t data = der_open(w, DER_SEQUENCE), info = der_open(w, DER_SEQUENCE), alg = der_open(w, DER_SEQUENCE);

	der_wr_oid(w, oid_bytes(s->p->digest));
	der_wr_null(w);
	der_close(w, alg);
	der_wr_octets(w, span_of(mac, s->p->hash));
	der_close(w, info);
	der_wr_octets(w, salt_of(s, PART_MAC));
	der_wr_u64(w, s->p->iterations);
	der_close(w, data);
}

static int wr_safe(struct wr *w, const struct state *s)
{
	size_t bags = der_open(w, DER_SEQUENCE);
	int rc = wr_certs(w, s);

	if (rc == 0)
		rc = wr_key(w, s);
	der_close(w, bags);
	return rc < 0 || !w->full ? rc : -ZT_E_FULL;
}

static int wr_file(struct wr *w, const struct state *s)
{
	size_t pfx = der_open(w, DER_SEQUENCE), info, explicit, octets;
	uint8_t mac[PBE_HASH_MAX];
	int rc;

	der_wr_u64(w, 3);
	info = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_CMS_DATA));
	explicit = der_open(w, DER_CTXC(0));
	octets = der_open(w, DER_OCTETS);
	rc = wr_safe(w, s);
	if (rc < 0)
		return rc;
	authenticate(s, span_sub(wr_span(w), octets, w->n), mac); /* contents only, so before der_close() */
	der_close(w, octets);
	der_close(w, explicit);
	der_close(w, info);
	wr_mac(w, s, mac);
	der_close(w, pfx);
	return w->full ? -ZT_E_FULL : 0;
}

/* Are they what they are said to be? A file that no device can use is no file. */
static int check_certs(struct state *s, struct why *why)
{
	struct x509 c;

	if (s->m->ncerts == 0 || s->m->ncerts > P12_CERTS)
		return why_set(why, ZT_E_RANGE, "PKCS#12 is written with 1 to %d certificates, not %zu", P12_CERTS, s->m->ncerts);
	for (size_t i = s->m->ncerts; i-- > 0;) { /* the first one last: it stays in c */
		int rc = x509_read(&c, s->m->certs[i], why);

		if (rc < 0)
			return rc;
	}
	if (s->m->key->type == PK_RSA || s->m->key->type == PK_NONE)
		return why_set(why, ZT_E_KEY, "PKCS#12 is written for EC keys only");
	if (!pk_pair(s->m->key, &c.key))
		return why_set(why, ZT_E_KEY, "the private key is not the one of the certificate");
	x509_key_id(c.spki, s->key_id);
	return 0;
}

static int check_texts(struct state *s, struct why *why)
{
	uint8_t name[2 * P12_NAME_MAX];
	struct wr n = wr_of(name, sizeof name), p = wr_of(s->utf16_mem, 2 * P12_PASSWORD_MAX);
	int rc;

	if (s->m->password.n == 0)
		return why_set(why, ZT_E_KEY, "PKCS#12 is not written without a password: systems disagree about an empty one");
	rc = check_text(&p, s->m->password, "password", P12_PASSWORD_MAX, why);
	if (rc == 0)
		rc = check_text(&n, s->m->name, "name", P12_NAME_MAX, why);
	p.cap = sizeof s->utf16_mem;
	wr_be16(&p, 0);
	s->utf16 = wr_span(&p);
	return rc;
}

int p12_write(struct wr *w, const struct p12_make *m, struct why *why)
{
	struct state s = {.m = m, .p = &profiles[m->profile]};
	size_t from = w->n;
	int rc = check_texts(&s, why);

	if (rc == 0)
		rc = check_certs(&s, why);
	if (rc == 0 && (rc = wr_file(w, &s)) < 0)
		why_set(why, (enum zt_err)-rc, "PKCS#12 could not be written: %s", err_text((enum zt_err)-rc));
	if (rc < 0)
		w->n = from;
	wipe(&s, sizeof s);
	return rc;
}
