/*
 * joinwait: where `zt edge join` waits for home to call, and how the edge reaches the authority afterwards: through
 * its own port, which passes zt-enrol/1 on ([edge] enrol).
 */
#ifndef ZT_JOINWAIT_H
#define ZT_JOINWAIT_H

#include "base/bounds.h"
#include "base/err.h"
#include "decide/config.h"

struct joinwait {
	int fd[BOUND_CAP(BOUND_LISTENERS)]; /* they listen */
	size_t n;
	struct addr at;      /* the first of them */
	char own[ADDR_TEXT]; /* the edge's own port, as a process on the same machine dials it */
	bool passes;         /* [edge] enrol is set */
};

/* listen: ADDR:PORT; NULL: [edge] listen, or every IPv4 address at port 443. Before privileges are given up. */
int joinwait_open(struct joinwait *j, const struct conf *c, const char *listen, struct why *w);
void joinwait_close(struct joinwait *j);

#endif
