/* trust: see trust.h. Reads anchors and keeps them; whether a chain leads to one is chain.c's. */
#include "trust.h"

#include "base/num.h"
#include "chain.h"
#include "wire/pem.h"

#define MAX BOUND_CAP(BOUND_TLS_ANCHORS)
/* A name, a key and what alignment takes: 140 public authorities need 150 KB. */
#define MEM (MAX * (4096 + sizeof(struct anchor)))

bool br_key_of(const struct pk_public *k, br_x509_pkey *out)
{
	static const struct {
		enum pk_type type;
		int curve;
	} curves[] = {
		{PK_P256, BR_EC_secp256r1}, {PK_P384, BR_EC_secp384r1}, {PK_P521, BR_EC_secp521r1},
	};

	if (k->type == PK_RSA) {
		out->key_type = BR_KEYTYPE_RSA;
		out->key.rsa = (br_rsa_public_key){.n = br_bytes(k->n), .nlen = k->n.n, .e = br_bytes(k->e), .elen = k->e.n};
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		if (curves[i].type != k->type)
			continue;
		out->key_type = BR_KEYTYPE_EC;
		out->key.ec = (br_ec_public_key){
			.curve = curves[i].curve, .q = br_bytes(k->point), .qlen = k->point.n};
		return true;
	}
	return false;
}

/* Why zt cannot use it, or NULL. */
static const char *unusable(const struct x509 *c)
{
	if (c->key.type == PK_NONE)
		return "its key is of a kind that zt does not use";
	if (pk_check_public(&c->key) < 0)
		return "its key is too weak or malformed";
	if (c->name_constraints)
		return "it has name constraints, which zt cannot hold anybody to";
	if (c->unknown_critical.n)
		return "it demands something zt does not know";
	if (c->ca && c->has_ku && !(c->ku & KU_CERT_SIGN))
		return "its key usage does not allow to sign certificates";
	return NULL;
}

/* Copies into t what is needed of c. */
static int keep(struct trust *t, const struct x509 *c)
{
	struct anchor *a = &t->anchor[t->n];
	struct pk_public key = {
		.type = c->key.type,
		.point = arena_span(&t->mem, c->key.point),
		.n = arena_span(&t->mem, c->key.n),
		.e = arena_span(&t->mem, c->key.e),
	};
	struct span dn = arena_span(&t->mem, c->subject);

	if (!key.point.p || !key.n.p || !key.e.p || !dn.p)
		return -ZT_E_NOMEM;
	if (!br_key_of(&key, &a->br.pkey))
		return -ZT_E_BUG;
	a->br.dn = (br_x500_name){br_bytes(dn), dn.n};
	/* Not an authority, as self-signed certificates of appliances are: it is believed itself,
	 * but nothing that it signs. */
	a->br.flags = c->ca ? BR_X509_TA_CA : 0;
	a->not_before = c->not_before;
	a->not_after = c->not_after;
	a->path_len = c->path_len;
	t->names += dn.n + 2;
	t->n++;
	return 0;
}

struct reading {
	struct trust *t;
	const char *file;
	enum trust_kind kind;
	struct why *w;
	uint8_t der[X509_MAX];
};

static int skip_or_fail(struct reading *r, unsigned line, enum zt_err e, const char *why)
{
	if (r->kind != TRUST_SYSTEM)
		return why_set(r->w, e, "%s: line %u: this certificate cannot be trusted: %s", r->file, line, why);
	r->t->skipped++;
	return 0;
}

