/*
 * tunnel: one connector's connection, from its hello to its end: who it is, whether the status list lets it in,
 * what it announces. Owns socket, TLS, mux and the announced table. Which tunnel serves what is asked in
 * tunnels.c; what a stream carries is its user's business.
 *
 * A connector brings the very list by which it is judged: lists are signed, so anybody may carry them. Until one
 * allows it, it serves nothing.
 */
#include "tunnel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "decide/leaf.h"

#define LIST_WAIT (10 * NS_PER_S)
#define BAD_LISTS 3       /* a clock that is wrong for a moment; not more */
#define CLAIMS_SHOWN 8    /* of one table, each in a line */
#define EACH 32           /* connections of one certificate: workers, rotations, and those that are not known to be dead */

static struct tunnel *of_src(struct source *s)
{
	return CONTAINER_OF(s, struct tunnel, src);
}

static void say(const struct tunnel *t, enum log_level level, const char *msg, const char *why)
{
	char peer[ADDR_TEXT];

	LOG(&t->e->child.log, level, msg, LF_STR("connector", t->id), LF_STR("peer", addr_text(&t->peer, peer)),
	    LF_STR("why", why));
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void table_free(struct table *t)
{
	struct arena mem;

	if (t == NULL)
		return;
	mem = t->mem; /* it lies in there itself */
	arena_free(&mem);
}

static void tunnel_reap(struct source *s)
{
	struct tunnel *t = of_src(s);
	struct edge *e = t->e;

	for (struct table *next; t->gone; t->gone = next) {
		next = t->gone->older;
		table_free(t->gone);
	}
	table_free(t->table);
	free(t);
	edge_one_less(e);
}

void tunnel_close(struct tunnel *t, const char *why)
{
	struct edge *e = t->e;

	if (t->state == TUNNEL_OVER)
		return;
	if (why)
		say(t, t->id[0] ? LOG_INFO : LOG_DEBUG, "a tunnel ended", why);
	t->state = TUNNEL_OVER;
	loop_timer_stop(e->child.loop, &t->limit);
	mux_free(t->mux);
	t->mux = NULL;
	tls_free(&t->tls);
	if (t->counted)
		bounds_give(&e->child.bounds, BOUND_TUNNELS, 1);
	*(t->prev ? &t->prev->next : &e->first_tunnel) = t->next;
	if (t->next)
		t->next->prev = t->prev;
	loop_close(&t->src);
}

void tunnel_refuse(struct tunnel *t, enum frame_leave reason, const char *why)
{
	if (t->state == TUNNEL_OVER)
		return;
	t->e->n.tunnels_refused++;
	say(t, LOG_WARN, "a tunnel was refused", why);
	t->state = TUNNEL_LEAVING;
	loop_timer_stop(t->e->child.loop, &t->limit);
	mux_leave(t->mux, reason, 0, why);
}

/* ---- may it be here? ------------------------------------------------------------------------------------- */

/* By the name, which a renewed certificate keeps. */
static bool same_connector(const struct tunnel *a, const struct tunnel *b)
{
	return span_eq_str(span_str(a->id), b->id);
}

/* A connector that changes its connection has two for a while: the new one serves. An instance is what it says of itself:
 * another connector may say the same. */
static void pass_over_older(struct tunnel *t)
{
	for (struct tunnel *o = t->next; o; o = o->next)
		if (o->state == TUNNEL_IN && same_connector(o, t) && ct_eq(o->instance, t->instance, sizeof t->instance))
			o->passed_over = true;
}

static void let_in(struct tunnel *t)
{
	char peer[ADDR_TEXT];

	t->state = TUNNEL_IN;
	loop_timer_stop(t->e->child.loop, &t->limit);
	t->e->n.tunnels_in++;
	pass_over_older(t);
	edge_tunnels_changed(t->e);
	LOG(&t->e->child.log, LOG_INFO, "a connector is connected", LF_STR("connector", t->id),
	    LF_STR("peer", addr_text(&t->peer, peer)));
	if (t->e->child.yields) /* it was on its way when the others were told */
		mux_control(t->mux, CTRL_AGAIN, SPAN_NONE);
}

static enum status_verdict verdict(const struct tunnel *t)
{
	const struct edge *e = t->e;

	if (e->keep == NULL)
		return STATUS_NO_LIST;
	return status_may_begin(keepline_view(e->keep), &e->site->stale, keepline_now(e->keep), t->serial);
}

static bool must_end(const struct tunnel *t)
{
	const struct edge *e = t->e;

	return e->keep == NULL ||
	       status_must_end(keepline_view(e->keep), &e->site->stale, keepline_now(e->keep), t->serial);
}

void tunnel_judge(struct tunnel *t, bool last)
{
	enum status_verdict v = verdict(t);
	bool waits = t->state == TUNNEL_WAITING, unheard = v == STATUS_NO_LIST || v == STATUS_IS_STALE || v == STATUS_YES;

	/* Only what is for good is answered at once. Who was suspended, or is not known yet, may be the one that
	 * brings the list which says better. */
	if (waits && t->heard_hello && v == STATUS_YES)
		let_in(t);
	else if ((waits && (last || v == STATUS_IS_REVOKED)) || (t->mux && !waits && must_end(t)))
		tunnel_refuse(t, unheard ? LEAVE_BUSY : LEAVE_DENIED,
			      v == STATUS_YES ? "it did not say hello" : status_verdict_text(v));
}

static void on_limit(struct timer *t, uint64_t now)
{
	(void)now;
	tunnel_judge(CONTAINER_OF(t, struct tunnel, limit), true);
}

/* ---- what it announces ------------------------------------------------------------------------------------- */

static struct span id_of(const struct tunnel *t)
{
	return span_str(t->id);
}

/* A rule for any name is no claim: the last of every table is one. */
static void log_claims(const struct tunnel *t)
{
	const struct site *s = t->e->site;
	const struct rules *r = &t->table->rules;
	size_t refused = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct rule *rule = &r->rule[i];

		if (rule->hostname.n == 0 || grant_claim(s->grant, s->grants, id_of(t), rule->hostname) != GRANT_NOTHING)
			continue;
		if (refused++ < CLAIMS_SHOWN)
			LOG(&t->e->child.log, LOG_WARN, "a connector claims a name that no [grant] gives it",
			    LF_STR("connector", t->id), LF_SPAN("name", rule->hostname), LF_SPAN("rule", rule->name));
	}
	if (refused > CLAIMS_SHOWN)
		LOG(&t->e->child.log, LOG_WARN, "and more", LF_STR("connector", t->id), LF_U64("more", refused - CLAIMS_SHOWN));
}

