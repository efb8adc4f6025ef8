/*
 * secretin: how a command is given a secret: from a file, standard input, the environment or the
 * terminal, and never from an argument. What stood in argv all the same (a join token that somebody
 * pasted) is overwritten before anything else is done.
 */
#ifndef ZT_SECRETIN_H
#define ZT_SECRETIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

#define SECRET_MAX 4096

struct secret { /* zero-initialise; secret_wipe() */
	uint8_t mem[SECRET_MAX];
	size_t n;
};

struct secret_ask {
	const char *what;        /* "passphrase of the authority's keys" */
	const char *file;        /* option's value; "-": standard input; NULL: not given */
	const char *env;         /* "ZT_CA_PASSPHRASE": its value, or ..._FILE names a file. Removed from our environment */
	bool tty;                /* else ask on the terminal, without echo */
	bool twice;              /* and again, for a new one */
};
/* The first that is given: file, environment, terminal. Line ends at the end are cut. 0; -ZT_E_MISSING:
 * none; -ZT_E_PERM: others can read the file; -ZT_E_TOOLONG; -ZT_E_KEY: the two were not the same. */
int secret_get(struct secret *s, const struct secret_ask *a, struct why *w);
struct span secret_span(const struct secret *s);
void secret_wipe(struct secret *s);
/* Copy an argument away and overwrite it where everybody can read it. */
int secret_take_arg(struct secret *s, char *arg);
/* A password for people to type: n groups of five of 32 letters and digits that look different,
 * "k7mwp-…": 25 bits each. out has 6 * n bytes. */
void secret_make_password(char *out, unsigned groups);

#endif
