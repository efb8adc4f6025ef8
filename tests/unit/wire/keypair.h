/* keypair: a fresh key, its public half, and that as certificates carry it. */
#ifndef ZT_KEYPAIR_H
#define ZT_KEYPAIR_H

#include "base/pk.h"
#include "tests/unit/unit.h"
#include "wire/x509_build.h"

struct pair {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], mem[200], id[X509_KEY_ID];
	struct pk_private key;
	struct pk_public pub;
	struct span spki;
};

static inline void pair_make(struct pair *p, enum pk_type type)
{
	struct wr w = wr_of(p->mem, sizeof p->mem);
	int n = pk_generate(type, p->scalar, sizeof p->scalar);

	CHECK(n > 0);
	p->key = (struct pk_private){.type = type, .scalar = span_of(p->scalar, (size_t)n)};
	n = pk_point(&p->key, p->point, sizeof p->point);
	p->pub = (struct pk_public){.type = type, .point = span_of(p->point, (size_t)n)};
	x509_wr_spki(&w, &p->pub);
	p->spki = wr_span(&w);
	x509_key_id(p->spki, p->id);
}

#endif
