/*
 * doors: the listening sockets of a worker, renewed in two steps with its configuration: what
 * was handed over is kept aside until commit; an address that stays keeps the socket that
 * serves it already, so that no queued connection is lost.
 */
#ifndef ZT_DOORS_H
#define ZT_DOORS_H

#include "base/bounds.h"
#include "base/log.h"
#include "net.h"

#define DOORS BOUND_CAP(BOUND_LISTENERS)

struct doors;

struct door {
	struct listener l;
	struct doors *all;
	struct addr at;
	bool open, stays; /* stays: the prepared configuration wants it too */
};

struct doors { /* zero-initialise, set accepted */
	/* As listener_class.accepted; at->at is the address as configured. */
	void (*accepted)(struct doors *d, const struct door *at, int fd, const struct addr *peer);
	struct door door[2 * DOORS]; /* those that serve and those that are prepared */
	int fd[DOORS];
	struct addr at[DOORS];
	size_t prepared;
	uint64_t shed;                /* by doors whose place was given away */
};

/* fds belong to the doors now, also when this refuses: at[i] is where fds[i] listens. */
int doors_prepare(struct doors *d, const struct addr *at, size_t n_at, const int *fds, size_t n, struct why *w);
void doors_commit(struct doors *d, struct loop *l, struct log *log);
void doors_abort(struct doors *d);
void doors_close(struct doors *d);         /* every one: a drain */
uint64_t doors_shed(const struct doors *d); /* closed for want of descriptors */

#endif
