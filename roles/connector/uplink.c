/*
 * uplink: the way to one edge, top to bottom as it lives. An uplink is what the configuration says: an edge, dialled
 * for ever. A leg is one connection to it:
 *
 *   SHAKES  TLS, both with certificates of the infra anchor, the edge's judged by our status list
 *   HELLO   the mux is there, the edge has not said hello yet
 *   UP      streams; what the edge has to know has been said, and is said again when it changes
 *   LEFT    it takes no new streams: those that live finish, for a time
 *
 * A leg that is old, or that shows a certificate which was renewed, is stale: another one is made beside it, and when
 * that is UP, the stale one is LEFT. Without a leg, one is made after a random time that doubles with every failure.
 * Every end goes through leg_close().
 *
 * Allocates uplinks, at most BOUND_CONF_LIST, and legs, LEGS_MOST for each of them and what a reload left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/num.h"
#include "connector.h"
#include "decide/window.h"
#include "wire/ipc.h"
#include "wire/x509.h"

#define DIAL_MS 15000
#define RETRY_MS 500          /* the first wait is up to this, */
#define RETRY_MOST_MS 30000   /* none is longer than this */
#define DENIED_RETRIES 5      /* who was told no waits up to 16 s at once */
#define HEALTHY (30 * NS_PER_S) /* a leg that was up for so long: what failed before counts no more */
#define CHORES (5 * NS_PER_S) /* a stale leg's successor is made in one of these turns */
#define ROTATE_GRACE_MS 3600000 /* what still lives on a stale leg after this is cut */
#define LEGS_MOST 4           /* of one edge; when one more is made, the oldest that was left is ended */
#define STREAM_CREDIT 65536
#define SHOWN 12              /* uplinks that have counters of their own: one message has to hold all counters */
#define NAME (256 + 8)        /* [host]:port */

enum { SAY_RULES = 1, SAY_HEALTH = 2 };

enum leg_state { LEG_SHAKES, LEG_HELLO, LEG_UP, LEG_LEFT, LEG_OVER };

struct leg {
	struct source src;
	struct connector *c;
	struct uplink *u;        /* NULL: its edge is not in the configuration any more */
	struct leg *prev, *next;
	struct tls tls;
	struct mux *mux;         /* from HELLO on */
	enum leg_state state;
	bool stale, cut;         /* cut: it was told that it may not */
	bool full;               /* there was no room for a message */
	unsigned say;            /* what is to be announced, as soon as there is room */
	struct status_seen said; /* the newest list that the edge was told */
	struct window_rate opens;
	uint64_t born_ns, up_ns; /* up_ns 0: not yet */
	uint8_t serial[STATLIST_KEY], own[KEEPMSG_SERIAL]; /* of the edge's certificate; of ours, zero: not told yet */
	struct addr peer;
	char edge[NAME];
};

struct uplink {
	struct connector *c;
	char name[NAME], host[256];
	uint16_t port;
	struct dial *dial;
	struct timer again;
	bool waits;              /* for the first status list */
	unsigned failed;         /* in a row */
	uint64_t retries;
	struct addr peer;
	char why[160];
};

static void look(struct uplink *u);
static void lost(struct uplink *u, const struct leg *g, const char *why);
static void denied(struct uplink *u, const char *why);

static const struct status_limits limits = {STATUS_MAX_STALE, STATUS_CUT_STALE};

/* Given up after the time in which a tunnel is called dead, from the first byte on. */
static const struct net_tune tune = {.nodelay = true, .user_timeout_ms = 10000, .notsent_lowat = MUX_NOTSENT};

static struct leg *leg_of(struct source *s)
{
	return CONTAINER_OF(s, struct leg, src);
}

/* ---- the end of a leg ---------------------------------------------------------------------- */

static void leg_reap(struct source *s)
{
	free(leg_of(s));
}

static void leg_close(struct leg *g)
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
static void leave(struct leg *g, enum frame_leave reason, uint64_t grace_ms, const char *text)
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
	enum status_verdict no = v->known ? status_may_begin(v, &limits, keepline_now(c->keep), g->serial) : STATUS_YES;

	return no == STATUS_YES ? NULL : status_verdict_text(no);
}

