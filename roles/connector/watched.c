/* watched: what monitors are told of a connector: its ways to edges, its origins. A sick origin alone is no fault. */
#include <stdio.h>

#include "base/num.h"
#include "connector.h"
#include "serve/monitor.h"

#define PATIENCE (5 * NS_PER_S) /* monitors are near */

static bool works(void *ctx)
{
	const struct connector *c = ctx;

	return !c->child.draining && uplinks_up(c) > 0;
}

static size_t tunnels(void *ctx)
{
	return uplinks_up(ctx);
}

static void put_edges(const struct connector *c, struct jsonw *j)
{
	struct uplink_state s;

	jsonw_key(j, "edges");
	jsonw_open(j, '[');
	for (size_t i = 0; uplink_state(c, i, &s); i++) {
		jsonw_open(j, '{');
		jsonw_key(j, "edge");
		jsonw_str(j, s.edge);
		jsonw_key(j, "up");
		jsonw_bool(j, s.up > 0);
		if (s.workers > 1) {
			jsonw_key(j, "connections"), jsonw_u64(j, s.up);
			jsonw_key(j, "workers"), jsonw_u64(j, s.workers);
		}
		if (s.up < s.workers) {
			jsonw_key(j, "why");
			jsonw_str(j, s.why);
		}
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void put_origins(const struct connector *c, struct jsonw *j)
{
	struct origin_state s;

	jsonw_key(j, "origins");
	jsonw_open(j, '[');
	for (size_t i = 0; origin_state(c->ways->origins, i, &s); i++) {
		jsonw_open(j, '{');
		jsonw_key(j, "rule");
		jsonw_str(j, s.rule);
		jsonw_key(j, "origin");
		jsonw_str(j, s.origin);
		jsonw_key(j, "up");
		jsonw_bool(j, s.up);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void more(void *ctx, struct jsonw *j)
{
	put_edges(ctx, j);
	put_origins(ctx, j);
}

/* Two rules may have one origin. */
static void samples(void *ctx, struct wr *w)
{
	const struct connector *c = ctx;
	struct origin_state s;
	char of[400];

	for (size_t i = 0; origin_state(c->ways->origins, i, &s); i++) {
		snprintf(of, sizeof of, "%s %s", s.rule, s.origin);
		monitor_sample(w, "origin_up", "origin", span_str(of), s.up);
	}
}

static const struct monitor_class watched = {works, tunnels, more, samples};

static void on_request(struct plainport *p, unsigned tag, const struct httpreq *q, struct wr *w)
{
	struct connector *c = p->owner;
	const struct monitor m = {.cls = &watched, .ctx = c, .child = &c->child, .instance = c->instance};

	(void)tag;
	monitor_answer(&m, q, w);
}

static void on_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	struct connector *c = CONTAINER_OF(d, struct connector, doors);

	(void)at;
	(void)peer;
	plainport_accepted(&c->plain, fd, 0, PATIENCE);
}

void watched_init(struct connector *c)
{
	c->doors.accepted = on_accepted;
	c->plain = (struct plainport){.loop = c->child.loop, .bufs = c->bufs, .answer = on_request, .owner = c};
	plainport_init(&c->plain, &c->child.bounds);
}
