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
#include "raw.h"
#include "serve/accesslog.h"
#include "wire/enrol.h"

static const char *const kind_names[] = {"tcp", "pass-through", "enrol"};
static const char *const by_names[] = {"visitor", "origin", "edge"};
enum { NEAR, FAR };

/* ---- the end --------------------------------------------------------------------------------- */

static void write_line(struct raw *k, unsigned by, const char *fault)
{
	const struct loop *l = k->e->child.loop;
	char mem[ACCESSLOG_LINE];
	struct wr w = wr_of(mem, sizeof mem);
	const struct access_stream a = {
		.c = {.wall_ms = clock_wall(loop_clock(l)), .duration_ns = loop_now(l) - k->began, .bytes_in = k->sock.d.in,
		      .bytes_out = k->sock.d.out, .peer = &k->peer, .user = &k->peer, .id = span_str(k->id), .host = span_str(k->name),
		      .tls = {.alpn = "", .name = "", .client = ""}, .user_id = "", .decision = policy_name((enum policy_reason)k->decision),
		      .route = k->service ? k->service->named.name : "", .connector = k->connector, .rule = k->rule, .epoch = k->epoch,
		      .fault = fault},
		.kind = kind_names[k->kind], .by = by_names[by]};

	access_stream_line(&a, &w);
	edge_access(k->e, wr_span(&w));
}

void raw_over(struct raw *k, unsigned by, const char *fault, enum zt_err err)
{
	if (k->state == RAW_OVER)
		return;
	write_line(k, by, fault);
	held_give(k->e, &k->held);
	k->state = RAW_OVER;
	k->e->n.bytes_in += k->sock.d.in;
	k->e->n.bytes_out += k->sock.d.out;
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

	site_drop(k->site);
	edge_leaves(k->seat);
	if (k->owns)
		free((void *)(uintptr_t)k->name);
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
	raw_open_way(k);
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
		fault = "idle";
	else if (c->why)
		fault = c->why == ZT_E_CLOSED ? "cut" : "reset";
	raw_over(k, c->by, fault, (enum zt_err)c->why);
}

/* ---- open ------------------------------------------------------------------------------------ */

static void on_near(struct duct *d, unsigned events)
{
	struct raw *k = CONTAINER_OF(d, struct raw, sock.d);

	if (k->state == RAW_OPEN)
		couple_event(&k->couple, NEAR, events);
	else if (k->state == RAW_OPENING && duct_dead(d))
		raw_over(k, NEAR, "reset", ZT_E_RESET); /* while it wants nothing it is told that alone */
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
	k->couple = (struct couple){.side = {&k->sock.d, d}, .over = on_couple_over, .loop = k->e->child.loop, .idle_ms = raw_idle_ms(k)};
	couple_start(&k->couple);
	raws_look_at(k->e, couple_due(&k->couple));
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
		raw_open_way(k);
		return;
	}
	LOG(&k->e->child.log, LOG_DEBUG, "no way to the origin", LF_STR("peer", addr_text(&k->peer, peer)), LF_STR("name", k->name),
	    LF_STR("why", text));
	raw_over(k, FAR, frame_reset_name(code), ZT_OK);
}

static const struct upstream_user up_user = {on_open, on_failed};

static enum policy_route find_way(struct raw *k, struct upstream_to *to)
{
	const struct tunnel_ask ask = {.host = to->name, .path = SPAN_LIT("/"), .kinds = 1u << RULE_TCP, .not = k->tried};
	enum policy_route r;

	k->connector = "";
	if (k->service && k->service->origin.host) {
		to->service = k->service;
		return ROUTE_LOCAL;
	}
	r = tunnels_route(k->e, &ask, &to->route);
	if (r != ROUTE_CONNECTOR)
		return r;
	k->tried = to->route.t;
	k->rule = (int16_t)to->route.number;
	k->epoch = to->route.epoch;
	k->connector = to->route.connector;
	return r;
}

void raw_open_way(struct raw *k)
{
	const struct addr local = net_local(k->src.fd);
	struct upstream_to to = {.site = k->site, .kind = FRAME_KIND_TCP, .name = span_str(k->name), .request = span_str(k->id),
				 .peer = &k->peer, .local = &local};
	struct upstream *u;
	uint8_t mine;
	int rc;

	const struct child *c = &k->e->child;
	enum policy_route route = c->draining && !c->yields ? ROUTE_NONE : find_way(k, &to);

	held_give(k->e, &k->held);
	if (route == ROUTE_NO_CONNECTOR && (k->held = held_take(k->e)))
		return;
	k->decision = (uint8_t)(c->draining && !c->yields ? POLICY_DRAINING : policy_of_route(route));
	if (k->decision != POLICY_ALLOWED) {
		raw_over(k, BY_EDGE, policy_name((enum policy_reason)k->decision), ZT_OK);
		return;
	}
	mine = ++k->tries;
	rc = upstream_open(&u, k->e, &to, &up_user, k);
	if (rc < 0)
		raw_over(k, BY_EDGE, err_name((enum zt_err)-rc), ZT_OK);
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
	char *own;

	k->name = how->kept ? how->kept : "";
	if (how->kept)
		return true;
	own = calloc(1, how->name.n + how->sni.n + 2);
	if (own == NULL)
		return false;
	span_to_cstr(how->name, own, how->name.n + 1);
	span_to_cstr(how->sni, &own[how->name.n + 1], how->sni.n + 1);
	k->name = own;
	k->owns = true;
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
	k->connector = "";
	k->began = loop_now(e->child.loop);
	k->rule = -1;
	k->epoch = e->site->epoch;
	edge_request_id(e, k->id);
	e->n.raw++;
	edge_tune(fd);
	if (!take_names(k, how) || sockduct_start(&k->sock, e->bufs, &k->src, NULL, &near_user, how->before) < 0)
		raw_over(k, BY_EDGE, "full", ZT_OK);
	else
		raw_open_way(k);
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

bool raw_passes(const struct edge *e, const struct hello *h)
{
	return enrols(e, h) || site_service(e->site, span_str(h->name));
}

void raw_passed(struct edge *e, const struct hello *h, int fd, const struct addr *peer, struct span before)
{
	const struct conf_service *v = enrols(e, h) ? NULL : site_service(e->site, span_str(h->name));
	const struct raw_how passed = {v, RAW_PASS, NULL, span_str(v && v->hostname[0] ? v->hostname : h->name), span_str(h->name), before};
	const struct raw_how enrolment = {NULL, RAW_ENROL, e->site->conf->edge.enrol, SPAN_NONE, SPAN_NONE, before};

	if (v) {
		begin(e, fd, peer, &passed);
	} else if (enrols(e, h) && raws_may_enrol(e, peer)) {
		begin(e, fd, peer, &enrolment);
	} else {
		e->n.refused++;
		close(fd);
	}
}
