/*
 * x509: the reader of x509.h. Owns nothing: every field is a span of the certificate's own
 * bytes. It refuses what RFC 5280 says a certificate cannot be, and remembers, without
 * judging, what a certificate should not be.
 *
 * Two encodings that are not DER are read, because makers of devices and old tools wrote them,
 * openssl and GnuTLS read them, they mean one thing only, and the signed bytes are never encoded
 * again here: a BOOLEAN DEFAULT FALSE that is written out, and a key usage with trailing zero
 * bits.
 */
#include "x509.h"

#include <string.h>

#include "base/crypto.h"
#include "base/num.h"

static int fault(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the certificate is malformed: %s", what);
}

/* ---- extensions ------------------------------------------------------------------------ */

static void read_basic(struct x509 *c, struct der *v)
{
	struct der in = der_enter(v, DER_SEQUENCE);

	c->has_basic = true;
	c->ca = der_peek(&in) == DER_BOOLEAN && der_bool(&in);
	if (der_more(&in))
		c->path_len = (int)der_u64(&in, INT32_MAX);
	der_leave(v, &in);
}

static void read_key_usage(struct x509 *c, struct der *v)
{
	unsigned unused;
	struct span bits = der_bits(v, &unused);

	c->has_ku = true;
	for (unsigned i = 0; i < 16 && i / 8 < bits.n; i++) /* bit 0 is the top bit of the first byte */
		if (bits.p[i / 8] & 0x80 >> i % 8)
			c->ku |= 1u << i;
	/* RFC 5280 4.2.1.3: nine bits are defined, and at least one is set. */
	if (c->ku == 0 || bits.n > 2)
		der_spoil(v);
}

static void read_eku(struct x509 *c, struct der *v)
{
	static const struct {
		enum oid oid;
		uint32_t bit;
	} purposes[] = {{OID_EKU_SERVER, EKU_SERVER}, {OID_EKU_CLIENT, EKU_CLIENT}, {OID_EKU_ANY, EKU_ANY}};
	struct der in = der_enter(v, DER_SEQUENCE);

	c->has_eku = true;
	while (der_more(&in)) {
		enum oid o = oid_find(der_oid(&in));
		uint32_t bit = EKU_OTHER;

		for (size_t i = 0; i < ARRAY_LEN(purposes); i++)
			if (purposes[i].oid == o)
				bit = purposes[i].bit;
		c->eku |= bit;
	}
	der_leave(v, &in);
	if (c->eku == 0) /* SIZE (1..MAX) */
		der_spoil(v);
}

static void read_san(struct x509 *c, struct der *v)
{
	struct span rest = der_take(v, DER_SEQUENCE).value;
	struct san one;
	int rc;

	c->san = rest;
	if (rest.n == 0) /* SIZE (1..MAX) */
		der_spoil(v);
	do
		rc = x509_san_next(&rest, &one);
	while (rc > 0);
	if (rc < 0)
		der_spoil(v);
}

static void read_ski(struct x509 *c, struct der *v)
{
	c->ski = der_octets(v);
}

static void read_aki(struct x509 *c, struct der *v)
{
	c->aki = x509_aki(v);
}

static void read_constraints(struct x509 *c, struct der *v)
{
	c->name_constraints = true;
	if (der_take(v, DER_SEQUENCE).value.n == 0)
		der_spoil(v);
}

/* RFC 7633: a SEQUENCE of TLS extension numbers. */
static void read_features(struct x509 *c, struct der *v)
{
	struct der in = der_enter(v, DER_SEQUENCE);

	while (der_more(&in))
		if (der_u64(&in, UINT16_MAX) == 5) /* status_request */
			c->must_staple = true;
	der_leave(v, &in);
}

/* "does": zt acts on what the extension says, so that it may be critical. Name constraints are
 * read only to be told of: zt does not apply them, and what zt signs is scoped by its policy. */
static const struct {
	enum oid id;
	bool does;
	const char *name;
	void (*read)(struct x509 *c, struct der *v);
} extensions[] = {
	{OID_BASIC, true, "basic constraints", read_basic},
	{OID_KEY_USAGE, true, "key usage", read_key_usage},
	{OID_EKU, true, "extended key usage", read_eku},
	{OID_SAN, true, "subject alternative name", read_san},
	{OID_SKI, true, "subject key identifier", read_ski},
	{OID_AKI, true, "authority key identifier", read_aki},
	{OID_NAME_CONSTRAINTS, false, "name constraints", read_constraints},
	{OID_MUST_STAPLE, false, "TLS features", read_features},
};

static int read_extension(struct x509 *c, const struct x509_ext *e, struct why *w)
{
	bool does = false;

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		struct der v = der_of(e->value);

		if (extensions[i].id != e->id)
			continue;
		does = extensions[i].does;
		extensions[i].read(c, &v);
		if (der_bad(&v) || der_more(&v))
			return fault(w, extensions[i].name);
	}
	c->eku_critical |= e->id == OID_EKU && e->critical;
	c->san_critical |= e->id == OID_SAN && e->critical;
	if (e->critical && !does && c->unknown_critical.n == 0)
		c->unknown_critical = e->oid;
	return 0;
}

