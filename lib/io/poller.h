/*
 * poller: the two back ends behind the loop, epoll and poll(), with one poll()-shaped
 * contract: level-triggered, interest set per source, ready sources handed out in batches.
 * Only loop.c calls this.
 */
#ifndef ZT_POLLER_H
#define ZT_POLLER_H

#include <stddef.h>

#include "loop.h"

struct poller;

struct ready {
	struct source *s;
	unsigned events;
};

/* One turn hands out at most this many sources; with level triggering the rest come next
 * turn. epoll then rotates its ready list, so nobody waits for ever. */
#define POLLER_BATCH 256

struct poller_class {
	const char *name;
	int (*open)(struct poller **out);
	int (*fd)(const struct poller *p);
	void (*free)(struct poller *p);
	int (*add)(struct poller *p, struct source *s, unsigned want);
	void (*change)(struct poller *p, struct source *s, unsigned want);
	void (*remove)(struct poller *p, struct source *s);
	/* Answers how many entries of out are filled, or -ZT_E_SYS. */
	int (*wait)(struct poller *p, int timeout_ms, struct ready out[static POLLER_BATCH]);
};

extern const struct poller_class poller_epoll, poller_poll;

#endif
