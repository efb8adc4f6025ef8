/*
 * held: who waits for a tunnel, of a worker that has begun a moment ago: as heir of one that still serves, in the place of
 * one that has died, or with its edge. Connectors are on their way then, and a page a moment later is better than a 503.
 * Who waits is known by himself (exchange.c, raw.c); this owns the time, and their number.
 */
#include "base/num.h"
#include "edge.h"

#define HEIR (8 * NS_PER_S)    /* until all connectors have come over from the process before */
#define BEGUN (3 * NS_PER_S)   /* until those that lost their connection have called again: docs/protocol.md, "The connector's side" */
#define TOGETHER (5 * NS_PER_MS) /* many connectors come at once, and all who wait look again after each */

void edge_tunnels_changed(struct edge *e)
{
	uint64_t now = loop_now(e->child.loop);

	if (e->held.on)
		e->held.on = loop_timer(e->child.loop, &e->held.look, e->held.next > now ? e->held.next - now : 0); /* from a clean stack */
}

static void on_look(struct timer *t, uint64_t now)
{
	struct edge *e = CONTAINER_OF(t, struct edge, held.look);

	e->held.next = now + TOGETHER;
	e->held.on = now < e->held.until && loop_timer(e->child.loop, t, e->held.until - now);
	fronts_look_again(e);
	raws_look_again(e);
}

void held_begin(struct edge *e)
{
	uint64_t most = e->child.heir ? HEIR : BEGUN;

	e->held.look.fire = on_look;
	e->held.until = loop_now(e->child.loop) + most;
	e->held.on = e->keep && loop_timer(e->child.loop, &e->held.look, most); /* without an identity nobody comes */
}

void held_stop(struct edge *e)
{
	loop_timer_stop(e->child.loop, &e->held.look);
}

bool held_take(struct edge *e)
{
	return e->held.on && bounds_take(&e->child.bounds, BOUND_EDGE_HELD, 1);
}

void held_give(struct edge *e, bool *held)
{
	if (*held)
		bounds_give(&e->child.bounds, BOUND_EDGE_HELD, 1);
	*held = false;
}
