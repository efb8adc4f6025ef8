/*
 * serving: one stream that an edge opened, as it lives: is there such a rule, an origin of it (reach.c), another one
 * while none of its bytes has reached any, then bytes both ways. What came before the origin was open waits in the
 * stream, within its credit. It never looks into the bytes and never dials what is not in its own configuration.
 *
 * Every end goes through end(): the stream is told, the origin's connection is let go, one line is logged.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "decide/share.h"
#include "io/couple.h"
#include "look.h"

enum { STREAM, ORIGIN }; /* sides of the couple */

struct serving {
	struct reach reach;     /* it has the connector, and the ways, which are held */
	struct stream *stream;  /* NULL: it was told its end */
	union {
		struct couple couple;            /* once the origin is open */
		struct {
			struct addr to;          /* where the visitor arrived */
			struct origins_try tries;
		} first;                         /* until then */
	};
	struct addr peer;
	uint64_t began;
	uint64_t until;         /* its rule is gone: so long it may finish; 0: it stays */
	char request[FRAME_REQUEST];
	bool open;              /* the origin is, or was */
};
_Static_assert(sizeof(struct serving) <= 328, "thousands are silent");

SHARE_IS(SHARE_SERVING, sizeof(struct serving) + REACH_TLS + sizeof(struct tls_peer) + 2 * SHARE_SLOT);

/* An edge ends what is idle itself, and can say so to the visitor: it goes first. */
#define IDLE_GRACE_MS 10000
#define SWEEP_NS (NS_PER_S / 4) /* all are looked at no more often than so, however many end one after the other */

static const struct rule *rule_of(const struct serving *v)
{
	return &v->reach.ways->set.rules.rule[v->reach.rule];
}

/* ---- the end ----------------------------------------------------------------------------- */

static void forget(struct serving *v)
{
	struct connector *c = v->reach.c;

	ways_drop(v->reach.ways);
	pool_put(&c->servings, v);
	connector_one_less(c);
}

static void log_end(const struct serving *v, const struct stream *s, const char *why)
{
	bool opened = v->open;
	char peer[ADDR_TEXT];

	LOG(&v->reach.c->child.log, opened ? LOG_DEBUG : LOG_INFO, opened ? "served" : "not served",
	    LF_STR("request", v->request), LF_SPAN("ingress", rule_of(v)->name), LF_STR("name", s->name),
	    LF_STR("origin", reach_service(&v->reach)), LF_STR("peer", addr_text(&v->peer, peer)),
	    LF_U64("to_origin", opened ? v->reach.duct.d.out : 0), LF_U64("from_origin", opened ? v->reach.duct.d.in : 0),
	    LF_U64("ms", (loop_now(v->reach.c->child.loop) - v->began) / NS_PER_MS), LF_STR("why", why));
}

/* code 0: tidily, what is on its way is delivered to both. */
static void end(struct serving *v, enum frame_reset code, const char *text)
{
	struct stream *s = v->stream;
	struct connector *c = v->reach.c;

	if (s == NULL)
		return;
	v->stream = NULL;
	log_end(v, s, text);
	if (v->open) {
		couple_stop(&v->couple);
		c->n.bytes_in += v->reach.duct.d.in;
		c->n.bytes_out += v->reach.duct.d.out;
		stream_delivered(s, v->reach.duct.d.out);
		duct_close(&v->reach.duct.d, code ? ZT_E_CANCELLED : ZT_OK);
	} else {
		c->n.refused++;
	}
	if (code == 0)
		duct_close(&s->d, ZT_OK);
	else
		stream_reset(s, code, text);
	if (!v->open && reach_stop(&v->reach))
		forget(v);
}

/* ---- time -------------------------------------------------------------------------------- */

/* Ends those whose time is over, and sets the timer for the first of the others. */
static void sweep(struct timer *t, uint64_t now)
{
	struct connector *c = CONTAINER_OF(t, struct connector, time);
	struct pool_at at = {0};
	uint64_t first = UINT64_MAX;

	for (struct serving *v; (v = pool_next(&c->servings, &at)) != NULL;) {
		uint64_t due = v->open ? couple_due(&v->couple) : UINT64_MAX;

		if (v->until && v->until <= now)
			end(v, RESET_RULE, "its rule is not in the configuration any more");
		else if (due <= now)
			couple_look(&v->couple, now);
		else if (v->stream)
			first = num_min64(first, num_min64(v->until ? v->until : UINT64_MAX, due));
	}
	if (first != UINT64_MAX && !loop_timer_by(c->child.loop, t, num_max64(first, now + SWEEP_NS)))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer: streams may be silent for ever");
}

static void look_at(struct connector *c, uint64_t at_ns)
{
	c->time.fire = sweep;
	if (!loop_timer_by(c->child.loop, &c->time, at_ns))
		sweep(&c->time, loop_now(c->child.loop));
}

