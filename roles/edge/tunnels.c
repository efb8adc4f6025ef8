/*
 * tunnels: what all tunnels together are asked: who serves a name, is everybody still allowed, is anybody left.
 * Owns nothing.
 *
 * Who serves a name: of each connector that is let in, the first rule that matches counts, as its owner wrote them.
 * A rule that names the host comes before one with a wildcard, a longer wildcard before a shorter one, and a rule
 * for any name last: the catch-all that every table ends with must not hide another connector's rule. Among
 * equals: one that is up, then a connection that its connector has not replaced, then the one with the fewest
 * streams. A connector without a grant for the name is passed over, whatever it announces.
 */
#include <stdio.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "tunnel.h"
#include "wire/ipc.h"

#define DRAIN_MS 30000
#define EXACT 1000                  /* more than a name has bytes */

bool tunnel_serves(const struct tunnel *t)
{
	return t->state == TUNNEL_IN && t->table && !mux_stats(t->mux).leaving;
}

/* ---- who serves a name ------------------------------------------------------------------------------------ */

struct candidate {
	struct tunnel *t;
	const struct rule *rule;
	uint16_t number;
	unsigned rank;   /* how much the rule says about the name; 0: nothing */
	bool down;
	uint64_t streams;
};

static unsigned rank_of(const struct rule *r)
{
	if (r->hostname.n == 0 || span_eq_str(r->hostname, "*"))
		return 0;
	return span_starts(r->hostname, "*.") ? (unsigned)r->hostname.n : EXACT;
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (b->t == NULL || a->rank != b->rank)
		return b->t == NULL || a->rank > b->rank;
	if (a->down != b->down)
		return b->down;
	if (a->t->passed_over != b->t->passed_over)
		return b->t->passed_over;
	return a->streams < b->streams;
}

static bool find_rule(struct tunnel *t, struct span host, struct span path, struct candidate *out)
{
	int n = ingress_match(t->table->in, host, path);

	if (n < 0)
		return false;
	*out = (struct candidate){t, &t->table->rules.rule[n], (uint16_t)n, 0, t->table->down[n], mux_stats(t->mux).streams};
	out->rank = rank_of(out->rule);
	return true;
}

static bool is_granted(const struct edge *e, const struct tunnel *t, struct span host)
{
	return grant_for(e->site->grant, e->site->grants, span_str(t->id), host) != NULL;
}

static bool is_connected(const struct edge *e, const char *id)
{
	for (const struct tunnel *t = e->first_tunnel; t; t = t->next)
		if (tunnel_serves(t) && span_eq_str(span_str(t->id), id))
			return true;
	return false;
}

/* Is this name anybody's? With absent only: of somebody who is named in the grant and not here. */
static bool is_covered(const struct edge *e, struct span host, bool absent)
{
	for (size_t i = 0; i < e->site->grants; i++) {
		const struct grant *g = &e->site->grant[i];

		if (!names_match(g->names, host, false) && !names_match(g->names, host, true))
			continue;
		if (!absent)
			return true;
		for (size_t k = 0; k < g->connectors->n; k++) {
			const char *id = conf_text(g->connectors, k);

			if (!span_eq_str(SPAN_LIT("*"), id) && !is_connected(e, id))
				return true;
		}
	}
	return false;
}

static enum policy_route route_of(const struct edge *e, const struct candidate *best, struct span host)
{
	bool answers = best->rule->kind == RULE_STATUS || best->rule->kind == RULE_HELLO;

	/* The answer of a catch-all is worth little while somebody who may have a rule for the name is away. */
	if (answers && best->rank == 0 && is_covered(e, host, true))
		return ROUTE_NO_CONNECTOR;
	if (answers)
		return ROUTE_ANSWER;
	return best->down ? ROUTE_ORIGIN_DOWN : ROUTE_CONNECTOR;
}

enum policy_route tunnels_route(struct edge *e, struct span host, struct span path, unsigned kinds,
				const struct tunnel *not, struct tunnel_route *out)
{
	struct candidate best = {.t = NULL}, c;
	bool claimed = false, others = false; /* by one without a grant; rules of another kind */

	*out = (struct tunnel_route){.t = NULL};
	for (struct tunnel *t = e->first_tunnel; t; t = t->next) {
		if (t == not || !tunnel_serves(t) || !find_rule(t, host, path, &c))
			continue;
		if (!is_granted(e, t, host))
			claimed |= c.rank > 0;
		else if (!(kinds & 1u << c.rule->kind))
			others = true;
		else if (is_better(&c, &best))
			best = c;
	}
	if (best.t) {
		*out = (struct tunnel_route){best.t, best.rule, best.number, best.t->table->rules.epoch, best.t->id};
		return route_of(e, &best, host);
	}
	if (claimed)
		return ROUTE_NOT_GRANTED;
	return !others && is_covered(e, host, false) ? ROUTE_NO_CONNECTOR : ROUTE_NONE;
}

