/*
 * worker: the jailed worker of a connector, the life of the process: what it is handed at start and with each reload,
 * its view of the status list, and its end. It parses nothing that comes from a network.
 *
 * Allocates a struct ways for each configuration that is in force or that streams still hold.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/num.h"
#include "connector.h"
#include "decide/share.h"
#include "io/cas.h"
#include "io/spawn.h"
#include "roles/roles.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

#define LIST_WAIT (5 * NS_PER_S) /* the keeper has its first list sooner when the authority answers at all */
#define WAYS_MEM (INGRESS_MEM + (1u << 20)) /* the rules, and what is known of their origins */
#define WAYS_KEPT (60 * NS_PER_S) /* longer than any way to an edge is */

const struct status_limits connector_stale = {STATUS_MAX_STALE, STATUS_CUT_STALE};

static struct connector *of(struct child *c)
{
	return CONTAINER_OF(c, struct connector, child);
}

/* ---- the status list ----------------------------------------------------------------------- */

static void on_told(void *ctx, const struct keepmsg *m)
{
	struct connector *c = ctx;

	if (m->type != KEEP_IDENTITY || memcmp(c->identity, m->serial, sizeof c->identity) == 0)
		return;
	memcpy(c->identity, m->serial, sizeof c->identity);
	uplinks_renewed(c);
}

static void on_listed(void *ctx)
{
	uplinks_listed(ctx);
}

static const struct keepline_class keep_class = {.listed = on_listed, .told = on_told};

/* ---- configurations ------------------------------------------------------------------------ */

struct ways *ways_hold(struct ways *w)
{
	w->users++;
	return w;
}

void ways_drop(struct ways *w)
{
	if (w == NULL || --w->users)
		return;
	if (w->plan)
		cas_drop_plan(w->plan);
	free(w->plan);
	arena_free(&w->mem);
	conf_free((struct conf *)(uintptr_t)w->conf); /* one of its holders */
	free(w);
}

void ways_tidy(struct connector *c)
{
	for (size_t i = 0; i < WAYS_WAS; i++)
		if (c->was[i] && loop_now(c->child.loop) - c->was[i]->until_ns > WAYS_KEPT) {
			ways_drop(c->was[i]);
			c->was[i] = NULL;
		}
}

static void worker_abort(struct child *c)
{
	struct connector *k = of(c);

	doors_abort(&k->doors);
	sysnames_forget(&k->out.names);
	ways_drop(k->next);
	k->next = NULL;
}

/* The epoch is said when it is in force. */
static int make_ways(struct connector *c, const struct conf *conf, struct why *why)
{
	struct ways *w = calloc(1, sizeof *w);
	int rc = 0;

	if (w == NULL)
		return why_set(why, ZT_E_NOMEM, "no memory for the rules");
	c->next = w;
	w->users = 1;
	w->conf = conf_hold(conf);
	arena_init(&w->mem, WAYS_MEM);
	w->plan = calloc(1, sizeof *w->plan);
	if (w->plan) {
		tls_plan_of_identity(conf, w->plan);
		rc = cas_of_plan(w->plan, c->out.names.bundle, why);
	}
	if (rc == 0 && (w->plan == NULL || ingress_of(&w->set, conf, 1, &w->mem, NULL) < 0 || origins_new(&w->origins, c, w) < 0))
		rc = why_set(why, ZT_E_NOMEM, "no memory for the rules");
	return rc;
}

static int make_parts(struct connector *c, struct why *why)
{
	/* The limits come with each configuration. */
	const struct tls_world_opts o = {
		.loop = c->child.loop, .bounds = &c->child.bounds, .log = &c->child.log, .floor = CLOCK_FLOOR_S};
	int rc = outside_new(&c->out, c->child.loop, &c->child.bounds);

	if (rc == 0)
		rc = tls_world_new(&c->tls, &o);
	if (rc == 0)
		rc = bufs_new(&c->bufs, c->child.loop, &c->child.bounds);
	if (rc == 0)
		rc = keepline_new(&c->keep, c->child.loop, &c->child.log, &keep_class, c);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "no memory for the worker");
	keepline_keep_lists(c->keep);
	servings_init(c);
	watched_init(c);
	memcpy(c->instance, c->child.instance, sizeof c->instance);
	c->list_until_ns = loop_now(c->child.loop) + LIST_WAIT;
	return 0;
}

static int worker_prepare(struct child *child, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct connector *c = of(child);
	struct addr at[DOORS];
	int rc = n ? 0 : why_set(why, ZT_E_BUG, "nothing was handed over");

	if (rc == 0) /* the listeners are its own now, also when it refuses */
		rc = doors_prepare(&c->doors, at, connector_listen(next, at), fds + 1, n - 1, why);
	if (rc == 0 && next->connector.edge.n == 0)
		rc = why_set(why, ZT_E_CONFIG, "[connector] edge is empty: say which edges are dialled, as in edge = edge.example.org:443");
	if (rc == 0 && c->keep == NULL)
		rc = make_parts(c, why);
	if (rc == 0)
		rc = sysnames_read(&c->out.names, fds[0], why);
	if (rc == 0)
		rc = make_ways(c, next, why);
	if (n)
		close(fds[0]);
	if (rc < 0)
		worker_abort(child);
	return rc;
}

