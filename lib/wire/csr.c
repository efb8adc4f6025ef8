/*
 * csr: the reader and writer of csr.h. Owns nothing; proves that a request is signed by its own
 * key and believes none of its wishes.
 */
#include "csr.h"

#include "base/num.h"

static int fault(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the certificate request is malformed: %s", what);
}

/* Well-formed, and each extension once; its content is nobody's concern until it is looked at. */
static int check_wishes(struct span extensions, struct why *w)
{
	struct der list = der_of(extensions);
	struct x509_seen seen;
	struct x509_ext e;

	seen.n = 0;
	while (x509_ext_next(&list, &e)) {
		int rc = x509_seen_add(&seen, e.oid);

		if (rc == -ZT_E_DUP)
			return why_set(w, ZT_E_DUP, "the certificate request asks for an extension twice");
		if (rc < 0)
			return why_set(w, ZT_E_TOOLONG, "the certificate request asks for more than %d extensions",
				       X509_EXTENSIONS);
	}
	return der_bad(&list) || seen.n == 0 ? fault(w, "a requested extension") : 0;
}

/* RFC 2985 5.4.2: a SET of exactly one Extensions. */
static int read_ext_request(struct csr *c, struct der *values, struct why *w)
{
	struct der_tlv t = der_take(values, DER_SEQUENCE);

	if (der_bad(values) || der_more(values))
		return fault(w, "the requested extensions");
	if (c->wish.extensions.n)
		return why_set(w, ZT_E_DUP, "the certificate request asks for extensions twice");
	c->wish.extensions = t.value;
	return check_wishes(t.value, w);
}

/* Attributes ::= [0] IMPLICIT SET OF SEQUENCE { type, SET OF value }. Those that zt does not know
 * (a challenge password, a maker's template name) are read over. Their order is not looked at:
 * makers append, and nothing depends on it. */
static int read_attributes(struct csr *c, struct der *info, struct why *w)
{
	struct der list = der_enter(info, DER_CTXC(0));

	while (der_more(&list)) {
		struct der a = der_enter(&list, DER_SEQUENCE);
		enum oid type = oid_find(der_oid(&a));
		struct der values = der_enter(&a, DER_SET);
		bool empty = !der_more(&values);
		int rc = 0;

		if (type == OID_EXT_REQUEST && !der_bad(&values))
			rc = read_ext_request(c, &values, w);
		if (rc < 0)
			return rc;
		while (der_more(&values))
			der_any(&values);
		der_leave(&a, &values);
		der_leave(&list, &a);
		if (empty)
			der_spoil(&list); /* SIZE (1..MAX) */
	}
	der_leave(info, &list);
	return der_bad(info) || der_more(info) ? fault(w, "attributes") : 0;
}

static int read_info(struct csr *c, struct span info, struct why *w)
{
	struct der d = der_of(info);

	der_u64(&d, 0); /* version 1 is 0, and there is no other */
	if (der_bad(&d))
		return fault(w, "version");
	c->wish.subject = x509_name(&d);
	if (der_bad(&d))
		return fault(w, "subject");
	c->spki = der_take(&d, DER_SEQUENCE).whole;
	if (der_bad(&d) || x509_spki(c->spki, &c->key, &c->key_alg) < 0)
		return fault(w, "public key");
	return read_attributes(c, &d, w);
}

static int read_all(struct csr *c, struct span der, struct why *w)
{
	struct x509_frame f;
	const char *wrong;

	if (der.n > CSR_MAX)
		return why_set(w, ZT_E_TOOLONG, "the certificate request has %zu bytes, more than %d", der.n, CSR_MAX);
	wrong = x509_frame_read(der, &f);
	if (wrong)
		return fault(w, wrong);
	c->der = der;
	c->info = f.tbs;
	c->sig_alg = f.sig_alg;
	c->sig = f.sig;
	return read_info(c, f.contents, w);
}

int csr_form(struct csr *out, struct span der, struct why *w)
{
	int rc;

	*out = (struct csr){0};
	rc = read_all(out, der, w);
	if (rc < 0)
		*out = (struct csr){0};
	return rc;
}

static int prove(const struct csr *c, struct why *w)
{
	if (pk_check_public(&c->key) < 0)
		return why_set(w, ZT_E_KEY, "the certificate request is for a key of a kind or size that zt does not use (%s)",
			       oid_name(c->key_alg));
	if (x509_verify(&c->key, c->sig_alg, c->info, c->sig) < 0)
		return why_set(w, ZT_E_DENIED, "the certificate request is not signed by its own key (%s)",
			       oid_name(c->sig_alg));
	return 0;
}

int csr_read(struct csr *out, struct span der, struct why *w)
{
	int rc = csr_form(out, der, w);

	if (rc == 0)
		rc = prove(out, w);
	if (rc < 0)
		*out = (struct csr){0};
	return rc;
}

static bool san_ok(struct span names)
{
	struct san s;
	int rc;

	do
		rc = x509_san_next(&names, &s);
	while (rc > 0);
	return rc == 0;
}

struct span csr_wished_san(const struct csr *c)
{
	struct der list = der_of(c->wish.extensions);
	struct x509_ext e;
	struct span names;
	bool ok;

	while (x509_ext_next(&list, &e)) {
		struct der d = der_whole(e.value, DER_SEQUENCE, &ok);

		if (e.id != OID_SAN)
			continue;
		names = rd_rest(&d.r);
		return ok && san_ok(names) ? names : SPAN_NONE;
	}
	return SPAN_NONE;
}

static void wr_attributes(struct wr *w, const struct csr_make *m)
{
	size_t list = der_open(w, DER_CTXC(0)), attr, set, seq;

	if (m->nsans) {
		attr = der_open(w, DER_SEQUENCE);
		der_wr_oid(w, oid_bytes(OID_EXT_REQUEST));
		set = der_open(w, DER_SET);
		seq = der_open(w, DER_SEQUENCE);
		x509_wr_san(w, m->sans, m->nsans, false);
		der_close(w, seq);
		der_close(w, set);
		der_close(w, attr);
	}
	der_close(w, list);
}

int csr_build(struct wr *w, const struct csr_make *m, const struct signer *s, struct why *why)
{
	size_t from = w->n, info = der_open(w, DER_SEQUENCE);
	struct csr check;
	int rc;

	der_wr_u64(w, 0);
	wr_put(w, m->subject);
	wr_put(w, m->spki);
	wr_attributes(w, m);
	der_close(w, info);
	rc = x509_seal(w, from, s);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "the certificate request could not be signed: %s",
			       err_text((enum zt_err)-rc));
	rc = csr_read(&check, span_sub(wr_span(w), from, w->n), why);
	if (rc < 0)
		return rc;
	if (!span_eq(check.wish.subject, m->subject) || !span_eq(check.spki, m->spki)) /* one value each */
		return why_set(why, ZT_E_SYNTAX, "the certificate request could not be made: the subject or the key is malformed");
	return 0;
}
