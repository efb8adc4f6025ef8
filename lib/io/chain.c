/*
 * chain: see chain.h. br_x509_minimal does the arithmetic: signatures, dates, order, CA flags, path
 * lengths below the anchor, key usage, the name. It leaves out, and this file adds: a bound on
 * the chain, the anchor's own path length, what authorities are for (extended key usage), name
 * constraints that are not critical, and whether two readers see the same key in the leaf.
 */
#include "chain.h"

#include "base/num.h"
#include "tlsfault.h"

#define DAY 86400
#define DAYS_TO_1970 719528 /* from 1 January of the year 0, as br_x509_minimal counts */

#define ANCHORS_MEM (BOUND_CAP(BOUND_TLS_ANCHORS) * sizeof(br_x509_trust_anchor))

static struct chain *of(const br_x509_class **ctx)
{
	return CONTAINER_OF(ctx, struct chain, vtable);
}

static void start_chain(const br_x509_class **ctx, const char *name)
{
	struct chain *c = of(ctx);

	c->minimal.vtable->start_chain(&c->minimal.vtable, c->any_name ? NULL : name);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct chain *c = of(ctx);
	uint8_t *mem;

	if (c->refused)
		return;
	if (length == 0) /* br_x509_minimal would not look at it behind one that an anchor signed */
		c->refused = TLSF_CERT_FORM;
	else if (c->n == TLS_CHAIN || length > X509_MAX || length > TLS_CHAIN_BYTES - c->bytes)
		c->refused = TLSF_CERT_CHAIN;
	mem = c->refused ? NULL : arena_get(&c->mem, length);
	if (mem == NULL && !c->refused)
		c->refused = TLSF_CERT_CHAIN;
	if (c->refused)
		return;
	c->at = wr_of(mem, length);
	c->bytes += length;
	c->minimal.vtable->start_cert(&c->minimal.vtable, length);
}

static void append(const br_x509_class **ctx, const unsigned char *buf, size_t len)
{
	struct chain *c = of(ctx);

	if (c->refused)
		return;
	wr_bytes(&c->at, buf, len);
	c->minimal.vtable->append(&c->minimal.vtable, buf, len);
}

static void end_cert(const br_x509_class **ctx)
{
	struct chain *c = of(ctx);

	if (c->refused)
		return;
	c->cert[c->n++] = wr_span(&c->at);
	c->minimal.vtable->end_cert(&c->minimal.vtable);
}

/* May an authority with this certificate vouch for such a leaf? br_x509_minimal has seen to its
 * signature, dates, CA flag and key usage. */
static enum tls_fault check_issuer(const struct x509 *i, enum leaf_use use)
{
	uint32_t purpose = use == LEAF_SERVER ? EKU_SERVER : EKU_CLIENT;
	bool known;

	if (i->name_constraints || i->unknown_critical.n || !i->has_basic || !i->ca)
		return TLSF_CERT_USE;
	if (i->has_eku && !(i->eku & (purpose | EKU_ANY)))
		return TLSF_CERT_USE;
	if (pk_check_public(&i->key) < 0)
		return TLSF_CERT_KEY;
	x509_hash(i->sig_alg, &known);
	return known ? TLSF_NONE : TLSF_CERT_SIG;
}

static bool is_name(const struct anchor *a, struct span name)
{
	return span_eq(span_of(a->br.dn.data, a->br.dn.len), name);
}

static bool same_key(const br_x509_pkey *a, const br_x509_pkey *b)
{
	if (a->key_type != b->key_type)
		return false;
	if (a->key_type == BR_KEYTYPE_RSA)
		return span_eq(span_of(a->key.rsa.n, a->key.rsa.nlen), span_of(b->key.rsa.n, b->key.rsa.nlen)) &&
		       span_eq(span_of(a->key.rsa.e, a->key.rsa.elen), span_of(b->key.rsa.e, b->key.rsa.elen));
	return a->key.ec.curve == b->key.ec.curve &&
	       span_eq(span_of(a->key.ec.q, a->key.ec.qlen), span_of(b->key.ec.q, b->key.ec.qlen));
}

/* Is the leaf an anchor itself, as the certificate of an appliance may be? */
static bool believed_itself(const struct chain *c)
{
	for (size_t i = 0; i < c->trust->n; i++) {
		const struct anchor *a = &c->trust->anchor[i];

		if (!(a->br.flags & BR_X509_TA_CA) && is_name(a, c->leaf.subject) && same_key(&a->br.pkey, &c->key))
			return true;
	}
	return false;
}

/* Is there an anchor of this name that allows `below` authorities between itself and the leaf?
 * 1: yes, 0: no anchor has this name, -1: none of those that have allows it. */
static int anchor_for(const struct chain *c, struct span issuer, size_t below)
{
	int found = 0;

	for (size_t i = 0; i < c->trust->n; i++) {
		const struct anchor *a = &c->trust->anchor[i];

		if (!(a->br.flags & BR_X509_TA_CA) || !is_name(a, issuer))
			continue;
		if (a->path_len < 0 || (size_t)a->path_len >= below)
			return 1;
		found = -1;
	}
	return found;
}

/* The path that was verified: from the leaf up to the first certificate whose issuer is an anchor;
 * what stands behind it was not looked at by anybody and does not count. */
