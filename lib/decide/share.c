/* share: the tables of share.h. Owns no number but these. */
#include "share.h"

#include "base/num.h"

/* Buffers are what slow peers hold, and there is a line for them; requests' memory is heads that come and go. */
static const struct share edge[] = {
	{BOUND_EDGE_CONNS, SHARE_VISITOR, 30}, {BOUND_DUCT_BUFS, 65728, 25}, {BOUND_TUNNEL_KEPT, SHARE_KEPT, 12},
	{BOUND_EDGE_HEADS, 1, 8},              {BOUND_TUNNELS, SHARE_TUNNEL, 8}, {BOUND_STREAMS, SHARE_STREAM, 5},
	{BOUND_TLS_SHAKES, 8192, 5},           {BOUND_TUNNEL_HEARD, SHARE_HEARD, 3}, {BOUND_TUNNEL_RULES, 1, 4},
};

static const struct share connector[] = {
	{BOUND_SERVINGS, SHARE_SERVING, 25}, {BOUND_DUCT_BUFS, 65728, 30}, {BOUND_TUNNEL_KEPT, SHARE_KEPT, 30},
	{BOUND_STREAMS, SHARE_STREAM, 5},    {BOUND_TLS_SHAKES, 8192, 5},  {BOUND_TUNNEL_HEARD, SHARE_HEARD, 5},
};

/* Of the budget of the worker that it serves: two of them are half of it. */
static const struct share tlsd[] = {{BOUND_TLS_ENGINES, 40960, 25}};

const struct share_set share_edge = {edge, ARRAY_LEN(edge)}, share_connector = {connector, ARRAY_LEN(connector)},
		       share_tlsd = {tlsd, ARRAY_LEN(tlsd)};

void share_reset(struct bounds *b, const struct share_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		bounds_set(b, s->share[i].id, bound_rows[s->share[i].id].cap);
}

void share_out(struct bounds *b, const struct share_set *s, uint64_t memory)
{
	for (size_t i = 0; memory && i < s->n; i++) {
		const struct share *one = &s->share[i];
		uint64_t most = memory / 100 * one->percent / one->unit;

		if (most < SHARE_LEAST)
			most = SHARE_LEAST;
		if (b->row[one->id].cap > most)
			bounds_set(b, one->id, most);
	}
}
