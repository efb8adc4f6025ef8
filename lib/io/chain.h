/*
 * chain: checks the certificates that a peer shows in a handshake, as a class of X.509 engine
 * for BearSSL: bounds them, keeps their bytes, lets br_x509_minimal verify them, and then looks
 * again at what that leaves out. One per handshake; for engine.c and trust.c only.
 */
#ifndef ZT_CHAIN_H
#define ZT_CHAIN_H

#include "tls_br.h"
#include "wire/x509.h"

#define CHAIN_SPARE 4096 /* bytes of mem for whoever owns the chain: the leaf of an earlier session */

struct chain {
	const br_x509_class *vtable; /* first: BearSSL is given a pointer to it */
	/* the answer */
	enum tls_fault verdict;
	struct span cert[TLS_CHAIN]; /* as they came, leaf first */
	size_t n;
	/* chain.c's own */
	br_x509_minimal_context minimal;
	const struct trust *trust;
	const br_x509_trust_anchor *anchors; /* of those, today's */
	size_t anchors_n;
	enum leaf_use use;
	bool let_through, any_name;
	bool ended;
	enum tls_fault refused; /* before anything was verified: NONE, or why */
	size_t bytes;
	struct wr at;     /* the certificate that is coming in */
	struct arena mem; /* certificates, and the anchors of today */
	struct x509 leaf;
	br_x509_pkey key; /* of the leaf, as zt reads it */
};

struct chain_rule {
	const struct trust *trust; /* NULL: nobody, which only makes sense with let_through */
	enum leaf_use use;
	bool let_through;          /* keep the verdict but go on: a pin decides elsewhere */
	bool any_name;             /* the name that was sent is none of the server's own: its role decides elsewhere */
	int64_t now;
};

/* 0 or -ZT_E_NOMEM. c must not move afterwards. */
int chain_init(struct chain *c, const struct chain_rule *rule);
void chain_free(struct chain *c);
/* The anchors it believes, for the names that are sent to clients. */
const br_x509_trust_anchor *chain_anchors(const struct chain *c, size_t *n);

#endif