static void judge_stream(struct stream *s, void *ctx)
{
	const struct tunnel *t = ctx;
	const struct site *site = t->e->site;

	if (grant_for(site->grant, site->grants, id_of(t), span_str(s->name)) == NULL)
		stream_end(s, RESET_POLICY, "the name is not granted any more");
}

void tunnel_judge_names(struct tunnel *t)
{
	if (t->judged_epoch == t->e->site->epoch)
		return;
	t->judged_epoch = t->e->site->epoch;
	if (t->table)
		log_claims(t);
	if (t->mux)
		mux_each(t->mux, judge_stream, t);
}

/* What was replaced in an earlier turn of the loop: nobody looks into it any more. */
static void forget_gone(struct tunnel *t)
{
	struct table *g = t->gone, *next;

	if (g == NULL || g->gone_ns == loop_now(t->e->child.loop))
		return;
	for (t->gone = NULL; g; g = next) {
		next = g->older;
		table_free(g);
	}
}

static int read_table(struct bounds *b, struct table **out, struct span message, struct why *w)
{
	uint64_t before = b->row[BOUND_TUNNEL_RULES].used;
	struct arena mem;
	struct table *t;
	int rc = -ZT_E_NOMEM;

	arena_init(&mem, INGRESS_MEM);
	arena_bound(&mem, b, BOUND_TUNNEL_RULES);
	t = arena_get(&mem, sizeof *t);
	if (t)
		rc = rules_read(&t->rules, message, &mem, w);
	if (rc == 0)
		rc = ingress_compile(&t->in, &t->rules, &mem, w);
	if (rc < 0) {
		arena_free(&mem);
		return rc;
	}
	t->mem = mem;
	t->held = b->row[BOUND_TUNNEL_RULES].used - before;
	*out = t;
	return 0;
}

/* What the rules of one connector hold, on all of its connections, is no more than what is left for others: one has half of all
 * at the most, two have a third each, and whoever comes then finds a third. */
static bool is_fair(const struct tunnel *t, const struct table *next)
{
	struct bounds *b = &t->e->child.bounds;
	uint64_t held = next->held;

	for (const struct tunnel *o = t->e->first_tunnel; o; o = o->next) {
		if (!same_connector(o, t))
			continue;
		held += o->table ? o->table->held : 0;
		for (const struct table *g = o->gone; g; g = g->older)
			held += g->held;
	}
	return bounds_fits(b, BOUND_TUNNEL_RULES, b->row[BOUND_TUNNEL_RULES].used + held);
}

