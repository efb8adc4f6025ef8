/*
 * leg: one connection to an edge:
 *
 *   SHAKES  TLS, both with certificates of the infra anchor, the edge's judged by our status list
 *   HELLO   the mux is there, the edge has not said hello yet
 *   UP      streams; what the edge has to know has been said, and is said again when it changes
 *   LEFT    it takes no new streams: those that live finish, for a time
 *
 * It belongs to an uplink (uplink.c), which it tells how it goes, until that is gone.
 */
#ifndef ZT_LEG_H
#define ZT_LEG_H

#include "connector.h"
#include "decide/window.h"

enum leg_state { LEG_SHAKES, LEG_HELLO, LEG_UP, LEG_LEFT, LEG_OVER };
enum { LEG_LISTS = 1, LEG_RULES = 2, LEG_HEALTH = 4 }; /* to be told */

#define LEG_NAME (256 + 8) /* [host]:port */

struct leg {
	struct source src;
	struct connector *c;
	struct uplink *u;        /* NULL: its edge is not in the configuration any more */
	struct leg *prev, *next; /* of connector.legs */
	struct tls tls;
	struct mux *mux;         /* from HELLO on */
	enum leg_state state;
	bool keeps; /* the edge leaves it when it needs it no more */
	bool ended; /* it was left, and has no more time: others need its place */
	bool stale, cut;         /* another one shall take its place; it was told that it may not serve */
	bool anybody;            /* it was dialled without a name: any worker of the edge may answer */
	bool full;               /* there was no room for a message */
	unsigned say;            /* what is to be announced, as soon as there is room */
	struct keepline_said said; /* the newest list that the edge was told */
	struct window_rate tables; /* an edge takes no more than one a second for long */
	uint64_t refused, refused_ns;    /* of its streams, as was logged last; when */
	bool may_say_rules, waits; /* taken from tables, and not said yet; it will be asked again */
	uint64_t born_ns, up_ns; /* up_ns 0: not yet */
	uint8_t serial[STATLIST_KEY], own[KEEPMSG_SERIAL]; /* of the edge's certificate; of ours, zero: not told yet */
	struct addr peer;
	char edge[LEG_NAME];
};

/* fd is connected, and the leg's now. worker: the SNI, "" for none. u may be told at once that it is lost. */
void leg_new(struct connector *c, struct uplink *u, const char *edge, const char *worker, int fd, const struct addr *peer);
/* It opens no more streams, and ends when those that live are over, after grace_ms at the latest. The end comes later,
 * from the loop, but for a leg in SHAKES, which is closed. */
void leg_leave(struct leg *g, enum frame_leave reason, uint64_t grace_ms, const char *text);
void leg_close(struct leg *g);               /* at once; nobody is told */
void leg_judge(struct leg *g);               /* by the status list as it is now: may end it */
void leg_say(struct leg *g, unsigned what);  /* soon, when there is room for it */
void leg_be_stale(struct leg *g, const char *why);

void uplinks_soon(struct connector *c); /* something is to be said a little later: leg_say() is called then */

/* ---- what uplink.c is told ---------------------------------------------------------------- */
/* It may be another uplink's afterwards, or be left. */
void uplink_up(struct uplink *u, struct leg *g, const struct frame_hello *h);
void uplink_lost(struct uplink *u, const struct leg *g, const char *why); /* g: NULL when it never was up */
void uplink_again(struct uplink *u, struct leg *g); /* the edge wants another one beside g, soon */
void uplink_denied(struct uplink *u, const char *why);                     /* lost, and not to be had soon */
void uplink_starved(struct uplink *u, const struct leg *g, const char *why); /* lost for want of memory of our own */

#endif
