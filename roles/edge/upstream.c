/*
 * upstream: see upstream.h. A tunnel's stream it only borrows; how a local origin is reached is upstream_local.c's. Between
 * requests it is its own user. Reads and writes no byte.
 *
 *   local:  DIALLING -> SHAKING (https) -> OPEN <-> KEPT        stream:  OPEN <-> KEPT
 */
#include <string.h>

#include "upstream_int.h"

/* Many servers close what was idle for 5 s; who asks in that moment is never answered. */
#define LOCAL_KEEP_MS 4000
/* What nobody uses goes before room is scarce: a stream counts until the connector has heard of its end, and others come
 * meanwhile. One that was used a moment ago stays, and the next one is not kept: when more come in turn than can be
 * kept, the oldest is who asks next, and nobody would find his. */
#define ROOM_KEPT 5           /* eighths */
#define STALE (5 * NS_PER_S)

/* ---- the end -------------------------------------------------------------------------------------- */

static struct web_way *web_of(const struct upstream *u)
{
	return CONTAINER_OF(u, struct web_way, u);
}

static struct kept *line_of(const struct web_way *w, size_t i)
{
	return i == 0 ? &w->u.e->kept : w->u.is_local ? NULL : &w->u.tunnel->kept;
}

static void join_kept(struct web_way *w, struct upstream **slot)
{
	w->slot = slot;
	for (size_t i = 0; i < ARRAY_LEN(w->beside); i++) {
		struct kept *k = line_of(w, i);

		if (k == NULL)
			continue;
		w->beside[i].older = k->newest;
		*(k->newest ? &k->newest->beside[i].newer : &k->oldest) = w;
		k->newest = w;
	}
}

static void leave_kept(struct web_way *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->beside) && w->slot; i++) {
		struct kept *k = line_of(w, i);
		struct web_way *older = w->beside[i].older, *newer = w->beside[i].newer;

		if (k == NULL)
			continue;
		*(older ? &older->beside[i].newer : &k->oldest) = newer;
		*(newer ? &newer->beside[i].older : &k->newest) = older;
		w->beside[i].older = w->beside[i].newer = NULL;
	}
	w->slot = NULL;
}

static struct pool *pool_of(const struct upstream *u)
{
	return u->is_web ? &u->e->upstreams : &u->e->raw_ways;
}

void upstream_close(struct upstream *u, enum zt_err why)
{
	if (u->is_web) {
		leave_kept(web_of(u));
		loop_timer_stop(u->e->child.loop, &web_of(u)->timer);
	}
	if (u->is_local && u->local)
		local_close(u->local, why);
	else if (!u->is_local && u->d)
		duct_close(u->d, why);
	site_drop(u->site);
	pool_put(pool_of(u), u);
}

static void drop_kept(struct web_way *w)
{
	*w->slot = NULL;
	upstream_close(&w->u, ZT_OK);
}

void upstream_fail(struct upstream *u, unsigned code, const char *text)
{
	u->user->failed(u, code, text);
	upstream_close(u, ZT_E_CANCELLED);
}

/* ---- a tunnel's stream ------------------------------------------------------------------------------ */

static void open_stream(struct upstream *u, const struct upstream_to *to)
{
	struct frame_open o = {.kind = to->kind, .peer = *to->peer, .local = *to->local};
	struct stream *stream;
	int rc;

	span_to_cstr(to->name, o.name, sizeof o.name);
	span_to_cstr(to->request, o.request, sizeof o.request);
	if (to->serial)
		memcpy(o.serial, to->serial, sizeof o.serial);
	stream = tunnel_open(&to->route, &o, &upstream_idle, u, &rc);
	if (stream == NULL) {
		upstream_fail(u, rc == -ZT_E_FULL || rc == -ZT_E_NOMEM ? RESET_FULL : RESET_LEAVING, err_text((enum zt_err)-rc));
		return;
	}
	u->d = &stream->d;
	u->user->open(u, u->d);
}

/* ---- its user --------------------------------------------------------------------------------------- */

static void on_time(struct timer *t, uint64_t now);

static uint32_t ms_of(uint64_t ms)
{
	return (uint32_t)num_min64(ms, UINT32_MAX); /* 49 days */
}

static void note_times(struct web_way *w, const struct upstream_to *to)
{
	const struct rule *r = to->route.rule;

	w->response_ms = r && r->response_ms ? r->response_ms : ms_of(to->response_ms);
	w->idle_ms = r && r->idle_ms ? r->idle_ms : ms_of(to->idle_ms);
	w->keep_ms = r ? r->keepalive_ms : LOCAL_KEEP_MS;
}

/* The one that is kept longest for nothing, where so much is taken; else NULL. */
static struct web_way *oldest_past(const struct edge *e, const struct tunnel *t, unsigned eighths)
{
	if (t && t->mux && room_is_past_in(t->mux, eighths))
		return t->kept.oldest;
	return room_is_past(e, eighths) ? e->kept.oldest : NULL;
}

static bool is_stale(const struct web_way *w)
{
	return loop_now(w->u.e->child.loop) - w->since > STALE;
}