static void on_rules(struct tunnel *t, struct span message)
{
	struct loop *l = t->e->child.loop;
	struct table *next = NULL;
	struct why why = {.text = "no memory for its rules"};
	int rc;

	if (!window_rate_take(&t->tables, loop_now(l))) {
		tunnel_refuse(t, LEAVE_PROTOCOL, "it announces rules too often");
		return;
	}
	rc = read_table(&t->e->child.bounds, &next, message, &why);
	if (rc == 0 && !is_fair(t, next))
		rc = why_set(&why, ZT_E_NOMEM, "its rules hold more memory than is left for others");
	if (rc == 0 && t->table && next->rules.epoch == t->table->rules.epoch)
		rc = why_set(&why, ZT_E_SYNTAX, "other rules were announced under the same epoch");
	if (rc < 0) {
		table_free(next);
		tunnel_refuse(t, rc == -ZT_E_NOMEM ? LEAVE_BUSY : LEAVE_PROTOCOL, why.text);
		return;
	}
	if (t->table) {
		t->table->gone_ns = loop_now(l);
		t->table->older = t->gone;
		t->gone = t->table;
	}
	t->table = next;
	LOG(&t->e->child.log, LOG_INFO, "a connector announced its rules", LF_STR("connector", t->id),
	    LF_U64("rules", next->rules.n), LF_U64("epoch", next->rules.epoch));
	log_claims(t);
	edge_tunnels_changed(t->e);
}

static void on_status(struct tunnel *t, struct span message)
{
	int rc;

	if (!window_rate_take(&t->lists, loop_now(t->e->child.loop))) {
		tunnel_refuse(t, LEAVE_PROTOCOL, "it brings status lists too often");
		return;
	}
	rc = t->e->keep ? keepline_offer(t->e->keep, message) : 0;
	if (rc != -ZT_E_SYNTAX && rc != -ZT_E_DENIED)
		return;
	say(t, LOG_WARN, "a connector brought a status list that is no good",
	    rc == -ZT_E_DENIED ? "it is not signed by the registry key" : "it is malformed");
	if (++t->bad_lists >= BAD_LISTS)
		tunnel_refuse(t, LEAVE_PROTOCOL, "the status lists that it brings are no good");
}

static void on_health(struct tunnel *t, struct span message)
{
	struct rd r = rd_of(message);
	uint32_t epoch = rd_le32(&r);
	struct span up = rd_rest(&r);

	if (r.bad || up.n > BOUND_CAP(BOUND_INGRESS)) {
		tunnel_refuse(t, LEAVE_PROTOCOL, "a malformed word about health");
		return;
	}
	if (t->table == NULL || epoch != t->table->rules.epoch) /* of rules that were replaced meanwhile */
		return;
	if (up.n != t->table->rules.n) {
		tunnel_refuse(t, LEAVE_PROTOCOL, "a word about the health of other rules than it has");
		return;
	}
	for (size_t i = 0; i < up.n; i++)
		t->table->down[i] = up.p[i] != 1;
}

/* ---- what the mux tells -------------------------------------------------------------------------------------- */

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	struct tunnel *t = mux_owner(m);

	if (h->role != ROLE_CONNECTOR) {
		tunnel_refuse(t, LEAVE_PROTOCOL, "its hello names another role than its certificate");
		return;
	}
	memcpy(t->instance, h->instance, sizeof t->instance);
	t->heard_hello = true;
	tunnel_judge(t, false);
}

/* It was allowed none: mux.c ends the connection before. */
static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	(void)m;
	(void)o;
	stream_refuse(s, RESET_POLICY, "a connector opens no streams");
}

static void on_control(struct mux *m, unsigned kind, struct span message)
{
	static void (*const on[])(struct tunnel *t, struct span message) = {
		[CTRL_RULES] = on_rules, [CTRL_STATUS] = on_status, [CTRL_HEALTH] = on_health};
	struct tunnel *t = mux_owner(m);

	if ((t->state == TUNNEL_WAITING || t->state == TUNNEL_IN) && kind < ARRAY_LEN(on) && on[kind])
		on[kind](t, message);
}

static void on_leaving(struct mux *m, const struct frame_goaway *g)
{
	struct tunnel *t = mux_owner(m);

	if (t->state == TUNNEL_WAITING || t->state == TUNNEL_IN) {
		say(t, LOG_INFO, "a connector leaves", g->text);
		loop_timer_stop(t->e->child.loop, &t->limit);
		t->state = TUNNEL_LEAVING;
	}
}

static void on_over(struct mux *m, enum mux_over why, const char *words)
{
	struct tunnel *t = mux_owner(m);

	(void)why;
	tunnel_close(t, words ? words : "");
}

static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, on_over};

/* ---- the beginning ------------------------------------------------------------------------------------------- */

