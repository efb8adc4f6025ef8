/*
 * uplinks: the ways to all edges: which there are, what time makes happen to them, what all their legs are told, and
 * what is known of them. Dials nothing itself, and allocates nothing: uplink.c does.
 */
#include <string.h>

#include "base/num.h"
#include "uplink.h"
#include "wire/ipc.h"

#define SOON NS_PER_S         /* what was told too often may be told again by then */
#define CHORES (5 * NS_PER_S) /* a stale leg's successor is made in one of these turns */
#define SETTLE (200 * NS_PER_MS) /* since the last one was up, and three times its way there and back: its rules have come */
#define SETTLE_MOST (5 * NS_PER_S) /* an edge that is away is not waited for */
#define SHOWN 12              /* uplinks that have counters of their own: one message has to hold all counters */

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
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			uplink_look(u);
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
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			if (u->waits) {
				loop_timer_stop(c->child.loop, &u->again);
				uplink_look(u);
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

static void edge_free(struct uplink *u)
{
	for (struct uplink *next; u; u = next) {
		next = u->next;
		uplink_free(u, NULL, "this edge is not in the configuration any more");
	}
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
			u = uplink_new(c, to->host, to->port);
		if (u)
			c->uplink[c->uplinks++] = u;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i])
			edge_free(old[i]);
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, LEG_RULES | LEG_HEALTH);
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			uplink_look(u);
	c->chores.fire = on_chores;
	if (c->chores.pos == 0 && !loop_timer(c->child.loop, &c->chores, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
}

/* ---- upgrades ------------------------------------------------------------------------------- */

/* Each worker of each edge. */
static bool all_up(const struct connector *c)
{
	struct uplink_state s;

	for (size_t i = 0; uplink_state(c, i, &s); i++)
		if (s.up < s.workers)
			return false;
	return true;
}

void uplinks_settling(struct connector *c, const struct leg *g)
{
	if (c->settle.pos && all_up(c))
		loop_timer(c->child.loop, &c->settle, SETTLE + 3 * mux_stats(g->mux).rtt_ns);
}

static void on_settled(struct timer *t, uint64_t now)
{
	(void)now;
	child_settled(&CONTAINER_OF(t, struct connector, settle)->child);
}

void uplinks_settle(struct connector *c)
{
	c->settle.fire = on_settled;
	if (!loop_timer(c->child.loop, &c->settle, SETTLE_MOST))
		child_settled(&c->child);
}

/* ---- the end, and what is known ------------------------------------------------------------ */

void uplinks_drain(struct connector *c, uint64_t grace_ms)
{
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next) {
			loop_timer_stop(c->child.loop, &u->again);
			if (u->dial)
				dial_cancel(u->dial);
			u->dial = NULL;
		}
	for (struct leg *g = c->legs, *next; g; g = next) {
		next = g->next;
		leg_leave(g, LEAVE_DRAIN, grace_ms, "the connector is ending");
	}
}

void uplinks_end(struct connector *c)
{
	loop_timer_stop(c->child.loop, &c->chores);
	loop_timer_stop(c->child.loop, &c->settle);
	while (c->legs)
		leg_close(c->legs);
	while (c->uplinks)
		edge_free(c->uplink[--c->uplinks]);
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

	struct uplink_state s;

	for (size_t i = 0; uplink_state(c, i, &s); i++)
		n += s.up > 0;
	return n;
}

bool uplink_state(const struct connector *c, size_t i, struct uplink_state *out)
{
	const struct uplink *u = i < c->uplinks ? c->uplink[i] : NULL;

	if (u == NULL)
		return false;
	*out = (struct uplink_state){.edge = u->name, .why = u->why, .workers = u->count};
	for (; u; u = u->next) {
		const struct leg *g = leg_up(c, u);
		const struct mux_stats s = g ? mux_stats(g->mux) : (struct mux_stats){0};

		out->up += g != NULL;
		out->streams += s.streams;
		out->rtt_ns = s.rtt_ns > out->rtt_ns ? s.rtt_ns : out->rtt_ns;
		out->retries += u->retries;
		if (g == NULL && u->why[0])
			out->why = u->why;
	}
	return true;
}

void uplinks_counters(const struct connector *c, struct wr *out)
{
	struct uplink_state s;

	for (size_t i = 0; i < SHOWN && uplink_state(c, i, &s); i++) {
		const struct ipc_row rows[] = {{"uplink_up", s.up > 0}, {"uplink_streams", s.streams}, {"uplink_rtt_us", s.rtt_ns / 1000},
			  {"uplink_retries", s.retries}};

		ipc_write_counters(out, rows, ARRAY_LEN(rows), s.edge);
		if (s.workers > 1)
			ipc_write_counter_of(out, "uplink_connections", s.edge, s.up);
	}
}
