/*
 * x509_build: the writers of x509_build.h. Owns nothing and holds no key: what is to be signed
 * goes through the caller's struct signer.
 */
#include "x509_build.h"

#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "curve.h"

/* ---- signing --------------------------------------------------------------------------- */

static int sign_with_key(const struct signer *s, enum pk_hash h, struct span message, uint8_t *sig)
{
	return pk_sign(s->arg, h, message, sig);
}

struct signer signer_of(const struct pk_private *k)
{
	static const enum oid algs[] = {
		[PK_NONE] = OID_UNKNOWN,	[PK_P256] = OID_ECDSA_SHA256, [PK_P384] = OID_ECDSA_SHA384,
		[PK_P521] = OID_ECDSA_SHA512, [PK_RSA] = OID_RSA_SHA256,
	};

	return (struct signer){algs[k->type], sign_with_key, k};
}

static bool is_rsa(enum oid sig_alg)
{
	return sig_alg == OID_RSA_SHA256 || sig_alg == OID_RSA_SHA384 || sig_alg == OID_RSA_SHA512;
}

void x509_wr_alg(struct wr *w, enum oid sig_alg)
{
	size_t mark = der_open(w, DER_SEQUENCE);

	der_wr_oid(w, oid_bytes(sig_alg));
	if (is_rsa(sig_alg)) /* as x509_alg() wants it: NULL with RSA, nothing with ECDSA */
		der_wr_null(w);
	der_close(w, mark);
}

int x509_seal(struct wr *w, size_t from, const struct signer *s)
{
	struct span tbs = span_sub(wr_span(w), from, w->n - from);
	bool known;
	enum pk_hash h = x509_hash(s->alg, &known);
	uint8_t sig[PK_SIG_MAX];
	int n;

	if (w->full)
		return -ZT_E_FULL;
	if (!known || h == PK_SHA1)
		return -ZT_E_DENIED;
	n = s->sign(s, h, tbs, sig);
	if (n < 0)
		return n;
	ZT_ASSERT(n <= PK_SIG_MAX);
	x509_wr_alg(w, s->alg);
	der_wr_bits(w, span_of(sig, (size_t)n), 0);
	wr_insert(w, from, SPAN_LIT("\x30")); /* SEQUENCE around the three */
	der_close(w, from + 1);
	return w->full ? -ZT_E_FULL : 0;
}

/* ---- names and keys -------------------------------------------------------------------- */

/* RFC 5280 appendix A.1: the string types and the upper bounds in characters. */
static const struct attr_rule {
	enum oid type;
	uint8_t tag;
	size_t min, max;
} attr_rules[] = {
	{OID_CN, DER_UTF8, 1, 64},	 {OID_O, DER_UTF8, 1, 64},   {OID_OU, DER_UTF8, 1, 64},
	{OID_L, DER_UTF8, 1, 128},	 {OID_ST, DER_UTF8, 1, 128}, {OID_C, DER_PRINTABLE, 2, 2},
	{OID_SERIAL, DER_PRINTABLE, 1, 64}, {OID_EMAIL, DER_IA5, 1, 255}, {OID_DC, DER_IA5, 1, 63},
};

static size_t characters(struct span utf8)
{
	size_t n = 0;

	for (size_t at = 0; at < utf8.n; at += span_utf8(utf8, at))
		n++;
	return n;
}

static int wr_attr(struct wr *w, const struct x509_attr *a)
{
	for (size_t i = 0; i < ARRAY_LEN(attr_rules); i++) {
		const struct attr_rule *r = &attr_rules[i];
		struct der_tlv t = {r->tag, a->text, SPAN_NONE};
		size_t set, seq;

		if (r->type != a->type)
			continue;
		if (!span_is_utf8(a->text) || !der_is_text(&t))
			return -ZT_E_UTF8;
		if (characters(a->text) < r->min || characters(a->text) > r->max)
			return -ZT_E_RANGE;
		set = der_open(w, DER_SET);
		seq = der_open(w, DER_SEQUENCE);
		der_wr_oid(w, oid_bytes(a->type));
		der_wr(w, r->tag, a->text);
		der_close(w, seq);
		der_close(w, set);
		return 0;
	}
	return -ZT_E_RANGE;
}

