/*
 * leg: see leg.h. Top to bottom as it lives, but for the end, which comes first: every one goes through leg_close().
 * It never dials: when to make another one is uplink.c's to know.
 *
 * Allocates legs, as many as uplink.c lets there be, and the bytes of a table while it is announced.
 */
#include "leg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "wire/x509.h"

#define REFUSED_EACH (10 * NS_PER_S)
#define TABLES 8 /* announced at once; an edge takes 16 */
#define GRACE_MOST_MS 3600000 /* however long the edge would let its streams go on */

static struct leg *leg_of(struct source *s)
{
	return CONTAINER_OF(s, struct leg, src);
}

/* ---- the end of a leg ---------------------------------------------------------------------- */

static void leg_reap(struct source *s)
{
	free(leg_of(s));
}

void leg_close(struct leg *g)
{
	struct connector *c = g->c;

	if (g->state == LEG_OVER)
		return;
	c->n.links_lost += g->up_ns != 0;
	g->state = LEG_OVER;
	mux_free(g->mux);
	g->mux = NULL;
	tls_free(&g->tls);
	if (g->prev)
		g->prev->next = g->next;
	else
		c->legs = g->next;
	if (g->next)
		g->next->prev = g->prev;
	loop_close(&g->src);
	connector_one_less(c);
}

/* The mux tells its end: leg_close() comes with on_over(). grace 0: what lives is cut now. */
void leg_leave(struct leg *g, enum frame_leave reason, uint64_t grace_ms, const char *text)
{
	if (g->state == LEG_SHAKES) {
		leg_close(g);
		return;
	}
	g->state = LEG_LEFT;
	mux_leave(g->mux, reason, (uint32_t)num_min64(grace_ms, UINT32_MAX), text);
}

/* ---- is the edge one that may be spoken to? ------------------------------------------------ */

/* A sentence against it, or NULL. Before the first list nobody knows. */
static const char *judge(const struct connector *c, const struct leg *g)
{
	const struct status_view *v = keepline_view(c->keep);
	enum status_verdict no = v->known ? status_may_begin(v, &connector_stale, keepline_now(c->keep), g->serial) : STATUS_YES;

	return no == STATUS_YES ? NULL : status_verdict_text(no);
}

void leg_judge(struct leg *g)
{
	struct connector *c = g->c;
	const struct status_view *v = keepline_view(c->keep);
	const char *no = judge(c, g);

	if (g->cut || g->state < LEG_HELLO || !v->known || !status_must_end(v, &connector_stale, keepline_now(c->keep), g->serial))
		return;
	g->cut = true;
	LOG(&c->child.log, LOG_WARN, "the edge may not serve any more: its connection is cut", LF_STR("edge", g->edge),
	    LF_STR("why", no));
	if (g->u && g->state != LEG_LEFT)
		uplink_denied(g->u, no);
	leg_leave(g, LEAVE_DENIED, 0, "the status list says no");
}

/* ---- what the edge is told ----------------------------------------------------------------- */

static bool say_list(void *ctx, struct span list)
{
	struct leg *g = ctx;

	g->full = mux_control(g->mux, CTRL_STATUS, list) < 0;
	return !g->full;
}

static bool say_rules(struct leg *g)
{
	const struct ways *w = g->c->ways;
	uint8_t *mem = malloc(RULES_BYTES);
	struct wr out = wr_of(mem, mem ? RULES_BYTES : 0);
	int rc = -ZT_E_NOMEM;

	if (mem) {
		rules_write(&out, &w->set.rules);
		rc = mux_control(g->mux, CTRL_RULES, wr_span(&out));
	}
	free(mem);
	return rc == 0;
}

static bool say_health(struct leg *g)
{
	const struct ways *w = g->c->ways;
	uint8_t mem[4 + RULES_MOST];
	struct wr out = wr_of(mem, sizeof mem);

	wr_le32(&out, w->epoch);
	for (uint16_t i = 0; i < w->set.rules.n; i++)
		wr_u8(&out, origins_rule_up(w->origins, i));
	return mux_control(g->mux, CTRL_HEALTH, wr_span(&out)) == 0;
}

/* In this order: the list lets us be judged, the rules let the edge use us. What finds no room is said after the
 * next turn, which comes when what is before it has left. */
