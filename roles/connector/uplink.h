/*
 * uplink: what uplink.c (the way to one edge, or to one worker of it) and uplinks.c (all of them) share.
 */
#ifndef ZT_UPLINK_H
#define ZT_UPLINK_H

#include "decide/redial.h"
#include "leg.h"

struct uplink {
	struct connector *c;
	struct uplink *first, *next; /* of this edge: the one in connector.uplink; the next one */
	uint8_t index, count;        /* which of its workers; how many it has said that it has */
	char name[LEG_NAME], host[256];
	uint16_t port;
	struct dial *dial;
	struct timer again;
	bool waits;              /* for the first status list */
	struct redial redial;
	struct window_rate quick;/* how often it may be dialled again without a wait */
	struct window_rate more; /* the first's: how often others beside it that are new may be */
	unsigned begun;          /* legs, since one was UP */
	uint32_t patience_ms;    /* with the newest of them */
	struct addr last;        /* where it was reached; port 0: nowhere yet */
	bool by_last;            /* the dial is for that: the name has no address just now */
	uint64_t retries;
	char why[160];
};

/* Of one worker so far. NULL: no memory, which was logged. */
struct uplink *uplink_new(struct connector *c, const char *host, uint16_t port);
/* Legs that the edge wants kept, for visitors of a process of before its upgrade, become heir's, unless it is NULL. */
void uplink_free(struct uplink *u, struct uplink *heir, const char *why);
void uplink_look(struct uplink *u); /* makes a leg when there is none that is good, and none on its way */

void uplinks_settling(struct connector *c, const struct leg *g); /* g is UP now */

#endif
