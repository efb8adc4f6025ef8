/*
 * exchange: one request as it lives; see exchange.h. This file owns its phases, what was decided about it, the way
 * to its origin and its ends. How a head is read is exchange_head.c's, how bytes pass exchange_pass.c's, what is said
 * without an origin exchange_say.c's.
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

/* ---- the decision ------------------------------------------------------------------------------- */

static struct span host_of(const struct exchange *x)
{
	return x->phase == X_TUNNEL ? span_str(x->t.host) : httphost_span(&x->p.req->host);
}

static void judge(const struct exchange *x, enum policy_route route, struct policy_answer *a)
{
	struct policy_request q = {.host = host_of(x), .user = x->of->user, .banned_until = 0, .tls = x->of->tls->on,
				   .plan = x->of->plan, .cert = *x->of->cert, .route = route, .now = edge_now(x->e)};

	if (x->phase == X_TUNNEL) {
		q.upgrade = true; /* its page was asked about when it began */
	} else {
		const struct httpreq *r = x->p.req;
		const struct httpfield *origin = httpfields_first(&r->fields, FIELD_ORIGIN);

		q.path = x->p.path;
		q.method = r->method_name;
		q.upgrade = r->websocket;
		q.origin = origin ? origin->value : SPAN_NONE;
		q.body = r->body.kind == HTTPBODY_CHUNKED ? POLICY_BODY_UNKNOWN : r->body.length;
	}
	policy_decide(&x->site->rules, &q, a, NULL);
}

static const struct conf_host *section_of(const struct exchange *x)
{
	return x->of->plan <= INT_MAX ? site_host(x->site, (int)x->of->plan) : NULL;
}

static enum policy_route route_of(const struct exchange *x, const struct tunnel *not, struct tunnel_route *out)
{
	/* A visitor stays with the connector that has a connection to the origin for him. */
	const struct upstream *kept = *x->of->kept;
	const struct tunnel_ask ask = {.host = host_of(x), .path = x->p.path, .not = not, .like = kept ? upstream_tunnel(kept) : x->reached ? x->tunnel : NULL,
				       .kinds = 1u << RULE_HTTP | 1u << RULE_STATUS | 1u << RULE_HELLO};
	const struct conf_host *h = section_of(x);

	if (h == NULL)
		return ROUTE_UNASKED;
	if (h->origin[0])
		return ROUTE_LOCAL;
	return tunnels_route(x->e, &ask, out);
}

static void ask(struct exchange *x, enum policy_route route, const struct tunnel_route *r);
static void wait(struct exchange *x);

/* Where paths decide, one that two programs read differently decides nothing: by the rule, or by one before it that
 * was passed over. */
static bool is_ambiguous(const struct exchange *x, const struct tunnel_route *r)
{
	if (!x->ambiguous || r->rule == NULL)
		return false;
	for (size_t back = 0; back <= r->number; back++) {
		const struct rule *one = r->rule - back;

		if ((one->path.n || one->strip_prefix.n) && ingress_host_matches(one->hostname, host_of(x)))
			return true;
	}
	return false;
}

void exchange_decide(struct exchange *x)
{
	struct tunnel_route r = {0};
	enum policy_route route = route_of(x, NULL, &r);
	const struct conf_host *h = section_of(x);
	struct policy_answer a;

	judge(x, route, &a);
	x->decision = policy_name(a.reason);
	x->known = a.who == WHO_CERT;
	if (route == ROUTE_NO_CONNECTOR && x->e->warming && !a.allow && a.reason == policy_of_route(route)) {
		x->phase = X_ASKING;
		x->held = true;
		wait(x);
	} else if (!a.allow || h == NULL)
		exchange_refuse(x, a.allow ? POLICY_NO_HOST : a.reason);
	else if (is_ambiguous(x, &r))
		exchange_malformed(x, HTTPBAD_PATH_TWO);
	else if (httpbody_begin(&x->p.body[NEAR], &x->p.req->body, h->max_body ? h->max_body : UINT64_MAX) < 0)
		exchange_malformed(x, HTTPBAD_LARGE);
	else
		ask(x, route, &r);
}

bool exchange_unnamed(const struct exchange *x)
{
	return x->phase != X_HEAD && x->phase != X_ANSWERING && policy_host_of(&x->e->site->rules, host_of(x)) < 0;
}

void exchange_look_again(struct exchange *x)
{
	if (!x->held)
		return;
	x->held = false;
	exchange_decide(x);
}

void exchange_rejudge(struct exchange *x)
{
	struct policy_answer a;

	if (!exchange_unnamed(x)) { /* in every phase: plan is of the one in force */
		site_drop(x->site);
		x->site = site_hold(x->e->site);
	}
	if (x->phase == X_HEAD || x->phase == X_ANSWERING)
		return;
	judge(x, ROUTE_UNASKED, &a);
	if (a.allow)
		return;
	x->decision = policy_name(a.reason);
	exchange_cut(x, "not-allowed-any-more");
}

/* ---- the way to the origin ----------------------------------------------------------------------- */

static void on_near(struct duct *d, unsigned events);
static void on_far(struct duct *d, unsigned events);

