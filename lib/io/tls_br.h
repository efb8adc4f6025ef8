/*
 * tls_br: BearSSL's types behind trust.h, cred.h and engine.h, shared by trust.c, cred.c, chain.c,
 * resume.c and engine.c. Nobody else includes this.
 */
#ifndef ZT_TLS_BR_H
#define ZT_TLS_BR_H

#include <bearssl.h>

#include "base/pool.h"
#include "cred.h"
#include "trust.h"
#include "wire/privkey.h"

struct anchor {
	br_x509_trust_anchor br;
	int64_t not_before, not_after;
	int path_len; /* -1: any */
};

struct trust {
	struct arena mem; /* names and keys */
	struct anchor *anchor;
	size_t n, skipped;
	size_t names;     /* bytes of all names as a CertificateRequest carries them */
};

/* The anchors that are valid at now, in mem; NULL and *n = 0 when it has no room. */
br_x509_trust_anchor *trust_at(const struct trust *t, int64_t now, struct arena *mem, size_t *n);

struct cred {
	struct arena mem; /* the certificates */
	br_x509_certificate chain[TLS_CHAIN];
	size_t n;
	enum pk_type type;
	br_ec_private_key ec;   /* both point into key */
	br_rsa_private_key rsa;
	struct privkey key;
	uint8_t pin[32];        /* of the first certificate's key */
};

/* A span as BearSSL wants it; it only reads. */
static inline unsigned char *br_bytes(struct span s)
{
	return (unsigned char *)(uintptr_t)s.p;
}
/* false: not a type that zt uses. Borrows k's bytes. */
bool br_key_of(const struct pk_public *k, br_x509_pkey *out);

/* A br_rsa_pkcs1_sign for the rsa of a struct cred, and of nothing else. A signature leaves only
 * when it verifies: a wrong one, made by a processor that slipped, would give the factors away
 * (Boneh, DeMillo, Lipton 1997). */
uint32_t cred_rsa_sign(const unsigned char *hash_oid, const unsigned char *hash, size_t hash_len,
		       const br_rsa_private_key *sk, unsigned char *x);

#endif
