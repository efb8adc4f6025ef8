/*
 * worker: the jailed worker of a connector: its view of the status list, and the life of the process.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "connector.h"
#include "io/child.h"
#include "io/spawn.h"
#include "roles/roles.h"
#include "serve/keepline.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

struct worker {
	struct child child;
	struct keepline *keep;
	struct span bundle;  /* prepared */
	void *bundle_mem;
	bool stuck;
};

static struct worker *of(struct child *c)
{
	return CONTAINER_OF(c, struct worker, child);
}

static void on_told(void *ctx, const struct keepmsg *m)
{
	struct worker *w = ctx;

	w->stuck = m->type == KEEP_STUCK || (w->stuck && m->type != KEEP_IDENTITY);
}

static void on_listed(void *ctx)
{
	struct worker *w = ctx;

	w->stuck = false; /* the keeper is heard, and so is the authority */
}

static const struct keepline_class keep_class = {.listed = on_listed, .told = on_told};

static void forget(struct worker *w)
{
	free(w->bundle_mem);
	w->bundle_mem = NULL;
	w->bundle = SPAN_NONE;
}

static void worker_abort(struct child *c)
{
	forget(of(c));
}

static int worker_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct worker *w = of(c);
	int rc = n == 1 ? 0 : why_set(why, ZT_E_BUG, "the worker was given %zu descriptors, not a bundle", n);

	(void)next;
	forget(w);
	if (rc == 0)
		rc = sealed_read(fds[0], BOUND_CAP(BOUND_BUNDLE), &w->bundle, &w->bundle_mem, why);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	if (rc == 0 && bundle_check(w->bundle) < 0)
		rc = why_set(why, ZT_E_BUG, "the bundle handed over is malformed");
	if (rc == 0 && w->keep == NULL && keepline_new(&w->keep, c->loop, &c->log, &keep_class, w) < 0)
		rc = why_set(why, ZT_E_NOMEM, "no memory for the status list");
	return rc;
}

static void worker_commit(struct child *c)
{
	struct worker *w = of(c);
	struct why why = {0};
	struct span pem;

	if (bundle_find(w->bundle, KEEPLINE_REGISTRY, &pem) < 0 || keepline_registry(w->keep, pem, &why) < 0)
		LOG(&c->log, LOG_ERROR, "no status list can be believed", LF_STR("why", why.text));
	forget(w);
}

static void worker_link(struct child *c, unsigned number, int fd)
{
	if (number == CONNECTOR_LINK_KEEPER)
		keepline_link(of(c)->keep, fd);
	else
		close(fd);
}

static void worker_drain(struct child *c)
{
	child_drained(c);
}

static void worker_close(struct child *c)
{
	keepline_stop(of(c)->keep);
}

static void worker_counters(struct child *c, struct wr *out)
{
	const struct worker *w = of(c);
	const struct status_limits limits = {STATUS_MAX_STALE, STATUS_CUT_STALE};
	const struct status_view *v = keepline_view(w->keep);

	ipc_write_counter(out, "list_number", v->seen.number);
	ipc_write_counter(out, "list_entries", v->n);
	ipc_write_counter(out, "list_fresh", status_fresh(v, &limits, keepline_now(w->keep)) == STATUS_FRESH);
	ipc_write_counter(out, "lists", keepline_lists(w->keep));
	ipc_write_counter(out, "identity_stuck", w->stuck);
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
	.counters = worker_counters,
	.link = worker_link,
	.close = worker_close,
};

int connector_worker_main(int argc, char **argv)
{
	struct worker w = {.stuck = false};
	int code = child_run(&w.child, &worker_class, argc, argv);

	forget(&w);
	keepline_free(w.keep);
	return code;
}
