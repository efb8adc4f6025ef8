/*
 * crl: the reader and writer of crl.h. Owns nothing and remembers nothing between calls.
 */
#include "crl.h"

#include "base/num.h"

#define NUMBER_MAX 20  /* RFC 5280 5.2.3 */

static int fault(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the revocation list is malformed: %s", what);
}

/* ---- extensions ------------------------------------------------------------------------ */

static int read_reason(struct span value)
{
	struct der d = der_of(value);
	struct span v = der_take(&d, DER_ENUM).value;

	/* 0 to 10; 7 is not used; 8 takes an entry back and belongs to deltas only */
	return der_more(&d) || v.n != 1 || v.p[0] > 10 || v.p[0] == 7 ? -ZT_E_SYNTAX : v.p[0];
}

static int entry_extensions(struct der *list, struct crl_entry *out)
{
	struct x509_seen seen;
	struct x509_ext e;

	if (!der_more(list))
		return -ZT_E_SYNTAX;
	seen.n = 0; /* not all of it: there may be 100,000 entries */
	while (x509_ext_next(list, &e)) {
		int rc = x509_seen_add(&seen, e.oid);

		if (rc < 0)
			return rc;
		if (e.id == OID_CRL_REASON) {
			out->reason = read_reason(e.value);
			if (out->reason < 0)
				return -ZT_E_SYNTAX;
		} else if (e.critical && out->unknown_critical.n == 0) {
			out->unknown_critical = e.oid;
		}
	}
	return der_bad(list) ? -ZT_E_SYNTAX : 0;
}

static int entry_read(struct der *entries, struct crl_entry *out)
{
	struct der in = der_enter(entries, DER_SEQUENCE);
	int rc = 0;

	*out = (struct crl_entry){.reason = -1};
	out->serial = der_integer(&in);
	out->when = der_time(&in);
	if (der_more(&in)) {
		struct der list = der_enter(&in, DER_SEQUENCE);

		rc = entry_extensions(&list, out);
	}
	der_leave(entries, &in);
	return rc < 0 ? rc : der_bad(entries) ? -ZT_E_SYNTAX : 0;
}

int crl_next(struct span *rest, struct crl_entry *out)
{
	struct der d = der_of(*rest);

	if (!der_more(&d)) {
		*out = (struct crl_entry){.reason = -1};
		return 0;
	}
	if (entry_read(&d, out) < 0) {
		*out = (struct crl_entry){.reason = -1};
		*rest = SPAN_NONE;
		return -ZT_E_SYNTAX;
	}
	*rest = rd_rest(&d.r);
	return 1;
}

static int list_extension(struct crl *c, const struct x509_ext *e, struct why *w)
{
	struct der d = der_of(e->value);

	if (e->id == OID_CRL_NUMBER) {
		c->number = der_unsigned(&d);
		c->has_number = true;
		if (der_bad(&d) || der_more(&d) || c->number.n > NUMBER_MAX)
			return fault(w, "number");
	} else if (e->id == OID_AKI) {
		c->aki = x509_aki(&d);
		if (der_bad(&d) || der_more(&d))
			return fault(w, "authority key identifier");
	} else {
		c->delta |= e->id == OID_CRL_DELTA;
		c->scoped |= e->id == OID_ISSUING_POINT;
		if (e->critical && c->unknown_critical.n == 0)
			c->unknown_critical = e->oid;
	}
	return 0;
}

static int list_extensions(struct crl *c, struct der *t, struct why *w)
{
	struct der outer, list;
	struct x509_seen seen;
	struct x509_ext e;
	int rc;

	if (!der_more(t))
		return 0;
	seen.n = 0;
	outer = der_enter(t, DER_CTXC(0));
	list = der_enter(&outer, DER_SEQUENCE);
	if (c->version < 2 || !der_more(&list) || der_more(&outer) || der_more(t))
		return fault(w, "the list of its extensions");
	while (x509_ext_next(&list, &e)) {
		rc = x509_seen_add(&seen, e.oid);
		if (rc < 0)
			return why_set(w, (enum zt_err)-rc, "the revocation list has %s",
				       rc == -ZT_E_DUP ? "an extension twice" : "too many extensions");
		rc = list_extension(c, &e, w);
		if (rc < 0)
			return rc;
	}
	return der_bad(&list) ? fault(w, "an extension") : 0;
}

/* ---- the list -------------------------------------------------------------------------- */

static int walk_entries(struct crl *c, struct why *w)
{
	struct span rest = c->entries;
	struct crl_entry e;
	int rc;

	while ((rc = crl_next(&rest, &e)) > 0) {
		c->count++;
		if (e.unknown_critical.n && c->unknown_critical.n == 0)
			c->unknown_critical = e.unknown_critical;
	}
	if (rc < 0)
		return why_set(w, ZT_E_SYNTAX, "the revocation list is malformed: entry %zu", c->count + 1);
	return 0;
}

/* RFC 5280 5.1.2.1: an entry with extensions belongs into a version 2 list. */
static bool entries_need_v2(struct span entries)
{
	struct der d = der_of(entries);

	while (der_more(&d)) {
		struct der in = der_enter(&d, DER_SEQUENCE);

		der_any(&in);
		der_any(&in);
		if (der_more(&in))
			return true;
	}
	return false;
}