static void make_room(struct edge *e, const struct tunnel *t)
{
	struct web_way *w = oldest_past(e, t, ROOM_KEPT);

	if (w && (is_stale(w) || oldest_past(e, t, ROOM_SCARCE)))
		drop_kept(w);
}

static struct upstream *make(struct edge *e, const struct upstream_to *to)
{
	bool is_web = to->kind == FRAME_KIND_HTTP;
	struct upstream *u;

	if (e->upstreams.bounds == NULL) {
		pool_init(&e->upstreams, &e->child.bounds, BOUND_EDGE_UPSTREAMS, sizeof(struct web_way));
		pool_init(&e->raw_ways, &e->child.bounds, BOUND_EDGE_UPSTREAMS, sizeof(struct upstream));
		pool_init(&e->locals, &e->child.bounds, BOUND_EDGE_ORIGINS, sizeof(struct local));
	}
	u = pool_get(is_web ? &e->upstreams : &e->raw_ways);
	if (u == NULL)
		return NULL;
	u->is_web = is_web;
	u->is_local = to->route.t == NULL;
	if (!is_web)
		return u;
	web_of(u)->epoch = to->route.epoch;
	web_of(u)->number = to->route.number;
	web_of(u)->timer.fire = on_time;
	note_times(web_of(u), to);
	return u;
}

int upstream_open(struct upstream **out, struct edge *e, const struct upstream_to *to, const struct upstream_user *user,
		  void *owner)
{
	struct upstream *u;

	make_room(e, to->route.t);
	u = make(e, to);
	if (u == NULL)
		return -ZT_E_FULL;
	*out = u;
	u->e = e;
	u->user = user;
	u->owner = owner;
	u->site = site_hold(to->site);
	if (u->is_local) {
		upstream_dial(u, to);
	} else {
		u->tunnel = to->route.t;
		open_stream(u, to);
	}
	return 0;
}

void *upstream_owner(const struct upstream *u)
{
	return u->owner;
}

const struct stream *upstream_stream(const struct upstream *u)
{
	return u->is_local || u->d == NULL ? NULL : CONTAINER_OF(u->d, const struct stream, d);
}

bool upstream_is_local(const struct upstream *u)
{
	return u->is_local;
}

bool upstream_overtaken(const struct upstream *u)
{
	return u->is_local && u->site != u->e->site;
}

struct upstream *upstream_of(const struct duct *d)
{
	if (span_eq_str(span_str(d->cls->name), "stream"))
		return CONTAINER_OF(d, struct stream, d)->owner;
	return CONTAINER_OF(d, struct local, sock.d)->u;
}

unsigned upstream_reset(const struct upstream *u, const char **text, uint64_t *delivered)
{
	const struct stream *s = upstream_stream(u);

	*text = u->d ? duct_why(u->d) : "";
	*delivered = s ? s->delivered : UINT64_MAX;
	return s ? s->code : RESET_ORIGIN;
}

uint64_t upstream_response_ms(const struct upstream *u)
{
	return web_of(u)->response_ms;
}

uint64_t upstream_idle_ms(const struct upstream *u)
{
	return web_of(u)->idle_ms;
}

const struct tunnel *upstream_tunnel(const struct upstream *u)
{
	return u->is_local ? NULL : u->tunnel;
}

/* ---- between requests -------------------------------------------------------------------------------- */

/* Nobody asked for anything: whatever it says now would be taken for the answer to the next request. */
static void on_idle(struct duct *d, unsigned events)
{
	struct upstream *u = upstream_of(d);

	(void)events;
	if (u->is_web && web_of(u)->slot)
		drop_kept(web_of(u));
}
const struct duct_user upstream_idle = {on_idle};

static void on_time(struct timer *t, uint64_t now)
{
	(void)now;
	drop_kept(CONTAINER_OF(t, struct web_way, timer));
}

void upstream_keep(struct upstream *u, struct upstream **slot)
{
	struct web_way *w = web_of(u), *oldest;

	*slot = u;
	join_kept(w, slot);
	u->owner = NULL;
	u->d->user = &upstream_idle;
	duct_want(u->d, DUCT_IN);
	w->since = loop_now(u->e->child.loop);
	oldest = oldest_past(u->e, upstream_tunnel(u), ROOM_KEPT);
	if (!loop_timer(u->e->child.loop, &w->timer, w->keep_ms * NS_PER_MS))
		drop_kept(w);
	else if (oldest)
		drop_kept(is_stale(oldest) ? oldest : w);
}

static bool leads_to(const struct upstream *u, const struct upstream_to *to)
{
	if (u->is_local)
		return to->route.t == NULL && u->local->host == to->host && u->site == to->site;
	return u->tunnel == to->route.t && web_of(u)->epoch == to->route.epoch && web_of(u)->number == to->route.number;
}

bool upstream_again(struct upstream *u, const struct upstream_to *to, const struct upstream_user *user, void *owner)
{
	leave_kept(web_of(u));
	if (!leads_to(u, to) || u->d->end != DUCT_GOING || duct_peek(u->d).n) {
		upstream_close(u, ZT_OK);
		return false;
	}
	loop_timer_stop(u->e->child.loop, &web_of(u)->timer);
	u->user = user;
	u->owner = owner;
	note_times(web_of(u), to);
	user->open(u, u->d);
	return true;
}
