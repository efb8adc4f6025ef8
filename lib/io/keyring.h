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
	struct cred *server[TLS_PLANS];      /* NULL: its files do not exist yet (may_lack) */
	struct trust *clients[TLS_PLANS];    /* whom a server plan asks for; NULL: nobody */
	/* Plans that name the same files share what is in them. */
	struct cred *client[TLS_CLIENT_PLANS];
	struct trust *trust[TLS_CLIENT_PLANS]; /* NULL: a pin decides, or nothing */
	size_t skipped;                      /* authorities of the system that zt cannot use */
};

/* bundle: as wire/bundle has it; not needed afterwards. 0 and *out, or a sentence that names the
 * file and what is wrong with it. */
int keyring_new(struct keyring **out, const struct conf *c, struct span bundle, struct why *w);
int keyring_of_plan(struct keyring **out, const struct tls_plan *plan, struct span bundle, struct why *w); /* copied */
/* What clients will hold against the certificates that are served: out of date or nearly so, not
 * for a name that it is to serve. Told and not refused, for it may be this machine's clock that is
 * wrong. name: "" when it is about all of them. */
typedef void keyring_say(void *arg, const struct tls_server_plan *p, const char *name, const char *what);
void keyring_review(const struct keyring *k, int64_t now, keyring_say *say, void *arg);
void keyring_free(struct keyring *k); /* wipes; NULL is allowed */

#endif
