/*
 * exchange_way: what is decided about a request, at first and with each configuration or status list, and the way to its
 * origin: the first one, and another where nothing of it can have reached the first. Owns nothing, moves no byte.
 */
#include <limits.h>

#include "exchange_int.h"

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

/* What a worker that has begun a moment ago will know a moment later: connectors bring the status list too. */
static bool is_too_early(enum policy_route route, const struct policy_answer *a)
{
	return !a->allow && (a->reason == POLICY_NO_LIST || (route == ROUTE_NO_CONNECTOR && a->reason == policy_of_route(route)));
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
	if (is_too_early(route, &a) && (x->held = held_take(x->e))) {
		x->phase = X_ASKING;
		exchange_wait(x);
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
	held_give(x->e, &x->held);
	exchange_decide(x);
}

void exchange_rejudge(struct exchange *x)
{
	struct policy_answer a;

	if (!exchange_unnamed(x)) { /* in every phase: plan is of the one in force */
		site_drop(x->site);
		x->site = site_hold(x->e->site);
	}
	if (x->phase == X_HEAD || x->phase == X_ANSWERING || x->held) /* not decided yet */
		return;
	judge(x, ROUTE_UNASKED, &a);
	if (a.allow)
		return;
	x->decision = policy_name(a.reason);
	exchange_cut(x, "not-allowed-any-more");
}

/* ---- the way to the origin ----------------------------------------------------------------------- */

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

/* By the same line of the same configuration: behind another one there may be another origin. */
static bool leads_back(const struct exchange *x, const struct tunnel_route *r)
{
	if (r->t == NULL)
		return x->tunnel == NULL && x->epoch == x->site->epoch;
	return r->t == x->tunnel && r->epoch == x->epoch && r->number == x->rule;
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
	if (x->reached && !leads_back(x, &r))
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