static int read_tbs(struct crl *c, struct der *t, struct span outer_alg, struct why *w)
{
	struct span alg;
	struct der_tlv list;
	enum oid id;
	int rc;

	/* RFC 5280 5.1.2.1: absent, or version 2, which is written as 1. */
	c->version = der_peek(t) == DER_INTEGER ? 2 : 1;
	if (c->version == 2 && der_u64(t, 1) != 1)
		return fault(w, "version");
	alg = x509_alg(t, &id);
	if (der_bad(t) || !span_eq(alg, outer_alg))
		return fault(w, "it names two signature algorithms");
	c->issuer = x509_name(t);
	if (der_bad(t))
		return fault(w, "issuer");
	c->this_update = der_time(t);
	c->has_next = der_peek(t) == DER_UTCTIME || der_peek(t) == DER_GENTIME;
	if (c->has_next)
		c->next_update = der_time(t);
	if (der_bad(t))
		return fault(w, "dates");
	if (der_optional(t, DER_SEQUENCE, &list)) /* RFC: absent when empty; some write it all the same */
		c->entries = list.value;
	if (der_bad(t) || (c->version == 1 && entries_need_v2(c->entries)))
		return fault(w, "the entries");
	rc = walk_entries(c, w);
	return rc < 0 ? rc : list_extensions(c, t, w);
}

static int read_all(struct crl *c, struct span der, struct why *w)
{
	struct x509_frame f;
	const char *wrong;
	struct der t;

	if (der.n > CRL_MAX)
		return why_set(w, ZT_E_TOOLONG, "the revocation list has %zu bytes, more than %u", der.n, CRL_MAX);
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

int crl_read(struct crl *out, struct span der, struct why *w)
{
	int rc;

	*out = (struct crl){0};
	rc = read_all(out, der, w);
	if (rc < 0)
		*out = (struct crl){0};
	return rc;
}

bool crl_has(const struct crl *c, struct span serial, struct crl_entry *out)
{
	struct span rest = c->entries;

	while (crl_next(&rest, out) > 0)
		if (span_eq(out->serial, serial))
			return true;
	return false;
}

int crl_signed_by(const struct crl *c, const struct pk_public *issuer)
{
	return x509_verify(issuer, c->sig_alg, c->tbs, c->sig);
}

/* ---- writing --------------------------------------------------------------------------- */

static void wr_entry(struct wr *w, const struct crl_entry *e)
{
	size_t entry = der_open(w, DER_SEQUENCE), list, ext, value;
	uint8_t reason = (uint8_t)e->reason;

	der_wr(w, DER_INTEGER, e->serial);
	der_wr_time(w, e->when);
	if (e->reason > 0) { /* RFC 5280 5.3.1: "unspecified" is said by saying nothing */
		list = der_open(w, DER_SEQUENCE);
		ext = x509_open_ext(w, OID_CRL_REASON, false, &value);
		der_wr(w, DER_ENUM, span_of(&reason, 1));
		x509_close_ext(w, ext, value);
		der_close(w, list);
	}
	der_close(w, entry);
}

static void wr_tbs(struct wr *w, const struct crl_make *m, enum oid sig_alg)
{
	size_t tbs = der_open(w, DER_SEQUENCE), outer, list, ext, value;

	der_wr_u64(w, 1); /* version 2 */
	x509_wr_alg(w, sig_alg);
	wr_put(w, m->issuer);
	der_wr_time(w, m->this_update);
	der_wr_time(w, m->next_update);
	if (m->nentries) {
		list = der_open(w, DER_SEQUENCE);
		for (size_t i = 0; i < m->nentries; i++)
			wr_entry(w, &m->entries[i]);
		der_close(w, list);
	}
	outer = der_open(w, DER_CTXC(0));
	list = der_open(w, DER_SEQUENCE);
	if (m->aki.n)
		x509_wr_aki(w, m->aki);
	ext = x509_open_ext(w, OID_CRL_NUMBER, false, &value);
	der_wr_unsigned(w, m->number);
	x509_close_ext(w, ext, value);
	der_close(w, list);
	der_close(w, outer);
	der_close(w, tbs);
}

static bool can_be(const struct crl_make *m)
{
	for (size_t i = 0; i < m->nentries; i++)
		if (m->entries[i].serial.n == 0 || m->entries[i].serial.n > X509_SERIAL_MAX || m->entries[i].reason > 10)
			return false;
	return m->this_update <= m->next_update;
}

int crl_build(struct wr *w, const struct crl_make *m, const struct signer *s, struct why *why)
{
	size_t from = w->n;
	struct crl check;
	int rc;

	if (!can_be(m))
		return why_set(why, ZT_E_RANGE, "no revocation list has such dates, such a serial number or reason");
	wr_tbs(w, m, s->alg);
	rc = x509_seal(w, from, s);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "the revocation list could not be signed: %s",
			       err_text((enum zt_err)-rc));
	rc = crl_read(&check, span_sub(wr_span(w), from, w->n), why);
	if (rc < 0)
		return rc;
	if (!span_eq(check.issuer, m->issuer) || check.count != m->nentries) /* borrowed parts were one value each */
		return why_set(why, ZT_E_SYNTAX, "the revocation list could not be made: the issuer is malformed");
	return 0;
}
