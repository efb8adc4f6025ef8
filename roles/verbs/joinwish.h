/*
 * joinwish: what a command line of `zt join`, `zt connector join` or `zt edge join` asks for.
 */
#ifndef ZT_JOINWISH_H
#define ZT_JOINWISH_H

#include "decide/certrole.h"
#include "serve/secretin.h"

enum option_id { OPT_TO, OPT_NAME, OPT_AT, OPT_TOKEN_FILE, OPT_WAIT, OPT_LISTEN, OPT_TEXTS };

struct wish {
	const char *text[OPT_TEXTS]; /* NULL: not given */
	uint64_t wait_s;
	bool replace, help;
	enum cert_role role;         /* only this, into its own directory; ROLE_NONE: zt join */
	const char *conf;            /* -c; NULL: the usual one */
	struct secret arg;           /* a token that was an argument; n = 0: none */
};

/* A token among the arguments is overwritten before anything else is done, and is in wish->arg then: to be wiped,
 * whatever comes back. role: ROLE_NONE is `zt join`. 0, also when help was asked for; else the exit code, and why is on
 * stderr. */
int joinwish_read(struct wish *wish, enum cert_role role, int argc, char **argv);
int joinwish_help(enum cert_role role); /* on stdout; 0, or an exit code */

#endif
