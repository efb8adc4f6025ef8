/*
 * cred: who zt is for one plan: a certificate, those that lead from it towards its authority, and
 * the private key, read and checked once, ready for handshakes. Owns the key and wipes it.
 */
#ifndef ZT_CRED_H
#define ZT_CRED_H

#include "base/err.h"
#include "base/span.h"

struct cred;

/* Files as they are: contents, and the path that sentences name. */
struct cred_file {
	const char *path;
	struct span bytes;
};

/* pass: the file with the passphrase, its last line end not part of it; .path NULL: none.
 * The certificate file holds the leaf first, then each one's issuer; at most TLS_CHAIN. 0 and
 * *out, or with a sentence that names the file: -ZT_E_SYNTAX, -ZT_E_KEY, -ZT_E_MISSING,
 * -ZT_E_TOOLONG, -ZT_E_NOMEM. */
int cred_new(struct cred **out, const struct cred_file *cert, const struct cred_file *key,
	     const struct cred_file *pass, struct why *w);
struct span cred_leaf(const struct cred *c); /* DER of the first certificate */
struct span cred_pin(const struct cred *c);  /* SHA-256 of its public key */
void cred_free(struct cred *c); /* NULL is allowed */

#endif
