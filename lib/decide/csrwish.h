/*
 * csrwish: what a certificate request wishes for, against what it is going to get. A wish is never
 * granted by being there: the template of the role decides. But whoever hands in a request that asks to be an
 * authority, for every name of a domain, or for somebody else is told so, instead of being
 * given something else without a word. Pure.
 */
#ifndef ZT_CSRWISH_H
#define ZT_CSRWISH_H

#include "certrole.h"

struct csr_grant {
	enum cert_role role;
	struct span name, user;   /* whose it will be; user may be empty */
	const struct san *sans;   /* names it will have */
	size_t nsans;
};
/* 0; -ZT_E_DENIED: CA:TRUE, a key usage of an authority, a wildcard, a zt:// name, a mail address that is not
 * the user's, and for a person's certificate (client, device) a common name that is neither name
 * nor user; -ZT_E_SYNTAX: extensions that cannot be read. Each with a sentence. */
int csr_wish_check(const struct csr *c, const struct csr_grant *g, struct why *w);
/* Walks names that are asked for and will not be there, for a note to whoever asked: start with
 * *rest = csr_wished_san(). 1, 0 at the end. */
int csr_wish_ungranted(struct span *rest, const struct csr_grant *g, struct san *out);

#endif
