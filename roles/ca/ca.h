/*
 * ca: the authority. `zt ca [serve]` runs it: a supervisor and
 *
 *   ca-front  every socket, no key                        links: 0 to ca-tlsd, 1 to ca-sign
 *   ca-tlsd   the TLS key of its own endpoint
 *   ca-sign   the authority's keys and its registry; no socket
 *
 * `zt ca WORD` is a command of the administrator: it asks ca-sign, the one of the running role or one of
 * its own (serve/askca). Each command is a function here and a row in ca.c.
 */
#ifndef ZT_CA_H
#define ZT_CA_H

#include "decide/config.h"

enum { CA_LINK_TLSD, CA_LINK_SIGN }; /* numbers of ca-front's links */

/* What ca-front accepts on, in this order: [ca] listen, then http_listen. */
size_t ca_listen(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)]);

struct ca_cmd {
	const char *name, *help;
	int (*main)(int argc, char **argv); /* argv[0] is the name */
};
/* Runs the row called argv[0]; an unknown one is told with the nearest. call: "zt ca". */
int ca_dispatch(const char *call, const struct ca_cmd *rows, size_t n, int argc, char **argv);
void ca_list_commands(const struct ca_cmd *rows, size_t n);

#endif