static enum tls_fault walk(const struct chain *c)
{
	struct x509 cert = c->leaf;

	if (believed_itself(c))
		return TLSF_NONE;
	for (size_t i = 0;; i++) {
		int found = anchor_for(c, cert.issuer, i);
		enum tls_fault f;

		if (found)
			return found > 0 ? TLSF_NONE : TLSF_CERT_USE;
		if (i + 1 == c->n)
			return TLSF_CERT_CA;
		if (x509_read(&cert, c->cert[i + 1], NULL) < 0)
			return TLSF_CERT_FORM;
		f = check_issuer(&cert, c->use);
		if (f != TLSF_NONE)
			return f;
	}
}

/* br_x509_minimal says "unsupported" for a hash as for a key: say which. */
static enum tls_fault refine(const struct chain *c, enum tls_fault f)
{
	struct x509 cert;

	for (size_t i = 0; f == TLSF_CERT_SIG && i < c->n; i++)
		if (x509_read(&cert, c->cert[i], NULL) == 0 && cert.key.type == PK_NONE)
			return TLSF_CERT_KEY;
	return f;
}

/* What no pin forgives: without a leaf that zt can read and a key that it can use there is nobody
 * to talk to. */
static enum tls_fault read_leaf(struct chain *c)
{
	if (c->refused)
		return c->refused;
	if (c->n == 0)
		return TLSF_NO_CERT;
	if (x509_read(&c->leaf, c->cert[0], NULL) < 0)
		return TLSF_CERT_FORM;
	/* Nothing that a P-521 key signs could be verified: it is not among the curves of a handshake. */
	if (c->leaf.key.type == PK_P521 || pk_check_public(&c->leaf.key) < 0 || !br_key_of(&c->leaf.key, &c->key))
		return TLSF_CERT_KEY;
	return TLSF_NONE;
}

static unsigned end_chain(const br_x509_class **ctx)
{
	struct chain *c = of(ctx);
	unsigned err = c->refused ? BR_ERR_X509_LIMIT_EXCEEDED : c->minimal.vtable->end_chain(&c->minimal.vtable);
	enum tls_fault leaf = read_leaf(c);
	const br_x509_pkey *key;

	c->ended = true;
	c->verdict = leaf;
	if (leaf != TLSF_NONE)
		return err ? err : BR_ERR_X509_NOT_TRUSTED;
	c->verdict = err ? refine(c, tlsfault_of((int)err)) : walk(c);
	if (c->let_through)
		return 0;
	if (err == 0 && c->verdict == TLSF_NONE) {
		key = c->minimal.vtable->get_pkey((const br_x509_class *const *)&c->minimal.vtable, NULL);
		if (key == NULL || !same_key(key, &c->key))
			c->verdict = TLSF_CERT_FORM;
	}
	if (c->verdict == TLSF_NONE)
		return 0;
	return err ? err : BR_ERR_X509_NOT_TRUSTED;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct chain *c = CONTAINER_OF(ctx, const struct chain, vtable);

	if (!c->let_through)
		c->minimal.vtable->get_pkey((const br_x509_class *const *)&c->minimal.vtable, usages);
	else if (usages)
		*usages = BR_KEYTYPE_SIGN;
	return c->ended ? &c->key : NULL;
}

static const br_x509_class chain_class = {
	.context_size = sizeof(struct chain),
	.start_chain = start_chain,
	.start_cert = start_cert,
	.append = append,
	.end_cert = end_cert,
	.end_chain = end_chain,
	.get_pkey = get_pkey,
};

int chain_init(struct chain *c, const struct chain_rule *rule)
{
	static const struct trust nobody;
	int64_t now = rule->now > 0 ? rule->now : 0;

	*c = (struct chain){
		.vtable = &chain_class,
		.verdict = TLSF_NO_CERT,
		.trust = rule->trust ? rule->trust : &nobody,
		.use = rule->use,
		.let_through = rule->let_through,
		.any_name = rule->any_name,
	};
	/* 16 a certificate is what alignment takes. */
	arena_init(&c->mem, TLS_CHAIN_BYTES + 16 * (TLS_CHAIN + 3) + ANCHORS_MEM + CHAIN_SPARE);
	c->anchors = trust_at(c->trust, now, &c->mem, &c->anchors_n);
	if (c->anchors == NULL) {
		arena_free(&c->mem);
		return -ZT_E_NOMEM;
	}
	br_x509_minimal_init(&c->minimal, &br_sha256_vtable, c->anchors, c->anchors_n);
	br_x509_minimal_set_hash(&c->minimal, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(&c->minimal, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(&c->minimal, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_rsa(&c->minimal, br_rsa_pkcs1_vrfy_get_default());
	/* Not the generic curves that init_full() sets: they cost twice as much. */
	br_x509_minimal_set_ecdsa(&c->minimal, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
	br_x509_minimal_set_minrsa(&c->minimal, PK_RSA_MIN_BITS / 8);
	br_x509_minimal_set_time(&c->minimal, (uint32_t)(now / DAY + DAYS_TO_1970), (uint32_t)(now % DAY));
	return 0;
}

void chain_free(struct chain *c)
{
	arena_free(&c->mem);
}

const br_x509_trust_anchor *chain_anchors(const struct chain *c, size_t *n)
{
	*n = c->anchors_n;
	return c->anchors;
}
