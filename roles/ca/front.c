/*
 * front: the life of ca-front (front.h): what it is handed at start and with each reload, which listener
 * speaks TLS, the lines to ca-tlsd and ca-sign, how it ends. It holds no key, opens no file and decides
 * nothing that ca-sign does not decide again.
 *
 * Allocates once: two TLS plans and the budget.
 */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/num.h"
#include "ca.h"
#include "front.h"
#include "roles/roles.h"
#include "wire/ipc.h"

static struct front *front_of(struct child *c)
{
	return CONTAINER_OF(c, struct front, child);
}

static void on_tls_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	(void)at;
	peer_accepted(CONTAINER_OF(d, struct front, tls_doors), fd, peer, true);
}

static void on_http_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	(void)at;
	peer_accepted(CONTAINER_OF(d, struct front, http_doors), fd, peer, false);
}

static void on_news(void *ctx)
{
	watcher_news(ctx);
}

/* ---- configurations ------------------------------------------------------------------------ */

static void front_abort(struct child *c)
{
	doors_abort(&front_of(c)->tls_doors);
	doors_abort(&front_of(c)->http_doors);
}

static int make_parts(struct front *f, struct why *why)
{
	/* The limits come with each configuration. */
	const struct tls_world_opts o = {
		.loop = f->child.loop, .bounds = &f->child.bounds, .log = &f->child.log, .floor = CLOCK_FLOOR_S};
	const struct caline_opts line = {
		.loop = f->child.loop, .bounds = &f->child.bounds, .log = &f->child.log, .news = on_news, .ctx = f};
	uint8_t secret[16];
	int rc = tls_world_new(&f->tls, &o);

	if (rc == 0)
		rc = caline_new(&f->line, &line);
	if (rc == 0)
		rc = cadocs_new(&f->docs, f->line);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(f->plan); i++)
		if ((f->plan[i] = calloc(1, sizeof(struct tls_plan))) == NULL)
			rc = -ZT_E_NOMEM;
	if (rc == 0 && (f->budget = calloc(1, sizeof *f->budget)) == NULL)
		rc = -ZT_E_NOMEM;
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "no memory for the network side of the authority");
	random_bytes(secret, sizeof secret);
	budget_init(f->budget, FRONT_RATE, FRONT_BURST, secret);
	pool_init(&f->conns, &f->child.bounds, BOUND_CA_CONNS, sizeof(struct peer));
	f->tick.fire = watcher_tick;
	return 0;
}

static int front_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct front *f = front_of(c);
	struct addr at[DOORS];
	size_t all = ca_listen(next, at), secure = num_min(next->ca.listen.n, all), got = num_min(secure, n);
	int rc, plain;

	/* Both, for they own the sockets from here on; each sees that it has one for every address. */
	rc = doors_prepare(&f->tls_doors, at, secure, fds, got, why);
	plain = doors_prepare(&f->http_doors, at + secure, all - secure, fds + got, n - got, why);
	if (rc == 0)
		rc = plain;
	if (rc == 0 && f->tls == NULL)
		rc = make_parts(f, why);
	if (rc == 0 && next->ca.listen.n == 0)
		rc = why_set(why, ZT_E_CONFIG, "[ca] listen is empty: say where joins and renewals are served");
	if (rc < 0)
		front_abort(c);
	return rc;
}

/* At an upgrade those who come wait in the queue for the little while until the registry is there. */
static void open_doors(struct front *f)
{
	struct child *c = &f->child;

	if (c->heir)
		return;
	doors_commit(&f->tls_doors, c->loop, &c->log);
	doors_commit(&f->http_doors, c->loop, &c->log);
}

static void front_commit(struct child *c)
{
	struct front *f = front_of(c);
	const struct conf_tls *t = &c->conf->tls;

	bounds_set(&c->bounds, BOUND_CA_CONNS, c->conf->ca.max_conns);
	bounds_set(&c->bounds, BOUND_TLS_SHAKES, t->handshakes);
	f->plan_at = !f->plan_at;
	tls_plan_of(c->conf, f->plan[f->plan_at]);
	tls_world_plan(f->tls, f->plan[f->plan_at], c->epoch);
	tls_world_limits(f->tls, (uint32_t)t->handshake_ms, (uint32_t)t->per_address, (uint32_t)t->burst);
	open_doors(f);
	if (f->watchers)
		watcher_tick(&f->tick, loop_now(c->loop)); /* list_every may be another */
}

static void front_link(struct child *c, unsigned number, int fd)
{
	if (number == CA_LINK_TLSD)
		tls_world_link(front_of(c)->tls, fd, c->epoch);
	else
		caline_link(front_of(c)->line, fd);
	if (number != CA_LINK_TLSD && c->heir) {
		c->heir = false;
		open_doors(front_of(c));
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

void front_one_less(struct front *f)
{
	if (f->child.draining && f->child.loop && f->first == NULL)
		child_drained(&f->child);
}

static void front_drain(struct child *c)
{
	struct front *f = front_of(c);

	doors_close(&f->tls_doors);
	doors_close(&f->http_doors);
	peer_drain(f);
	front_one_less(f);
}

static void front_close(struct child *c)
{
	struct front *f = front_of(c);

	if (f->conns.bounds) {
		peer_end_all(f, "the authority is ending");
		loop_timer_stop(c->loop, &f->tick);
	}
	cadocs_free(f->docs);
	caline_free(f->line);
	tls_world_free(f->tls);
}

static void front_counters(struct child *c, struct wr *out)
{
	struct front *f = front_of(c);
	const struct tls_stats t = tls_world_stats(f->tls);
	const struct caline_stats l = caline_stats(f->line);
	const struct ipc_row rows[] = {
		{"accepted", f->stats.accepted},
		{"shed", doors_shed(&f->tls_doors) + doors_shed(&f->http_doors)},
		{"joined", f->stats.joined},         {"renewed", f->stats.renewed},
		{"pending", f->stats.pending},       {"refused", f->stats.refused},
		{"http", f->stats.http},             {"watchers", f->watchers},
		{"watched", f->stats.watched},       {"lists_sent", f->stats.lists},
		{"fetches", cadocs_fetches(f->docs)}, {"asked", l.asked},
		{"asked_again", l.again},            {"unanswered", l.late},
		{"tls_accepted", t.accepted},        {"tls_refused_budget", t.refused_budget},
		{"tls_running", t.running},
	};
	uint64_t failed = 0;

	ipc_write_counters(out, rows, ARRAY_LEN(rows), NULL);
	for (size_t i = 0; i < TLS_FAULT_COUNT; i++)
		failed += t.failed[i];
	ipc_write_counter(out, "tls_failed", failed);
}

static const struct child_class front_class = {
	.role = "ca",
	.proc = "front",
	.profile = JAIL_WORKER,
	.who = CONF_FOR_CA_FRONT,
	.prepare = front_prepare,
	.commit = front_commit,
	.abort = front_abort,
	.drain = front_drain,
	.counters = front_counters,
	.link = front_link,
	.close = front_close,
};

int ca_front_main(int argc, char **argv)
{
	struct front f = {.tls_doors.accepted = on_tls_accepted, .http_doors.accepted = on_http_accepted};
	int code = child_run(&f.child, &front_class, argc, argv);

	if (f.conns.bounds)
		pool_free(&f.conns);
	for (size_t i = 0; i < ARRAY_LEN(f.plan); i++)
		free(f.plan[i]);
	free(f.budget);
	return code;
}
