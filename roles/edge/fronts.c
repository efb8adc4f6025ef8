/*
 * fronts: all connections of the public port: which there are, who makes room, which of them a configuration or a status
 * list ends. Owns the two lists of struct edge.
 */
#include <limits.h>

#include "base/num.h"
#include "front.h"

/* ---- lists ----------------------------------------------------------------------------------- */

void front_leaves(struct front *f)
{
	struct fronts *l = f->in;

	if (l == NULL)
		return;
	*(f->prev ? &f->prev->next : &l->first) = f->next;
	*(f->next ? &f->next->prev : &l->last) = f->prev;
	f->prev = f->next = NULL;
	f->in = NULL;
}

void front_joins(struct front *f, struct fronts *l)
{
	front_leaves(f);
	f->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = f;
	l->last = f;
	f->in = l;
}

/* ---- who may stay --------------------------------------------------------------------------- */

void fronts_make_room(struct edge *e)
{
	const struct bounds *b = &e->child.bounds;
	uint64_t cap = b->row[BOUND_EDGE_CONNS].cap;
	struct front *f = e->idle.first;

	if (f == NULL || b->row[BOUND_EDGE_CONNS].used < cap - cap / 16)
		return;
	duct_finish(&f->sock.d);
	duct_flush(&f->sock.d);
	front_close(f, ZT_OK);
	sockduct_stop(&f->sock);
}

bool front_may_stay(struct front *f)
{
	struct edge *e = f->of.e;
	const struct conf_host *h;
	struct addr at;
	bool same, asked;
	int plan;

	f->gone = false;
	if (f->site == e->site)
		return true;
	at = net_local(f->src.fd); /* not what a proxy said */
	f->of.last |= !site_listens(e->site, &at);
	if (f->x && exchange_unnamed(f->x)) {
		f->gone = f->of.last = true;
		return true;
	}
	plan = site_again(e->site, f->site, f->of.plan);
	h = site_host(e->site, plan);
	same = h && site_same_cas(e->site, plan, f->site, f->of.plan);
	asked = h && (f->cert.cert.presented || h->client_cert != TLS_ASK_NO);
	f->of.last |= h == NULL || (asked && !(same && site_same_demands(e->site, plan, f->site, f->of.plan)));
	f->of.plan = plan < 0 ? UINT_MAX : (unsigned)plan;
	site_drop(f->site);
	f->site = site_hold(e->site);
	return h && (f->cert.cert.presented ? same : h->client_cert != TLS_ASK_REQUIRED);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void each(struct edge *e, void (*call)(struct front *f))
{
	struct fronts *lists[] = {&e->idle, &e->busy};
	struct front *next;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (struct front *f = lists[i]->first; f; f = next) {
			next = f->next;
			call(f);
		}
}

/* Nobody has taken anything from the visitor of a host that is gone: what runs may finish, for a time. */
static void bound(struct front *f)
{
	const struct edge *e = f->of.e;

	if (!f->gone)
		loop_timer_stop(e->child.loop, &f->idle);
	else if (f->idle.pos == 0 && !loop_timer(e->child.loop, &f->idle, e->site->conf->limits.drain_ms * NS_PER_MS))
		front_end(f, ZT_E_NOMEM, FRONT_GONE);
}

static void rejudge(struct front *f)
{
	if (f->state != FRONT_IDLE && f->state != FRONT_BUSY)
		return;
	if (!front_may_stay(f)) {
		front_end(f, ZT_E_DENIED, FRONT_GONE);
		return;
	}
	if (f->state == FRONT_IDLE && f->of.last) {
		front_close(f, ZT_OK);
		return;
	}
	if (f->x == NULL)
		return;
	standing_judge(&f->cert, f->of.e, true);
	exchange_rejudge(f->x);
	standing_judge(&f->cert, f->of.e, false); /* what it has not decided yet is new */
	if (f->state == FRONT_BUSY)
		bound(f);
}

void fronts_rejudge(struct edge *e)
{
	each(e, rejudge);
}

static void look_again(struct front *f)
{
	if (f->x)
		exchange_look_again(f->x);
}

void fronts_look_again(struct edge *e)
{
	each(e, look_again);
}

static void drain(struct front *f)
{
	if (f->state == FRONT_IDLE)
		front_close(f, ZT_OK);
	else if (f->state == FRONT_BUSY && f->x && exchange_is_idle(f->x))
		front_end(f, ZT_OK, "zt is being stopped");
}

void fronts_drain(struct edge *e)
{
	each(e, drain);
}

static void stop(struct front *f)
{
	front_end(f, ZT_E_CANCELLED, "zt is being stopped");
	if (f->sock.src)
		sockduct_stop(&f->sock);
	tls_forget_peer(&f->tls); /* its world ends before the loop */
}

void fronts_end(struct edge *e)
{
	each(e, stop);
}
