/*
 * uplink: the way to one edge, or to one worker of it, dialled for ever; which edges there are is uplinks.c's. How many workers
 * an edge has its HELLO says; the first uplink is dialled without a name until then, and there is one for each
 * afterwards, dialled by the worker's name. One leg (leg.h) of it is UP as a rule.
 * One that is old, or that shows a certificate which was renewed, is stale: another one is made beside it, and when
 * that is UP, the stale one is LEFT. Without a leg, one is made after a random time that doubles with every failure.
 * One that was UP and is lost is dialled almost at once, a few times.
 * A leg that is not UP soon gets another beside it, as what it has said may be lost for good; who is UP first stays.
 *
 * Allocates uplinks, at most CONF_WORKERS for each of BOUND_CONF_LIST; of legs there are
 * LEGS_MOST for each, and of those whose uplink is gone ORPHANS_MOST.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "uplink.h"

#define DIAL_MS 15000
#define AGAIN_NS (500 * NS_PER_MS) /* where nothing answers: the path may be back at any moment */
#define QUICK_MS 100          /* one that was up is lost: its process died, and another is there in so long a time */
#define QUICK 4               /* such waits in a row, */
#define QUICK_EACH 10         /* and one more for so many seconds */
#define NEW_MS 2000           /* workers of an edge that has new ones time and again wait up to so long */
#define HEALTHY (30 * NS_PER_S) /* a leg that was up for so long: what failed before counts no more */
#define PATIENCE_MS 1000      /* with a leg that is not UP, and up to half of it by chance; twice as long after every */
#define PATIENT 4             /* of them: a far or busy edge is reached in the end, and not asked ever more */
#define PATIENCE_STEPS 3      /* 8 s, and a handshake has 10 */
#define COMING 2              /* legs that are not UP, of one uplink; the older one is given up for a third */
#define ROTATE_GRACE_MS 3600000 /* what still lives on a stale leg after this is cut */
#define LEGS_MOST 4           /* of one edge; when one more is made, the oldest that was left is ended */
#define ORPHANS_MOST (4 * CONF_WORKERS) /* of edges and workers that are gone, while others are dialled: an edge may say as often as it
				* likes how many workers it has, and use what it left */
#define AGAIN_MS 50           /* not all connectors of an edge at once */

/* ---- dialling ------------------------------------------------------------------------------ */

static void after(struct uplink *u, uint32_t ms)
{
	if (!loop_timer(u->c->child.loop, &u->again, ms * NS_PER_MS))
		LOG(&u->c->child.log, LOG_ERROR, "no memory for a timer", LF_STR("edge", u->name)); /* chores look again */
}

/* Of two that an edge wants kept the older one goes. It asks as often as it is upgraded, or as it likes. */
void uplink_again(struct uplink *u, struct leg *g)
{
	bool young = loop_now(u->c->child.loop) - g->up_ns < NS_PER_S;

	for (struct leg *o = u->c->legs; o; o = o->next)
		if (o != g && o->u == u && o->state == LEG_UP && o->keeps)
			leg_leave(o, LEAVE_REKEY, ROTATE_GRACE_MS, "another connection takes its place");
	g->keeps = true;
	after(u, young ? 1000 : random_below(AGAIN_MS));
}

/* Where it is one of several, the others would take the call and have nobody to hand it to until then. */
static uint32_t quick_wait(const struct uplink *u)
{
	return (u->first->count > 1 ? QUICK_MS : 0) + random_below(QUICK_MS);
}

/* An edge that takes every call and drops it is not called without an end for that: quick is few, and slowly more. */
static void lost(struct uplink *u, const struct leg *g, enum redial_how how, const char *why)
{
	struct connector *c = u->c;
	uint64_t now = loop_now(c->child.loop);
	uint32_t ms;

	if (g)
		u->last = g->peer;
	if (g && g->up_ns && now - g->up_ns >= HEALTHY)
		u->redial = (struct redial){0};
	if (how == REDIAL_LOST && g && g->up_ns && window_rate_take(&u->quick, now / QUICK_EACH))
		ms = quick_wait(u);
	else
		ms = random_below(redial_most_ms(&u->redial, how) + 1);
	u->retries++;
	snprintf(u->why, sizeof u->why, "%s", why);
	if (c->child.draining)
		return;
	LOG(&c->child.log, LOG_WARN, "the edge is dialled again", LF_STR("edge", u->name), LF_STR("why", why), LF_U64("in_ms", ms));
	after(u, ms);
}

void uplink_lost(struct uplink *u, const struct leg *g, const char *why) { lost(u, g, REDIAL_LOST, why); }
void uplink_denied(struct uplink *u, const char *why) { lost(u, NULL, REDIAL_DENIED, why); }
void uplink_starved(struct uplink *u, const struct leg *g, const char *why) { lost(u, g, REDIAL_UNHEARD, why); }

