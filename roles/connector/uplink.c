/*
 * uplink: the way to one edge: what the configuration says, dialled for ever. One leg (leg.h) of it is UP as a rule.
 * One that is old, or that shows a certificate which was renewed, is stale: another one is made beside it, and when
 * that is UP, the stale one is LEFT. Without a leg, one is made after a random time that doubles with every failure.
 *
 * Allocates uplinks, at most BOUND_CONF_LIST; of legs there are LEGS_MOST for each, and what a reload left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "leg.h"
#include "wire/ipc.h"

#define DIAL_MS 15000
#define RETRY_MS 500          /* the first wait is up to this, */
#define RETRY_MOST_MS 30000   /* none is longer than this */
#define DENIED_RETRIES 5      /* who was told no waits up to 16 s at once */
#define HEALTHY (30 * NS_PER_S) /* a leg that was up for so long: what failed before counts no more */
#define SOON NS_PER_S         /* what was told too often may be told again by then */
#define CHORES (5 * NS_PER_S) /* a stale leg's successor is made in one of these turns */
#define ROTATE_GRACE_MS 3600000 /* what still lives on a stale leg after this is cut */
#define LEGS_MOST 4           /* of one edge; when one more is made, the oldest that was left is ended */
#define SHOWN 12              /* uplinks that have counters of their own: one message has to hold all counters */

struct uplink {
	struct connector *c;
	char name[LEG_NAME], host[256];
	uint16_t port;
	struct dial *dial;
	struct timer again;
	bool waits;              /* for the first status list */
	unsigned failed;         /* in a row */
	uint64_t retries;
	char why[160];
};

/* ---- what its legs tell ------------------------------------------------------------------- */

void uplink_up(struct uplink *u, struct leg *g)
{
	u->why[0] = 0;
	for (struct leg *o = u->c->legs; o; o = o->next)
		if (o != g && o->u == u && o->state == LEG_UP)
			leg_leave(o, LEAVE_REKEY, ROTATE_GRACE_MS, "another connection takes its place");
}

/* ---- dialling ------------------------------------------------------------------------------ */

static void after(struct uplink *u, uint32_t ms)
{
	if (!loop_timer(u->c->child.loop, &u->again, ms * NS_PER_MS))
		LOG(&u->c->child.log, LOG_ERROR, "no memory for a timer", LF_STR("edge", u->name)); /* chores look again */
}

void uplink_lost(struct uplink *u, const struct leg *g, const char *why)
{
	struct connector *c = u->c;
	uint64_t most = RETRY_MS;
	uint32_t ms;

	if (g && g->up_ns && loop_now(c->child.loop) - g->up_ns >= HEALTHY)
		u->failed = 0;
	for (unsigned i = 0; i < u->failed && most < RETRY_MOST_MS; i++)
		most *= 2;
	ms = random_below((uint32_t)num_min64(most, RETRY_MOST_MS) + 1);
	u->failed += u->failed < 16;
	u->retries++;
	snprintf(u->why, sizeof u->why, "%s", why);
	if (c->child.draining)
		return;
	LOG(&c->child.log, LOG_WARN, "the edge is dialled again", LF_STR("edge", u->name), LF_STR("why", why), LF_U64("in_ms", ms));
	after(u, ms);
}

void uplink_denied(struct uplink *u, const char *why)
{
	u->failed = u->failed < DENIED_RETRIES ? DENIED_RETRIES : u->failed;
	uplink_lost(u, NULL, why);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct uplink *u = owner;
	char tried[ADDR_TEXT] = "", why[sizeof u->why];

	u->dial = NULL;
	if (r->rc == 0) {
		leg_new(u->c, u, u->name, r->fd, &r->peer);
		return;
	}
	if (r->n)
		addr_text(&r->tried[0].to, tried);
	snprintf(why, sizeof why, "%s%s%s", tried, r->n ? ": " : "", err_text((enum zt_err)-r->rc));
	uplink_lost(u, NULL, why);
}