int x509_wr_name(struct wr *w, const struct x509_attr *attrs, size_t n)
{
	size_t mark = der_open(w, DER_SEQUENCE);

	for (size_t i = 0; i < n; i++) {
		int rc = wr_attr(w, &attrs[i]);

		if (rc < 0)
			return rc;
	}
	der_close(w, mark);
	return 0;
}

static void wr_rsa(struct wr *w, const struct pk_public *k)
{
	size_t alg = der_open(w, DER_SEQUENCE), bits, seq;

	der_wr_oid(w, oid_bytes(OID_RSA));
	der_wr_null(w);
	der_close(w, alg);
	bits = der_open(w, DER_BITSTRING);
	wr_u8(w, 0); /* unused bits */
	seq = der_open(w, DER_SEQUENCE);
	der_wr_unsigned(w, k->n);
	der_wr_unsigned(w, k->e);
	der_close(w, seq);
	der_close(w, bits);
}

static void wr_ec(struct wr *w, const struct pk_public *k)
{
	size_t alg = der_open(w, DER_SEQUENCE);

	der_wr_oid(w, oid_bytes(OID_EC_KEY));
	der_wr_oid(w, oid_bytes(curve_oid(k->type)));
	der_close(w, alg);
	der_wr_bits(w, k->point, 0);
}

void x509_wr_spki(struct wr *w, const struct pk_public *k)
{
	size_t mark = der_open(w, DER_SEQUENCE);

	ZT_ASSERT(k->type != PK_NONE);
	if (k->type == PK_RSA)
		wr_rsa(w, k);
	else
		wr_ec(w, k);
	der_close(w, mark);
}

void x509_key_id(struct span spki, uint8_t out[static X509_KEY_ID])
{
	bool ok;
	struct der d = der_whole(spki, DER_SEQUENCE, &ok);
	uint8_t hash[SHA256_LEN];

	der_take(&d, DER_SEQUENCE);
	sha256(der_bits_whole(&d), hash);
	memcpy(out, hash, X509_KEY_ID);
}

/* ---- extensions ------------------------------------------------------------------------ */

size_t x509_open_ext(struct wr *w, enum oid id, bool critical, size_t *value)
{
	size_t mark = der_open(w, DER_SEQUENCE);

	der_wr_oid(w, oid_bytes(id));
	if (critical)
		der_wr_bool(w, true);
	*value = der_open(w, DER_OCTETS);
	return mark;
}

void x509_close_ext(struct wr *w, size_t mark, size_t value)
{
	der_close(w, value);
	der_close(w, mark);
}

static void wr_basic(struct wr *w, const struct x509_make *m)
{
	size_t value, mark = x509_open_ext(w, OID_BASIC, true, &value), seq = der_open(w, DER_SEQUENCE);

	if (m->ca) {
		der_wr_bool(w, true);
		if (m->path_len >= 0)
			der_wr_u64(w, (uint64_t)m->path_len);
	}
	der_close(w, seq);
	x509_close_ext(w, mark, value);
}

/* A named bit list: bit 0 is the top bit of the first byte, trailing zeros are left out. */
static void wr_key_usage(struct wr *w, uint32_t ku)
{
	size_t value, mark = x509_open_ext(w, OID_KEY_USAGE, true, &value);
	uint8_t bits[2] = {0};
	unsigned last = 0;

	for (unsigned i = 0; i < 9; i++)
		if (ku & 1u << i) {
			bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
			last = i;
		}
	der_wr_bits(w, span_of(bits, last / 8 + 1), 7 - last % 8);
	x509_close_ext(w, mark, value);
}

static void wr_eku(struct wr *w, uint32_t eku)
{
	size_t value, mark = x509_open_ext(w, OID_EKU, false, &value), seq = der_open(w, DER_SEQUENCE);

	if (eku & EKU_SERVER)
		der_wr_oid(w, oid_bytes(OID_EKU_SERVER));
	if (eku & EKU_CLIENT)
		der_wr_oid(w, oid_bytes(OID_EKU_CLIENT));
	der_close(w, seq);
	x509_close_ext(w, mark, value);
}

