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
	const char *env;         /* "ZT_PASSPHRASE": its value, or ..._FILE names a file. Removed from our environment */
	bool tty;                /* else ask on the terminal, without echo */
	bool twice;              /* and again, for a new one */
};
/* The first that is given: file, environment, terminal. One line end at the end is cut, as in a
 * key_pass_file. The variables are removed whatever is used. 0; -ZT_E_MISSING: none, or an empty one;
 * -ZT_E_PERM: others can read the file; -ZT_E_TOOLONG; -ZT_E_DUP: both variables are set; -ZT_E_KEY: the
 * two that were typed were not the same; or what opening and reading the file said. *s is wiped then. */
int secret_get(struct secret *s, const struct secret_ask *a, struct why *w);
/* The same by itself, for who reads the configuration before any secret is needed: a variable that
 * stands in the environment is in /proc, and in every child's. 0 or -ZT_E_MISSING, … */
int secret_take_env(struct secret *s, const char *name, const char *what, struct why *w);
/* Is there a terminal to ask on? */
bool secret_has_tty(void);
struct span secret_span(const struct secret *s);
void secret_wipe(struct secret *s);
/* Copy an argument away and overwrite it where everybody can read it. */
int secret_take_arg(struct secret *s, char *arg);
/* A password for people to type: n groups of five of 32 letters and digits that look different,
 * "k7mwp-…": 25 bits each. out has 6 * n bytes. */
void secret_make_password(char *out, unsigned groups);

#endif