static int read_extensions(struct x509 *c, struct der *list, struct why *w)
{
	struct x509_seen seen;
	struct x509_ext e;

	if (!der_more(list)) /* SIZE (1..MAX) */
		return fault(w, "an empty list of extensions");
	seen.n = 0;
	while (x509_ext_next(list, &e)) {
		int rc = x509_seen_add(&seen, e.oid);
		char dotted[64];

		if (rc == -ZT_E_DUP)
			return why_set(w, ZT_E_DUP, "the certificate has the extension %s twice",
				       oid_text(e.oid, dotted, sizeof dotted));
		if (rc < 0)
			return why_set(w, ZT_E_TOOLONG, "the certificate has more than %d extensions", X509_EXTENSIONS);
		if (read_extension(c, &e, w) < 0)
			return -ZT_E_SYNTAX;
	}
	return der_bad(list) ? fault(w, "an extension") : 0;
}

/* ---- the rest -------------------------------------------------------------------------- */

static void read_version(struct x509 *c, struct der *t)
{
	struct der v;

	c->version = 1;
	if (der_peek(t) != DER_CTXC(0))
		return;
	v = der_enter(t, DER_CTXC(0));
	c->version = 1 + (unsigned)der_u64(&v, 2);
	if (c->version == 1) /* DEFAULT v1: nobody writes it out, so nobody is kept out */
		der_spoil(&v);
	der_leave(t, &v);
}

static void read_validity(struct x509 *c, struct der *t)
{
	struct der v = der_enter(t, DER_SEQUENCE);

	c->not_before = der_time(&v);
	c->not_after = der_time(&v);
	der_leave(t, &v);
}

/* issuerUniqueID and subjectUniqueID, IMPLICIT BIT STRING: skipped. From version 2 on. */
static void skip_unique_ids(const struct x509 *c, struct der *t)
{
	for (uint8_t tag = DER_CTX(1); tag <= DER_CTX(2); tag++) {
		struct der_tlv id;

		if (der_optional(t, tag, &id) && (c->version < 2 || id.value.n == 0 || id.value.p[0] > 7))
			der_spoil(t);
	}
}

static int read_tail(struct x509 *c, struct der *t, struct why *w)
{
	struct der outer, list;
	int rc;

	skip_unique_ids(c, t);
	if (der_bad(t))
		return fault(w, "a unique identifier");
	if (der_peek(t) == DER_CTXC(3)) {
		if (c->version < 3)
			return fault(w, "extensions before version 3");
		outer = der_enter(t, DER_CTXC(3));
		list = der_enter(&outer, DER_SEQUENCE);
		if (der_bad(&list) || der_more(&outer))
			return fault(w, "the list of extensions");
		rc = read_extensions(c, &list, w);
		if (rc < 0)
			return rc;
	}
	return der_bad(t) || der_more(t) ? fault(w, "something behind its last field") : 0;
}

static int read_tbs(struct x509 *c, struct der *t, struct span outer_alg, struct why *w)
{
	struct span alg;
	enum oid id;

	read_version(c, t);
	if (der_bad(t))
		return fault(w, "version");
	c->serial = der_integer(t);
	if (der_bad(t) || c->serial.n > X509_SERIAL_MAX)
		return fault(w, "serial number");
	alg = x509_alg(t, &id);
	if (der_bad(t) || !span_eq(alg, outer_alg)) /* RFC 5280 4.1.1.2 */
		return fault(w, "it names two signature algorithms");
	c->issuer = x509_name(t);
	if (der_bad(t))
		return fault(w, "issuer");
	read_validity(c, t);
	if (der_bad(t))
		return fault(w, "dates");
	c->subject = x509_name(t);
	if (der_bad(t))
		return fault(w, "subject");
	c->spki = der_take(t, DER_SEQUENCE).whole;
	if (der_bad(t) || x509_spki(c->spki, &c->key, &c->key_alg) < 0)
		return fault(w, "public key");
	return read_tail(c, t, w);
}

static int read_all(struct x509 *c, struct span der, struct why *w)
{
	struct x509_frame f;
	const char *wrong;
	struct der t;

	if (der.n > X509_MAX)
		return why_set(w, ZT_E_TOOLONG, "the certificate has %zu bytes, more than %d", der.n, X509_MAX);
	wrong = x509_frame_read(der, &f);
	if (wrong)
		return fault(w, wrong);
	c->der = der;
	c->tbs = f.tbs;
	c->sig_alg = f.sig_alg;
	c->sig = f.sig;
	t = der_of(f.contents);
	return read_tbs(c, &t, f.alg, w);
}

int x509_read(struct x509 *out, struct span der, struct why *w)
{
	int rc;

	*out = (struct x509){.path_len = -1};
	rc = read_all(out, der, w);
	if (rc < 0)
		*out = (struct x509){.path_len = -1};
	return rc;
}

void x509_pin(const struct x509 *c, uint8_t out[static 32])
{
	sha256(c->spki, out);
}

int x509_signed_by(const struct x509 *c, const struct pk_public *issuer)
{
	return x509_verify(issuer, c->sig_alg, c->tbs, c->sig);
}
