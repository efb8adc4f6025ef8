/*
 * echo: a TCP service that sends back what it gets, to put behind a tunnel and see whether
 * the way to it works. It is also the smallest complete role, so it shows the shape of all:
 *
 *   echo_main -> supervisor binds the listeners -> jailed worker (echo_worker_main)
 *   worker: prepare/commit a config -> accept -> read -> write back -> close
 *
 * A connection holds no memory for bytes while it is idle: it borrows a buffer when bytes
 * arrive and gives it back when they have left. When no buffer is free, or the peer does not
 * read, the worker simply stops reading: TCP tells the sender.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/pool.h"
#include "io/child.h"
#include "io/doors.h"
#include "io/net.h"
#include "roles/roles.h"
#include "serve/rolerun.h"
#include "wire/ipc.h"

#define BUF_BYTES 16384 /* as much as one TLS record carries, so measurements compare */
#define LISTENERS BOUND_CAP(BOUND_LISTENERS)

/* ---- the supervisor's side --------------------------------------------------------------- */

static size_t echo_listen(const struct conf *c, struct addr out[static LISTENERS])
{
	size_t n = num_min(c->echo.listen.n, LISTENERS);

	for (size_t i = 0; i < n; i++)
		out[i] = *conf_addr(&c->echo.listen, i);
	return n;
}

int echo_main(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "echo-worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true}};
	static const struct super_role role = {.name = "echo", .children = children, .n = 1, .listen = echo_listen};

	return role_run(&role,
			"A TCP service that sends back every byte it gets. It grants nothing and reads\n"
			"nothing: put it behind a tunnel to see whether the way to it works.",
			argc, argv);
}

/* ---- the worker -------------------------------------------------------------------------- */

struct worker;

struct worker {
	struct child child;
	struct doors doors;
	struct pool conns, bufs;
	struct conn *first;      /* every connection */
	struct conn *thirsty, **thirsty_end; /* waiting for a buffer, first come first served */
	uint64_t accepted, bytes;
};

enum conn_state {
	CONN_OPEN,    /* the peer may send */
	CONN_FLUSH    /* the peer has finished (or we drain): send what is left, then close */
};

struct conn {
	struct source src;
	struct worker *w;
	enum conn_state state;
	struct addr peer;
	struct buf buf;
	struct timer idle;
	uint64_t bytes;
	bool waiting; /* on the thirsty list */
	struct conn *prev, *next, *thirsty_next;
};

static void conn_close(struct conn *k, const char *why);

static unsigned conn_wants(const struct source *s)
{
	const struct conn *k = CONTAINER_OF(s, const struct conn, src);
	unsigned want = 0;

	if (k->state == CONN_OPEN && !k->waiting && (!buf_attached(&k->buf) || buf_room(&k->buf)))
		want |= LOOP_IN;
	if (buf_len(&k->buf))
		want |= LOOP_OUT;
	return want;
}

/* A buffer came back: the first that waits may read again. */
static void wake_thirsty(struct worker *w)
{
	struct conn *k = w->thirsty;

	if (k == NULL)
		return;
	w->thirsty = k->thirsty_next;
	if (w->thirsty == NULL)
		w->thirsty_end = &w->thirsty;
	k->waiting = false;
	loop_touch(&k->src);
}

static void leave_thirsty(struct conn *k)
{
	struct conn **at = &k->w->thirsty;

	if (!k->waiting)
		return;
	while (*at != k)
		at = &(*at)->thirsty_next;
	*at = k->thirsty_next;
	if (k->w->thirsty_end == &k->thirsty_next)
		k->w->thirsty_end = at;
	k->waiting = false;
}

static bool borrow(struct conn *k)
{
	void *mem;

	if (buf_attached(&k->buf))
		return true;
	mem = pool_get(&k->w->bufs);
	if (mem) {
		buf_attach(&k->buf, mem, BUF_BYTES);
		return true;
	}
	k->waiting = true;
	k->thirsty_next = NULL;
	*k->w->thirsty_end = k;
	k->w->thirsty_end = &k->thirsty_next;
	return false;
}

static void give_back(struct conn *k)
{
	void *mem = buf_drop(&k->buf);

	if (mem == NULL)
		return;
	pool_put(&k->w->bufs, mem);
	wake_thirsty(k->w);
}

static bool stay(struct conn *k)
{
	return loop_timer(k->src.loop, &k->idle, k->w->child.conf->echo.idle_ms * NS_PER_MS);
}

/* Answers whether the connection is still there. */
static bool conn_read(struct conn *k)
{
	size_t room;
	uint8_t *to;
	ssize_t n;

	if (!borrow(k))
		return true;
	to = buf_space(&k->buf, &room);
	n = to ? recv(k->src.fd, to, room, 0) : 0;
	if (to && n == 0) { /* the peer has finished: what it sent still goes back */
		k->state = CONN_FLUSH;
	} else if (n > 0) {
		buf_filled(&k->buf, (size_t)n);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(k, "reset by the peer");
		return false;
	}
	return true;
}

static bool conn_write(struct conn *k)
{
	struct span s = buf_span(&k->buf);
	ssize_t n = s.n ? send(k->src.fd, s.p, s.n, MSG_NOSIGNAL) : 0;

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(k, "the peer does not take its bytes any more");
		return false;
	}
	if (n > 0) {
		buf_take(&k->buf, (size_t)n);
		k->bytes += (uint64_t)n;
		k->w->bytes += (uint64_t)n;
	}
	return true;
}

