/*
 * tunnel: what tunnel.c (the life of one) and tunnels.c (questions to all of them) share.
 *
 *   SHAKING -> WAITING (for a status list that allows it) -> IN -> LEAVING -> OVER
 *         \______________\_____________________________________________/
 */
#ifndef ZT_TUNNEL_H
#define ZT_TUNNEL_H

#include "decide/pickway.h"
#include "decide/window.h"
#include "edge.h"

enum tunnel_state { TUNNEL_SHAKING, TUNNEL_WAITING, TUNNEL_IN, TUNNEL_LEAVING, TUNNEL_OVER };

/* What a connector announced; lies in its own arena. */
struct table {
	struct arena mem;
	struct rules rules;
	struct ingress *in;
	uint8_t down[BOUND_CAP(BOUND_INGRESS)]; /* 1: no origin of the rule is up */
	struct table *older;
	uint64_t held;                          /* of BOUND_TUNNEL_RULES */
	uint64_t gone_ns;                       /* another one came in this turn of the loop */
};

struct tunnel {
	struct source src;
	struct edge *e;
	struct tunnel *prev, *next;             /* of e->first_tunnel: newest first */
	struct tls tls;
	struct mux *mux;
	struct timer limit;                     /* until it is let in */
	struct table *table, *gone;             /* gone: replaced, until nobody has looked into it in this turn */
	struct window_rate tables, lists;       /* how often it may announce, and bring a list */
	unsigned bad_lists;
	struct addr peer;
	char id[80];                            /* of its certificate's zt:// name */
	uint8_t serial[STATLIST_KEY], instance[FRAME_INSTANCE];
	uint64_t since_ns;
	uint32_t judged_epoch;                  /* of the configuration whose grants its streams were judged by */
	uint8_t state;                          /* enum tunnel_state */
	bool counted, heard_hello, passed_over; /* passed_over: it has a newer one of its instance */
	bool alarmed;
	struct kept kept;                       /* upstream.c's: streams that no request uses just now */
	struct pick_way way;                    /* tunnels.c's: among those that could carry what was asked last, */
	const struct rule *rule;                /* by this rule of its table, */
	uint16_t number;                        /* the how-manieth it is */
};

bool tunnel_serves(const struct tunnel *t); /* let in, has announced, takes streams */
/* By the newest list; last: no other one is waited for. May end it. */
void tunnel_judge(struct tunnel *t, bool last);
/* GOAWAY, at once, and a line in the log. */
void tunnel_refuse(struct tunnel *t, enum frame_leave reason, const char *why);
/* What its rules claim and no grant gives, in the log; and streams that lived by one are ended. */
void tunnel_judge_names(struct tunnel *t);
void tunnel_close(struct tunnel *t, const char *why);

#endif
