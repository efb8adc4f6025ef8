/*
 * tunnels: what all tunnels together are asked: who serves a name, is everybody still allowed, is anybody left.
 * Owns nothing.
 *
 * Who serves a name: of each connector that is let in, the first rule that matches counts, as its owner wrote them.
 * A rule that names the host comes before one with a wildcard, a longer wildcard before a shorter one, and a rule
 * for any name last: the catch-all that every table ends with must not hide another connector's rule. Among
 * equals decide/pickway picks. A connector without a grant for the name is passed over, whatever it announces.
 */
#include <stdio.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "tunnel.h"
#include "wire/ipc.h"

#define EXACT 1000                  /* more than a name has bytes */

bool tunnel_serves(const struct tunnel *t)
{
	return t->state == TUNNEL_IN && t->table && !mux_stats(t->mux).leaving;
}

/* ---- who serves a name ------------------------------------------------------------------------------------ */

static unsigned rank_of(const struct rule *r)
{
	if (r->hostname.n == 0 || span_eq_str(r->hostname, "*"))
		return 0;
	return span_starts(r->hostname, "*.") ? (unsigned)r->hostname.n : EXACT;
}

/* Everything of it but turn is said anew. */
static void be_candidate(struct tunnel *t, const struct grant *g, const struct tunnel *like)
{
	const struct mux_stats s = mux_stats(t->mux);

	t->way.down = t->table->down[t->number];
	t->way.full = s.streams >= s.most && t != like; /* who has been there may have a stream that is kept */
	t->way.suspect = s.suspect;
	t->way.preferred = grant_prefers(g, span_str(t->id));
	t->way.replaced = t->passed_over;
	t->way.weight = grant_weight(g, span_str(t->id));
	t->way.load = s.streams;
}

static bool find_rule(struct tunnel *t, const struct tunnel_ask *a)
{
	int n = ingress_match(t->table->in, a->host, a->path);

	if (n < 0)
		return false;
	t->number = (uint16_t)n;
	t->rule = &t->table->rules.rule[n];
	t->way.rank = rank_of(t->rule);
	return true;
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

static enum policy_route route_of(const struct edge *e, const struct tunnel *best, struct span host)
{
	bool answers = best->rule->kind == RULE_STATUS || best->rule->kind == RULE_HELLO;

	/* The answer of a catch-all is worth little while somebody who may have a rule for the name is away. */
	if (answers && best->way.rank == 0 && is_covered(e, host, true))
		return ROUTE_NO_CONNECTOR;
	if (answers)
		return ROUTE_ANSWER;
	return best->way.down ? ROUTE_ORIGIN_DOWN : ROUTE_CONNECTOR;
}

enum policy_route tunnels_route(struct edge *e, const struct tunnel_ask *a, struct tunnel_route *out)
{
	const struct site *s = e->site;
	struct pick_way *first = NULL, *best;
	bool claimed = false, others = false; /* by one without a grant; rules of another kind */
	struct tunnel *t;

	*out = (struct tunnel_route){.t = NULL};
	for (t = e->first_tunnel; t; t = t->next) {
		const struct grant *g;

		if (t == a->not || !tunnel_serves(t) || !find_rule(t, a))
			continue;
		g = grant_for(s->grant, s->grants, span_str(t->id), a->host);
		if (g == NULL) {
			claimed |= t->way.rank > 0;
		} else if (!(a->kinds & 1u << t->rule->kind)) {
			others = true;
		} else {
			be_candidate(t, g, a->like);
			t->way.next = first;
			first = &t->way;
		}
	}
	best = pick_way(first, a->like ? &a->like->way : NULL);
	if (best) {
		t = CONTAINER_OF(best, struct tunnel, way);
		*out = (struct tunnel_route){t, t->rule, t->number, t->table->rules.epoch, t->id};
		return route_of(e, t, a->host);
	}
	if (claimed)
		return ROUTE_NOT_GRANTED;
	return !others && is_covered(e, a->host, false) ? ROUTE_NO_CONNECTOR : ROUTE_NONE;
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

/* Somebody has copied a key, or started a copy of a machine. Each worker looks for itself, and sees all there is to be
 * seen: a connector has a connection to every worker, so whichever one a copy comes to, the other is there already. */
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
	const uint32_t grace = (uint32_t)e->site->conf->limits.drain_ms; /* an hour at most */

	for (struct tunnel *t = e->first_tunnel, *next; t; t = next) {
		next = t->next;
		if (t->mux == NULL) {
			tunnel_close(t, NULL);
			continue;
		}
		t->state = TUNNEL_LEAVING;
		loop_timer_stop(e->child.loop, &t->limit);
		mux_leave(t->mux, LEAVE_DRAIN, grace, "this edge is being stopped");
	}
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
