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

void room_commit(struct edge *e)
{
	struct bounds *b = &e->child.bounds;
	const struct conf *c = e->child.conf;
	uint64_t conns;

	share_reset(b, &share_edge);
	bounds_set(b, BOUND_EDGE_CONNS, places(e));
	bounds_set(b, BOUND_TLS_SHAKES, c->tls.handshakes);
	bounds_set(b, BOUND_TUNNEL_KEPT, c->tunnel.memory / SHARE_KEPT);
	share_out(b, &share_edge, child_memory(&e->child));
	conns = b->row[BOUND_EDGE_CONNS].cap;
	/* Who only shakes hands, and whoever says half a hello, must not have the places of who is in. */
	bounds_set(b, BOUND_TLS_SHAKES, num_min64(b->row[BOUND_TLS_SHAKES].cap, conns / 2 + 1));
	bounds_set(b, BOUND_EDGE_EXCHANGES, conns);
	bounds_set(b, BOUND_EDGE_UPSTREAMS, 2 * conns); /* raw ones too */
	bounds_set(b, BOUND_EDGE_ORIGINS, 2 * conns);   /* some linger */
	bounds_set(b, BOUND_RAW_CONNS, num_min64(BOUND_CAP(BOUND_RAW_CONNS), conns));
	/* A visitor, and the local origin that his request goes to; tunnels and what raw streams go to are few. */
	bounds_set(b, BOUND_TLS_OPEN, BOUND_CAP(BOUND_TLS_OPEN) + 2 * conns);
	if (conns < edge_share(c, c->edge.max_conns))
		LOG(&e->child.log, LOG_INFO, "memory or descriptors allow fewer visitors than max_conns", LF_U64("visitors", conns),
		    LF_U64("max_conns", c->edge.max_conns), LF_U64("memory", child_memory(&e->child)),
		    LF_U64("descriptors", e->child.nofile));
}

#define SCARCE 6 /* eighths */
/* What nobody uses goes before it is scarce, and while it goes (a stream counts until the connector has heard of its
 * end) others come. */
#define KEPT 5

static bool is_past(const struct edge *e, enum bound_id id, unsigned eighths)
{
	return e->child.bounds.row[id].used > e->child.bounds.row[id].cap / 8 * eighths;
}

static bool is_busy(const struct mux *m, unsigned eighths)
{
	const struct mux_stats s = mux_stats(m);

	return s.streams > s.most / 8 * eighths;
}

bool room_to_keep(const struct edge *e)
{
	return !is_past(e, BOUND_STREAMS, KEPT) && !is_past(e, BOUND_EDGE_UPSTREAMS, KEPT) && !is_past(e, BOUND_EDGE_ORIGINS, KEPT);
}

bool room_to_keep_in(const struct mux *m)
{
	return !is_busy(m, KEPT);
}

bool room_is_scarce(const struct edge *e, const struct stream *carries)
{
	return is_past(e, BOUND_EDGE_CONNS, SCARCE) || is_past(e, BOUND_STREAMS, SCARCE) ||
	       (carries && is_busy(carries->mux, SCARCE));
}
