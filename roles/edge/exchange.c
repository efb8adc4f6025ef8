/*
 * exchange: one request as it lives; see exchange.h. This file owns its phases, its time and its ends. How a head is read
 * is exchange_head.c's, what is decided about it and where it goes exchange_way.c's, how bytes pass exchange_pass.c's, what
 * is said without an origin exchange_say.c's.
 *
 * Every end goes through release(): one line in the access log, then nothing is left of it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "exchange_int.h"

#if defined(__GNUC__) && !defined(__clang__)
/* Its analyzer loses the desk, which stays with the edge. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif


static bool make_room(struct edge *e)
{
	if (e->exchanges.bounds == NULL)
		pool_init(&e->exchanges, &e->child.bounds, BOUND_EDGE_EXCHANGES, sizeof(struct exchange));
	if (e->desk == NULL)
		e->desk = calloc(1, sizeof *e->desk);
	return e->desk != NULL;
}

void exchange_forget(struct edge *e, struct arena *mem)
{
	struct desk *k = e->desk;

	arena_clear(mem);
	if (k->spares < EXCHANGE_SPARES && mem->chunks)
		k->spare[k->spares++] = *mem;
	else
		arena_free(mem);
}

void exchanges_free(struct edge *e)
{
	while (e->desk && e->desk->spares)
		arena_free(&e->desk->spare[--e->desk->spares]);
	free(e->desk);
	e->desk = NULL;
}

/* ---- the ends -------------------------------------------------------------------------------- */

void exchange_drop_far(struct exchange *x, enum zt_err why)
{
	struct upstream *u = x->up;

	x->up = NULL;
	x->far = NULL;
	if (u)
		upstream_close(u, why);
}

static void release(struct exchange *x)
{
	struct edge *e = x->e;

	held_give(e, &x->held);
	exchange_drop_far(x, ZT_E_CANCELLED);
	exchange_log(x);
	loop_timer_stop(e->child.loop, &x->timer);
	x->near->user = NULL;
	if (x->phase != X_TUNNEL)
		exchange_forget(e, &x->p.mem);
	site_drop(x->site);
	pool_put(&e->exchanges, x);
}

static void over(struct exchange *x, bool keep)
{
	const struct exchange_of *of = x->of;

	release(x);
	of->over(of->owner, keep);
}

void exchange_over(struct exchange *x, bool keep)
{
	duct_flush(x->near);
	over(x, keep);
}

void exchange_cut(struct exchange *x, const char *fault)
{
	x->fault = fault;
	/* What came is worth having. But a close_notify behind it would make it a whole answer for a visitor of
	 * HTTP/1.0. */
	duct_flush(x->near);
	duct_close(x->near, ZT_E_RESET);
	over(x, false);
}

void exchange_end(struct exchange *x, const char *why)
{
	x->fault = why;
	release(x);
}

bool exchange_is_idle(const struct exchange *x)
{
	return x->phase == X_HEAD && x->p.head[NEAR].n == 0 && duct_peek(x->near).n == 0;
}

/* ---- towards a side ---------------------------------------------------------------------------- */

bool exchange_put(struct exchange *x, unsigned to, struct span s)
{
	struct duct *d = to == NEAR ? x->near : x->far;
	struct rest *r = &x->p.rest[to];
	size_t n = duct_put(d, s);

	ZT_ASSERT(r->left.n == 0);
	s = span_sub(s, n, s.n);
	if (s.n == 0)
		return true;
	if (s.n <= sizeof r->small) {
		memcpy(r->small, s.p, s.n);
		r->left = span_of(r->small, s.n);
	} else {
		r->left = arena_span(&x->p.mem, s);
	}
	return r->left.p != NULL;
}

/* ---- on the loop ---------------------------------------------------------------------------------- */

/* Requests that he sent ahead may be left of him, and hold nothing open. */
bool exchange_near_gone(const struct exchange *x)
{
	return duct_dead(x->near) || duct_ended(x->near) || x->near->deaf;
}

void exchange_wait(struct exchange *x)
{
	if (exchange_near_gone(x)) {
		x->fault = "visitor-gone";
		exchange_over(x, false);
		return;
	}
	duct_want(x->near, duct_peek(x->near).n ? 0 : DUCT_IN);
}

