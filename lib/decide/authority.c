/*
 * authority: the judgements of authority.h. Owns nothing, knows no clock and trusts no name: a
 * certificate counts by the key that signed it and by what stands in it.
 */
#include "authority.h"

#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "leaf.h"

/* "sha256:" and the first sixteen digits: enough to compare by eye, and as in zt:// names. */
#define PIN_TEXT (7 + CERT_CA_ID + 1)

static const char *pin_text(const uint8_t *pin, char out[static PIN_TEXT])
{
	memcpy(out, "sha256:", 7);
	ct_hex_encode(pin, CERT_CA_ID / 2, &out[7]);
	out[PIN_TEXT - 1] = 0;
	return out;
}

static int read_anchor(struct x509 *out, struct span der, struct why *w)
{
	int rc = x509_read(out, der, w);

	if (rc == 0 && !out->ca)
		rc = why_set(w, ZT_E_SYNTAX, "a certificate among the authorities is no authority's");
	return rc;
}

int authority_pins_of(struct authority_pins *out, struct span certs, const char *by, struct why *w)
{
	struct span der;
	struct x509 c;
	int rc = 0;

	*out = (struct authority_pins){.by = by, .certs = certs};
	while (rc == 0 && (der = enrol_cert(certs, out->n)).n > 0) {
		if (out->n == ENROL_CERTS)
			return why_set(w, ZT_E_TOOLONG, "there are more than %d authorities", ENROL_CERTS);
		rc = read_anchor(&c, der, w);
		if (rc == 0)
			x509_pin(&c, out->pin[out->n++]);
	}
	return rc;
}

static bool is_pinned(const struct authority_pins *pins, const uint8_t *pin)
{
	bool found = false;

	for (size_t i = 0; i < pins->n; i++)
		found |= ct_eq(pins->pin[i], pin, 32);
	return found;
}

/* ---- the server ----------------------------------------------------------------------------- */

struct search {
	const struct x509 *leaf;
	const struct authority_pins *pins;
	struct x509 anchor; /* found */
	struct leaf_ca by;
};

/* Is this the certificate of an authority that is pinned, and did it sign the leaf? */
static bool signs(struct search *s, struct span der)
{
	uint8_t pin[SHA256_LEN];

	if (read_anchor(&s->anchor, der, NULL) < 0)
		return false;
	x509_pin(&s->anchor, pin);
	if (!is_pinned(s->pins, pin) || x509_signed_by(s->leaf, &s->anchor.key) < 0)
		return false;
	leaf_ca_of(&s->by, &s->anchor);
	return true;
}

static bool find_signer(struct search *s, const struct span *chain, size_t n)
{
	struct span der;

	for (size_t i = 1; i < n; i++)
		if (signs(s, chain[i]))
			return true;
	for (size_t i = 0; (der = enrol_cert(s->pins->certs, i)).n > 0; i++)
		if (signs(s, der))
			return true;
	return false;
}

static int somebody_else(const struct span *chain, size_t n, const struct authority_pins *pins, struct why *w)
{
	char theirs[PIN_TEXT] = "nobody that it shows", ours[PIN_TEXT] = "nobody";
	uint8_t pin[SHA256_LEN];
	struct x509 top;

	if (n >= 2 && x509_read(&top, chain[n - 1], NULL) == 0) {
		x509_pin(&top, pin);
		pin_text(pin, theirs);
	}
	if (pins->n)
		pin_text(pins->pin[0], ours);
	return why_set(w, ZT_E_DENIED, "whoever answers is not the authority: it shows a certificate by %s, and %s "
		       "names %s. That is another authority, or somebody in between; nothing was told to it", theirs, pins->by, ours);
}

int authority_met(const struct span *chain, size_t n, const struct authority_pins *pins, struct authority_now at,
		  uint8_t server[static 32], struct why *w)
{
	struct x509 leaf;
	struct search s = {.leaf = &leaf, .pins = pins};
	const struct leaf_rule rule = {.use = LEAF_SERVER, .now = at.now, .floor = at.floor, .roles = 1u << ROLE_REGISTRY,
				       .cas = &s.by, .ncas = 1};
	enum leaf_reason r;

	if (n == 0 || x509_read(&leaf, chain[0], NULL) < 0)
		return why_set(w, ZT_E_DENIED, "whoever answers shows no certificate that can be read");
	if (!find_signer(&s, chain, n))
		return somebody_else(chain, n, pins, w);
	r = leaf_check(&leaf, &rule);
	if (r == LEAF_OK && (at.now < s.anchor.not_before || at.now > s.anchor.not_after))
		return why_set(w, ZT_E_DENIED, "the authority itself is out of date, by this machine's clock");
	if (r != LEAF_OK)
		return why_set(w, ZT_E_DENIED, "the authority's server shows a certificate that is not good for this: %s",
			       leaf_text(r));
	x509_pin(&leaf, server);
	return 0;
}

