/*
 * look: one look at the health of one origin: it accepts a connection, over TLS when it speaks that, and where
 * the rule has a health_path it answers it with 2xx or 3xx. What follows from that is origins.c's.
 */
#ifndef ZT_LOOK_H
#define ZT_LOOK_H

#include "reach.h"

struct look;
struct look_ask {
	struct ways *ways;      /* held while it runs */
	uint16_t rule, origin;
	/* Both once, in a later turn, unless stopped: what was seen, which is left out when nothing was; and that the connection
	 * is closed too and l is no more. */
	void (*done)(void *owner, bool good, const char *words);
	void (*gone)(void *owner);
	void *owner;
};
void looks_init(struct connector *c);
/* NULL: BOUND_LOOKS run already, or it cannot begin; ask again later. */
struct look *look_start(struct connector *c, const struct look_ask *ask);
void look_stop(struct look *l); /* before gone() */

#endif
