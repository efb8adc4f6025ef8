/*
 * raw: connections whose bytes are passed on unread, top to bottom as they live:
 *
 *   OPENING  where it goes is decided, and the way there opens; nothing is read from the visitor
 *   OPEN     bytes both ways (io/couple)
 *   OVER     what was put leaves, then the socket closes and the slot is reaped
 *
 * Three kinds: ports of a [service], names of a [service] that are passed on with their hello, and zt-enrol/1, which
 * is for the authority behind the rule that [edge] enrol names. Nobody is asked who he is: that is what
 * `public = unauthenticated` says, and nothing comes here without it but zt-enrol/1, whose two ends know each other.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "decide/namematch.h"
#include "io/couple.h"
#include "io/sockduct.h"
#include "serve/accesslog.h"
#include "upstream.h"
#include "wire/enrol.h"

enum raw_state { RAW_OPENING, RAW_OPEN, RAW_OVER };
enum raw_kind { RAW_TCP, RAW_PASS, RAW_ENROL };
enum { NEAR, FAR };

/* The authority counts what comes through one connector as one address and takes 60 of its talks: strangers get
 * three quarters of that, those of each worker their part. Whoever is on this machine, the edge's own keeper, is not counted. */
#define ENROLS 45
#define ENROLS_EACH 6
#define ENROL_IDLE_MS 60000 /* the authority says something every 15 seconds */

struct raw {
	struct source src;
	struct sockduct sock;
	struct couple couple;
	struct raw *prev, *next;
	struct edge *e;
	struct site *site;                  /* service is of it */
	const struct conf_service *service; /* NULL: zt-enrol/1 */
	struct upstream *up;
	uint16_t *seat;
	const struct tunnel *tried;         /* to be compared, and nothing else */
	struct addr peer, local;
	struct timer until;                 /* its service is gone: so long it may finish */
	uint64_t began;
	int64_t rule;
	uint32_t epoch;
	enum policy_reason decision;
	uint8_t kind, state, tries;
	bool held;             /* no tunnel is there yet, of an edge that was upgraded */
	char id[EDGE_ID], connector[64];
	const char *name;                   /* what is looked up in rules: the configuration's, or its own */
	char *own, *sni;                    /* passed on: the hello's name, as it is looked up and as it was said */
};

static const char *const kind_names[] = {"tcp", "pass-through", "enrol"};
static const char *const by_names[] = {"visitor", "origin", "edge"};
enum { BY_EDGE = COUPLE_NEITHER };

static const struct net_tune tune = {.nodelay = true, .idle_s = 120, .interval_s = 15, .probes = 4,
				     .notsent_lowat = 131072}; /* as of visitors: front.c */

static void open_way(struct raw *k);

/* ---- the end --------------------------------------------------------------------------------- */

static void write_line(struct raw *k, unsigned by, const char *fault)
{
	const struct loop *l = k->e->child.loop;
	char mem[ACCESSLOG_LINE];
	struct wr w = wr_of(mem, sizeof mem);
	const struct access_stream a = {
		.c = {.wall_ms = clock_wall(loop_clock(l)), .duration_ns = loop_now(l) - k->began, .bytes_in = k->sock.d.in,
		      .bytes_out = k->sock.d.out, .peer = &k->peer, .user = &k->peer, .id = span_str(k->id), .host = span_str(k->name),
		      .tls = {.alpn = "", .name = "", .client = ""}, .user_id = "", .decision = policy_name(k->decision),
		      .route = k->service ? k->service->named.name : "", .connector = k->connector, .rule = k->rule, .epoch = k->epoch,
		      .fault = fault},
		.kind = kind_names[k->kind], .by = by_names[by]};

	access_stream_line(&a, &w);
	edge_access(k->e, wr_span(&w));
}

/* err 0: what was put is still delivered. */
static void over(struct raw *k, unsigned by, const char *fault, enum zt_err err)
{
	if (k->state == RAW_OVER)
		return;
	write_line(k, by, fault);
	k->state = RAW_OVER;
	k->e->n.bytes_in += k->sock.d.in;
	k->e->n.bytes_out += k->sock.d.out;
	loop_timer_stop(k->e->child.loop, &k->until);
	couple_stop(&k->couple);
	if (k->up)
		upstream_close(k->up, err);
	k->up = NULL;
	if (k->sock.src)
		duct_close(&k->sock.d, err);
	else
		loop_close(&k->src);
}

static void raw_reap(struct source *s)
{
	struct raw *k = CONTAINER_OF(s, struct raw, src);
	struct edge *e = k->e;

	*(k->prev ? &k->prev->next : &e->first_raw) = k->next;
	if (k->next)
		k->next->prev = k->prev;
	site_drop(k->site);
	edge_leaves(k->seat);
	free(k->own);
	pool_put(&e->raws, k);
	edge_one_less(e);
}