void leg_say(struct leg *g, unsigned what)
{
	g->say |= what;
	if (g->state != LEG_UP || g->say == 0)
		return;
	if (g->say & LEG_LISTS) {
		g->full = false;
		keepline_each_list(g->c->keep, &g->said, say_list, g);
		if (g->full)
			return;
		g->say &= ~(unsigned)LEG_LISTS;
	}
	if (g->say & LEG_RULES && !g->may_say_rules) {
		g->may_say_rules = window_rate_take(&g->tables, loop_now(g->c->child.loop));
		if (!g->may_say_rules && !g->waits)
			uplinks_soon(g->c);
		g->waits = !g->may_say_rules;
	}
	if (g->say & LEG_RULES && g->may_say_rules && say_rules(g)) {
		g->say &= ~(unsigned)LEG_RULES;
		g->may_say_rules = false;
	}
	if (g->say == LEG_HEALTH && say_health(g))
		g->say = 0;
}

/* ---- what the edge says -------------------------------------------------------------------- */

static void log_up(struct leg *g, const struct frame_hello *h)
{
	struct connector *c = g->c;
	char text[LEG_NAME + 32], peer[ADDR_TEXT];

	snprintf(text, sizeof text, "Connected to network: %s", g->edge);
	LOG(&c->child.log, LOG_INFO, text, LF_STR("peer", addr_text(&g->peer, peer)), LF_STR("edge_id", g->tls.peer->id),
	    LF_STR("software", h->software), LF_STR("suite", suite_name(g->tls.peer->suite)), LF_U64("worker", h->index), LF_U64("of", h->count));
	if (!c->started)
		LOG(&c->child.log, LOG_INFO, "Connector started successfully", LF_U64("rules", c->ways->set.rules.n));
	c->started = true;
}

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	struct leg *g = mux_owner(m);
	struct connector *c = g->c;

	if (g->state != LEG_HELLO) /* it was left before */
		return;
	if (h->role != ROLE_EDGE) {
		uplink_lost(g->u, g, "it says hello as something else than an edge");
		leg_leave(g, LEAVE_PROTOCOL, 0, "an edge was expected");
		return;
	}
	g->state = LEG_UP;
	g->up_ns = loop_now(c->child.loop);
	g->say = LEG_LISTS | LEG_RULES | LEG_HEALTH;
	c->n.links_up++;
	log_up(g, h);
	uplink_up(g->u, g, h);
}

static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	struct leg *g = mux_owner(m);

	serving_opened(g->c, s, o);
}

/* What listens there is another process of the edge by now; this one still has visitors, whose requests come here. */
static void on_control(struct mux *m, unsigned kind, struct span message)
{
	struct leg *g = mux_owner(m);

	(void)message;
	if (kind == CTRL_AGAIN && g->state == LEG_UP && g->u && !g->keeps) {
		leg_be_stale(g, "the edge was upgraded");
		uplink_again(g->u, g);
	}
}

/* It takes no new streams, so another leg is made at once, unless it says that we are not wanted. We leave too: that
 * bounds how long it can be held open. */
static void on_leaving(struct mux *m, const struct frame_goaway *f)
{
	struct leg *g = mux_owner(m);
	struct uplink *u = g->u;
	bool no = f->reason == LEAVE_DENIED || f->reason == LEAVE_PROTOCOL || f->reason == LEAVE_VERSION;
	bool told = g->state == LEG_LEFT || (g->keeps && !no); /* there is another one, or it is being dialled */

	LOG(&g->c->child.log, no ? LOG_ERROR : LOG_INFO, no ? "the edge does not want this connector" : "the edge leaves",
	    LF_STR("edge", g->edge), LF_STR("why", f->text), LF_U64("reason", f->reason));
	leg_leave(g, LEAVE_DRAIN, no ? 0 : num_min64(f->grace_ms, GRACE_MOST_MS), "as you say");
	if (u && !told && no)
		uplink_denied(u, f->text);
	else if (u && !told)
		uplink_lost(u, g, f->text[0] ? f->text : "the edge leaves");
}

static void on_over(struct mux *m, enum mux_over why, const char *words)
{
	struct leg *g = mux_owner(m);
	struct uplink *u = g->state == LEG_LEFT ? NULL : g->u;
	const struct mux_stats s = mux_stats(m);

	LOG(&g->c->child.log, u ? LOG_WARN : LOG_INFO, "connection to the edge is over", LF_STR("edge", g->edge),
	    LF_STR("why", words), LF_U64("streams", s.opened), LF_U64("bytes_in", s.in), LF_U64("bytes_out", s.out),
	    LF_U64("s", (loop_now(g->c->child.loop) - g->born_ns) / NS_PER_S));
	if (u)
		(why == MUX_NOMEM ? uplink_starved : uplink_lost)(u, g, words);
	leg_close(g);
}

static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, on_over};

/* ---- the socket ---------------------------------------------------------------------------- */

static unsigned leg_wants(const struct source *s)
{
	const struct leg *g = CONTAINER_OF(s, const struct leg, src);

	return g->mux ? mux_wants(g->mux) : tls_wants(&g->tls);
}

