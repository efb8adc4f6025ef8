/*
 * cas: the authorities that roles count under, for a worker: out of the very file whose authorities
 * tlsd trusts, what is needed to know a name zt://<ca>/… and that <ca> signed it. Public data. One
 * allocation for each plan that demands a role; a handshake holds on to the one that it was begun
 * with, whatever a reload does meanwhile.
 */
#ifndef ZT_CAS_H
#define ZT_CAS_H

#include "base/err.h"
#include "decide/leaf.h"
#include "decide/tlsplan.h"

#define CAS_MOST 8 /* in a roll-over there are two; the certificates of a role have one */
#define CAS_KEY (PK_RSA_MAX_BITS / 8 + 4) /* modulus and exponent; the point of a curve is shorter */

struct cas {
	unsigned users;
	size_t n;
	struct leaf_ca ca[CAS_MOST];
	uint8_t mem[CAS_MOST][CAS_KEY];
};

/* pem: the contents of `file`, which sentences name. Certificates that are no authority's give no roles
 * and are passed over. 0 and *out with one user, or with a sentence -ZT_E_SYNTAX, -ZT_E_KEY,
 * -ZT_E_MISSING (no authority inside), -ZT_E_TOOLONG, -ZT_E_NOMEM. */
int cas_new(struct cas **out, struct span pem, const char *file, struct why *w);
struct cas *cas_hold(struct cas *c); /* one user more; NULL is allowed, here and below */
void cas_drop(struct cas *c);

/* For every plan that demands a role, out of a bundle that was checked. On failure the plan has none. */
int cas_of_plan(struct tls_plan *p, struct span bundle, struct why *w);
void cas_drop_plan(struct tls_plan *p);

#endif