static void dial(struct uplink *u)
{
	struct connector *c = u->c;
	const struct dial_req req = {.host = span_str(u->host), .port = u->port, .timeout_ns = DIAL_MS * NS_PER_MS,
				     .tune = &mux_tune, .done = on_dialled, .owner = u};
	struct leg *oldest = NULL;
	size_t n = 0;
	int rc;

	for (struct leg *g = c->legs; g; g = g->next)
		if (g->u == u) {
			n++;
			oldest = g->state == LEG_LEFT ? g : oldest; /* new ones come first in the list */
		}
	if (n >= LEGS_MOST && oldest)
		leg_leave(oldest, LEAVE_REKEY, 0, "it was left long ago");
	rc = dial_start(c->out.dialer, &req, &u->dial);
	if (rc < 0)
		uplink_lost(u, NULL, err_text((enum zt_err)-rc));
}

/* Makes a leg when there is none that is good, and none on its way. */
static void look(struct uplink *u)
{
	struct connector *c = u->c;
	uint64_t now = loop_now(c->child.loop);

	if (u->dial || u->again.pos || c->child.draining)
		return;
	for (const struct leg *g = c->legs; g; g = g->next)
		if (g->u == u && (g->state < LEG_UP || (g->state == LEG_UP && !g->stale)))
			return;
	if (!keepline_view(c->keep)->known && now < c->list_until_ns) {
		u->waits = true;
		after(u, (uint32_t)((c->list_until_ns - now) / NS_PER_MS) + 1);
		return;
	}
	if (u->waits && !keepline_view(c->keep)->known)
		LOG(&c->child.log, LOG_WARN, "no status list came from the authority: the edge is dialled, and judged when one comes",
		    LF_STR("edge", u->name));
	u->waits = false;
	dial(u);
}

static void on_again(struct timer *t, uint64_t now)
{
	(void)now;
	look(CONTAINER_OF(t, struct uplink, again));
}

/* ---- what time and others bring ------------------------------------------------------------ */

/* The list stands still while it is walked: but for legs in SHAKES, which nobody leaves here, an end comes later, from
 * the loop. */
static void on_chores(struct timer *t, uint64_t now)
{
	struct connector *c = CONTAINER_OF(t, struct connector, chores);
	uint64_t rotate = c->ways->conf->tunnel.rotate_ms * NS_PER_MS;

	for (struct leg *g = c->legs; g; g = g->next) {
		if (g->state == LEG_UP && (now - g->up_ns >= rotate || mux_is_old(g->mux)))
			leg_be_stale(g, "it is old");
		leg_judge(g);
	}
	for (size_t i = 0; i < c->uplinks; i++)
		look(c->uplink[i]);
	if (!loop_timer(c->child.loop, t, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, 0);
	ways_tidy(c);
}

void uplinks_soon(struct connector *c)
{
	if (c->chores.fire)
		loop_timer(c->child.loop, &c->chores, SOON);
}

void uplinks_listed(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next) {
		leg_judge(g);
		leg_say(g, LEG_LISTS);
	}
	for (size_t i = 0; i < c->uplinks; i++)
		if (c->uplink[i]->waits) {
			loop_timer_stop(c->child.loop, &c->uplink[i]->again);
			look(c->uplink[i]);
		}
}

/* Which of ours a leg shows that began before the first word of the keeper is what that word says. */
void uplinks_renewed(struct connector *c)
{
	static const uint8_t none[KEEPMSG_SERIAL];

	for (struct leg *g = c->legs; g; g = g->next) {
		if (memcmp(g->own, none, sizeof none) == 0)
			memcpy(g->own, c->identity, sizeof g->own);
		if (memcmp(g->own, c->identity, sizeof g->own) != 0)
			leg_be_stale(g, "our certificate was renewed");
	}
}

void uplinks_health(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, LEG_HEALTH);
}

/* ---- configurations ------------------------------------------------------------------------ */

static void uplink_free(struct uplink *u)
{
	struct connector *c = u->c;

	if (u->dial)
		dial_cancel(u->dial);
	loop_timer_stop(c->child.loop, &u->again);
	for (struct leg *g = c->legs, *next; g; g = next) {
		next = g->next;
		if (g->u == u) {
			g->u = NULL;
			leg_leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, "this edge is not in the configuration any more");
		}
	}
	free(u);
}