struct stream *tunnel_open(const struct tunnel_route *r, struct frame_open *o, const struct duct_user *u, void *owner, int *rc)
{
	struct stream *s;

	*rc = -ZT_E_CLOSED;
	if (!tunnel_serves(r->t))
		return NULL;
	o->rule = r->number;
	o->epoch = r->epoch;
	s = stream_open(r->t->mux, o, u, owner, rc);
	r->t->e->n.streams += s != NULL;
	return s;
}

/* ---- is everybody still allowed? ---------------------------------------------------------------------------- */

/* If the other one had died without a word, that would be known by now. */
static bool is_settled(const struct tunnel *t, uint64_t now)
{
	return t->state == TUNNEL_IN && now - t->since_ns > t->e->site->conf->tunnel.dead_ms * NS_PER_MS;
}

/* Somebody has copied a key, or started a copy of a machine. */
static void look_for_twins(struct edge *e, struct tunnel *t)
{
	uint64_t now = loop_now(e->child.loop);

	for (struct tunnel *o = t->next; o; o = o->next) {
		char here[ADDR_TEXT], there[ADDR_TEXT];

		if (!is_settled(t, now) || !is_settled(o, now) || (t->alarmed && o->alarmed) ||
		    !ct_eq(t->serial, o->serial, sizeof t->serial) || ct_eq(t->instance, o->instance, sizeof t->instance))
			continue;
		t->alarmed = o->alarmed = true;
		LOG(&e->child.log, LOG_ERROR, "one certificate is used by two connectors at once: a key was copied",
		    LF_STR("connector", t->id), LF_STR("peer", addr_text(&t->peer, here)),
		    LF_STR("other", addr_text(&o->peer, there)));
	}
}

void tunnels_rejudge(struct edge *e)
{
	for (struct tunnel *t = e->first_tunnel, *next; t; t = next) {
		next = t->next;
		tunnel_judge(t, false);
		tunnel_judge_names(t);
		look_for_twins(e, t);
	}
}

/* ---- the end, and numbers ------------------------------------------------------------------------------------- */

void tunnels_drain(struct edge *e)
{
	for (struct tunnel *t = e->first_tunnel, *next; t; t = next) {
		next = t->next;
		if (t->mux == NULL) {
			tunnel_close(t, NULL);
			continue;
		}
		t->state = TUNNEL_LEAVING;
		loop_timer_stop(e->child.loop, &t->limit);
		mux_leave(t->mux, LEAVE_DRAIN, DRAIN_MS, "this edge is being stopped");
	}
}

void tunnels_again(struct edge *e)
{
	for (struct tunnel *t = e->first_tunnel; t; t = t->next)
		if (t->mux && t->state != TUNNEL_LEAVING)
			mux_control(t->mux, CTRL_AGAIN, SPAN_NONE);
}

void tunnels_end(struct edge *e)
{
	while (e->first_tunnel)
		tunnel_close(e->first_tunnel, NULL);
}

size_t tunnels_ready(const struct edge *e)
{
	size_t n = 0;

	for (const struct tunnel *t = e->first_tunnel; t; t = t->next)
		n += tunnel_serves(t);
	return n;
}

#define SHOWN 12 /* of 4 counters each: all that a child says has room in one message */

static void counters_of(const struct tunnel *t, struct wr *out)
{
	const struct mux_stats s = mux_stats(t->mux);
	char of[sizeof t->id + 1 + ADDR_TEXT], peer[ADDR_TEXT];
	const struct ipc_row rows[] = {{"tunnel_up", tunnel_serves(t)}, {"tunnel_streams", s.streams}, {"tunnel_rtt_us", s.rtt_ns / 1000}};

	snprintf(of, sizeof of, "%s@%s", t->id, addr_text(&t->peer, peer));
	ipc_write_counters(out, rows, ARRAY_LEN(rows), of);
}

void tunnels_counters(const struct edge *e, struct wr *out)
{
	uint64_t live = 0, in = 0, bytes = 0;
	unsigned shown = 0;

	for (const struct tunnel *t = e->first_tunnel; t; t = t->next)
		if (t->mux) {
			if (shown++ < SHOWN)
				counters_of(t, out);
			const struct mux_stats s = mux_stats(t->mux);

			live += s.streams;
			in += s.in;
			bytes += s.out;
		}
	ipc_write_counter(out, "streams_live", live);
	ipc_write_counter(out, "tunnel_in", in);
	ipc_write_counter(out, "tunnel_out", bytes);
}
