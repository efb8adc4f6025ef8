/*
 * worker: the jailed worker of an edge: the life of the process, what it is handed at start and with each reload,
 * and who is told that something may not live any more.
 */
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/num.h"
#include "edge.h"
#include "exchange.h"
#include "io/cas.h"
#include "io/realm.h"
#include "roles/roles.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

/* How often what lives by certificates is judged again while no list comes: it may have become too old. */
#define LOOK_EVERY (10 * NS_PER_S)

struct worker {
	struct edge e;
	struct realm web, id;
	struct keepline *keep;      /* there from the start: its line comes once */
	struct site *next;          /* prepared */
	bool next_identity;
	struct timer look;
};

static struct worker *of(struct child *c)
{
	return CONTAINER_OF(CONTAINER_OF(c, struct edge, child), struct worker, e);
}

/* ---- what the files share ---------------------------------------------------------------------- */

/* 128 random bits as 26 characters: unique without a counter, which would tell how much others ask. */
void edge_request_id(struct edge *e, char out[static EDGE_ID])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's: none is taken for another */
	uint8_t mem[17] = {0}; /* 130 bits are shown */
	unsigned bits = 0, n = 0, at = 0;

	if (e->lot == 0)
		random_bytes(e->lots, sizeof e->lots);
	memcpy(mem, &e->lots[e->lot], 16);
	e->lot = (e->lot + 16) % sizeof e->lots;
	for (unsigned i = 0; i < EDGE_ID - 1; i++) {
		if (n < 5) {
			bits = bits << 8 | mem[at++];
			n += 8;
		}
		n -= 5;
		out[i] = digits[bits >> n & 31];
	}
	out[EDGE_ID - 1] = 0;
}

/* ---- the access log -------------------------------------------------------------------------------- */

static void write_lines(struct edge *e)
{
	struct edge_lines *n = &e->lines;

	if (n->n)
		log_raw(&e->child.log, span_of(n->mem, n->n), n->lines);
	n->n = n->lines = 0;
}

static void on_lines(struct timer *t, uint64_t now)
{
	(void)now;
	write_lines(CONTAINER_OF(t, struct edge, lines.later));
}

void edge_access(struct edge *e, struct span line)
{
	struct edge_lines *n = &e->lines;

	if (line.n > sizeof n->mem - n->n)
		write_lines(e);
	memcpy(&n->mem[n->n], line.p, line.n);
	n->n += line.n;
	n->lines++;
	if (n->lines == 1 && (e->child.loop == NULL || !loop_timer(e->child.loop, &n->later, 0)))
		write_lines(e);
}

int64_t edge_now(const struct edge *e)
{
	int64_t now = clock_wall(loop_clock(e->child.loop)) / 1000;
	int64_t floor = e->keep ? status_floor(keepline_view(e->keep), CLOCK_FLOOR_S) : CLOCK_FLOOR_S;

	return now > floor ? now : floor;
}

static bool has_no_visitors(const struct edge *e)
{
	const struct pool *const pools[] = {&e->fronts, &e->arrivals, &e->raws, &e->locals, &e->plain.pool};

	for (size_t i = 0; i < ARRAY_LEN(pools); i++)
		if (pools[i]->used)
			return false;
	return true;
}

void edge_one_less(struct edge *e)
{
	if (!e->child.draining || e->child.loop == NULL || !has_no_visitors(e))
		return;
	if (e->first_tunnel == NULL)
		child_drained(&e->child);
	else if (e->child.yields && !e->tunnels_told) {
		e->tunnels_told = true;
		tunnels_drain(e);
	}
}

/* ---- the status list ------------------------------------------------------------------------------ */

static void rejudge(struct edge *e)
{
	fronts_rejudge(e);
	tunnels_rejudge(e);
	raws_rejudge(e);
}

static void on_listed(void *ctx)
{
	rejudge(ctx);
	edge_tunnels_changed(ctx); /* who waits may wait for this */
}

static const struct keepline_class keep_class = {.listed = on_listed};

static void look_later(struct worker *w)
{
	if (!loop_timer(w->e.child.loop, &w->look, LOOK_EVERY))
		LOG0(&w->e.child.log, LOG_ERROR, "no memory for a timer: a status list that is too old cuts nobody");
}

static void on_look(struct timer *t, uint64_t now)
{
	struct worker *w = CONTAINER_OF(t, struct worker, look);

	(void)now;
	if (w->e.child.yields)
		raws_drain(&w->e);
	if (w->e.keep)
		rejudge(&w->e);
	look_later(w);
}

/* ---- configurations --------------------------------------------------------------------------- */

static void forget(struct worker *w)
{
	sysnames_forget(&w->e.out.names);
	site_drop(w->next);
	w->next = NULL;
}

