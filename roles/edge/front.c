/*
 * front: one connection of the public port, top to bottom as it lives:
 *
 *   SHAKE  the hello, read here and nowhere else: a connector's and what is passed on unopened leave with their
 *          descriptor; then the visitor's handshake
 *   IDLE   between requests: a timer, no buffer
 *   BUSY   an exchange has the duct
 *   OVER   what was put leaves, then the socket closes and the slot is reaped
 *
 * It is of one host for life, the section that its hello was served by, whatever a reload does to the places of
 * the others. Every end goes through front_close().
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "front.h"

#define DRAIN_IDLE (2 * NS_PER_S) /* a connection that was still shaking hands when the end began may ask once */

static struct front *front_of(struct source *s)
{
	return CONTAINER_OF(s, struct front, src);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void set_state(struct front *f, enum front_state s)
{
	f->state = (uint8_t)s;
	loop_touch(&f->src);
}

void front_close(struct front *f, enum zt_err err)
{
	bool shaking = f->state == FRONT_SHAKE;

	if (f->state == FRONT_OVER)
		return;
	set_state(f, FRONT_OVER);
	loop_timer_stop(f->of.e->child.loop, &f->idle);
	front_joins(f, &f->of.e->busy);
	if (f->kept)
		upstream_close(f->kept, ZT_OK);
	f->kept = NULL;
	if (!shaking) {
		duct_close(&f->sock.d, err);
		return;
	}
	tls_free(&f->tls);
	loop_close(&f->src);
}

void front_end(struct front *f, enum zt_err err, const char *why)
{
	struct exchange *x = f->x;

	f->x = NULL;
	if (x)
		exchange_end(x, why);
	front_close(f, err);
}

static void front_reap(struct source *s)
{
	struct front *f = front_of(s);
	struct edge *e = f->of.e;

	front_leaves(f);
	tls_free(&f->tls);
	site_drop(f->site);
	edge_leaves(f->seat);
	pool_put(&e->fronts, f);
	edge_one_less(e);
}

/* ---- between requests ------------------------------------------------------------------------ */

static bool ends(const struct front *f)
{
	const struct child *c = &f->of.e->child;

	/* Who was not told by his last answer that it ends may be asking already. */
	return f->of.last || (c->draining && !c->yields);
}

static void on_idle_event(struct duct *d, unsigned events);
static const struct duct_user idle_user = {on_idle_event};

static void go_idle(struct front *f, uint64_t for_ns)
{
	struct edge *e = f->of.e;

	f->sock.d.user = &idle_user;
	set_state(f, FRONT_IDLE);
	front_joins(f, &e->idle);
	if (!loop_timer(e->child.loop, &f->idle, for_ns))
		front_close(f, ZT_E_NOMEM);
	else
		duct_want(&f->sock.d, DUCT_IN);
}

static void on_over(void *owner, bool keep)
{
	struct front *f = owner;

	f->x = NULL;
	if (f->state != FRONT_BUSY)
		return;
	if (!keep || ends(f) || duct_dead(&f->sock.d) || f->sock.d.deaf)
		front_close(f, ZT_OK);
	else
		go_idle(f, f->of.e->site->conf->edge.idle_ms * NS_PER_MS);
}

static void begin(struct front *f)
{
	struct edge *e = f->of.e;

	loop_timer_stop(e->child.loop, &f->idle);
	front_joins(f, &e->busy);
	set_state(f, FRONT_BUSY);
	standing_judge(&f->cert, f->of.e, false);
	if (exchange_start(&f->x, &f->of) < 0) {
		f->x = NULL;
		front_close(f, ZT_E_FULL);
	}
}

static void on_idle_event(struct duct *d, unsigned events)
{
	struct front *f = CONTAINER_OF(d, struct front, sock.d);

	(void)events;
	if (f->state != FRONT_IDLE)
		return;
	if (duct_dead(d) || duct_ended(d))
		front_close(f, ZT_OK);
	else if (duct_peek(d).n)
		begin(f);
}

static void on_idle_time(struct timer *t, uint64_t now)
{
	struct front *f = CONTAINER_OF(t, struct front, idle);

	(void)now;
	front_end(f, f->state == FRONT_BUSY ? ZT_E_DENIED : ZT_OK, FRONT_GONE);
}

/* ---- the handshake --------------------------------------------------------------------------- */

/* It is judged by what was in force at its hello: a reload may have overtaken the handshake. */
static void on_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	struct edge *e = f->of.e;
	int plan = site_sni(f->site, span_str(t->peer->name));