static void take_registry(struct connector *c)
{
	struct why why = {0};
	struct span pem;

	if (bundle_find(c->out.names.bundle, KEEPLINE_REGISTRY, &pem) < 0 || keepline_registry(c->keep, pem, &why) < 0)
		LOG(&c->child.log, LOG_ERROR, "no status list can be believed", LF_STR("why", why.text));
}

static void worker_commit(struct child *child)
{
	struct connector *c = of(child);
	const struct conf_tls *t = &child->conf->tls;
	struct ways *old = c->ways;

	share_reset(&child->bounds, &share_connector);
	bounds_set(&child->bounds, BOUND_TLS_SHAKES, t->handshakes);
	bounds_set(&child->bounds, BOUND_TUNNEL_KEPT, child->conf->tunnel.memory / SHARE_KEPT);
	bounds_set(&child->bounds, BOUND_SERVINGS, 2 * child->conf->tunnel.streams); /* two edges, or one that is replaced */
	share_out(&child->bounds, &share_connector, child_memory(child));
	take_registry(c);
	outside_commit(&c->out, &child->log);
	ways_drop(c->was[WAYS_WAS - 1]);
	memmove(&c->was[1], &c->was[0], sizeof c->was - sizeof c->was[0]);
	c->was[0] = old;
	if (old)
		old->until_ns = loop_now(child->loop);
	c->ways = c->next;
	c->next = NULL;
	c->ways->epoch = c->ways->set.rules.epoch = child->epoch;
	tls_world_plan(c->tls, c->ways->plan, child->epoch);
	tls_world_limits(c->tls, (uint32_t)t->handshake_ms, (uint32_t)t->per_address, (uint32_t)t->burst);
	if (old)
		origins_stop(old->origins);
	origins_start(c->ways->origins);
	doors_commit(&c->doors, child->loop, &child->log);
	uplinks_configure(c);
	servings_reloaded(c);
	if (old == NULL && child->heir)
		uplinks_settle(c);
}

static void worker_link(struct child *child, unsigned number, int fd)
{
	struct connector *c = of(child);

	if (number == CONNECTOR_LINK_KEEPER)
		keepline_link(c->keep, fd);
	else
		tls_world_link(c->tls, fd, child->epoch);
}

static void worker_dialled(struct child *child, uint32_t id, int fd)
{
	reach_dialled(of(child), id, fd);
}

/* ---- the end -------------------------------------------------------------------------------- */

void connector_one_less(struct connector *c)
{
	if (!c->child.draining || c->drained || c->legs || c->servings.used)
		return;
	c->drained = true;
	child_drained(&c->child);
}

static void worker_drain(struct child *child)
{
	struct connector *c = of(child);

	doors_close(&c->doors);
	origins_stop(c->ways->origins);
	uplinks_drain(c, c->ways->conf->limits.drain_ms);
	connector_one_less(c);
}

static void worker_yield(struct child *child)
{
	struct connector *c = of(child);

	doors_close(&c->doors);
	origins_stop(c->ways->origins);
	uplinks_drain(c, c->ways->conf->limits.linger_ms);
	connector_one_less(c);
}

/* Also when prepare() has refused: then there may be only some of it. */
static void worker_close(struct child *child)
{
	struct connector *c = of(child);

	if (c->ways) {
		origins_stop(c->ways->origins);
		loop_timer_stop(child->loop, &c->time);
		servings_end(c);
		uplinks_end(c);
	}
	plainport_end(&c->plain);
	keepline_stop(c->keep);
	outside_free(&c->out);
	tls_world_free(c->tls);
	bufs_free(c->bufs);
}

static void worker_counters(struct child *child, struct wr *out)
{
	struct connector *c = of(child);
	const struct ipc_row rows[] = {
		{"uplinks", c->uplinks},       {"uplinks_up", uplinks_up(c)},
		{"links_up", c->n.links_up},   {"links_lost", c->n.links_lost},
		{"streams", c->n.streams},     {"streams_refused", c->n.refused},
		{"streams_live", c->servings.used}, {"live", c->servings.used},
		{"dials", c->n.dials},         {"dials_failed", c->n.failed},
		{"bytes_in", c->n.bytes_in},   {"bytes_out", c->n.bytes_out},
	};

	ipc_write_counters(out, rows, ARRAY_LEN(rows), NULL);
	keepline_counters(c->keep, &connector_stale, out);
	uplinks_counters(c, out);
}

static const struct child_class worker_class = {
	.role = "connector",
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
	.dialled = worker_dialled,
	.close = worker_close,
};

int connector_worker_main(int argc, char **argv)
{
	struct connector c = {.started = false};
	int code = child_run(&c.child, &worker_class, argc, argv);

	servings_free(&c);
	plainport_free(&c.plain);
	ways_drop(c.next);
	ways_drop(c.ways);
	for (size_t i = 0; i < WAYS_WAS; i++)
		ways_drop(c.was[i]);
	keepline_free(c.keep);
	return code;
}
