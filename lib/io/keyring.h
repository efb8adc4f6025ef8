/*
 * keyring: every key, certificate and authority that one epoch of the configuration names, read
 * out of a bundle of files and checked, so that a handshake needs a plan's number only.
 */
#ifndef ZT_KEYRING_H
#define ZT_KEYRING_H

#include "base/num.h"
#include "cred.h"
#include "decide/tlsplan.h"
#include "trust.h"

struct keyring {
	struct tls_plan plan;                /* borrows the configuration's strings */
	struct cred *server[TLS_PLANS];
	struct trust *clients[TLS_PLANS];    /* whom a server plan asks for; NULL: nobody */
	struct cred *client[ARRAY_LEN(((struct tls_plan *)0)->client)];
	struct trust *trust[ARRAY_LEN(((struct tls_plan *)0)->client)]; /* NULL: a pin decides, or nothing */
	size_t skipped;                      /* authorities of the system that zt cannot use */
};

/* bundle: as wire/bundle has it; not needed afterwards. 0 and *out, or a sentence that names the
 * file and what is wrong with it. */
int keyring_new(struct keyring **out, const struct conf *c, struct span bundle, struct why *w);
void keyring_free(struct keyring *k); /* wipes; NULL is allowed */

#endif