void x509_wr_san(struct wr *w, const struct san *sans, size_t n, bool critical)
{
	static const uint8_t tags[] = {
		[SAN_MAIL] = DER_CTX(1), [SAN_DNS] = DER_CTX(2), [SAN_URI] = DER_CTX(6), [SAN_IP] = DER_CTX(7)};
	size_t value, mark = x509_open_ext(w, OID_SAN, critical, &value), seq = der_open(w, DER_SEQUENCE);

	for (size_t i = 0; i < n; i++) {
		ZT_ASSERT(sans[i].kind < ARRAY_LEN(tags)); /* SAN_OTHER is only ever read */
		der_wr(w, tags[sans[i].kind], sans[i].value);
	}
	der_close(w, seq);
	x509_close_ext(w, mark, value);
}

static void wr_ski(struct wr *w, struct span key_id)
{
	size_t value, mark = x509_open_ext(w, OID_SKI, false, &value);

	der_wr_octets(w, key_id);
	x509_close_ext(w, mark, value);
}

void x509_wr_aki(struct wr *w, struct span key_id)
{
	size_t value, mark = x509_open_ext(w, OID_AKI, false, &value), seq = der_open(w, DER_SEQUENCE);

	der_wr(w, DER_CTX(0), key_id);
	der_close(w, seq);
	x509_close_ext(w, mark, value);
}

static bool no_subject(const struct x509_make *m)
{
	bool ok;
	struct der d = der_whole(m->subject, DER_SEQUENCE, &ok);

	return ok && !der_more(&d);
}

static void wr_extensions(struct wr *w, const struct x509_make *m)
{
	size_t outer = der_open(w, DER_CTXC(3)), list = der_open(w, DER_SEQUENCE);

	wr_basic(w, m);
	if (m->ku)
		wr_key_usage(w, m->ku);
	if (m->eku)
		wr_eku(w, m->eku);
	if (m->nsans)
		x509_wr_san(w, m->sans, m->nsans, no_subject(m));
	if (m->ski.n)
		wr_ski(w, m->ski);
	if (m->aki.n)
		x509_wr_aki(w, m->aki);
	der_close(w, list);
	der_close(w, outer);
}

/* ---- the certificate ------------------------------------------------------------------- */

static bool can_be(const struct x509_make *m)
{
	bool zero = true;

	for (size_t i = 0; i < m->serial.n; i++)
		zero = zero && m->serial.p[i] == 0;
	return !zero && m->not_before <= m->not_after && m->ku < 1u << 9 && !(m->eku & ~(uint32_t)(EKU_SERVER | EKU_CLIENT)) &&
	       (m->ca || m->path_len < 0);
}

static void wr_tbs(struct wr *w, const struct x509_make *m, enum oid sig_alg)
{
	size_t tbs = der_open(w, DER_SEQUENCE), part = der_open(w, DER_CTXC(0));

	der_wr_u64(w, 2); /* version 3 */
	der_close(w, part);
	der_wr_unsigned(w, m->serial);
	x509_wr_alg(w, sig_alg);
	wr_put(w, m->issuer);
	part = der_open(w, DER_SEQUENCE);
	der_wr_time(w, m->not_before);
	der_wr_time(w, m->not_after);
	der_close(w, part);
	wr_put(w, m->subject);
	wr_put(w, m->spki);
	wr_extensions(w, m);
	der_close(w, tbs);
}

int x509_build(struct wr *w, const struct x509_make *m, const struct signer *s, struct why *why)
{
	size_t from = w->n;
	struct x509 check;
	int rc;

	if (!can_be(m))
		return why_set(why, ZT_E_RANGE, "no certificate has such a serial number, such dates or such a usage");
	wr_tbs(w, m, s->alg);
	rc = x509_seal(w, from, s);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "the certificate could not be signed: %s", err_text((enum zt_err)-rc));
	rc = x509_read(&check, span_sub(wr_span(w), from, w->n), why);
	if (rc < 0)
		return rc;
	/* Borrowed parts went in as they are: each must have been one value and not two. */
	if (!span_eq(check.subject, m->subject) || !span_eq(check.issuer, m->issuer) || !span_eq(check.spki, m->spki))
		return why_set(why, ZT_E_SYNTAX, "the certificate could not be made: a name or the key is malformed");
	return 0;
}