/* ---- bytes both ways --------------------------------------------------------------------- */

static void on_over(struct couple *k)
{
	struct serving *v = CONTAINER_OF(k, struct serving, couple);
	char text[FRAME_TEXT];

	if (k->why == ZT_OK) {
		end(v, (enum frame_reset)0, "both sides have finished");
		return;
	}
	if (k->by == COUPLE_NEITHER) {
		end(v, RESET_TIMEOUT, "nothing moved for as long as the rule allows");
		return;
	}
	snprintf(text, sizeof text, "[ingress %.32s] %.110s: %s", reach_way(&v->reach)->conf->named.name,
		 k->by == STREAM ? "the visitor's side" : reach_service(&v->reach),
		 k->why == ZT_E_CLOSED ? "it ended without saying so, and what came may not be all" : duct_why(k->side[k->by]));
	end(v, k->by == STREAM ? RESET_CANCEL : RESET_ORIGIN, text);
}

static void moved(struct serving *v, unsigned side, unsigned events)
{
	couple_event(&v->couple, side, events);
	if (v->stream)
		stream_delivered(v->stream, v->reach.duct.d.out);
}

static void origin_event(struct duct *d, unsigned events)
{
	struct reach *r = CONTAINER_OF(CONTAINER_OF(d, struct sockduct, d), struct reach, duct);

	moved(CONTAINER_OF(r, struct serving, reach), ORIGIN, events);
}
static const struct duct_user origin_user = {origin_event};

/* Before the origin is open nothing is wanted of it: what comes then is its death. */
static void stream_event(struct duct *d, unsigned events)
{
	struct serving *v = ((struct stream *)(void *)d)->owner;

	if (v->open)
		moved(v, STREAM, events);
	else if (duct_dead(d))
		end(v, RESET_CANCEL, duct_why(d));
}
static const struct duct_user stream_user = {stream_event};

/* ---- an origin --------------------------------------------------------------------------- */

static struct serving *of(struct reach *r)
{
	return CONTAINER_OF(r, struct serving, reach);
}

static void on_opened(struct reach *r)
{
	struct serving *v = of(r);
	uint32_t idle = rule_of(v)->idle_ms;

	origins_served(v->reach.ways->origins, r->rule, r->origin);
	v->open = true;
	v->couple = (struct couple){.side = {&v->stream->d, &r->duct.d}, .over = on_over, .loop = v->reach.c->child.loop,
				    .idle_ms = idle ? idle + IDLE_GRACE_MS : 0};
	couple_start(&v->couple);
	look_at(v->reach.c, couple_due(&v->couple));
}

/* None of the stream's bytes has been taken yet: another origin may have them. */
static void try_next(struct serving *v)
{
	struct reach *r = &v->reach;
	char text[FRAME_TEXT];
	int origin;

	while ((origin = origins_next(v->reach.ways->origins, &v->first.tries)) >= 0) {
		r->origin = (uint16_t)origin;
		if (reach_start(r) == 0)
			return;
	}
	snprintf(text, sizeof text, "[ingress %.32s] %.110s: %s", reach_way(r)->conf->named.name, reach_service(r), r->way.words);
	end(v, (enum frame_reset)r->way.code, text);
}

static void on_failed(struct reach *r)
{
	struct serving *v = of(r);

	if (reach_tells(r))
		origins_failed(v->reach.ways->origins, r->rule, r->origin);
	LOG(&v->reach.c->child.log, LOG_DEBUG, "origin not reached", LF_STR("request", v->request),
	    LF_STR("origin", reach_service(r)), LF_STR("why", r->way.words));
	try_next(v);
}

/* It was stopped, or served: its stream has been told, unless the socket went by itself. */
static void on_gone(struct reach *r)
{
	forget(of(r));
}

static void visitor(const struct reach *r, struct proxyhdr *h)
{
	const struct serving *v = CONTAINER_OF(r, struct serving, reach);

	h->from = v->peer;
	h->to = v->first.to;
}

static const struct reach_class reach_class = {&origin_user, on_opened, on_failed, on_gone, visitor};

/* ---- the beginning ----------------------------------------------------------------------- */

/* All that an edge goes by: what is dialled for it is ours. */
static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->status == b->status && span_eq(a->name, b->name) &&
	       span_eq(a->hostname, b->hostname) && span_eq(a->path, b->path) && span_eq(a->host_header, b->host_header) &&
	       span_eq(a->strip_prefix, b->strip_prefix) && span_eq(a->add_prefix, b->add_prefix) && span_eq(a->set, b->set) &&
	       span_eq(a->remove, b->remove);
}

/* An edge hears of a reload later than we do. What it opens meanwhile is served as it is written now, if the rule that
 * it went by still stands: that of the same number then, under another number now. */
