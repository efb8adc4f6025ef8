/*
 * csr: a certificate request (PKCS#10, RFC 2986). What it proves is one thing: whoever made it
 * holds the private key. What it asks for is only a wish, kept apart from what is proved: the
 * CA's template decides, and nothing here turns a wish into a certificate.
 */
#ifndef ZT_CSR_H
#define ZT_CSR_H

#include "x509_build.h"

#define CSR_MAX 8192

struct csr {
	struct span der, info; /* all of it; what is signed */
	enum oid sig_alg;
	struct span sig;
	struct span spki;      /* whole TLV: proved */
	struct pk_public key;
	enum oid key_alg;
	struct {
		struct span subject;    /* Name, whole TLV */
		struct span extensions; /* contents of Extensions: x509_ext_next(); empty: none */
	} wish;                /* claims of the sender, checked by nobody */
};

/* 0, or with a sentence: -ZT_E_SYNTAX, -ZT_E_TOOLONG, -ZT_E_DUP (an extension asked for
 * twice), -ZT_E_KEY (a key that zt does not use), -ZT_E_DENIED (not signed by its own key). */
int csr_read(struct csr *out, struct span der, struct why *w);
/* The form alone, nothing proved: to show a request, and for tests. */
int csr_form(struct csr *out, struct span der, struct why *w);
/* The general names it would like, for x509_san_next(); empty: none, or malformed. */
struct span csr_wished_san(const struct csr *c);

struct csr_make {
	struct span subject, spki; /* whole TLVs */
	const struct san *sans;    /* asked for; none: no such attribute */
	size_t nsans;
};
/* The request, signed with the key of spki, into w and read again: 0, -ZT_E_FULL, what sign() said, or
 * what csr_read() said. */
int csr_build(struct wr *w, const struct csr_make *m, const struct signer *s, struct why *why);

#endif