static void worker_abort(struct child *c)
{
	struct worker *w = of(c);

	doors_abort(&w->e.doors);
	forget(w);
	realm_abort(&w->web);
	realm_abort(&w->id);
}

static int read_trust(struct worker *w, struct why *why)
{
	static const char *const anchors[] = {TLS_ID_INFRA, TLS_ID_DEVICE};
	struct span pem;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(anchors); i++)
		if (bundle_find(w->e.out.names.bundle, anchors[i], &pem) == 0)
			rc = site_trust(w->next, pem, anchors[i], why);
	return rc;
}

/* What is handed over as files: what the machine says about names, and whom to believe. A jailed process opens
 * none. */
static int read_files(struct worker *w, int fd, struct why *why)
{
	struct span bundle, text;
	int rc = sysnames_read(&w->e.out.names, fd, why);

	if (rc < 0)
		return rc;
	bundle = w->e.out.names.bundle;
	w->next_identity = bundle_find(bundle, KEEPLINE_REGISTRY, &text) == 0 && bundle_find(bundle, TLS_ID_INFRA, &text) == 0;
	site_demands(w->next, bundle);
	rc = cas_of_plan(realm_next(&w->web), bundle, why);
	if (rc == 0)
		rc = cas_of_plan(realm_next(&w->id), bundle, why);
	return rc < 0 ? rc : read_trust(w, why);
}

static int make_parts(struct worker *w, struct why *why)
{
	struct edge *e = &w->e;
	const struct tls_world_opts o = {.loop = e->child.loop, .bounds = &e->child.bounds, .log = &e->child.log, .floor = CLOCK_FLOOR_S};
	int rc = outside_new(&e->out, e->child.loop, &e->child.bounds);

	if (rc == 0)
		rc = bufs_new(&e->bufs, e->child.loop, &e->child.bounds);
	if (rc == 0)
		rc = keepline_new(&w->keep, e->child.loop, &e->child.log, &keep_class, e);
	if (rc == 0)
		rc = realm_new(&w->web, &o);
	if (rc == 0)
		rc = realm_new(&w->id, &o);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "no memory for the worker");
	e->web = w->web.tls;
	fronts_init(e);
	random_bytes(e->prefix, sizeof e->prefix);
	random_bytes(e->crowd.key, sizeof e->crowd.key);
	w->look.fire = on_look;
	e->lines.later.fire = on_lines;
	return 0;
}

static int make_next(struct worker *w, const struct conf *next, int fd, struct why *why)
{
	forget(w);
	if (w->id.plan[1] == NULL && make_parts(w, why) < 0)
		return -(int)why->err;
	if (next->edge.listen.n == 0)
		return why_set(why, ZT_E_CONFIG, "[edge] listen is empty: say where the edge should take connections");
	if (site_new(&w->next, next) < 0)
		return why_set(why, ZT_E_NOMEM, "no memory for the configuration");
	tls_plan_of(next, realm_next(&w->web));
	tls_plan_of_identity(next, realm_next(&w->id));
	return read_files(w, fd, why);
}

static int worker_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct worker *w = of(c);
	struct addr at[DOORS];
	int rc;

	if (n == 0)
		return why_set(why, ZT_E_BUG, "nothing was handed over");
	rc = doors_prepare(&w->e.doors, at, edge_listen(next, at), fds + 1, n - 1, why);
	if (rc == 0)
		rc = make_next(w, next, fds[0], why);
	close(fds[0]);
	if (rc < 0)
		worker_abort(c);
	return rc;
}

static void commit_identity(struct worker *w)
{
	struct child *c = &w->e.child;
	struct why why = {0};
	struct span pem;

	w->e.id = w->next_identity ? w->id.tls : NULL;
	w->e.keep = w->next_identity ? w->keep : NULL;
	if (w->next_identity && bundle_find(w->e.out.names.bundle, KEEPLINE_REGISTRY, &pem) == 0 && keepline_registry(w->keep, pem, &why) < 0)
		LOG(&c->log, LOG_ERROR, "no status list can be believed", LF_STR("why", why.text));
}

static void worker_commit(struct child *c)
{
	struct worker *w = of(c);
	struct site *old = w->e.site;

	room_commit(&w->e);
	w->next->epoch = c->epoch;
	w->e.site = w->next;
	w->next = NULL;
	realm_commit(&w->web, &c->conf->tls, c->epoch);
	w->e.plan = realm_plan(&w->web);
	realm_commit(&w->id, &c->conf->tls, c->epoch);
	commit_identity(w);
	outside_commit(&w->e.out, &c->log);
	doors_commit(&w->e.doors, c->loop, &c->log);
	if (old) {
		rejudge(&w->e);
	} else {
		look_later(w);
		held_begin(&w->e);
	}
	site_drop(old);
}