static void event(struct exchange *x, unsigned side, unsigned events)
{
	static void (*const does[])(struct exchange *x) = {
		[X_HEAD] = exchange_read, [X_ASKING] = exchange_wait, [X_PASSING] = exchange_step, [X_ANSWERING] = exchange_answering,
	};

	if (x->phase == X_TUNNEL)
		couple_event(&x->t.couple, side, events);
	else
		does[x->phase](x);
}

static void on_near(struct duct *d, unsigned events)
{
	event(CONTAINER_OF(d->user, struct exchange, user[NEAR]), NEAR, events);
}

static void on_far(struct duct *d, unsigned events)
{
	event(CONTAINER_OF(d->user, struct exchange, user[FAR]), FAR, events);
}

/* How long nothing may move. */
static uint64_t patience(const struct exchange *x)
{
	bool waits = x->phase == X_PASSING && !x->replied && x->p.body[NEAR].done;

	return NS_PER_MS * (waits ? upstream_response_ms(x->up) : upstream_idle_ms(x->up));
}

static void too_long(struct exchange *x)
{
	if (x->phase == X_TUNNEL) {
		x->fault = "idle";
		exchange_drop_far(x, ZT_OK);
		exchange_over(x, false);
	} else if (x->replied) {
		exchange_cut(x, "idle");
	} else if (x->p.body[NEAR].done || duct_peek(x->near).n) {
		exchange_lost(x, RESET_TIMEOUT, "", false);
	} else {
		exchange_late(x);
	}
}

/* Set again when it fires, not with every byte. */
static void on_time(struct timer *t, uint64_t now)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, timer);
	uint64_t still, most;

	if (x->phase == X_HEAD) {
		exchange_late(x);
		return;
	}
	if (x->phase == X_ANSWERING) {
		exchange_cut(x, "unread");
		return;
	}
	if (x->phase == X_ASKING)
		return; /* the way to the origin has a time of its own */
	if (x->phase == X_TUNNEL)
		x->moved_at = x->t.couple.moved_at;
	if (x->phase == X_PASSING && exchange_is_too_slow(x, now)) {
		x->e->n.slow++;
		if (x->replied)
			exchange_cut(x, "slow");
		else
			exchange_late(x);
		return;
	}
	most = patience(x);
	still = now - x->moved_at;
	if (still >= most)
		too_long(x);
	else if (!exchange_arm(x, most - still))
		exchange_cut(x, err_name(ZT_E_NOMEM));
}

/* Never later than any limit of the phase allows: which of them counts is asked when it fires. */
bool exchange_arm(struct exchange *x, uint64_t after_ns)
{
	if (x->phase == X_PASSING)
		after_ns = num_min64(num_min64(after_ns, exchange_slow_after(x)),
				     num_min64(upstream_response_ms(x->up), upstream_idle_ms(x->up)) * NS_PER_MS);
	return loop_timer(x->e->child.loop, &x->timer, after_ns);
}

static void new_memory(struct exchange *x)
{
	arena_init(&x->p.mem, EXCHANGE_MEM);
	arena_bound(&x->p.mem, &x->e->child.bounds, BOUND_EDGE_HEADS);
}

int exchange_start(struct exchange **out, const struct exchange_of *of)
{
	struct edge *e = of->e;
	struct exchange *x = make_room(e) ? pool_get(&e->exchanges) : NULL;

	if (x == NULL)
		return -ZT_E_FULL;
	*x = (struct exchange){.of = of, .e = e, .near = of->d, .site = site_hold(e->site), .timer.fire = on_time,
			       .user = {{on_near}, {on_far}}, .began = loop_now(e->child.loop), .rule = -1,
			       .decision = "", .fault = "", .epoch = e->site->epoch, .phase = X_HEAD};
	if (e->desk->spares)
		x->p.mem = e->desk->spare[--e->desk->spares];
	else
		new_memory(x);
	edge_request_id(e, x->id);
	if (!loop_timer(e->child.loop, &x->timer, e->site->conf->edge.head_ms * NS_PER_MS)) {
		exchange_forget(e, &x->p.mem);
		site_drop(x->site);
		pool_put(&e->exchanges, x);
		return -ZT_E_FULL;
	}
	*out = x;
	x->near->user = &x->user[NEAR];
	duct_want(x->near, DUCT_IN);
	return 0;
}