static void dial(struct uplink *u);

/* Who is reached says by its certificate whether it is the one, so an old address can do no harm. */
static bool dial_last(struct uplink *u, const struct dial_result *r)
{
	if (r->n || u->by_last || u->last.port == 0)
		return false;
	u->by_last = true;
	dial(u);
	return true;
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct uplink *u = owner;
	char tried[ADDR_TEXT] = "", why[sizeof u->why];

	u->dial = NULL;
	if (r->rc == 0) {
		char worker[FRAME_WORKER] = "";

		u->redial.refused = 0;
		if (u->first->count > 1)
			frame_worker_name(worker, u->index);
		u->patience_ms = (PATIENCE_MS + random_below(PATIENCE_MS / 2))
				 << (u->begun / PATIENT < PATIENCE_STEPS ? u->begun / PATIENT : PATIENCE_STEPS);
		u->begun += u->begun < PATIENT * PATIENCE_STEPS;
		leg_new(u->c, u, u->name, worker, r->fd, &r->peer);
		if (u->again.pos == 0) /* else it is lost already */
			after(u, u->patience_ms);
		return;
	}
	if (dial_last(u, r))
		return;
	if (r->n)
		addr_text(&r->tried[0].to, tried);
	snprintf(why, sizeof why, "%s%s%s", tried, r->n ? ": " : "", err_text((enum zt_err)-r->rc));
	lost(u, NULL, r->rc == -ZT_E_REFUSED ? REDIAL_REFUSED : REDIAL_UNHEARD, why);
}

/* For one more of u, or while one is made for those of uplinks that are gone: the oldest that was left is ended. */
static void make_room(struct connector *c, const struct uplink *u, size_t most)
{
	struct leg *oldest = NULL;
	size_t n = 0;

	for (struct leg *g = c->legs; g; g = g->next)
		if (g->u == u) {
			n++;
			oldest = g->state == LEG_LEFT && !g->ended ? g : oldest; /* new ones come first in the list */
		}
	if (n < most || oldest == NULL)
		return;
	oldest->ended = true; /* it is told from the loop */
	leg_leave(oldest, LEAVE_REKEY, 0, "it was left long ago");
}

static void dial(struct uplink *u)
{
	struct connector *c = u->c;
	char ip[ADDR_TEXT];
	struct wr w = wr_of(ip, sizeof ip);
	struct dial_req req = {.host = span_str(u->host), .port = u->port, .timeout_ns = DIAL_MS * NS_PER_MS,
			       .again_ns = AGAIN_NS, .tune = &mux_tune, .done = on_dialled, .owner = u};
	int rc;

	if (u->by_last) {
		addr_write_ip(&w, &u->last);
		req.host = wr_span(&w);
	}
	make_room(c, u, LEGS_MOST);
	make_room(c, NULL, ORPHANS_MOST);
	rc = dial_start(c->out.dialer, &req, &u->dial);
	if (rc < 0)
		uplink_starved(u, NULL, err_text((enum zt_err)-rc));
}

/* True: there is a good leg, or one on its way that is not late yet. */
static bool is_served(struct uplink *u, uint64_t now)
{
	struct leg *newest = NULL, *oldest = NULL;
	size_t coming = 0;
	uint64_t at;

	for (struct leg *g = u->c->legs; g; g = g->next) { /* new ones come first */
		if (g->u != u || g->state > LEG_UP)
			continue;
		if (g->state == LEG_UP && !g->stale)
			return true;
		if (g->state == LEG_UP)
			continue;
		newest = newest ? newest : g;
		oldest = g;
		coming++;
	}
	if (newest == NULL)
		return false;
	at = newest->born_ns + u->patience_ms * NS_PER_MS;
	if (at > now) {
		after(u, (uint32_t)((at - now) / NS_PER_MS) + 1);
		return true;
	}
	LOG(&u->c->child.log, LOG_INFO, "the edge does not answer: another connection is tried", LF_STR("edge", u->name),
	    LF_U64("after_ms", (now - newest->born_ns) / NS_PER_MS));
	u->retries++;
	if (coming >= COMING)
		leg_leave(oldest, LEAVE_REKEY, 0, "it took too long");
	return false;
}

void uplink_look(struct uplink *u)
{
	struct connector *c = u->c;
	uint64_t now = loop_now(c->child.loop);

	if (u->dial || u->again.pos || c->child.draining || is_served(u, now))
		return;
	if (!keepline_view(c->keep)->known && now < c->list_until_ns) {
		u->waits = true;
		after(u, (uint32_t)((c->list_until_ns - now) / NS_PER_MS) + 1);
		return;
	}
	if (u->waits && !keepline_view(c->keep)->known)
		LOG(&c->child.log, LOG_WARN, "no status list came from the authority: the edge is dialled, and judged when one comes",
		    LF_STR("edge", u->name));
	u->waits = u->by_last = false;
	dial(u);
}