static void worker_link(struct child *c, unsigned number, int fd)
{
	struct worker *w = of(c);

	if (number % CHILD_LINK_KINDS == EDGE_LINK_PEER)
		peers_link(&w->e, number / CHILD_LINK_KINDS, fd);
	else if (number == EDGE_LINK_KEEPER)
		keepline_link(w->keep, fd);
	else if (number == EDGE_LINK_ID)
		tls_world_link(w->id.tls, fd, c->epoch);
	else
		tls_world_link(w->web.tls, fd, c->epoch);
}

/* ---- the end -------------------------------------------------------------------------------------- */

/* What runs goes on until it has finished, or until the supervisor's patience ends. */
static void worker_drain(struct child *c)
{
	struct edge *e = &of(c)->e;

	doors_close(&e->doors);
	arrivals_end(e);
	plainport_end(&e->plain);
	fronts_drain(e);
	raws_drain(e);
	tunnels_drain(e);
	edge_one_less(e);
}

/* Who is connected asks once more, and is told then that the connection ends; his tunnels stay for that. Connectors go
 * to the process that listens now. */
static void worker_yield(struct child *c)
{
	struct edge *e = &of(c)->e;

	doors_close(&e->doors);
	tunnels_again(e);
	edge_one_less(e);
}

static void end_all(struct edge *e)
{
	if (e->web == NULL)
		return;
	arrivals_end(e);
	plainport_end(&e->plain);
	fronts_end(e);
	raws_end(e);
	tunnels_end(e);
	upstreams_end(e);
}

static void worker_close(struct child *c)
{
	struct worker *w = of(c);

	forget(w);
	end_all(&w->e);
	peers_end(&w->e);
	loop_timer_stop(c->loop, &w->look);
	held_stop(&w->e);
	loop_timer_stop(c->loop, &w->e.raw_time);
	loop_timer_stop(c->loop, &w->e.lines.later);
	keepline_stop(w->keep);
	outside_free(&w->e.out);
	bufs_free(w->e.bufs);
	tls_world_free(w->web.tls);
	tls_world_free(w->id.tls);
}

/* What connections gave back last is given back when the loop has reaped them. */
static void free_rest(struct worker *w)
{
	struct edge *e = &w->e;
	struct pool *const pools[] = {&e->fronts, &e->exchanges, &e->upstreams, &e->raw_ways, &e->locals, &e->raws, &e->arrivals};

	for (size_t i = 0; i < ARRAY_LEN(pools); i++)
		if (pools[i]->bounds)
			pool_free(pools[i]);
	realm_free(&w->web);
	realm_free(&w->id);
	write_lines(e);
	exchanges_free(e);
	plainport_free(&e->plain);
	keepline_free(w->keep);
	site_drop(e->site);
}

static void worker_counters(struct child *c, struct wr *out)
{
	const struct worker *w = of(c);
	const struct edge *e = &w->e;
	const struct tls_stats t = tls_world_stats(w->web.tls);
	const struct ipc_row rows[] = {
		{"accepted", e->n.accepted}, {"shed", doors_shed(&e->doors)}, {"visitors", e->fronts.used},
		{"requests", e->n.requests}, {"answered", e->n.answered}, {"refused", e->n.refused},
		{"upgraded", e->n.upgraded}, {"redirected", e->n.redirected}, {"bytes_in", e->n.bytes_in},
		{"bytes_out", e->n.bytes_out}, {"retried", e->n.retried}, {"tunnels", tunnels_ready(e)},
		{"tunnels_in", e->n.tunnels_in}, {"tunnels_refused", e->n.tunnels_refused}, {"streams", e->n.streams},
		{"raw", e->n.raw}, {"tls_accepted", t.accepted}, {"tls_resumed", t.resumed},
		{"tls_refused_budget", t.refused_budget}, {"tls_waiting", t.waiting}, {"tls_running", t.running},
		{"identity", e->keep != NULL}, {"cut_slow", e->n.slow}, {"live", e->fronts.used + e->raws.used},
	};

	ipc_write_counters(out, rows, ARRAY_LEN(rows), NULL);
	keepline_counters(w->keep, &e->site->stale, out);
	peers_counters(e, out);
	tunnels_counters(e, out);
}

static const struct child_class worker_class = {
	.role = "edge",
	.proc = "worker",
	.profile = JAIL_WORKER,
	.who = CONF_FOR_WORKER,
	.prepare = worker_prepare,
	.commit = worker_commit,
	.abort = worker_abort,
	.drain = worker_drain,
	.yield = worker_yield,
	.counters = worker_counters,
	.link = worker_link,
	.close = worker_close,
};

static void on_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	edge_arrived(CONTAINER_OF(d, struct edge, doors), &at->at, fd, peer);
}

int edge_worker_main(int argc, char **argv)
{
	struct worker w = {.e.doors.accepted = on_accepted};
	int code = child_run(&w.e.child, &worker_class, argc, argv);

	free_rest(&w);
	return code;
}
