/*
 * issuer_make: from a wish to a certificate on the disk. Owns the order: checked, signed in memory,
 * recorded; what is not recorded was never a certificate, and nobody has seen it. Never believes
 * what a request wishes for.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "issuer_int.h"

const struct reg_anchor *issuer_anchor(const struct issuer *is, enum cert_anchor a, int state)
{
	for (size_t i = 0; i < is->nanchors; i++)
		if (is->anchor[i].anchor == a && (int)is->anchor[i].state == state)
			return &is->anchor[i];
	return NULL;
}

const struct reg_anchor *issuer_generation(const struct issuer *is, enum cert_anchor a, unsigned generation)
{
	for (size_t i = 0; i < is->nanchors; i++)
		if (is->anchor[i].anchor == a && is->anchor[i].generation == generation)
			return &is->anchor[i];
	return NULL;
}

int issuer_signer(struct issuer *is, const struct reg_anchor *a, struct issuer_signer *out, struct why *w)
{
	if (!a)
		return why_set(w, ZT_E_NOTFOUND, "there is no such authority here: zt ca init makes it");
	*out = (struct issuer_signer){.anchor = a, .key = is->o.anchor_key(is->o.ctx, a->anchor, a->generation)};
	if (!out->key)
		return why_set(w, ZT_E_KEY, "the %s authority's key is not on this machine: bring keys/%s.%u.key back and "
			       "reload, or do this where it is",
			       anchor_name(a->anchor), anchor_name(a->anchor), a->generation);
	return x509_read(&out->cert, a->der, w);
}

int issuer_sans(struct span names, struct san *out, size_t *n, struct why *w)
{
	struct san s;
	int rc;

	for (*n = 0; (rc = x509_san_next(&names, &s)) > 0;) {
		if (s.kind != SAN_DNS && s.kind != SAN_IP)
			return why_set(w, ZT_E_DENIED, "a certificate has DNS names and IP addresses, and no other kind of name");
		if (*n == CERT_SANS)
			return why_set(w, ZT_E_RANGE, "a certificate has at most %d names and addresses", CERT_SANS);
		out[(*n)++] = s;
	}
	return rc < 0 ? why_set(w, ZT_E_SYNTAX, "the names and addresses are malformed") : 0;
}

void issuer_key_digest(struct span spki, uint8_t out[static 32])
{
	sha256(spki, out);
}

/* A key that signs here, in a certificate: who holds that could be taken for the authority. */
static bool is_ours(const struct issuer *is, struct span spki)
{
	struct x509 cert;

	for (size_t i = 0; i < is->nanchors; i++)
		if (x509_read(&cert, is->anchor[i].der, NULL) == 0 && span_eq(cert.spki, spki))
			return true;
	return span_eq(registry_key(is->o.registry), spki);
}

int issuer_key_free(struct issuer *is, struct span spki, const char *id, struct why *w)
{
	const struct reg_cert *c;
	struct issuer_worth worth;
	uint8_t digest[32];

	if (is_ours(is, spki))
		return why_set(w, ZT_E_DENIED, "this is a key of the authority itself: make another one");
	issuer_key_digest(spki, digest);
	c = registry_by_key(is->o.registry, digest);
	if (!c || span_eq_str(span_str(c->id), id))
		return 0;
	issuer_judge(is, c, issuer_now(is), &worth);
	if (worth.live)
		return why_set(w, ZT_E_EXISTS, "this key has a certificate already, as '%s': make another key", c->name);
	if (c->revoked && c->reason == 1) /* keyCompromise, RFC 5280 section 5.3.1 */
		return why_set(w, ZT_E_DENIED, "this key was revoked as compromised, as '%s': make another key", c->name);
	return 0;
}

static bool like_an_id(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!((name.p[i] >= '0' && name.p[i] <= '9') || (name.p[i] >= 'a' && name.p[i] <= 'f')))
			return false;
	return name.n == CERT_ID;
}

int issuer_name_good(struct span name, struct why *w)
{
	if (cert_name_ok(name) && !like_an_id(name))
		return 0;
	return why_set(w, ZT_E_SYNTAX, "a name has 1 to %d of a-z A-Z 0-9 . _ - @, begins with a letter or a digit, and does not "
		       "look like an id of %d hex digits", CERT_NAME_MAX, CERT_ID);
}

/* Of all that ever had this name the newest is asked, and the ones it superseded: an identity that ended
 * had to end before another one could take its name. */
int issuer_name_free(struct issuer *is, struct span name, struct why *w)
{
	const struct reg_cert *c;
	int64_t now = issuer_now(is);
	int rc = issuer_name_good(name, w);

	if (rc < 0)
		return rc;
	for (c = registry_by_name(is->o.registry, name); c; c = issuer_parent(is, c)) {
		struct issuer_worth worth;

		issuer_judge(is, c, now, &worth);
		if (worth.live)
			return why_set(w, ZT_E_EXISTS, "'%s' has a certificate already: zt ca renew %s makes the next one, "
				       "zt ca revoke %s ends it",
				       c->name, c->name, c->name);
	}
	return 0;
}

