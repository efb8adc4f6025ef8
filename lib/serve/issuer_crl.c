/*
 * issuer_crl: a revocation list for each generation of an anchor. Owns their signed bytes: one is used until
 * half its life is over or something it lists has changed. Suspended certificates are on it as on hold.
 */
#include <stdlib.h>

#include "base/num.h"
#include "issuer_int.h"
#include "wire/crl.h"

#define CRL_BACKDATE CERT_BACKDATE /* for clocks that are behind, as with certificates */
#define ENTRY_MOST 52              /* 2 + (2 + 16) + (2 + 15) + 2 + 12 + 1: serial, date, extensions with a reason */

struct signed_crl {
	enum cert_anchor anchor;
	unsigned generation;      /* 0: free */
	uint8_t *bytes;
	size_t n;
	uint64_t number, endings; /* issuer_lists_endings() when it was made */
	int64_t made;
};

struct issuer_crls {
	struct signed_crl row[ISSUER_ANCHORS];
};

void issuer_crls_free(struct issuer *is)
{
	for (size_t i = 0; is->crls && i < ISSUER_ANCHORS; i++)
		free(is->crls->row[i].bytes);
	free(is->crls);
	is->crls = NULL;
}

static int64_t life(const struct issuer *is)
{
	return (int64_t)(is->o.crl_ms / 1000);
}

/* An entry stays for one list's life after its certificate expired, so that it was on one that was issued
 * later (RFC 5280 section 3.3). */
static bool is_listed(const struct issuer *is, const struct reg_anchor *a, const struct reg_cert *c, int64_t now,
		      struct issuer_worth *worth)
{
	if (cert_role(c->role)->anchor != a->anchor || c->generation != a->generation || now >= c->not_after + life(is))
		return false;
	issuer_judge(is, c, now, worth);
	return worth->state == CERT_REVOKED || worth->state == CERT_SUSPENDED;
}

static size_t collect(const struct issuer *is, const struct reg_anchor *a, struct crl_entry *out, size_t cap)
{
	int64_t now = issuer_now(is);
	const struct reg_cert *c;
	struct issuer_worth worth;
	size_t n = 0;

	for (size_t i = 0; (c = registry_at(is->o.registry, i)); i++) {
		if (!is_listed(is, a, c, now, &worth))
			continue;
		if (n < cap)
			out[n] = (struct crl_entry){.serial = span_of(c->serial, CERT_SERIAL), .when = worth.since,
						    .reason = worth.reason ? worth.reason : -1}; /* 5.3.1: 0 is left out */
		n++;
	}
	return n;
}

struct room {
	struct crl_entry *entry;
	size_t n;
	struct wr der;
};

static int build(struct issuer *is, const struct issuer_signer *s, uint64_t number, struct room *r, struct why *w)
{
	int64_t now = issuer_now(is);
	struct signer signer = signer_of(s->key);
	uint8_t big_endian[8], aki[X509_KEY_ID];
	struct wr num = wr_of(big_endian, sizeof big_endian);
	struct crl_make m = {.issuer = s->cert.subject, .this_update = now - CRL_BACKDATE, .next_update = now + life(is),
			     .entries = r->entry, .nentries = collect(is, s->anchor, r->entry, r->n)};
	struct crl made;
	int rc;

	wr_be64(&num, number);
	m.number = wr_span(&num);
	x509_key_id(s->cert.spki, aki);
	m.aki = s->cert.ski.n ? s->cert.ski : span_of(aki, sizeof aki);
	rc = crl_build(&r->der, &m, &signer, w);
	if (rc == 0)
		rc = crl_read(&made, wr_span(&r->der), w);
	if (rc == 0 && crl_signed_by(&made, &s->cert.key) < 0)
		return why_set(w, ZT_E_KEY, "keys/%s.%u.key is not the key of that authority's certificate",
			       anchor_name(s->anchor->anchor), s->anchor->generation);
	return rc;
}

/* The number is taken first: what the registry writes may move what entries point to. */
static int make_crl(struct issuer *is, const struct reg_anchor *a, struct signed_crl *row, struct why *w)
{
	struct room r = {.n = collect(is, a, NULL, 0)};
	size_t most = r.n * ENTRY_MOST + X509_MAX; /* names, key identifier, signature */
	struct issuer_signer s;
	uint64_t number = 0;
	int rc;

	if (most > CRL_MAX)
		return why_set(w, ZT_E_FULL, "the revocation list would have %zu entries, more than %u bytes hold", r.n, CRL_MAX);
	rc = issuer_signer(is, a, &s, w);
	if (rc == 0)
		rc = registry_next_crl(is->o.registry, a->anchor, a->generation, &number, w);
	if (rc < 0)
		return rc;
	r.entry = calloc(r.n + 1, sizeof *r.entry);
	r.der = wr_of(malloc(most), most);
	rc = r.entry && r.der.p ? build(is, &s, number, &r, w) : why_set(w, ZT_E_NOMEM, "no memory for a revocation list");
	free(r.entry);
	if (rc < 0) {
		free(r.der.p);
		return rc;
	}
	free(row->bytes);
	*row = (struct signed_crl){.anchor = a->anchor, .generation = a->generation, .bytes = r.der.p, .n = r.der.n,
				   .number = number, .endings = issuer_lists_endings(is), .made = issuer_now(is)};
	LOG(is->o.log, LOG_INFO, "revocation list signed", LF_STR("event", "crl"), LF_STR("anchor", anchor_name(a->anchor)),
	    LF_U64("generation", a->generation), LF_U64("number", number), LF_U64("entries", r.n));
	return 0;
}

static struct signed_crl *row_of(struct issuer *is, const struct reg_anchor *a)
{
	struct signed_crl *empty = NULL;

	for (size_t i = 0; i < ISSUER_ANCHORS; i++) {
		struct signed_crl *row = &is->crls->row[i];

		if (row->generation == a->generation && row->anchor == a->anchor)
			return row;
		if (row->generation == 0 && !empty)
			empty = row;
	}
	return empty; /* there are as many rows as anchors */
}

static bool is_fresh(const struct issuer *is, const struct signed_crl *row)
{
	int64_t now = issuer_now(is);

	return row->bytes && row->endings == issuer_lists_endings(is) && now >= row->made && now < row->made + life(is) / 2;
}

static const struct reg_anchor *which(const struct issuer *is, const struct casign *in)
{
	uint64_t a = casign_u64(in, CAF_ANCHOR);

	if (!in->has[CAF_ANCHOR] || a >= ANCHORS)
		return NULL;
	return in->has[CAF_GENERATION] ? issuer_generation(is, (enum cert_anchor)a, (unsigned)casign_u64(in, CAF_GENERATION))
				       : issuer_anchor(is, (enum cert_anchor)a, ANCHOR_SIGNS);
}

int issuer_crl(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct reg_anchor *a = which(is, ask->in);
	struct signed_crl *row;
	int rc = 0;

	if (!a)
		return why_set(w, ZT_E_NOTFOUND, "there is no such authority here");
	if (!is->crls)
		is->crls = calloc(1, sizeof *is->crls);
	row = is->crls ? row_of(is, a) : NULL;
	if (!row)
		return why_set(w, ZT_E_NOMEM, "no memory for revocation lists");
	if (!issuer_goes_on(ask->in)) {
		rc = issuer_lists_refresh(is, w);
		if (rc == 0 && !is_fresh(is, row))
			rc = make_crl(is, a, row, w);
	}
	return rc < 0 ? rc : issuer_put_part(ask, out, span_of(row->bytes, row->n), row->number, w);
}
