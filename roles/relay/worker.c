/*
 * relay: takes connections, plain or TLS, and passes their bytes on, plain or TLS: to put TLS
 * before a service that has none, to reach one that demands a client certificate, to try a
 * certificate before it guards anything else.
 *
 *   relay_main -> supervisor binds the listeners, reads certificates and keys
 *     tlsd          keys and handshakes, no socket
 *     relay-worker  every socket, no key: this file, and conn.c for one connection
 *
 * This file is the life of the worker: what it is handed at start and with each reload.
 */
#include <unistd.h>

#include "base/num.h"
#include "io/cas.h"
#include "relay.h"
#include "roles/roles.h"
#include "serve/rolerun.h"
#include "wire/ipc.h"

/* ---- the supervisor's side --------------------------------------------------------------- */

static size_t relay_listen(const struct conf *c, struct addr out[static DOORS])
{
	size_t n = num_min(c->relay.listen.n, DOORS);

	for (size_t i = 0; i < n; i++)
		out[i] = *conf_addr(&c->relay.listen, i);
	return n;
}

static size_t worker_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	return files_of_roles(c, out, sysnames_files(out, 0));
}

int relay_main(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "tlsd", .proc = "tlsd", .who = CONF_FOR_TLSD, .files = files_of_tls, .anew = true},
		{.kind = "relay-worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true, .files = worker_files},
	};
	static const struct super_link links[] = {{1, 0}};
	static const struct super_role role = {.name = "relay", .children = children, .n = ARRAY_LEN(children),
					       .listen = relay_listen, .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"Takes connections, plain or TLS, and passes their bytes on to one far side, plain\n"
			"or TLS. [relay] says where and how, each [host NAME] has a certificate.",
			argc, argv);
}

/* ---- configurations ---------------------------------------------------------------------- */

static struct relay *relay_of(struct child *c)
{
	return CONTAINER_OF(c, struct relay, child);
}

static void worker_abort(struct child *c)
{
	struct relay *w = relay_of(c);

	doors_abort(&w->doors);
	sysnames_forget(&w->out.names);
	realm_abort(&w->web);
}

static int make_parts(struct relay *w, struct why *why)
{
	const struct tls_world_opts o = {
		.loop = w->child.loop,
		.bounds = &w->child.bounds,
		.log = &w->child.log,
		.floor = CLOCK_FLOOR_S,
	};
	int rc = outside_new(&w->out, w->child.loop, &w->child.bounds);

	if (rc == 0)
		rc = bufs_new(&w->bufs, w->child.loop, &w->child.bounds);
	if (rc == 0)
		rc = realm_new(&w->web, &o);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "no memory for the worker");
	conn_pool_init(w);
	return 0;
}

static int worker_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct relay *w = relay_of(c);
	struct addr at[DOORS];
	int rc;

	if (n == 0)
		return why_set(why, ZT_E_BUG, "nothing was handed over");
	rc = doors_prepare(&w->doors, at, relay_listen(next, at), fds + 1, n - 1, why);
	if (rc < 0) {
		close(fds[0]);
		return rc;
	}
	if (w->web.tls == NULL)
		rc = make_parts(w, why);
	if (rc == 0) {
		tls_plan_of(next, realm_next(&w->web));
		rc = sysnames_read(&w->out.names, fds[0], why);
	}
	if (rc == 0) /* who may give roles is in the same bundle */
		rc = cas_of_plan(realm_next(&w->web), w->out.names.bundle, why);
	close(fds[0]);
	if (rc == 0 && relay_listen(next, at) == 0)
		rc = why_set(why, ZT_E_CONFIG, "[relay] listen is empty: say where the relay should take connections");
	if (rc < 0)
		worker_abort(c);
	return rc;
}

static void worker_commit(struct child *c)
{
	struct relay *w = relay_of(c);

	bounds_set(&c->bounds, BOUND_RELAY_CONNS, c->conf->relay.max_conns);
	bounds_set(&c->bounds, BOUND_TLS_SHAKES, c->conf->tls.handshakes);
	outside_commit(&w->out, &c->log);
	realm_commit(&w->web, &c->conf->tls, c->epoch);
	doors_commit(&w->doors, c->loop, &c->log);
	conn_reloaded(w);
}

static void worker_link(struct child *c, unsigned number, int fd)
{
	(void)number; /* there is one */
	tls_world_link(relay_of(c)->web.tls, fd, c->epoch);
}

/* ---- the end ----------------------------------------------------------------------------- */

void relay_one_less(struct relay *w)
{
	if (w->child.draining && w->child.loop && w->first == NULL)
		child_drained(&w->child);
}

/* What runs goes on until it has finished, or until the supervisor's patience ends. */
static void worker_drain(struct child *c)
{
	struct relay *w = relay_of(c);

	doors_close(&w->doors);
	relay_one_less(w);
}

static void worker_close(struct child *c)
{
	struct relay *w = relay_of(c);

	loop_timer_stop(w->child.loop, &w->silence);
	conn_end_all(w);
	bufs_free(w->bufs);
	outside_free(&w->out);
	tls_world_free(w->web.tls);
}

static void worker_counters(struct child *c, struct wr *out)
{
	struct relay *w = relay_of(c);
	const struct tls_stats t = tls_world_stats(w->web.tls);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"accepted", w->accepted},          {"shed", doors_shed(&w->doors)},
		{"from_clients", conn_bytes(w, 0)}, {"to_clients", conn_bytes(w, 1)},
		{"tls_accepted", t.accepted},       {"tls_connected", t.connected},
		{"tls_resumed", t.resumed},         {"tls_refused_budget", t.refused_budget},
		{"tls_waiting", t.waiting},         {"tls_running", t.running},
		{"live", w->conns.used},
	};
	uint64_t failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ipc_write_counter(out, rows[i].name, rows[i].value);
	for (size_t i = 0; i < TLS_FAULT_COUNT; i++)
		failed += t.failed[i];
	ipc_write_counter(out, "tls_failed", failed);
}

static const struct child_class worker_class = {
	.role = "relay",
	.proc = "worker",
	.profile = JAIL_WORKER,
	.who = CONF_FOR_WORKER,
	.prepare = worker_prepare,
	.commit = worker_commit,
	.abort = worker_abort,
	.drain = worker_drain,
	.counters = worker_counters,
	.link = worker_link,
	.close = worker_close,
};

static void on_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	(void)at;
	conn_accepted(CONTAINER_OF(d, struct relay, doors), fd, peer);
}

int relay_worker_main(int argc, char **argv)
{
	struct relay w = {.doors.accepted = on_accepted};
	int code = child_run(&w.child, &worker_class, argc, argv);

	if (w.conns.bounds)
		pool_free(&w.conns);
	realm_free(&w.web);
	return code;
}