static void judge_again(struct leg *g)
{
	struct connector *c = g->c;
	const struct status_view *v = keepline_view(c->keep);

	const char *no = judge(c, g);

	if (g->cut || g->state < LEG_HELLO || !v->known || !status_must_end(v, &limits, keepline_now(c->keep), g->serial))
		return;
	g->cut = true;
	LOG(&c->child.log, LOG_WARN, "the edge may not serve any more: its connection is cut", LF_STR("edge", g->edge),
	    LF_STR("why", no));
	if (g->u && g->state != LEG_LEFT)
		denied(g->u, no);
	leave(g, LEAVE_DENIED, 0, "the status list says no");
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
static void announce(struct leg *g)
{
	if (g->state != LEG_UP)
		return;
	g->full = false;
	keepline_each_list(g->c->keep, &g->said, say_list, g);
	if (g->full)
		return;
	if (g->say & SAY_RULES && say_rules(g))
		g->say &= ~(unsigned)SAY_RULES;
	if (g->say == SAY_HEALTH && say_health(g))
		g->say = 0;
}

/* ---- what the edge says -------------------------------------------------------------------- */

static void log_up(struct leg *g, const struct frame_hello *h)
{
	struct connector *c = g->c;
	char text[NAME + 32], peer[ADDR_TEXT];

	snprintf(text, sizeof text, "Connected to network: %s", g->edge);
	LOG(&c->child.log, LOG_INFO, text, LF_STR("peer", addr_text(&g->peer, peer)), LF_STR("edge_id", g->tls.peer->id),
	    LF_STR("software", h->software), LF_STR("suite", suite_name(g->tls.peer->suite)));
	if (!c->started)
		LOG(&c->child.log, LOG_INFO, "Connector started successfully", LF_U64("rules", c->ways->set.rules.n));
	c->started = true;
}

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	struct leg *g = mux_owner(m);
	struct connector *c = g->c;

	if (g->state != LEG_HELLO)
		return;
	if (h->role != ROLE_EDGE) {
		lost(g->u, g, "it says hello as something else than an edge");
		leave(g, LEAVE_PROTOCOL, 0, "an edge was expected");
		return;
	}
	g->state = LEG_UP;
	g->up_ns = loop_now(c->child.loop);
	g->say = SAY_RULES | SAY_HEALTH;
	g->u->peer = g->peer;
	g->u->why[0] = 0;
	c->n.links_up++;
	log_up(g, h);
	for (struct leg *o = c->legs; o; o = o->next)
		if (o != g && o->u == g->u && o->state == LEG_UP)
			leave(o, LEAVE_REKEY, ROTATE_GRACE_MS, "another connection takes its place");
}

static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	struct leg *g = mux_owner(m);

	if (!window_rate_take(&g->opens, loop_now(g->c->child.loop)))
		stream_refuse(s, RESET_FULL, "more streams a second than [tunnel] opens");
	else
		serving_opened(g->c, s, o);
}

/* Nothing that an edge says is for a connector yet. */
static void on_control(struct mux *m, unsigned kind, struct span message)
{
	(void)m;
	(void)kind;
	(void)message;
}

/* It takes no new streams, so another leg is made at once, unless it says that we are not wanted. We leave too: that
 * bounds how long it can be held open. */
static void on_leaving(struct mux *m, const struct frame_goaway *f)
{
	struct leg *g = mux_owner(m);
	struct uplink *u = g->u;
	bool no = f->reason == LEAVE_DENIED || f->reason == LEAVE_PROTOCOL || f->reason == LEAVE_VERSION;
	bool told = g->state == LEG_LEFT;

	LOG(&g->c->child.log, no ? LOG_ERROR : LOG_INFO, no ? "the edge does not want this connector" : "the edge leaves",
	    LF_STR("edge", g->edge), LF_STR("why", f->text), LF_U64("reason", f->reason));
	leave(g, LEAVE_DRAIN, no ? 0 : num_min64(f->grace_ms, ROTATE_GRACE_MS), "as you say");
	if (u && !told && no)
		denied(u, f->text);
	else if (u && !told)
		lost(u, g, f->text);
}

