/* grant_kit: an authority that lives in a test: three anchors, a registry key, certificates of any role,
 * and what it would grant. */
#ifndef ZT_TEST_GRANT_KIT_H
#define ZT_TEST_GRANT_KIT_H

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "decide/authority.h"
#include "tests/unit/unit.h"

#define GRANT_NOW INT64_C(1795000000)
#define GRANT_ID "00112233445566778899aabb"

struct gk_pair {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], mem[200];
	struct pk_private key;
	struct span spki;
};

static inline void gk_pair(struct gk_pair *p)
{
	struct wr w = wr_of(p->mem, sizeof p->mem);
	struct pk_public pub = {.type = PK_P256};

	CHECK_INT(pk_generate(PK_P256, p->scalar, sizeof p->scalar), 32);
	p->key = (struct pk_private){.type = PK_P256, .scalar = span_of(p->scalar, 32)};
	pub.point = span_of(p->point, (size_t)pk_point(&p->key, p->point, sizeof p->point));
	x509_wr_spki(&w, &pub);
	p->spki = wr_span(&w);
}

struct gk_anchor {
	struct gk_pair pair;
	uint8_t mem[1024];
	struct x509 cert;
	struct cert_issuer by;
	struct signer signer;
};

static inline void gk_anchor(struct gk_anchor *a, enum cert_anchor kind)
{
	static const uint8_t serial[CERT_SERIAL] = {1, 1};
	struct wr w = wr_of(a->mem, sizeof a->mem);

	gk_pair(&a->pair);
	a->signer = signer_of(&a->pair.key);
	CHECK_INT(anchor_make(&w, kind, span_of(serial, CERT_SERIAL), a->pair.spki, GRANT_NOW - 3600, ANCHOR_LIFETIME, &a->signer, NULL),
		  0);
	CHECK_INT(x509_read(&a->cert, wr_span(&w), NULL), 0);
	cert_issuer_of(&a->by, &a->cert);
}

/* A certificate of this role for this key, signed by `a`, written into w. */
static inline struct span gk_leaf(struct wr *w, const struct gk_anchor *a, enum cert_role role, struct span spki)
{
	static const uint8_t serial[CERT_SERIAL] = {2, 2};
	struct cert_wish wish = {.role = role, .id = SPAN_LIT(GRANT_ID), .serial = span_of(serial, CERT_SERIAL), .spki = spki,
				 .now = GRANT_NOW};
	size_t from = w->n;

	if (cert_role(role)->needs_name) {
		wish.san[0] = (struct san){SAN_DNS, SPAN_LIT("nas.home.arpa")};
		wish.nsans = 1;
	}
	CHECK_INT(cert_make(w, &wish, &a->by, &a->signer, NULL), 0);
	return span_sub(wr_span(w), from, w->n);
}

struct gk {
	struct gk_anchor anchor[ANCHORS], other; /* other: an infra authority of somebody else */
	struct gk_pair mine, registry, server;
	struct authority_pins pins;
	uint8_t chain[4096], server_mem[2048], lists[ANCHORS + 1][2048], trust[ENROLSIG_TRUST];
	struct trust_order order;
	struct span server_leaf;
};

static inline void gk_make(struct gk *g)
{
	struct wr w = wr_of(g->server_mem, sizeof g->server_mem);

	for (unsigned a = 0; a < ANCHORS; a++)
		gk_anchor(&g->anchor[a], (enum cert_anchor)a);
	gk_anchor(&g->other, ANCHOR_INFRA);
	gk_pair(&g->mine);
	gk_pair(&g->registry);
	gk_pair(&g->server);
	g->order = (struct trust_order){1, 3};
	g->pins = (struct authority_pins){.n = 1, .by = "the token"};
	x509_pin(&g->anchor[ANCHOR_INFRA].cert, g->pins.pin[0]);
	g->server_leaf = gk_leaf(&w, &g->anchor[ANCHOR_INFRA], ROLE_REGISTRY, g->server.spki);
}

static inline void gk_put(struct enrol *m, enum enrol_field f, struct span s)
{
	m->has[f] = true;
	m->field[f] = s;
}

/* The anchors as they stand in m, signed by the registry key. */
static inline void gk_sign(struct gk *g, struct enrol *m)
{
	static const enum enrol_field of[ANCHORS] = {ENF_INFRA, ENF_DEVICE, ENF_ACME};
	struct wr w = wr_of(g->trust, sizeof g->trust);
	struct span anchors[ANCHORS];

	for (unsigned a = 0; a < ANCHORS; a++)
		anchors[a] = m->has[of[a]] ? m->field[of[a]] : SPAN_NONE;
	CHECK_INT(enrolsig_trust(&w, &g->registry.key, g->order, anchors), 0);
	gk_put(m, ENF_TRUST, wr_span(&w));
}

/* What is right for this role: chain and all anchors. */
static inline struct enrol gk_grant(struct gk *g, enum cert_role role)
{
	const struct gk_anchor *a = &g->anchor[cert_role(role)->anchor];
	struct wr w = wr_of(g->chain, sizeof g->chain);
	struct enrol m = {.type = ENROL_GRANTED};

	gk_leaf(&w, a, role, g->mine.spki);
	wr_put(&w, a->cert.der);
	gk_put(&m, ENF_CHAIN, wr_span(&w));
	gk_put(&m, ENF_INFRA, g->anchor[ANCHOR_INFRA].cert.der);
	gk_put(&m, ENF_DEVICE, g->anchor[ANCHOR_DEVICE].cert.der);
	gk_put(&m, ENF_ACME, g->anchor[ANCHOR_ACME].cert.der);
	gk_put(&m, ENF_REGISTRY, g->registry.spki);
	gk_sign(g, &m);
	return m;
}

static inline struct authority_asked gk_asked(const struct gk *g, enum cert_role role)
{
	return (struct authority_asked){.spki = g->mine.spki, .role = role, .pins = &g->pins, .at = {GRANT_NOW, GRANT_NOW - 100}};
}

#endif