static struct uplink *uplink_new(struct connector *c, const struct conf_hostport *to)
{
	struct uplink *u = calloc(1, sizeof *u);

	if (u == NULL) {
		LOG(&c->child.log, LOG_ERROR, "no memory for one more edge", LF_STR("edge", to->host));
		return NULL;
	}
	u->c = c;
	u->port = to->port;
	u->again.fire = on_again;
	snprintf(u->host, sizeof u->host, "%s", to->host);
	snprintf(u->name, sizeof u->name, strchr(to->host, ':') ? "[%s]:%u" : "%s:%u", to->host, to->port);
	return u;
}

/* Where it is among the n of u, or n. */
static size_t find(struct uplink **u, size_t n, const struct conf_hostport *to)
{
	size_t i = 0;

	while (i < n && (u[i] == NULL || u[i]->port != to->port || strcmp(u[i]->host, to->host) != 0))
		i++;
	return i;
}

void uplinks_configure(struct connector *c)
{
	const struct conf_list *edges = &c->ways->conf->connector.edge;
	struct uplink *old[ARRAY_LEN(c->uplink)];
	size_t n = c->uplinks;

	memcpy(old, c->uplink, sizeof old);
	c->uplinks = 0;
	for (size_t i = 0; i < edges->n; i++) {
		const struct conf_hostport *to = conf_to(edges, i);
		size_t at = find(old, n, to);
		struct uplink *u = at < n ? old[at] : NULL;

		if (find(c->uplink, c->uplinks, to) < c->uplinks) /* written twice */
			continue;
		if (u)
			old[at] = NULL;
		else
			u = uplink_new(c, to);
		if (u)
			c->uplink[c->uplinks++] = u;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i])
			uplink_free(old[i]);
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, LEG_RULES | LEG_HEALTH);
	for (size_t i = 0; i < c->uplinks; i++)
		look(c->uplink[i]);
	c->chores.fire = on_chores;
	if (c->chores.pos == 0 && !loop_timer(c->child.loop, &c->chores, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
}

/* ---- the end, and what is known ------------------------------------------------------------ */

void uplinks_drain(struct connector *c)
{
	for (size_t i = 0; i < c->uplinks; i++) {
		struct uplink *u = c->uplink[i];

		loop_timer_stop(c->child.loop, &u->again);
		if (u->dial)
			dial_cancel(u->dial);
		u->dial = NULL;
	}
	for (struct leg *g = c->legs, *next; g; g = next) {
		next = g->next;
		leg_leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, "the connector is ending");
	}
}

void uplinks_end(struct connector *c)
{
	loop_timer_stop(c->child.loop, &c->chores);
	while (c->legs)
		leg_close(c->legs);
	while (c->uplinks)
		uplink_free(c->uplink[--c->uplinks]);
}

static const struct leg *leg_up(const struct connector *c, const struct uplink *u)
{
	for (const struct leg *g = c->legs; g; g = g->next)
		if (g->u == u && g->state == LEG_UP)
			return g;
	return NULL;
}

size_t uplinks_up(const struct connector *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->uplinks; i++)
		n += leg_up(c, c->uplink[i]) != NULL;
	return n;
}

bool uplink_state(const struct connector *c, size_t i, struct uplink_state *out)
{
	const struct uplink *u = i < c->uplinks ? c->uplink[i] : NULL;
	const struct leg *g = u ? leg_up(c, u) : NULL;
	const struct mux_stats s = g ? mux_stats(g->mux) : (struct mux_stats){0};

	if (u == NULL)
		return false;
	*out = (struct uplink_state){.edge = u->name, .why = u->why, .up = g != NULL, .streams = s.streams, .rtt_ns = s.rtt_ns,
				     .retries = u->retries};
	return true;
}

void uplinks_counters(const struct connector *c, struct wr *out)
{
	struct uplink_state s;

	for (size_t i = 0; i < SHOWN && uplink_state(c, i, &s); i++) {
		const struct ipc_row rows[] = {{"uplink_up", s.up}, {"uplink_streams", s.streams}, {"uplink_rtt_us", s.rtt_ns / 1000},
			  {"uplink_retries", s.retries}};

		ipc_write_counters(out, rows, ARRAY_LEN(rows), s.edge);
	}
}