/* The edge's visitors see a 503 each; here it is a line for all of some seconds. */
static void tell_refused(struct leg *g)
{
	const struct mux_stats s = mux_stats(g->mux);
	uint64_t now = loop_now(g->c->child.loop);

	if (s.refused == g->refused || (g->refused && now - g->refused_ns < REFUSED_EACH))
		return;
	LOG(&g->c->child.log, LOG_WARN, "streams were refused", LF_STR("edge", g->edge), LF_STR("why", s.refused_for),
	    LF_U64("streams", s.refused - g->refused));
	g->refused = s.refused;
	g->refused_ns = now;
}

static void leg_ready(struct source *s, unsigned events)
{
	struct leg *g = leg_of(s);

	if (g->mux == NULL) {
		tls_shake_ready(&g->tls, events);
		return;
	}
	mux_ready(g->mux, events);
	leg_say(g, 0);
	if (g->mux)
		tell_refused(g);
}

static const struct source_class leg_class = {"edge", leg_wants, leg_ready, leg_reap};

/* ---- TLS ----------------------------------------------------------------------------------- */

static void give_up(struct leg *g, const char *why)
{
	struct uplink *u = g->u;

	leg_close(g);
	uplink_lost(u, NULL, why);
}

static void starve(struct leg *g, int rc)
{
	struct uplink *u = g->u;

	leg_close(g);
	uplink_starved(u, NULL, err_text((enum zt_err)-rc));
}

static void on_failed(struct tls *t, enum tls_fault f, const char *words)
{
	(void)f;
	give_up(leg_of(t->src), words);
}

static int start_mux(struct leg *g)
{
	struct connector *c = g->c;
	const struct conf_tunnel *t = &c->ways->conf->tunnel;
	struct mux_opts o = mux_opts_of(t);

	o.cls = &mux_class;
	o.loop = c->child.loop;
	o.bounds = &c->child.bounds;
	o.kin = &c->muxes;
	o.src = &g->src;
	o.tls = &g->tls;
	o.owner = g;
	o.hello.role = ROLE_CONNECTOR;
	/* Memory may allow fewer than is written: the edge makes room in time, within what it is told. */
	o.hello.streams = (uint32_t)num_min64(t->streams, c->child.bounds.row[BOUND_SERVINGS].cap);
	memcpy(o.hello.instance, c->instance, sizeof o.hello.instance);
	o.opens = (uint32_t)t->opens;
	g->tables = (struct window_rate){.rate = 1, .burst = TABLES, .at_ns = loop_now(c->child.loop)};
	return mux_new(&g->mux, &o);
}

static void on_open(struct tls *t, const struct span *chain, size_t n)
{
	struct leg *g = leg_of(t->src);
	const char *no = "it showed no certificate";
	struct x509 leaf;
	int rc;

	if (n && x509_read(&leaf, chain[0], NULL) == 0 && leaf.serial.n == sizeof g->serial) {
		memcpy(g->serial, leaf.serial.p, sizeof g->serial);
		no = judge(g->c, g);
	}
	if (no) {
		give_up(g, no);
		return;
	}
	rc = start_mux(g);
	if (rc < 0) {
		starve(g, rc);
		return;
	}
	g->state = LEG_HELLO;
	loop_touch(&g->src);
}

static const struct tls_class tls_class = {on_open, on_failed, NULL};

void leg_new(struct connector *c, struct uplink *u, const char *edge, const char *worker, int fd, const struct addr *peer)
{
	struct leg *g = calloc(1, sizeof *g);
	const struct tls_connect req = {.plan = TLS_PLAN_EDGE, .name = span_str(worker)};
	int rc;

	if (g)
		*g = (struct leg){.src = {.cls = &leg_class, .fd = fd}, .c = c, .u = u, .peer = *peer, .anybody = worker[0] == 0,
				  .born_ns = loop_now(c->child.loop)};
	if (g == NULL || loop_add(c->child.loop, &g->src) < 0) {
		free(g);
		close(fd);
		uplink_starved(u, NULL, "no memory for the connection");
		return;
	}
	memcpy(g->own, c->identity, sizeof g->own);
	snprintf(g->edge, sizeof g->edge, "%s", edge);
	g->next = c->legs;
	if (g->next)
		g->next->prev = g;
	c->legs = g;
	rc = tls_connect(&g->tls, c->tls, &tls_class, &g->src, &req);
	if (rc < 0)
		starve(g, rc);
	else
		loop_touch(&g->src);
}

void leg_be_stale(struct leg *g, const char *why)
{
	if (g->stale || g->state > LEG_UP)
		return;
	g->stale = true;
	LOG(&g->c->child.log, LOG_INFO, "the connection to the edge will be replaced", LF_STR("edge", g->edge), LF_STR("why", why));
}
