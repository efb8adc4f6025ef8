/*
 * connector: what the files of the connector's worker share. Nobody else includes this.
 *
 *   connector.c  the supervisor's side
 *   worker.c     the life of the worker, its configurations
 *   uplink.c     the way to one edge: dialled, kept, replaced; uplinks.c: all of them, under a configuration
 *   leg.c        one connection to an edge: judged, used, what is announced over it: leg.h
 *   serving.c    one stream that an edge opened: its rule, an origin, bytes both ways
 *   reach.c      one connection to one origin: reach.h
 *   origins.c    which origin of a rule is tried next, and what is known of their health
 *   look.c       one look at an origin: look.h
 *   watched.c    what monitors are told
 */
#ifndef ZT_CONNECTOR_H
#define ZT_CONNECTOR_H

#include "base/pool.h"
#include "decide/ingress.h"
#include "decide/tlsplan.h"
#include "io/bufs.h"
#include "io/child.h"
#include "io/doors.h"
#include "io/mux.h"
#include "io/outside.h"
#include "io/tls.h"
#include "serve/keeper.h"
#include "serve/keepline.h"
#include "serve/plainport.h"

enum { CONNECTOR_LINK_KEEPER = KEEPER_LINK_TLSD + 1, CONNECTOR_LINK_TLSD }; /* numbers of the worker's links */

struct uplink;
struct origins;
struct serving;
struct reach;

/* A configuration as the worker asks it; whoever outlives a turn holds it. Streams are of an epoch: those of an
 * older one live on, new ones for it are refused. */
struct ways {
	unsigned users;
	uint64_t until_ns;          /* when others came into force */
	const struct conf *conf;    /* held: conf_hold() */
	uint32_t epoch;             /* of child; the announced table's too */
	struct arena mem;
	struct ingress_set set;     /* in mem */
	struct origins *origins;    /* health and turns, in mem */
	struct tls_plan *plan;      /* tls_plan_of_identity(), with its cas; tls_plan_origin() finds a rule's */
};
struct connector;
struct ways *ways_hold(struct ways *w);
void ways_drop(struct ways *w); /* NULL is allowed */
void ways_tidy(struct connector *c); /* of those that were in force, drops what no edge goes by any more */

struct leg;

#define WAYS_WAS 32 /* as many reloads as there may be between two announcements, and a way there */

struct connector {
	struct child child;
	struct outside out;
	struct tls_world *tls;
	struct bufs *bufs;
	struct keepline *keep;
	struct ways *ways, *next;   /* in force; prepared */
	struct ways *was[WAYS_WAS]; /* that were in force, the last one first: edges hear of a reload later than we do */
	struct doors doors;         /* for monitors alone */
	struct plainport plain;
	struct pool servings, looks;/* serving.c, look.c */
	struct reach *asked;        /* reach.c: who waits for the supervisor to connect a socket file */
	uint32_t asked_id;
	struct uplink *uplink[BOUND_CAP(BOUND_CONF_LIST)]; /* one for each edge of the list */
	size_t uplinks;
	struct mux *muxes;          /* of the legs: mux_opts.kin */
	struct leg *legs;           /* every connection to an edge, those too that are being left */
	struct timer time;          /* of serving.c: of the first that ends of silence, or because its rule is gone */
	struct timer settle;        /* uplinks.c's, of an heir: until all edges are reached */
	struct timer chores;        /* of uplinks.c: what time alone makes happen */
	uint64_t list_until_ns;     /* so long nobody is dialled without a status list */
	uint8_t instance[FRAME_INSTANCE]; /* child.instance */
	uint8_t identity[KEEPMSG_SERIAL]; /* serial of the certificate that is shown now; zero: not told yet */
	bool started, drained;      /* some edge was reached once; it was said that nothing lives */
	struct {
		uint64_t streams, refused, dials, failed, bytes_in, bytes_out, links_up, links_lost;
	} n;
};

size_t connector_listen(const struct conf *c, struct addr out[static DOORS]); /* for monitors */
void connector_one_less(struct connector *c);     /* when nothing lives any more while draining: child_drained() */

extern const struct status_limits connector_stale; /* how old a status list may be: worker.c */

/* ---- watched.c ---------------------------------------------------------------------------------------- */
void watched_init(struct connector *c);

/* ---- uplinks.c ---------------------------------------------------------------------------------------- */
/* The list of edges as it is in force: dials new ones, leaves those that are gone, announces to the others. */
void uplinks_configure(struct connector *c);
void uplinks_listed(struct connector *c);    /* a status list came: judge each edge again, and pass the list on */
void uplinks_renewed(struct connector *c);   /* c->identity is another one: connections are replaced, at leisure */
void uplinks_health(struct connector *c);    /* some origin came up or went down: CTRL_HEALTH */
void uplinks_drain(struct connector *c, uint64_t grace_ms);
void uplinks_settle(struct connector *c);     /* an heir: child_settled() when all edges are reached, or soon */
void uplinks_end(struct connector *c);
size_t uplinks_up(const struct connector *c); /* edges that have a connection which takes streams */
/* One row of what is known about each edge, for monitors and counters. Valid until the loop's next turn. */
struct uplink_state {
	const char *edge, *why;  /* as configured, host:port; why it is not up */
	unsigned up, workers;    /* of its workers so many are connected; how many it has */
	uint64_t streams, rtt_ns, retries; /* of all of them; the longest */
};
bool uplink_state(const struct connector *c, size_t i, struct uplink_state *out); /* false: there is no i-th */
void uplinks_counters(const struct connector *c, struct wr *out);

/* ---- reach.c ------------------------------------------------------------------------------------------ */
void reach_dialled(struct connector *c, uint32_t id, int fd); /* as child_class.dialled */

/* ---- serving.c ---------------------------------------------------------------------------------------- */
void servings_init(struct connector *c);     /* once, before the jail: the pools */
/* As mux_class.opened: s is served or refused. */
void serving_opened(struct connector *c, struct stream *s, const struct frame_open *o);
/* Another configuration: what is served by a rule, or from an origin, that is not there any more may finish, and is
 * ended after [limits] drain. */
void servings_reloaded(struct connector *c);
void servings_end(struct connector *c);      /* the process is about to end, its loop still there; looks end too */
void servings_free(struct connector *c);     /* the memory, when the loop is gone; harmless without servings_init() */

/* ---- origins.c ---------------------------------------------------------------------------------------- */
struct origins_try {
	uint16_t rule;
	uint64_t tried;          /* bits: those of the rule that were tried for this stream */
};
/* Which origin of the rule is next: by weight among the healthy, weight 0 only without them, an unhealthy one only
 * when all are (somebody must find out). -1: all were tried. */
int origins_next(struct origins *o, struct origins_try *t);
void origins_failed(struct origins *o, uint16_t rule, int origin); /* a connection was not made */
void origins_served(struct origins *o, uint16_t rule, int origin);
bool origins_rule_up(const struct origins *o, uint16_t rule); /* a rule at whose origins nobody looks is up */
int origins_new(struct origins **out, struct connector *c, struct ways *w); /* memory of w; set is there. Knows what c->ways knew */
void origins_start(struct origins *o);       /* the looking, when w is in force */
void origins_stop(struct origins *o);
/* For monitors: name of the rule, origin as written, up; false: there is no i-th. */
struct origin_state {
	const char *rule, *origin;
	bool up;
};
bool origin_state(const struct origins *o, size_t i, struct origin_state *out);

#endif