/* Is there another tunnel for it, which was not tried? What went wrong with the first one is not forgotten over nothing. */
static bool has_another(const struct raw *k)
{
	const struct tunnel_ask ask = {.host = span_str(k->name), .path = SPAN_LIT("/"), .kinds = 1u << RULE_TCP, .not = k->tried};
	struct tunnel_route r;

	return k->connector[0] && k->tries == 1 && !duct_dead(&k->sock.d) &&
	       tunnels_route(k->e, &ask, &r) == ROUTE_CONNECTOR;
}

/* Not a byte has come from either side, so another tunnel may have the visitor as he came. */
static bool tries_again(struct raw *k)
{
	struct upstream *was = k->up;

	if (k->sock.d.in || k->sock.d.out || !has_another(k))
		return false;
	k->up = NULL;
	upstream_close(was, ZT_E_CANCELLED);
	k->state = RAW_OPENING;
	k->e->n.retried++;
	open_way(k);
	return true;
}

static void on_couple_over(struct couple *c)
{
	struct raw *k = CONTAINER_OF(c, struct raw, couple);
	const char *fault = "", *text;
	uint64_t delivered;

	if (c->why && c->by == FAR && tries_again(k))
		return;
	if (c->why && c->by == FAR && !upstream_is_local(k->up))
		fault = frame_reset_name(upstream_reset(k->up, &text, &delivered));
	else if (c->by == COUPLE_NEITHER)
		fault = c->why == ZT_E_TIMEOUT ? "idle" : "out of memory";
	else if (c->why)
		fault = c->why == ZT_E_CLOSED ? "cut" : "reset";
	over(k, c->by, fault, c->why);
}

/* ---- open ------------------------------------------------------------------------------------ */

static uint64_t idle_ns(const struct raw *k)
{
	return (k->service ? k->service->idle_ms : ENROL_IDLE_MS) * NS_PER_MS;
}

static void on_near(struct duct *d, unsigned events)
{
	struct raw *k = CONTAINER_OF(d, struct raw, sock.d);

	if (k->state == RAW_OPEN)
		couple_event(&k->couple, NEAR, events);
	else if (k->state == RAW_OPENING && duct_dead(d))
		over(k, NEAR, "reset", ZT_E_RESET); /* while it wants nothing it is told that alone */
}

static void on_far(struct duct *d, unsigned events)
{
	struct raw *k = upstream_owner(upstream_of(d));

	if (k->state == RAW_OPEN)
		couple_event(&k->couple, FAR, events);
}

static const struct duct_user near_user = {on_near}, far_user = {on_far};

/* ---- the way there --------------------------------------------------------------------------- */

static void on_open(struct upstream *u, struct duct *d)
{
	struct raw *k = upstream_owner(u);

	k->up = u;
	k->state = RAW_OPEN;
	d->user = &far_user;
	k->couple = (struct couple){.side = {&k->sock.d, d}, .over = on_couple_over, .loop = k->e->child.loop, .idle_ns = idle_ns(k)};
	couple_start(&k->couple);
}

/* Nothing of the visitor's was taken yet, so another tunnel may have the same from the beginning. */
static void on_failed(struct upstream *u, unsigned code, const char *text)
{
	struct raw *k = upstream_owner(u);
	char peer[ADDR_TEXT];

	k->up = NULL;
	if (k->state != RAW_OPENING)
		return;
	if (has_another(k)) {
		k->e->n.retried++;
		open_way(k);
		return;
	}
	LOG(&k->e->child.log, LOG_DEBUG, "no way to the origin", LF_STR("peer", addr_text(&k->peer, peer)), LF_STR("name", k->name),
	    LF_STR("why", text));
	over(k, FAR, frame_reset_name(code), ZT_OK);
}

static const struct upstream_user up_user = {on_open, on_failed};

static enum policy_route find_way(struct raw *k, struct upstream_to *to)
{
	const struct tunnel_ask ask = {.host = to->name, .path = SPAN_LIT("/"), .kinds = 1u << RULE_TCP, .not = k->tried};
	enum policy_route r;

	k->connector[0] = 0;
	if (k->service && k->service->origin.host) {
		to->service = k->service;
		return ROUTE_LOCAL;
	}
	r = tunnels_route(k->e, &ask, &to->route);
	if (r != ROUTE_CONNECTOR)
		return r;
	k->tried = to->route.t;
	k->rule = to->route.number;
	k->epoch = to->route.epoch;
	span_to_cstr(span_str(to->route.connector), k->connector, sizeof k->connector);
	return r;
}