static int add(struct reading *r, const struct pem *p)
{
	struct why cause = {0};
	struct x509 c;
	int n = pem_decode(p, r->der, sizeof r->der, &cause);
	const char *bad;

	if (n < 0)
		return skip_or_fail(r, p->line, (enum zt_err)-n, cause.text);
	n = x509_read(&c, span_of(r->der, (size_t)n), &cause);
	if (n < 0)
		return skip_or_fail(r, p->line, (enum zt_err)-n, cause.text);
	bad = unusable(&c);
	if (bad)
		return skip_or_fail(r, p->line, ZT_E_KEY, bad);
	if (r->t->n == MAX)
		return why_set(r->w, ZT_E_TOOLONG, "%s: line %u: more than %d certificates to trust", r->file, p->line,
			       (int)MAX);
	n = keep(r->t, &c);
	return n < 0 ? why_set(r->w, (enum zt_err)-n, "%s: out of memory", r->file) : 0;
}

static int read_all(struct reading *r, struct span text)
{
	struct why cause = {0};
	unsigned line = 1;
	struct pem p;
	int rc;

	while ((rc = pem_next(&text, &line, &p, &cause)) > 0) {
		if (!span_eq_str(p.label, "CERTIFICATE"))
			continue;
		rc = add(r, &p);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return why_set(r->w, (enum zt_err)-rc, "%s: %s", r->file, cause.text);
	if (r->t->n == 0)
		return why_set(r->w, ZT_E_MISSING, "%s: there is no certificate in it that zt could trust", r->file);
	if (r->kind == TRUST_CLIENTS && r->t->names > TRUST_NAMES)
		return why_set(r->w, ZT_E_TOOLONG,
			       "%s: the names of these authorities take %zu bytes and clients are sent at most %d: "
			       "name only those that sign your clients", r->file, r->t->names, TRUST_NAMES);
	return 0;
}

int trust_new(struct trust **out, struct span pem, const char *file, enum trust_kind kind, struct why *w)
{
	struct arena mem;
	struct reading r = {.file = file, .kind = kind, .w = w};
	int rc;

	arena_init(&mem, MEM);
	r.t = arena_get(&mem, sizeof *r.t);
	if (r.t)
		r.t->anchor = arena_get(&mem, MAX * sizeof(struct anchor));
	if (r.t == NULL || r.t->anchor == NULL) {
		arena_free(&mem);
		return why_set(w, ZT_E_NOMEM, "%s: out of memory", file);
	}
	r.t->mem = mem;
	rc = read_all(&r, pem);
	if (rc < 0) {
		trust_free(r.t);
		return rc;
	}
	*out = r.t;
	return 0;
}

void trust_free(struct trust *t)
{
	struct arena mem;

	if (t == NULL)
		return;
	mem = t->mem; /* t itself is inside */
	arena_free(&mem);
}

size_t trust_size(const struct trust *t)
{
	return t->n;
}

size_t trust_skipped(const struct trust *t)
{
	return t->skipped;
}

br_x509_trust_anchor *trust_at(const struct trust *t, int64_t now, struct arena *mem, size_t *n)
{
	br_x509_trust_anchor *out = arena_get(mem, t->n * sizeof *out);

	*n = 0;
	for (size_t i = 0; out && i < t->n; i++)
		if (t->anchor[i].not_before <= now && now <= t->anchor[i].not_after)
			out[(*n)++] = t->anchor[i].br;
	return out;
}

enum tls_fault trust_verify(const struct span *chain, size_t n, const struct trust *t, const struct trust_ask *ask)
{
	const struct chain_rule rule = {.trust = t, .use = ask->use, .now = ask->now};
	char name[TLS_NAME];
	struct chain c;

	if (span_to_cstr(ask->name, name, sizeof name) < 0)
		return TLSF_CERT_NAME;
	if (chain_init(&c, &rule) < 0)
		return TLSF_INTERNAL;
	c.vtable->start_chain(&c.vtable, name[0] ? name : NULL);
	for (size_t i = 0; i < n; i++) {
		c.vtable->start_cert(&c.vtable, (uint32_t)chain[i].n);
		c.vtable->append(&c.vtable, chain[i].p, chain[i].n);
		c.vtable->end_cert(&c.vtable);
	}
	c.vtable->end_chain(&c.vtable);
	chain_free(&c);
	return c.verdict;
}