static void on_over(struct mux *m, enum mux_over why, const char *words)
{
	struct leg *g = mux_owner(m);
	struct uplink *u = g->state == LEG_LEFT ? NULL : g->u;
	const struct mux_stats s = mux_stats(m);

	LOG(&g->c->child.log, u ? LOG_WARN : LOG_INFO, "connection to the edge is over", LF_STR("edge", g->edge),
	    LF_STR("why", words), LF_U64("streams", s.opened), LF_U64("bytes_in", s.in), LF_U64("bytes_out", s.out),
	    LF_U64("s", (loop_now(g->c->child.loop) - g->born_ns) / NS_PER_S), LF_BOOL("drained", why == MUX_LEFT));
	if (u)
		lost(u, g, words);
	leg_close(g);
}

static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, on_over};

/* ---- the socket ---------------------------------------------------------------------------- */

static unsigned leg_wants(const struct source *s)
{
	const struct leg *g = CONTAINER_OF(s, const struct leg, src);

	return g->mux ? mux_wants(g->mux) : tls_wants(&g->tls);
}

static void leg_ready(struct source *s, unsigned events)
{
	struct leg *g = leg_of(s);

	if (g->mux == NULL) {
		tls_shake_ready(&g->tls, events);
		return;
	}
	mux_ready(g->mux, events);
	announce(g);
}

static const struct source_class leg_class = {"edge", leg_wants, leg_ready, leg_reap};

/* ---- TLS ----------------------------------------------------------------------------------- */

static void give_up(struct leg *g, const char *why)
{
	struct uplink *u = g->u;

	leg_close(g);
	lost(u, NULL, why);
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
	struct mux_opts o = {
		.cls = &mux_class, .loop = c->child.loop, .bounds = &c->child.bounds, .src = &g->src, .tls = &g->tls,
		.hello = {.version_min = 1, .version_max = 1, .role = ROLE_CONNECTOR, .count = 1,
			  .streams = (uint32_t)t->streams, .credit = t->memory / 2, .stream_credit = STREAM_CREDIT,
			  .software = "zt " ZT_VERSION},
		.ping_after_ns = t->ping_ms * NS_PER_MS, .dead_after_ns = t->dead_ms * NS_PER_MS,
		.window_most = t->window, .owner = g,
	};

	memcpy(o.hello.instance, c->instance, sizeof o.hello.instance);
	g->opens = (struct window_rate){.rate = (uint32_t)t->opens, .burst = 2 * (uint32_t)t->opens,
					.at_ns = loop_now(c->child.loop)};
	return mux_new(&g->mux, &o);
}

static void on_open(struct tls *t, const struct span *chain, size_t n)
{
	struct leg *g = leg_of(t->src);
	const char *no = "it showed no certificate";
	struct x509 leaf;

	if (n && x509_read(&leaf, chain[0], NULL) == 0 && leaf.serial.n == sizeof g->serial) {
		memcpy(g->serial, leaf.serial.p, sizeof g->serial);
		no = judge(g->c, g);
	}
	if (no) {
		give_up(g, no);
		return;
	}
	if (start_mux(g) < 0) {
		give_up(g, "no memory for the connection");
		return;
	}
	g->state = LEG_HELLO;
	loop_touch(&g->src);
}

static const struct tls_class tls_class = {on_open, on_failed, NULL};

/* fd is the leg's now. */
static void leg_new(struct uplink *u, int fd, const struct addr *peer)
{
	struct connector *c = u->c;
	struct leg *g = calloc(1, sizeof *g);
	const struct tls_connect req = {.plan = TLS_PLAN_EDGE};
	int rc;

	if (g)
		*g = (struct leg){.src = {.cls = &leg_class, .fd = fd}, .c = c, .u = u, .peer = *peer,
				  .born_ns = loop_now(c->child.loop)};
	if (g == NULL || loop_add(c->child.loop, &g->src) < 0) {
		free(g);
		close(fd);
		lost(u, NULL, "no memory for the connection");
		return;
	}
	memcpy(g->own, c->identity, sizeof g->own);
	memcpy(g->edge, u->name, sizeof g->edge);
	g->next = c->legs;
	if (g->next)
		g->next->prev = g;
	c->legs = g;
	rc = tls_connect(&g->tls, c->tls, &tls_class, &g->src, &req);
	if (rc < 0)
		give_up(g, err_text((enum zt_err)-rc));
	else
		loop_touch(&g->src);
}

/* ---- dialling ------------------------------------------------------------------------------ */