static void open_way(struct raw *k)
{
	struct upstream_to to = {.site = k->site, .kind = FRAME_KIND_TCP, .name = span_str(k->name), .request = span_str(k->id),
				 .peer = &k->peer, .local = &k->local};
	const uint8_t mine = ++k->tries;
	struct upstream *u;
	int rc;

	const struct child *c = &k->e->child;
	enum policy_route route = c->draining && !c->yields ? ROUTE_NONE : find_way(k, &to);

	k->held = route == ROUTE_NO_CONNECTOR && k->e->warming;
	if (k->held)
		return;
	k->decision = c->draining && !c->yields ? POLICY_DRAINING : policy_of_route(route);
	if (k->decision != POLICY_ALLOWED) {
		over(k, BY_EDGE, policy_name(k->decision), ZT_OK);
		return;
	}
	rc = upstream_open(&u, k->e, &to, &up_user, k);
	if (rc < 0)
		over(k, BY_EDGE, err_name((enum zt_err)-rc), ZT_OK);
	else if (k->state == RAW_OPENING && k->tries == mine) /* else u is gone, or known */
		k->up = u;
}

/* ---- who comes ------------------------------------------------------------------------------- */

static unsigned raw_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct raw, src)->sock);
}

static void raw_ready(struct source *s, unsigned events)
{
	sockduct_ready(&CONTAINER_OF(s, struct raw, src)->sock, events);
}

static const struct source_class raw_class = {"raw", raw_wants, raw_ready, raw_reap};

struct raw_how {
	const struct conf_service *service;
	enum raw_kind kind;
	const char *kept;      /* the site's own name for it; NULL: it is of the hello */
	struct span name, sni, before;
};

/* Only of a hello: what the configuration says lives as long as its site. False: no memory. */
static bool take_names(struct raw *k, const struct raw_how *how)
{
	k->name = how->kept ? how->kept : "";
	if (how->kept)
		return true;
	k->own = calloc(1, how->name.n + how->sni.n + 2);
	if (k->own == NULL)
		return false;
	k->name = k->own;
	k->sni = &k->own[how->name.n + 1];
	span_to_cstr(how->name, k->own, how->name.n + 1);
	span_to_cstr(how->sni, k->sni, how->sni.n + 1);
	return true;
}

/* fd is its own, whatever comes of it. */
static void begin(struct edge *e, int fd, const struct addr *peer, const struct raw_how *how)
{
	struct raw *k;
	uint16_t *seat;

	if (e->raws.bounds == NULL)
		pool_init(&e->raws, &e->child.bounds, BOUND_RAW_CONNS, sizeof *k);
	k = edge_comes(e, peer, &seat) ? pool_get(&e->raws) : NULL;
	if (k)
		k->src = (struct source){.cls = &raw_class, .fd = fd};
	if (k == NULL || loop_add(e->child.loop, &k->src) < 0) { /* its metric counts the first */
		close(fd);
		edge_leaves(seat);
		if (k)
			pool_put(&e->raws, k);
		return;
	}
	k->seat = seat;
	k->e = e;
	k->site = site_hold(e->site);
	k->service = how->service;
	k->kind = (uint8_t)how->kind;
	k->peer = *peer;
	k->local = net_local(fd);
	k->began = loop_now(e->child.loop);
	k->rule = -1;
	k->epoch = e->site->epoch;
	edge_request_id(e, k->id);
	k->next = e->first_raw;
	if (k->next)
		k->next->prev = k;
	e->first_raw = k;
	e->n.raw++;
	net_tune(fd, &tune);
	if (!take_names(k, how) || sockduct_start(&k->sock, e->bufs, &k->src, NULL, &near_user, how->before) < 0)
		over(k, BY_EDGE, "full", ZT_OK);
	else
		open_way(k);
}

void raw_accepted(struct edge *e, const struct conf_service *s, int fd, const struct addr *peer)
{
	const struct raw_how how = {.service = s, .kind = RAW_TCP, .kept = s->hostname};

	begin(e, fd, peer, &how);
}

static bool enrols(const struct edge *e, const struct hello *h)
{
	return e->site->conf->edge.enrol[0] && hello_wants(h, SPAN_LIT(ENROL_ALPN));
}

static const struct conf_service *service_of(const struct site *s, struct span name)
{
	for (unsigned wildcard = 0; name.n && wildcard < 2; wildcard++)
		for (const struct conf_service *v = conf_first_service(s->conf); v; v = conf_next_service(v))
			if (names_match(&v->sni, name, wildcard))
				return v;
	return NULL;
}

bool raw_passes(const struct edge *e, const struct hello *h)
{
	return enrols(e, h) || service_of(e->site, span_str(h->name));
}