/* ---- what is granted ------------------------------------------------------------------------- */

static bool is_of_role(const struct x509 *c, enum cert_role role, const struct leaf_ca *by)
{
	const struct leaf_rule rule = {.use = leaf_use_of(role), .now = c->not_before, .roles = 1u << role, .cas = by,
				       .ncas = 1};

	return leaf_check(c, &rule) == LEAF_OK;
}

enum cert_role authority_role(const struct x509 *c, enum cert_anchor a, struct span anchors)
{
	struct leaf_ca by;
	struct x509 anchor;
	struct span der;

	for (size_t i = 0; (der = enrol_cert(anchors, i)).n > 0; i++) {
		if (read_anchor(&anchor, der, NULL) < 0)
			continue;
		leaf_ca_of(&by, &anchor);
		for (unsigned role = 1; role < CERT_ROLES; role++)
			if (cert_role(role) && cert_role(role)->anchor == a && is_of_role(c, role, &by))
				return (enum cert_role)role;
	}
	return ROLE_NONE;
}

static const enum enrol_field anchor_field[ANCHORS] = {
	[ANCHOR_INFRA] = ENF_INFRA, [ANCHOR_DEVICE] = ENF_DEVICE, [ANCHOR_ACME] = ENF_ACME};

static int wrong(struct why *w, const char *what)
{
	return why_set(w, ZT_E_DENIED, "the authority's answer is not what was asked for: %s", what);
}

/* Of a join nothing is pinned yet: then it is the key that is granted, which the token's proof covers. */
static bool are_signed(const struct enrol *m, const struct authority_asked *asked)
{
	struct span anchors[ANCHORS], spki = asked->registry.n ? asked->registry : m->field[ENF_REGISTRY];
	struct pk_public key;
	enum oid alg;

	_Static_assert(ANCHORS == ENROLSIG_ANCHORS, "all of them are signed");
	for (size_t a = 0; a < ANCHORS; a++)
		anchors[a] = m->has[anchor_field[a]] ? m->field[anchor_field[a]] : SPAN_NONE;
	return x509_spki(spki, &key, &alg) == 0 && enrolsig_trust_by(&key, m->field[ENF_TRUST], anchors) == 0;
}

int authority_anchors(const struct enrol *m, const struct authority_asked *asked, struct why *w)
{
	struct authority_pins all;
	bool known = false;

	for (size_t a = 0; a < ANCHORS; a++) {
		if (!m->has[anchor_field[a]])
			continue;
		if (authority_pins_of(&all, m->field[anchor_field[a]], "", NULL) < 0)
			return wrong(w, "an anchor is malformed or no authority");
		for (size_t i = 0; a == ANCHOR_INFRA && i < all.n; i++)
			known |= is_pinned(asked->pins, all.pin[i]);
	}
	if (!known)
		return wrong(w, "none of its infra anchors is one that was known");
	return are_signed(m, asked) ? 0 : wrong(w, "its anchors are not signed by the key of its registry");
}

static bool good_registry(struct span spki, struct span pinned)
{
	struct pk_public key;
	enum oid alg;

	if (pinned.n)
		return span_eq(spki, pinned);
	return x509_spki(spki, &key, &alg) == 0 && key.type == PK_P256 && pk_check_public(&key) == 0;
}

int authority_granted(const struct enrol *g, const struct authority_asked *asked, struct why *w)
{
	const struct cert_role_row *row = cert_role(asked->role);
	enum enrol_field anchors;
	struct x509 c;
	int rc;

	if (!good_registry(g->field[ENF_REGISTRY], asked->registry))
		return wrong(w, asked->registry.n ? "the key of its registry is another than the pinned one" : "the key of its registry");
	rc = authority_anchors(g, asked, w);
	if (rc < 0)
		return rc;
	if (row == NULL)
		return wrong(w, "this version of zt does not know the role");
	anchors = anchor_field[row->anchor];
	if (x509_read(&c, enrol_cert(g->field[ENF_CHAIN], 0), NULL) < 0)
		return wrong(w, "the certificate is malformed");
	if (!span_eq(c.spki, asked->spki))
		return wrong(w, "the certificate is for another key");
	if (!g->has[anchors] || authority_role(&c, row->anchor, g->field[anchors]) != asked->role)
		return wrong(w, "the certificate is of another role, or not signed by that role's anchor");
	if (asked->at.now < c.not_before || asked->at.now > c.not_after || asked->at.now < asked->at.floor)
		return wrong(w, "the certificate is not valid now: is this machine's clock right?");
	return 0;
}
