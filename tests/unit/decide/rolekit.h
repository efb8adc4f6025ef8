/* For tests of roles: authorities, and certificates that they really issued. */
#ifndef ZT_ROLEKIT_H
#define ZT_ROLEKIT_H

#include "base/num.h"
#include "decide/certrole.h"
#include "decide/leaf.h"
#include "tests/unit/wire/keypair.h"

#define ROLEKIT_NOW INT64_C(1799990000)
#define ROLEKIT_ID "00112233445566778899aabb"
#define BIT(role) (1u << (role))

static const uint8_t rolekit_serial[CERT_SERIAL] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct authority {
	struct pair pair;
	uint8_t mem[1024];
	struct x509 cert;
	struct cert_issuer by;
	struct signer signer;
	struct leaf_ca ca;
};

static inline void authority_make(struct authority *a, enum cert_anchor kind)
{
	struct wr w = wr_of(a->mem, sizeof a->mem);

	pair_make(&a->pair, PK_P256);
	a->signer = signer_of(&a->pair.key);
	CHECK_INT(anchor_make(&w, kind, span_of(rolekit_serial, CERT_SERIAL), a->pair.spki, ROLEKIT_NOW, ANCHOR_LIFETIME, &a->signer, NULL), 0);
	CHECK_INT(x509_read(&a->cert, wr_span(&w), NULL), 0);
	cert_issuer_of(&a->by, &a->cert);
	leaf_ca_of(&a->ca, &a->cert);
	CHECK_STR(a->ca.id, a->by.ca_id);
}

struct issued {
	struct pair pair;
	uint8_t mem[2048];
	struct x509 cert;
};

/* by: whose name and id; signer: whose key. One authority, but for a forger. spki: of a key that somebody
 * has; empty: a new one. */
static inline void issue_for(struct issued *i, enum cert_role role, const struct cert_issuer *by, const struct signer *s,
			     struct span spki)
{
	struct cert_wish wish = {.role = role, .id = SPAN_LIT(ROLEKIT_ID), .serial = span_of(rolekit_serial, CERT_SERIAL), .now = ROLEKIT_NOW};
	struct wr w = wr_of(i->mem, sizeof i->mem);

	pair_make(&i->pair, PK_P256);
	wish.spki = spki.n ? spki : i->pair.spki;
	if (cert_role(role)->needs_name) {
		wish.san[0] = (struct san){SAN_DNS, SPAN_LIT("nas.home.arpa")};
		wish.nsans = 1;
	}
	CHECK_INT(cert_make(&w, &wish, by, s, NULL), 0);
	CHECK_INT(x509_read(&i->cert, wr_span(&w), NULL), 0);
}

static inline void issue(struct issued *i, enum cert_role role, const struct cert_issuer *by, const struct signer *s)
{
	issue_for(i, role, by, s, SPAN_NONE);
}

#endif