/* Positive and never zero (RFC 5280 section 4.1.2.2), 126 random bits and more, and new here. */
static void new_serial(struct issuer *is, uint8_t out[static CERT_SERIAL])
{
	do {
		random_bytes(out, CERT_SERIAL);
		out[0] &= 0x7f;
	} while (out[0] == 0 || registry_find(is->o.registry, out));
}

static void new_id(struct issuer *is, char out[static CERT_ID + 1])
{
	uint8_t id[CERT_ID / 2];

	do {
		random_bytes(id, sizeof id);
		ct_hex_encode(id, sizeof id, out);
		out[CERT_ID] = 0;
	} while (registry_by_name(is->o.registry, span_str(out)));
}

/* 0: the role's default, which ends with the issuer. */
static int64_t ends(const struct issuer_wish *wish, const struct x509 *issuer, int64_t now)
{
	int64_t most = CERT_LIFETIME_MAX + 1, end; /* refused all the same, and no sum can wrap */

	if (!wish->lifetime)
		return 0;
	end = now + (wish->lifetime < most ? wish->lifetime : most);
	return wish->clamp && end > issuer->not_after ? issuer->not_after : end;
}

static void fill_cert(struct reg_cert *c, const struct issuer_wish *wish, const struct x509 *cert, int64_t now)
{
	issuer_key_digest(wish->spki, c->key);
	if (wish->parent)
		memcpy(c->parent, wish->parent, CERT_SERIAL);
	if (wish->token)
		memcpy(c->token, wish->token, TOKEN_ID);
	memcpy(c->name, wish->name, sizeof c->name);
	memcpy(c->user, wish->user, sizeof c->user);
	c->role = wish->role;
	c->issued = now;
	c->not_before = cert->not_before;
	c->not_after = cert->not_after;
}

/* Everything but the record. */
static int sign_it(struct issuer *is, const struct issuer_wish *wish, struct arena *mem, struct issuer_made *out,
		   struct why *w)
{
	struct wr der = wr_of(arena_get(mem, X509_MAX), X509_MAX);
	int64_t now = issuer_now(is);
	struct cert_issuer by;
	struct cert_wish cw;
	struct issuer_signer s = {0};
	struct signer signer;
	struct x509 cert = {0};
	int rc;

	if (!der.p)
		return why_set(w, ZT_E_NOMEM, "no memory for a certificate");
	rc = issuer_signer(is, issuer_anchor(is, cert_role(wish->role)->anchor, ANCHOR_SIGNS), &s, w);
	if (rc < 0 || !s.anchor)
		return rc;
	new_serial(is, out->cert.serial);
	if (wish->id[0])
		memcpy(out->cert.id, wish->id, sizeof out->cert.id);
	else
		new_id(is, out->cert.id);
	cert_issuer_of(&by, &s.cert);
	cw = (struct cert_wish){.role = wish->role, .id = span_str(out->cert.id), .spki = wish->spki, .nsans = wish->nsans,
				.serial = span_of(out->cert.serial, CERT_SERIAL), .now = now,
				.not_after = ends(wish, &s.cert, now)};
	memcpy(cw.san, wish->san, sizeof cw.san);
	signer = signer_of(s.key);
	rc = cert_make(&der, &cw, &by, &signer, w);
	if (rc == 0)
		rc = x509_read(&cert, wr_span(&der), w);
	if (rc < 0)
		return rc;
	fill_cert(&out->cert, wish, &cert, now);
	out->cert.generation = s.anchor->generation;
	out->der = wr_span(&der);
	return 0;
}

int issuer_make(struct issuer *is, const struct issuer_wish *wish, struct arena *mem, struct issuer_made *out,
		struct why *w)
{
	struct reg_issue record;
	int rc;

	*out = (struct issuer_made){0};
	/* A board without a battery after its start, say. Whoever got such a certificate would refuse it, and the use of
	 * its token would be gone. */
	if (issuer_now(is) < CLOCK_FLOOR_S)
		return why_set(w, ZT_E_AGAIN, "the authority's clock is not set: no certificate is made before it is; try again");
	rc = sign_it(is, wish, mem, out, w);
	if (rc < 0)
		return rc;
	record = (struct reg_issue){.cert = out->cert, .der = out->der};
	rc = registry_issue(is->o.registry, &record, w);
	if (rc < 0)
		return rc;
	issuer_changed(is);
	return 0;
}

int issuer_made_before(struct issuer *is, const struct reg_cert *c, struct arena *mem, struct issuer_made *out, struct why *w)
{
	uint8_t *der = arena_get(mem, X509_MAX);
	int n;

	if (!der)
		return why_set(w, ZT_E_NOMEM, "no memory for a certificate");
	n = registry_der(is->o.registry, c, der, X509_MAX, w);
	if (n < 0)
		return n;
	*out = (struct issuer_made){.cert = *c, .der = span_of(der, (size_t)n)};
	return 0;
}

void issuer_put_made(const struct issuer_ask *ask, struct casign *out, const struct issuer_made *m)
{
	casign_put(out, CAF_CHAIN, m->der);
	issuer_put_copy(ask, out, CAF_SERIAL, m->cert.serial, CERT_SERIAL);
	issuer_put_copy(ask, out, CAF_ID, m->cert.id, CERT_ID);
}