static void conn_ready(struct source *s, unsigned events)
{
	struct conn *k = CONTAINER_OF(s, struct conn, src);
	uint64_t before = k->bytes;

	if ((events & LOOP_IN) && k->state == CONN_OPEN && !conn_read(k))
		return;
	if (!conn_write(k)) /* at once: the socket nearly always takes it, which saves a turn */
		return;
	if (buf_len(&k->buf) == 0)
		give_back(k);
	if (k->state == CONN_FLUSH && buf_len(&k->buf) == 0) {
		conn_close(k, "done");
		return;
	}
	/* Both sides are shut or the peer reset: nothing we hold can be delivered. */
	if ((events & LOOP_HUP) && !(events & LOOP_IN)) {
		conn_close(k, "the peer hung up");
		return;
	}
	if ((k->bytes != before || (events & LOOP_IN)) && !stay(k))
		conn_close(k, "out of memory");
}

static void drained_if_empty(struct worker *w)
{
	if (w->child.draining && w->child.loop && w->first == NULL)
		child_drained(&w->child);
}

static void conn_reap(struct source *s)
{
	struct conn *k = CONTAINER_OF(s, struct conn, src);
	struct worker *w = k->w;

	give_back(k); /* the loop itself may end a connection: at the very end */
	pool_put(&w->conns, k);
	drained_if_empty(w);
}

static const struct source_class conn_class = {"echo connection", conn_wants, conn_ready, conn_reap};

/* Every connection ends here: out of every list, its buffer back, one line. */
static void conn_close(struct conn *k, const char *why)
{
	struct worker *w = k->w;
	char peer[ADDR_TEXT];

	if (loop_closed(&k->src))
		return;
	LOG(&w->child.log, LOG_INFO, "closed", LF_STR("peer", addr_text(&k->peer, peer)), LF_U64("bytes", k->bytes),
	    LF_STR("why", why));
	loop_timer_stop(k->src.loop, &k->idle);
	leave_thirsty(k);
	if (buf_attached(&k->buf))
		give_back(k);
	else
		wake_thirsty(w); /* it may have been woken for a buffer that it did not take any more */
	if (k->prev)
		k->prev->next = k->next;
	else
		w->first = k->next;
	if (k->next)
		k->next->prev = k->prev;
	loop_close(&k->src);
}

static void conn_idle(struct timer *t, uint64_t now)
{
	(void)now;
	conn_close(CONTAINER_OF(t, struct conn, idle), "idle");
}

static void on_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	(void)at;
	struct worker *w = CONTAINER_OF(d, struct worker, doors);
	struct conn *k = pool_get(&w->conns);

	if (k == NULL) { /* echo_conns is full; its metric counts this */
		close(fd);
		return;
	}
	k->src = (struct source){.cls = &conn_class, .fd = fd};
	k->w = w;
	k->peer = *peer;
	k->idle.fire = conn_idle;
	if (loop_add(w->child.loop, &k->src) < 0) {
		close(fd);
		pool_put(&w->conns, k);
		return;
	}
	w->accepted++;
	k->next = w->first;
	if (k->next)
		k->next->prev = k;
	w->first = k;
	if (net_tune(fd, &(struct net_tune){.nodelay = true}) < 0 || !stay(k))
		conn_close(k, "out of memory");
}

/* ---- configurations ---------------------------------------------------------------------- */

static void worker_abort(struct child *c)
{
	doors_abort(&CONTAINER_OF(c, struct worker, child)->doors);
}

static int worker_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct worker *w = CONTAINER_OF(c, struct worker, child);
	struct addr at[LISTENERS];

	return doors_prepare(&w->doors, at, echo_listen(next, at), fds, n, why);
}

static void worker_commit(struct child *c)
{
	struct worker *w = CONTAINER_OF(c, struct worker, child);

	bounds_set(&c->bounds, BOUND_ECHO_CONNS, c->conf->echo.max_conns);
	doors_commit(&w->doors, c->loop, &c->log);
}

static void worker_drain(struct child *c)
{
	struct worker *w = CONTAINER_OF(c, struct worker, child);

	doors_close(&w->doors);
	for (struct conn *k = w->first, *next; k; k = next) {
		next = k->next;
		k->state = CONN_FLUSH;
		loop_again(&k->src); /* those with nothing to send close in the next turn */
	}
	drained_if_empty(w);
}

/* At an upgrade: who is connected goes on, however long. */
static void worker_yield(struct child *c)
{
	struct worker *w = CONTAINER_OF(c, struct worker, child);

	doors_close(&w->doors);
	drained_if_empty(w);
}

static void worker_counters(struct child *c, struct wr *out)
{
	struct worker *w = CONTAINER_OF(c, struct worker, child);

	ipc_write_counter(out, "accepted", w->accepted);
	ipc_write_counter(out, "shed", doors_shed(&w->doors));
	ipc_write_counter(out, "bytes", w->bytes);
	ipc_write_counter(out, "live", w->conns.used);
}

static const struct child_class worker_class = {
	.role = "echo",
	.proc = "worker",
	.profile = JAIL_WORKER,
	.who = CONF_FOR_WORKER,
	.prepare = worker_prepare,
	.commit = worker_commit,
	.abort = worker_abort,
	.drain = worker_drain,
	.yield = worker_yield,
	.counters = worker_counters,
};

int echo_worker_main(int argc, char **argv)
{
	struct worker w = {.thirsty_end = &w.thirsty, .doors.accepted = on_accepted};
	int code;

	pool_init(&w.conns, &w.child.bounds, BOUND_ECHO_CONNS, sizeof(struct conn));
	pool_init(&w.bufs, &w.child.bounds, BOUND_ECHO_BUFS, BUF_BYTES);
	code = child_run(&w.child, &worker_class, argc, argv);
	pool_free(&w.conns);
	pool_free(&w.bufs);
	return code;
}