static int mux_of(struct tunnel *t)
{
	struct edge *e = t->e;
	struct mux_opts o = mux_opts_of(&e->site->conf->tunnel);

	o.cls = &mux_class;
	o.loop = e->child.loop;
	o.bounds = &e->child.bounds;
	o.kin = &e->muxes;
	o.who = t->id;
	o.src = &t->src;
	o.tls = &t->tls;
	o.opens_even = true;
	o.streams = (uint32_t)e->site->conf->tunnel.streams;
	o.owner = t;
	o.hello.role = ROLE_EDGE;
	o.hello.index = (uint8_t)e->child.index;
	o.hello.count = (uint8_t)e->site->conf->edge.workers;
	memcpy(o.hello.instance, e->prefix, sizeof e->prefix);
	return mux_new(&t->mux, &o);
}

static bool has_room(struct tunnel *t)
{
	size_t n = 0;

	for (const struct tunnel *o = t->e->first_tunnel; o; o = o->next)
		n += o->counted && ct_eq(o->serial, t->serial, sizeof o->serial);
	t->counted = n < EACH && bounds_take(&t->e->child.bounds, BOUND_TUNNELS, 1);
	return t->counted;
}

/* Chain and role were checked: io/tls. */
static const char *meet(struct tunnel *t, const struct span *chain, size_t n)
{
	struct x509 c;

	if (n == 0 || x509_read(&c, chain[0], NULL) < 0 || c.serial.n != sizeof t->serial ||
	    span_to_cstr(leaf_zt_id(&c), t->id, sizeof t->id) < 0 || t->id[0] == 0)
		return "its certificate names no connector";
	memcpy(t->serial, c.serial.p, sizeof t->serial);
	if (!has_room(t))
		return "too many tunnels";
	return mux_of(t) < 0 || !loop_timer(t->e->child.loop, &t->limit, LIST_WAIT) ? "no memory for a tunnel" : NULL;
}

static void on_open(struct tls *tls, const struct span *chain, size_t n)
{
	struct tunnel *t = CONTAINER_OF(tls, struct tunnel, tls);
	const char *no = meet(t, chain, n);

	if (no) {
		t->e->n.tunnels_refused++;
		say(t, LOG_WARN, "a tunnel was refused", no);
		tunnel_close(t, NULL);
		return;
	}
	t->state = TUNNEL_WAITING;
	tunnel_judge(t, false);
	loop_touch(&t->src);
}

static void on_failed(struct tls *tls, enum tls_fault f, const char *words)
{
	struct tunnel *t = CONTAINER_OF(tls, struct tunnel, tls);

	(void)f;
	say(t, LOG_INFO, "no tunnel came of a handshake", words);
	tunnel_close(t, NULL);
}

static const struct tls_class tls_class = {.opened = on_open, .failed = on_failed};

static unsigned tunnel_wants(const struct source *s)
{
	const struct tunnel *t = CONTAINER_OF(s, const struct tunnel, src);

	return t->mux ? mux_wants(t->mux) : tls_wants(&t->tls);
}

static void tunnel_ready(struct source *s, unsigned events)
{
	struct tunnel *t = of_src(s);

	forget_gone(t);
	if (t->mux)
		mux_ready(t->mux, events);
	else
		tls_shake_ready(&t->tls, events);
}

static const struct source_class tunnel_class = {"tunnel", tunnel_wants, tunnel_ready, tunnel_reap};

static void begin(struct tunnel *t, struct span before)
{
	int rc;

	(void)net_tune(t->src.fd, &mux_tune); /* a kernel that knows less serves more slowly */
	if (loop_add(t->e->child.loop, &t->src) < 0) {
		close(t->src.fd);
		free(t);
		return;
	}
	t->next = t->e->first_tunnel;
	if (t->next)
		t->next->prev = t;
	t->e->first_tunnel = t;
	rc = tls_accept_behind(&t->tls, t->e->id, &tls_class, &t->src, &t->peer, before);
	if (rc < 0)
		tunnel_close(t, err_text((enum zt_err)-rc));
}

void tunnel_accepted(struct edge *e, int fd, const struct addr *peer, struct span before)
{
	struct tunnel *t = e->id && e->keep && !e->child.draining ? calloc(1, sizeof *t) : NULL;

	if (t == NULL) {
		close(fd);
		return;
	}
	*t = (struct tunnel){.src = {.cls = &tunnel_class, .fd = fd}, .e = e, .peer = *peer, .since_ns = loop_now(e->child.loop),
			     .judged_epoch = e->site->epoch, .limit.fire = on_limit,
			     .tables = {.rate = 1, .burst = 16, .at_ns = loop_now(e->child.loop)},
			     .lists = {.rate = 50, .burst = 2000, .at_ns = loop_now(e->child.loop)}};
	begin(t, before);
}