/* From this address, and of all. */
static bool may_enrol(const struct edge *e, const struct addr *peer)
{
	size_t here = 0, all = 0;

	if (addr_is_loopback(peer))
		return true;
	for (const struct raw *k = e->first_raw; k; k = k->next)
		if (k->kind == RAW_ENROL && !addr_is_loopback(&k->peer)) {
			all++;
			here += addr_same_net(&k->peer, peer);
		}
	return all < edge_share(e->site->conf, ENROLS) && here < edge_share(e->site->conf, ENROLS_EACH);
}

void raw_passed(struct edge *e, const struct hello *h, int fd, const struct addr *peer, struct span before)
{
	const struct conf_service *v = enrols(e, h) ? NULL : service_of(e->site, span_str(h->name));
	const struct raw_how passed = {v, RAW_PASS, NULL, span_str(v && v->hostname[0] ? v->hostname : h->name), span_str(h->name), before};
	const struct raw_how enrolment = {NULL, RAW_ENROL, e->site->conf->edge.enrol, SPAN_NONE, SPAN_NONE, before};

	if (v) {
		begin(e, fd, peer, &passed);
	} else if (enrols(e, h) && may_enrol(e, peer)) {
		begin(e, fd, peer, &enrolment);
	} else {
		e->n.refused++;
		close(fd);
	}
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Is what led it here still written? */
static bool still_here(const struct raw *k, const struct conf_service *v)
{
	struct span sni = span_str(k->sni ? k->sni : "");

	for (size_t i = 0; k->kind == RAW_TCP && i < v->listen.n; i++)
		if (conf_addr(&v->listen, i)->port == k->local.port)
			return true;
	return k->kind == RAW_PASS && (names_match(&v->sni, sni, false) || names_match(&v->sni, sni, true));
}

static bool same_text(const char *a, const char *b)
{
	return span_eq_str(span_str(a ? a : ""), b ? b : "");
}

/* Its service as it is now, if it leads where it led. */
static const struct conf_service *again(const struct raw *k, const struct site *now)
{
	const struct conf_service *was = k->service, *v = conf_first_service(now->conf);

	while (v && !same_text(v->named.name, was->named.name))
		v = conf_next_service(v);
	if (v == NULL || !still_here(k, v))
		return NULL;
	return same_text(v->hostname, was->hostname) && same_text(v->origin.host, was->origin.host) &&
	       v->origin.port == was->origin.port && v->proxy == was->proxy ? v : NULL;
}

static void on_until(struct timer *t, uint64_t now)
{
	(void)now;
	over(CONTAINER_OF(t, struct raw, until), BY_EDGE, "its service is gone", ZT_E_DENIED);
}

static void rejudge(struct raw *k)
{
	struct site *now = k->e->site;
	const struct conf_service *v = NULL;
	bool goes_on;

	if (k->state == RAW_OVER || k->site == now)
		return;
	if (k->service)
		v = again(k, now);
	goes_on = k->service ? v != NULL : span_eq_str(span_str(k->name), now->conf->edge.enrol);
	if (goes_on) {
		loop_timer_stop(k->e->child.loop, &k->until);
		site_drop(k->site); /* with the name, if it was the last */
		k->site = site_hold(now);
		k->service = v;
		if (k->own == NULL)
			k->name = v ? v->hostname : now->conf->edge.enrol;
		k->couple.idle_ns = idle_ns(k);
	} else if (k->until.pos == 0) {
		k->until.fire = on_until;
		if (!loop_timer(k->e->child.loop, &k->until, now->conf->limits.drain_ms * NS_PER_MS))
			over(k, BY_EDGE, "its service is gone", ZT_E_DENIED);
	}
}

static void each(struct edge *e, void (*call)(struct raw *k))
{
	struct raw *next;

	for (struct raw *k = e->first_raw; k; k = next) {
		next = k->next;
		call(k);
	}
}

void raws_rejudge(struct edge *e)
{
	each(e, rejudge);
}

static void look_again(struct raw *k)
{
	if (k->held && k->state == RAW_OPENING)
		open_way(k);
}

void raws_look_again(struct edge *e)
{
	each(e, look_again);
}

/* A watch has no end of its own, and is begun again elsewhere. */
static void drain(struct raw *k)
{
	if (k->kind == RAW_ENROL)
		over(k, BY_EDGE, policy_name(POLICY_DRAINING), ZT_OK);
}

void raws_drain(struct edge *e)
{
	each(e, drain);
}

static void stop(struct raw *k)
{
	over(k, BY_EDGE, "zt is being stopped", ZT_E_CANCELLED);
	sockduct_stop(&k->sock);
}

void raws_end(struct edge *e)
{
	each(e, stop);
}