static const char *find_rule(const struct connector *c, const struct frame_open *o, uint16_t *rule)
{
	const struct ways *w = c->ways;
	const struct rules *now = &w->set.rules;
	uint16_t n = 0;

	for (size_t i = 0; w && w->epoch != o->epoch; i++)
		w = i < WAYS_WAS ? c->was[i] : NULL;
	if (w == NULL)
		return "it is for another configuration than the one in force";
	if (o->rule >= w->set.rules.n)
		return "there is no rule of this number";
	*rule = o->rule;
	if (w == c->ways)
		return NULL;
	while (n < now->n && !same_rule(&w->set.rules.rule[o->rule], &now->rule[n]))
		n++;
	*rule = n;
	return n < now->n ? NULL : "the rule is not in the configuration any more";
}

/* NULL, or what is wrong with it. */
static const char *wrong(const struct connector *c, const struct frame_open *o, uint16_t *rule)
{
	static const uint8_t kinds[] = {[FRAME_KIND_TCP] = RULE_TCP, [FRAME_KIND_HTTP] = RULE_HTTP, [FRAME_KIND_UDP] = 0};
	const char *not = find_rule(c, o, rule);

	if (not)
		return not;
	if (o->kind >= ARRAY_LEN(kinds) || kinds[o->kind] == 0 || kinds[o->kind] != c->ways->set.rules.rule[*rule].kind)
		return "the rule does not serve streams of this kind";
	return NULL;
}

static struct serving *make(struct connector *c, struct stream *s, const struct frame_open *o, uint16_t rule)
{
	struct serving *v = pool_get(&c->servings);

	if (v == NULL)
		return NULL;
	v->stream = s;
	v->began = loop_now(c->child.loop);
	v->first.to = o->local;
	v->first.tries.rule = rule;
	v->peer = o->peer;
	memcpy(v->request, o->request, sizeof v->request);
	v->reach.cls = &reach_class;
	v->reach.c = c;
	v->reach.ways = ways_hold(c->ways);
	v->reach.rule = rule;
	v->reach.way.name = s->name;
	v->reach.way.dial_ms = o->dial_ms;
	s->owner = v;
	s->d.user = &stream_user;
	return v;
}

void serving_opened(struct connector *c, struct stream *s, const struct frame_open *o)
{
	uint16_t rule = 0;
	const char *not = wrong(c, o, &rule);
	struct serving *v = not ? NULL : make(c, s, o, rule);

	c->n.streams++;
	if (v) {
		try_next(v);
		return;
	}
	c->n.refused++;
	LOG(&c->child.log, LOG_INFO, "not served", LF_STR("request", o->request), LF_STR("name", o->name),
	    LF_U64("rule", o->rule), LF_STR("why", not ? not : "too many streams are served"));
	stream_refuse(s, not ? RESET_RULE : RESET_FULL, not ? not : "the connector serves as many streams as it may");
}

/* ---- a reload ---------------------------------------------------------------------------- */

/* Does the rule of that name still serve it, from where it is served? */
static bool still_there(const struct serving *v)
{
	const struct ingress_set *now = &v->reach.c->ways->set;

	for (uint16_t i = 0; i < now->rules.n; i++) {
		const struct rule *r = &now->rules.rule[i];

		if (!span_eq(r->name, rule_of(v)->name) || !ingress_host_matches(r->hostname, span_str(v->stream->name)))
			continue;
		for (size_t k = 0; k < now->way[i].n; k++)
			if (strcmp(conf_text(&now->way[i].conf->service, k), reach_service(&v->reach)) == 0)
				return true;
	}
	return false;
}

void servings_reloaded(struct connector *c)
{
	struct pool_at at = {0};
	uint64_t now = loop_now(c->child.loop), first = UINT64_MAX;

	for (struct serving *v; (v = pool_next(&c->servings, &at)) != NULL;) {
		if (v->stream == NULL || v->reach.ways == c->ways || still_there(v))
			v->until = 0;
		else if (v->until == 0)
			v->until = first = now + c->ways->conf->limits.drain_ms * NS_PER_MS;
	}
	look_at(c, first);
}

/* ---- all of them ------------------------------------------------------------------------- */

void servings_init(struct connector *c)
{
	pool_init(&c->servings, &c->child.bounds, BOUND_SERVINGS, sizeof(struct serving));
	looks_init(c);
}

void servings_end(struct connector *c)
{
	struct pool_at at = {0};

	for (struct serving *v; (v = pool_next(&c->servings, &at)) != NULL;) {
		bool has_source = v->stream == NULL || v->open;

		end(v, RESET_LEAVING, "the connector ends");
		if (has_source) /* its last bytes may be on their way; with the loop they end */
			reach_stop(&v->reach);
	}
	if (c->ways)
		origins_stop(c->ways->origins);
}

void servings_free(struct connector *c)
{
	if (c->servings.bounds == NULL)
		return;
	pool_free(&c->servings);
	pool_free(&c->looks);
}