static void after(struct uplink *u, uint32_t ms)
{
	if (!loop_timer(u->c->child.loop, &u->again, ms * NS_PER_MS))
		LOG(&u->c->child.log, LOG_ERROR, "no memory for a timer", LF_STR("edge", u->name)); /* chores look again */
}

/* u has one way less: g, when it was one. Why, for people. */
static void lost(struct uplink *u, const struct leg *g, const char *why)
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

static void denied(struct uplink *u, const char *why)
{
	u->failed = u->failed < DENIED_RETRIES ? DENIED_RETRIES : u->failed;
	lost(u, NULL, why);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct uplink *u = owner;
	char tried[ADDR_TEXT] = "", why[sizeof u->why];

	u->dial = NULL;
	if (r->rc == 0) {
		leg_new(u, r->fd, &r->peer);
		return;
	}
	if (r->n)
		addr_text(&r->tried[0].to, tried);
	snprintf(why, sizeof why, "%s%s%s", tried, r->n ? ": " : "", err_text((enum zt_err)-r->rc));
	lost(u, NULL, why);
}

static void dial(struct uplink *u)
{
	struct connector *c = u->c;
	const struct dial_req req = {.host = span_str(u->host), .port = u->port, .timeout_ns = DIAL_MS * NS_PER_MS,
				     .tune = &tune, .done = on_dialled, .owner = u};
	struct leg *oldest = NULL;
	size_t n = 0;
	int rc;

	for (struct leg *g = c->legs; g; g = g->next)
		if (g->u == u) {
			n++;
			oldest = g->state == LEG_LEFT ? g : oldest; /* new ones come first in the list */
		}
	if (n >= LEGS_MOST && oldest)
		leave(oldest, LEAVE_REKEY, 0, "it was left long ago");
	rc = dial_start(c->dialer, &req, &u->dial);
	if (rc < 0)
		lost(u, NULL, err_text((enum zt_err)-rc));
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

static void be_stale(struct leg *g, const char *why)
{
	if (g->stale || g->state > LEG_UP)
		return;
	g->stale = true;
	LOG(&g->c->child.log, LOG_INFO, "the connection to the edge will be replaced", LF_STR("edge", g->edge), LF_STR("why", why));
}

/* The list stands still while it is walked: but for legs in SHAKES, which nobody leaves here, an end comes later, from
 * the loop. */
static void on_chores(struct timer *t, uint64_t now)
{
	struct connector *c = CONTAINER_OF(t, struct connector, chores);
	uint64_t rotate = c->ways->conf->tunnel.rotate_ms * NS_PER_MS;

	for (struct leg *g = c->legs; g; g = g->next) {
		if (g->state == LEG_UP && (now - g->up_ns >= rotate || mux_is_old(g->mux)))
			be_stale(g, "it is old");
		judge_again(g);
	}
	for (size_t i = 0; i < c->uplinks; i++)
		look(c->uplink[i]);
	if (!loop_timer(c->child.loop, t, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
}

void uplinks_listed(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next) {
		judge_again(g);
		announce(g);
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
			be_stale(g, "our certificate was renewed");
	}
}

void uplinks_health(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next) {
		g->say |= SAY_HEALTH;
		announce(g);
	}
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
			leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, "this edge is not in the configuration any more");
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
	for (struct leg *g = c->legs; g; g = g->next) {
		g->say |= SAY_RULES | SAY_HEALTH;
		announce(g);
	}
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
		leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, "the connector is ending");
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
	*out = (struct uplink_state){.edge = u->name, .up = g != NULL, .streams = s.streams, .rtt_ns = s.rtt_ns,
				     .since_ns = g ? g->up_ns : 0, .retries = u->retries};
	if (u->peer.family)
		addr_text(&u->peer, out->peer);
	memcpy(out->why, u->why, sizeof out->why);
	return true;
}

void uplinks_counters(const struct connector *c, struct wr *out)
{
	struct uplink_state s;

	for (size_t i = 0; i < SHOWN && uplink_state(c, i, &s); i++) {
		const struct {
			const char *name;
			uint64_t value;
		} rows[] = {{"up", s.up}, {"streams", s.streams}, {"rtt_us", s.rtt_ns / 1000}, {"retries", s.retries}};
		char name[32];

		for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
			snprintf(name, sizeof name, "uplink%zu_%s", i + 1, rows[k].name);
			ipc_write_counter(out, name, rows[k].value);
		}
	}
}
