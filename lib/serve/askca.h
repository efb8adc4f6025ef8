/*
 * askca: how a command reaches the process that holds the authority's keys: the one of a running
 * `zt ca serve`, through its control socket, else one of its own (the same jailed child), which takes
 * the registry's lock for as long as the command runs. One way to change anything, and one writer.
 */
#ifndef ZT_ASKCA_H
#define ZT_ASKCA_H

#include <sys/types.h>

#include "decide/config.h"
#include "wire/casign.h"

struct askca {
	int line;        /* a stream */
	pid_t pid;       /* of our own; 0: it belongs to a running role */
	int orders, words;
	uint8_t *in, *out; /* CASIGN_MAX each */
	size_t have;
};

/* passphrase: of the key files, may be empty. A running role has its own. 0, or with a sentence:
 * -ZT_E_LOCKED, -ZT_E_KEY (wrong passphrase, closed to us), -ZT_E_NOTFOUND (no authority here: zt ca init), … */
int askca_open(struct askca *a, const struct conf *c, struct span passphrase, struct why *w);
void askca_close(struct askca *a); /* harmless when it was not opened */
/* One request, one answer; spans of *answer live until the next. CA_NO becomes its code and sentence
 * in *w. fd: goes along (CA_ADOPT), or -1. */
int askca_ask(struct askca *a, const struct casign *request, int fd, struct casign *answer, struct why *w);

#endif
