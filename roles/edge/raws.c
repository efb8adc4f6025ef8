/*
 * raws: all connections whose bytes are passed on unread: how many may enrol, and which of them a configuration ends.
 */
#include <string.h>

#include "base/num.h"
#include "raw.h"

/* The authority counts what comes through one connector as one address and takes 60 of its talks: strangers get
 * three quarters of that, those of each worker their part. Whoever is on this machine, the edge's own keeper, is not counted. */
#define ENROLS 45
#define ENROLS_EACH 6
#define SWEEP_NS (NS_PER_S / 4) /* all are looked at no more often than so, however many end one after the other */
#define ENROL_IDLE_MS 60000 /* the authority says something every 15 seconds */

uint32_t raw_idle_ms(const struct raw *k)
{
	return k->service ? (uint32_t)k->service->idle_ms : ENROL_IDLE_MS; /* 30 days at most */
}

/* Ends those whose time is over, and sets the timer for the first of the others. */
static void sweep(struct timer *t, uint64_t now)
{
	struct edge *e = CONTAINER_OF(t, struct edge, raw_time);
	struct pool_at at = {0};
	uint64_t first = UINT64_MAX;

	for (struct raw *k; (k = pool_next(&e->raws, &at)) != NULL;) {
		if (k->until && k->until <= now)
			raw_over(k, BY_EDGE, "its service is gone", ZT_E_DENIED);
		couple_look(&k->couple, now);
		if (k->state != RAW_OVER)
			first = num_min64(first, num_min64(k->until ? k->until : UINT64_MAX, couple_due(&k->couple)));
	}
	if (first != UINT64_MAX && !loop_timer_by(e->child.loop, t, num_max64(first, now + SWEEP_NS)))
		LOG0(&e->child.log, LOG_ERROR, "no memory for a timer: raw connections may be silent for ever");
}

void raws_look_at(struct edge *e, uint64_t at_ns)
{
	e->raw_time.fire = sweep;
	if (!loop_timer_by(e->child.loop, &e->raw_time, at_ns))
		sweep(&e->raw_time, loop_now(e->child.loop));
}

bool raws_may_enrol(const struct edge *e, const struct addr *peer)
{
	struct pool_at at = {0};
	size_t here = 0, all = 0;

	if (addr_is_loopback(peer))
		return true;
	for (const struct raw *k; (k = pool_next(&e->raws, &at)) != NULL;)
		if (k->kind == RAW_ENROL && !addr_is_loopback(&k->peer)) {
			all++;
			here += addr_same_net(&k->peer, peer);
		}
	return all < edge_share(e->site->conf, ENROLS) && here < edge_share(e->site->conf, ENROLS_EACH);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void rejudge(struct raw *k)
{
	struct site *now = k->e->site;
	const struct conf_service *v = NULL;
	struct addr local;
	bool goes_on;

	if (k->state == RAW_OVER || k->site == now)
		return;
	local = net_local(k->src.fd);
	if (k->service)
		v = site_service_again(now, k->service, k->kind == RAW_TCP ? &local : NULL,
				       span_str(k->owns ? &k->name[strlen(k->name) + 1] : ""));
	goes_on = k->service ? v != NULL : span_eq_str(span_str(k->name), now->conf->edge.enrol);
	if (goes_on) {
		k->until = 0;
		site_drop(k->site); /* with the name, if it was the last */
		k->site = site_hold(now);
		k->service = v;
		if (!k->owns)
			k->name = v ? v->hostname : now->conf->edge.enrol;
		k->couple.idle_ms = raw_idle_ms(k);
		raws_look_at(k->e, couple_due(&k->couple));
	} else if (k->until == 0) {
		k->until = loop_now(k->e->child.loop) + now->conf->limits.drain_ms * NS_PER_MS;
		raws_look_at(k->e, k->until);
	}
}

static void each(struct edge *e, void (*call)(struct raw *k))
{
	struct pool_at at = {0};

	for (struct raw *k; (k = pool_next(&e->raws, &at)) != NULL;)
		call(k);
}

void raws_rejudge(struct edge *e)
{
	each(e, rejudge);
}

static void look_again(struct raw *k)
{
	if (k->held && k->state == RAW_OPENING)
		raw_open_way(k);
}

void raws_look_again(struct edge *e)
{
	each(e, look_again);
}

/* A watch has no end of its own, and is begun again elsewhere. */
static void drain(struct raw *k)
{
	if (k->kind == RAW_ENROL)
		raw_over(k, BY_EDGE, policy_name(POLICY_DRAINING), ZT_OK);
}

void raws_drain(struct edge *e)
{
	each(e, drain);
}

static void stop(struct raw *k)
{
	raw_over(k, BY_EDGE, "zt is being stopped", ZT_E_CANCELLED);
	sockduct_stop(&k->sock);
}

void raws_end(struct edge *e)
{
	each(e, stop);
}