static void on_again(struct timer *t, uint64_t now)
{
	(void)now;
	uplink_look(CONTAINER_OF(t, struct uplink, again));
}

/* ---- begin and end -------------------------------------------------------------------------- */

void uplink_free(struct uplink *u, struct uplink *heir, const char *why)
{
	struct connector *c = u->c;
	size_t kept = 0;

	if (u->dial)
		dial_cancel(u->dial);
	loop_timer_stop(c->child.loop, &u->again);
	for (struct leg *g = c->legs; g; g = g->next)
		kept += g->u == heir && g->keeps;
	for (struct leg *g = c->legs, *next; g; g = next) {
		bool keeps = heir && g->keeps && g->state == LEG_UP && kept < CONF_WORKERS;

		next = g->next;
		if (g->u != u)
			continue;
		g->u = keeps ? heir : NULL;
		kept += keeps;
		if (!keeps)
			leg_leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, why);
	}
	free(u);
}

struct uplink *uplink_new(struct connector *c, const char *host, uint16_t port)
{
	struct uplink *u = calloc(1, sizeof *u);

	if (u == NULL) {
		LOG(&c->child.log, LOG_ERROR, "no memory for one more edge", LF_STR("edge", host));
		return NULL;
	}
	u->c = c;
	u->first = u;
	u->count = 1;
	u->quick = u->more = (struct window_rate){.rate = 1, .burst = QUICK, .at_ns = loop_now(c->child.loop) / QUICK_EACH};
	u->port = port;
	u->again.fire = on_again;
	snprintf(u->host, sizeof u->host, "%s", host);
	snprintf(u->name, sizeof u->name, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	return u;
}

/* ---- the workers of an edge ---------------------------------------------------------------- */

/* What an uplink knows of its failures goes with it: an edge may have other workers with every HELLO. */
static void be_new(struct uplink *u, bool often)
{
	if (!often)
		return;
	u->quick.spent_milli = (uint64_t)u->quick.burst * 1000;
	after(u, random_below(NEW_MS));
}

/* As its newest HELLO says. Those that are gone take their legs with them. */
static void count_workers(struct uplink *first, uint8_t count)
{
	bool often = count > first->count && !window_rate_take(&first->more, loop_now(first->c->child.loop) / QUICK_EACH);

	struct uplink **at = &first->next, *u = first;

	if (count == first->count)
		return;
	LOG(&first->c->child.log, LOG_INFO, "the edge has another number of workers", LF_STR("edge", first->name),
	    LF_U64("was", first->count), LF_U64("is", count));
	first->count = count;
	for (; *at && (*at)->index < count; at = &(*at)->next)
		u = *at;
	for (struct uplink *gone = *at, *next; gone; gone = next) {
		next = gone->next;
		first->retries += gone->retries;
		uplink_free(gone, first, "this edge has fewer workers now");
	}
	*at = NULL;
	while (u->index + 1 < count && (u->next = uplink_new(first->c, first->host, first->port)) != NULL) {
		u->next->first = first;
		u->next->index = (uint8_t)(u->index + 1);
		u = u->next;
		be_new(u, often);
	}
}

static struct uplink *to_worker(struct uplink *first, uint8_t index)
{
	struct uplink *u = first;

	while (u && u->index != index)
		u = u->next;
	return u;
}

/* Who was meant has answered, or whoever it was where nobody in particular was asked. */
static bool is_meant(const struct leg *g, const struct frame_hello *h)
{
	return h->count <= CONF_WORKERS && (g->anybody || h->index == g->u->index);
}

/* It has what it waited for. */
static void settle(struct uplink *u)
{
	loop_timer_stop(u->c->child.loop, &u->again);
	if (u->dial)
		dial_cancel(u->dial);
	u->dial = NULL;
	u->begun = u->redial.refused = 0;
}

void uplink_up(struct uplink *u, struct leg *g, const struct frame_hello *h)
{
	struct uplink *first = u->first, *to;

	if (!is_meant(g, h)) {
		uplink_lost(u, g, "another worker of the edge answered than was asked for");
		leg_leave(g, LEAVE_PROTOCOL, 0, "another worker was expected");
		return;
	}
	count_workers(first, h->count);
	to = to_worker(first, h->index);
	if (g->u == NULL || to == NULL) /* it went with its worker; or there was no memory for the way to it */
		return;
	g->u = to;
	to->why[0] = 0;
	settle(u);
	settle(to);
	for (struct leg *o = to->c->legs, *next; o; o = next) {
		next = o->next;
		if (o != g && o->u == to && o->state <= LEG_UP && !o->keeps)
			leg_leave(o, LEAVE_REKEY, ROTATE_GRACE_MS, "another connection takes its place");
	}
	for (struct uplink *w = first; w; w = w->next)
		uplink_look(w);
	uplinks_settling(to->c, g);
}