	f->of.plan = plan < 0 ? UINT_MAX : (unsigned)plan;
	if (n)
		standing_note(&f->cert, t->peer, f->of.plan < f->site->rules.hosts && f->site->rules.host[f->of.plan].roles, chain[0]);
	if (!front_may_stay(f)) {
		front_close(f, ZT_E_DENIED);
		return;
	}
	f->shown = (struct access_tls){.on = true, .resumed = t->peer->resumed, .suite = t->peer->suite, .alpn = t->peer->alpn,
				       .name = t->peer->name, .client = t->peer->id};
	sockduct_start(&f->sock, e->bufs, &f->src, t, &idle_user, SPAN_NONE); /* without bytes before it cannot fail */
	f->of.d = &f->sock.d;
	go_idle(f, e->child.draining && !e->child.yields ? DRAIN_IDLE : e->site->conf->edge.idle_ms * NS_PER_MS);
}

static void on_failed(struct tls *t, enum tls_fault fault, const char *words)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	char peer[ADDR_TEXT];

	(void)fault;
	LOG(&f->of.e->child.log, LOG_DEBUG, "no handshake", LF_STR("peer", addr_text(&f->of.user, peer)), LF_STR("why", words));
	front_close(f, ZT_OK);
}

/* The descriptor goes to another owner; what was read of it is his too. */
static int give_away(struct front *f)
{
	int fd = f->src.fd;

	f->src.keep_fd = true;
	loop_close(&f->src);
	f->state = FRONT_OVER;
	return fd;
}

static bool on_hello(struct tls *t, const struct hello *h, struct span raw)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	struct edge *e = f->of.e;

	site_drop(f->site);
	f->site = site_hold(e->site);
	if (e->child.draining && !e->child.yields)
		return false;
	if (e->id && !e->child.yields && hello_wants(h, SPAN_LIT("zt-tunnel/1")))
		peers_arrived(e, give_away(f), &f->of.user, span_str(h->name), raw);
	else if (raw_passes(e, h))
		raw_passed(e, h, give_away(f), &f->of.user, raw);
	return f->state == FRONT_OVER;
}

static const struct tls_class tls_class = {on_opened, on_failed, on_hello};

static void shake(struct front *f)
{
	int rc = tls_accept(&f->tls, f->of.e->web, &tls_class, &f->src, &f->of.user);

	if (rc < 0)
		front_close(f, ZT_OK); /* counted by tls, or by its bound */
	else
		loop_touch(&f->src);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static unsigned front_wants(const struct source *s)
{
	const struct front *f = CONTAINER_OF(s, const struct front, src);

	return f->state == FRONT_SHAKE ? tls_wants(&f->tls) : sockduct_wants(&f->sock);
}

static void front_ready(struct source *s, unsigned events)
{
	struct front *f = front_of(s);

	if (f->state == FRONT_SHAKE)
		tls_shake_ready(&f->tls, events);
	else
		sockduct_ready(&f->sock, events);
}

static const struct source_class front_class = {"visitor", front_wants, front_ready, front_reap};

void fronts_init(struct edge *e)
{
	pool_init(&e->fronts, &e->child.bounds, BOUND_EDGE_CONNS, sizeof(struct front));
}

void front_accepted(struct edge *e, int fd, const struct arrival *a)
{
	struct front *f;
	uint16_t *seat;

	if (!edge_comes(e, &a->user, &seat)) {
		close(fd);
		return;
	}
	fronts_make_room(e);
	f = pool_get(&e->fronts);
	if (f == NULL) { /* edge_conns is full; its metric counts this */
		edge_leaves(seat);
		close(fd);
		return;
	}
	f->seat = seat;
	f->of = (struct exchange_of){.e = e, .peer = a->peer, .user = a->user, .local = a->local, .tls = &f->shown,
				     .plan = UINT_MAX, .cert = &f->cert.cert, .kept = &f->kept, .over = on_over, .owner = f};
	f->idle.fire = on_idle_time;
	f->src = (struct source){.cls = &front_class, .fd = fd};
	if (loop_add(e->child.loop, &f->src) < 0) {
		edge_leaves(seat);
		close(fd);
		pool_put(&e->fronts, f);
		return;
	}
	edge_tune(fd);
	front_joins(f, &e->busy);
	shake(f);
}
