/* pk_kit: the keys of pk_vectors.h, ready for use. */
#ifndef ZT_PK_KIT_H
#define ZT_PK_KIT_H

#include "tests/unit/unit.h"

#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "base/pk.h"
#include "tests/unit/base/pk_vectors.h"

static inline struct span unhex(const char *hex, uint8_t *out)
{
	CHECK_INT(ct_hex_decode(span_str(hex), out), 0);
	return span_of(out, strlen(hex) / 2);
}

struct ec {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX];
	struct pk_private priv;
	struct pk_public pub;
};

static inline void ec_load(struct ec *k, enum pk_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++)
		if (ec_keys[i].type == t) {
			size_t n = unhex(ec_keys[i].scalar, k->scalar).n;

			k->point[0] = 4;
			unhex(ec_keys[i].x, &k->point[1]);
			unhex(ec_keys[i].y, &k->point[1 + n]);
			k->priv = (struct pk_private){.type = t, .scalar = span_of(k->scalar, n)};
			k->pub = (struct pk_public){.type = t, .point = span_of(k->point, 1 + 2 * n)};
		}
}

struct rsa {
	uint8_t n[256], e[3], p[128], q[128], dp[128], dq[128], iq[128];
	struct pk_private priv;
	struct pk_public pub;
};

static inline void rsa_load(struct rsa *k)
{
	k->priv = (struct pk_private){
		.type = PK_RSA, .n = unhex(rsa_key.n, k->n), .e = unhex(rsa_key.e, k->e),
		.p = unhex(rsa_key.p, k->p), .q = unhex(rsa_key.q, k->q), .dp = unhex(rsa_key.dp, k->dp),
		.dq = unhex(rsa_key.dq, k->dq), .iq = unhex(rsa_key.iq, k->iq),
	};
	k->pub = (struct pk_public){.type = PK_RSA, .n = k->priv.n, .e = k->priv.e};
}

#endif