static void on_open(struct upstream *u, struct duct *d)
{
	struct exchange *x = upstream_owner(u);

	x->up = u;
	x->far = d;
	d->user = &x->user[FAR];
	x->delivered = d->out;
	exchange_begin_passing(x);
}

static void on_failed(struct upstream *u, unsigned code, const char *text)
{
	struct exchange *x = upstream_owner(u);

	x->up = NULL;
	x->overtaken = upstream_overtaken(u) && x->site == x->e->site;
	exchange_lost(x, code, text, true);
}

static const struct upstream_user way_user = {on_open, on_failed};

static void note_way(struct exchange *x, enum policy_route route, const struct tunnel_route *r)
{
	bool local = route == ROUTE_LOCAL;

	x->with = local ? NULL : r->rule;
	x->tunnel = local ? NULL : r->t;
	x->rule = local ? -1 : r->number;
	x->epoch = local ? x->site->epoch : r->epoch;
	x->connector[0] = 0;
	if (!local && r->connector)
		span_to_cstr(span_sub(span_str(r->connector), 0, sizeof x->connector - 1), x->connector, sizeof x->connector);
}

/* Everything may be over when this returns. */
static void ask(struct exchange *x, enum policy_route route, const struct tunnel_route *r)
{
	const struct conf_host *h = section_of(x);
	const struct upstream_to to = {
		.site = x->site, .host = route == ROUTE_LOCAL ? h : NULL, .route = *r, .kind = FRAME_KIND_HTTP,
		.idle_ms = h ? h->idle_ms : 0, .response_ms = h ? h->response_ms : 0,
		.name = host_of(x), .request = span_str(x->id), .peer = &x->of->user, .local = &x->of->local,
		.serial = x->of->cert->verified ? x->of->cert->serial : NULL};
	struct upstream *kept = *x->of->kept;

	note_way(x, route, r);
	if (route == ROUTE_ANSWER) {
		exchange_of_rule(x, r->rule);
		return;
	}
	x->phase = X_ASKING;
	*x->of->kept = NULL;
	x->reused = kept != NULL; /* on_open() may come at once */
	if (kept && upstream_again(kept, &to, &way_user, x))
		return;
	x->reused = false;
	if (upstream_open(&x->up, x->e, &to, &way_user, x) < 0)
		exchange_full(x);
}

/* Where it leads now. What was kept may have ended as it was taken out again, a reload may have overtaken the way, or
 * the rule that it went by: that says nothing about where it led. */
static enum policy_route second_route(const struct exchange *x, unsigned code, struct tunnel_route *out)
{
	enum policy_route route = route_of(x, NULL, out);
	bool newer = code == RESET_RULE && out->t == x->tunnel && out->epoch != x->epoch;

	return x->tunnel == NULL || x->reused || newer ? route : route_of(x, x->tunnel, out);
}

/* Nothing of it has reached an origin, and nothing of its body is gone: somewhere else, once. Of reloads that overtake
 * it each makes one more time. */
static bool try_elsewhere(struct exchange *x, unsigned code)
{
	const bool same = x->reused || x->overtaken;
	struct tunnel_route r = {0};
	struct policy_answer a;
	enum policy_route route;

	if ((x->retried && !x->overtaken) || (x->tunnel == NULL && !same) || x->taken)
		return false;
	x->retried |= !x->overtaken;
	x->overtaken = false;
	route = second_route(x, code, &r);
	judge(x, route, &a);
	if (x->reached && r.t != x->tunnel)
		return false;
	if (!a.allow || (route != ROUTE_CONNECTOR && (route != ROUTE_LOCAL || !same)) || is_ambiguous(x, &r))
		return false;
	x->e->n.retried++;
	exchange_drop_far(x, ZT_E_CANCELLED);
	x->p.rest[FAR] = (struct rest){0};
	ask(x, route, &r);
	return true;
}

/* RFC 9112, 9.3.1: a kept connection may be closed by its other side at any moment, and what was being sent then may
 * be repeated when that changes nothing. */
bool exchange_may_repeat(const struct exchange *x)
{
	const struct httpreq *q = x->p.req;

	return x->reused && q->body.kind == HTTPBODY_NONE &&
	       (q->method == HTTP_METHOD_GET || q->method == HTTP_METHOD_HEAD || q->method == HTTP_METHOD_OPTIONS);
}

void exchange_lost(struct exchange *x, unsigned code, const char *text, bool unreached)
{
	if (x->replied)
		exchange_cut(x, frame_reset_name(code));
	else if (!unreached || !try_elsewhere(x, code))
		exchange_of_reset(x, code, text);
}

/* ---- on the loop ---------------------------------------------------------------------------------- */

/* Requests that he sent ahead may be left of him, and hold nothing open. */
bool exchange_near_gone(const struct exchange *x)
{
	return duct_dead(x->near) || duct_ended(x->near) || x->near->deaf;
}

/* The way to the origin is being opened. Who has gone meanwhile needs none. */
static void wait(struct exchange *x)
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
		[X_HEAD] = exchange_read, [X_ASKING] = wait, [X_PASSING] = exchange_step, [X_ANSWERING] = exchange_answering,
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
