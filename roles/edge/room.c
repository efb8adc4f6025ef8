/*
 * room: how much of everything an edge's worker may hold under one configuration: what the sections say, within its memory
 * (decide/share) and its descriptors. Owns no counter: those are the rows of the bounds table.
 */
#include "base/num.h"
#include "decide/share.h"
#include "edge.h"

/* Listeners, lines, the log, spares; tunnels and their new connections; whoever asks about health. */
#define OTHERS 64

/* Visitors must not take the last descriptor: a connector that comes back needs one, and so does an origin. */
static uint64_t places(const struct edge *e)
{
	uint64_t most = e->child.nofile, each = 1;

	for (const struct conf_host *h = conf_first_host(e->child.conf); h; h = conf_next_host(h))
		if (h->origin[0])
			each = 2;
	most = most > 2 * OTHERS ? most - OTHERS : most / 2;
	return num_min64(edge_share(e->child.conf, e->child.conf->edge.max_conns), most / each);
}

/* Of the control group all workers have a part: there is one half of its limit for all of them. */
static uint64_t memory(const struct edge *e)
{
	const struct conf *c = e->child.conf;

	return c->limits.memory ? c->limits.memory : e->child.found_memory / c->edge.workers;
}

void room_commit(struct edge *e)
{
	struct bounds *b = &e->child.bounds;
	const struct conf *c = e->child.conf;
	uint64_t conns;

	share_reset(b, &share_edge);
	bounds_set(b, BOUND_EDGE_CONNS, places(e));
	bounds_set(b, BOUND_TLS_SHAKES, c->tls.handshakes);
	bounds_set(b, BOUND_TUNNEL_KEPT, c->tunnel.memory / SHARE_KEPT);
	share_out(b, &share_edge, memory(e));
	conns = b->row[BOUND_EDGE_CONNS].cap;
	/* Who only shakes hands, and whoever says half a hello, must not have the places of who is in. */
	bounds_set(b, BOUND_TLS_SHAKES, num_min64(b->row[BOUND_TLS_SHAKES].cap, conns / 2 + 1));
	bounds_set(b, BOUND_EDGE_EXCHANGES, conns);
	bounds_set(b, BOUND_EDGE_UPSTREAMS, 2 * conns); /* raw ones too */
	bounds_set(b, BOUND_EDGE_ORIGINS, 2 * conns);   /* some linger */
	bounds_set(b, BOUND_EDGE_HELD, num_min64(BOUND_CAP(BOUND_EDGE_HELD), conns / 2)); /* who needs no tunnel has room, too */
	bounds_set(b, BOUND_RAW_CONNS, num_min64(BOUND_CAP(BOUND_RAW_CONNS), conns));
	/* A visitor, and the local origin that his request goes to; tunnels and what raw streams go to are few. */
	bounds_set(b, BOUND_TLS_OPEN, BOUND_CAP(BOUND_TLS_OPEN) + 2 * conns);
	if (conns < edge_share(c, c->edge.max_conns))
		LOG(&e->child.log, LOG_INFO, "memory or descriptors allow fewer visitors than max_conns", LF_U64("visitors", conns),
		    LF_U64("max_conns", c->edge.max_conns), LF_U64("memory", memory(e)),
		    LF_U64("descriptors", e->child.nofile));
}

static bool is_past(const struct edge *e, enum bound_id id, unsigned eighths)
{
	return e->child.bounds.row[id].used > e->child.bounds.row[id].cap / 8 * eighths;
}

bool room_is_past_in(const struct mux *m, unsigned eighths)
{
	const struct mux_stats s = mux_stats(m);

	return s.streams > s.most / 8 * eighths;
}

bool room_is_past(const struct edge *e, unsigned eighths)
{
	return is_past(e, BOUND_STREAMS, eighths) || is_past(e, BOUND_EDGE_UPSTREAMS, eighths) ||
	       is_past(e, BOUND_EDGE_ORIGINS, eighths);
}

bool room_is_scarce(const struct edge *e, const struct stream *carries)
{
	return is_past(e, BOUND_EDGE_CONNS, ROOM_SCARCE) || is_past(e, BOUND_STREAMS, ROOM_SCARCE) ||
	       (carries && room_is_past_in(carries->mux, ROOM_SCARCE));
}
