/*
 * tlsd: see tlsd.h. This file moves packets between the lines to workers and their handshakes
 * (shakes.c); what is in a packet is not looked at here. Keys are read before the jail is entered
 * and never again.
 */
#include "tlsd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "child.h"
#include "decide/share.h"
#include "shakes.h"
#include "spawn.h"
#include "wire/ipc.h"

#define TURN 8 /* packets of one worker a turn: handshakes of 1 ms each, then orders are heard */

struct tlsd;

struct line { /* to one worker */
	struct source src;
	struct tlsd *d;
	struct shakes *shakes;
	struct line *next;
	unsigned number;
	bool gone;
};

struct tlsd {
	struct child child;
	struct keyring *keys, *prepared;
	struct sessions *sessions;
	struct line *lines;
	struct shakes_stats past; /* of lines that have ended */
	bool left;                /* it has said that it leaves */
	uint64_t broken;          /* lines that ended because a worker said something impossible */
};

static struct tlsd *of(struct child *c)
{
	return CONTAINER_OF(c, struct tlsd, child);
}

/* ---- lines -------------------------------------------------------------------------------- */

static void stats_add(struct shakes_stats *sum, const struct shakes_stats *s)
{
	sum->accepted += s->accepted;
	sum->connected += s->connected;
	sum->resumed += s->resumed;
	sum->cancelled += s->cancelled;
	sum->failed += s->failed;
	sum->stray += s->stray;
}

/* Not as long as there is a line: what a worker says on it before it hears of the next tlsd, or has
 * said and nobody has read, would be lost. It closes the line when it needs it no more. */
static void leave_if_drained(struct tlsd *d)
{
	if (!d->child.draining || d->child.loop == NULL || d->left || d->lines)
		return;
	d->left = true;
	child_drained(&d->child);
}

/* Its worker is gone, or gets another line: what was under way on it is over. */
static void line_close(struct line *l, const char *why)
{
	struct shakes_stats s;

	if (l->gone)
		return;
	l->gone = true;
	s = shakes_stats(l->shakes);
	stats_add(&l->d->past, &s);
	LOG(&l->d->child.log, LOG_DEBUG, "a line to a worker ended", LF_U64("line", l->number), LF_STR("why", why),
	    LF_U64("running", shakes_running(l->shakes)));
	loop_close(&l->src);
}

static void line_reap(struct source *src)
{
	struct line *l = CONTAINER_OF(src, struct line, src), **at = &l->d->lines;
	struct tlsd *d = l->d;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	shakes_free(l->shakes);
	free(l);
	leave_if_drained(d);
}

static unsigned line_wants(const struct source *src)
{
	const struct line *l = CONTAINER_OF(src, const struct line, src);

	return shakes_answer(l->shakes).n ? LOOP_OUT : LOOP_IN;
}

/* recvmsg and sendmsg: the jail has no recv and send, which exist for bytes of a network. */
static ssize_t get(int fd, uint8_t *to, size_t cap, bool *cut)
{
	struct iovec iov = {to, cap};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	*cut = n >= 0 && (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	return n;
}

static ssize_t put(int fd, struct span s)
{
	struct iovec iov = {(void *)(uintptr_t)s.p, s.n};
	const struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool would_wait(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Sends what waits and what follows from it. Answers whether nothing waits any more. */
static bool flush(struct line *l)
{
	struct span s;

	while ((s = shakes_answer(l->shakes)).n) {
		if (put(l->src.fd, s) < 0) {
			if (!would_wait())
				line_close(l, "the worker does not listen any more");
			return false;
		}
		shakes_sent(l->shakes);
	}
	return true;
}

/* One packet. false: none is there, or the line is over. */
static bool hear(struct line *l)
{
	size_t cap;
	uint8_t *to = shakes_room(l->shakes, &cap);
	bool cut;
	ssize_t n = get(l->src.fd, to, cap, &cut);

	if (n < 0 && would_wait())
		return false;
	if (n <= 0) {
		line_close(l, "the worker closed it");
		return false;
	}
	if (cut || shakes_took(l->shakes, (size_t)n) < 0) {
		l->d->broken++;
		LOG(&l->d->child.log, LOG_ERROR, "a worker says what no worker says: its handshakes are ended",
		    LF_U64("line", l->number), LF_U64("bytes", n));
		line_close(l, "the worker is broken");
		return false;
	}
	return true;
}

static void line_ready(struct source *src, unsigned events)
{
	struct line *l = CONTAINER_OF(src, struct line, src);

	(void)events;
	for (size_t i = 0; i < TURN && flush(l) && hear(l); i++)
		continue;
	if (!l->gone)
		flush(l);
}

static const struct source_class line_class = {"worker", line_wants, line_ready, line_reap};

static struct line *line_new(struct tlsd *d, unsigned number, int fd)
{
	const struct shakes_opts o = {
		.keys = d->keys, .sessions = d->sessions, .bounds = &d->child.bounds,
		.clock = loop_clock(d->child.loop), .epoch = d->child.epoch,
	};
	struct line *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct line){.src = {.cls = &line_class, .fd = fd}, .d = d, .number = number};
	if (shakes_new(&l->shakes, &o) < 0 || loop_add(d->child.loop, &l->src) < 0) {
		shakes_free(l->shakes);
		free(l);
		return NULL;
	}
	return l;
}

static void tlsd_link(struct child *c, unsigned number, int fd)
{
	struct tlsd *d = of(c);
	struct line *l;

	for (l = d->lines; l; l = l->next)
		if (l->number == number)
			line_close(l, "the worker was started again");
	l = c->draining ? NULL : line_new(d, number, fd);
	if (l == NULL) {
		close(fd);
		return;
	}
	l->next = d->lines;
	d->lines = l;
}

/* ---- configurations ------------------------------------------------------------------------- */

static int read_keys(struct tlsd *d, const struct conf *next, int bundle_fd, struct why *w)
{
	struct span bundle;
	void *mem;
	int rc = sealed_read(bundle_fd, BOUND_CAP(BOUND_BUNDLE), &bundle, &mem, w);

	if (rc < 0)
		return rc;
	rc = keyring_new(&d->prepared, next, bundle, w);
	wipe(mem, bundle.n);
	free(mem);
	if (rc == 0 && sessions_new(&d->sessions, &d->child.bounds, &clock_real) < 0)
		rc = why_set(w, ZT_E_NOMEM, "out of memory for sessions");
	return rc;
}

/* Once, before the jail: a reload makes another process. */
static int tlsd_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	struct tlsd *d = of(c);
	int rc;

	if (d->keys || n != 1)
		rc = why_set(w, ZT_E_BUG, "tlsd was given %zu descriptors, or a second configuration", n);
	else
		rc = read_keys(d, next, fds[0], w);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return rc;
}

static void warn_of(void *arg, const struct tls_server_plan *p, const char *name, const char *what)
{
	struct child *c = arg;

	LOG(&c->log, LOG_WARN, "clients may not accept this certificate", LF_STR("host", p->id), LF_STR("file", p->cert),
	    LF_STR("name", name[0] ? name : "all of them"), LF_STR("why", what));
}

static void tlsd_commit(struct child *c)
{
	struct tlsd *d = of(c);

	if (d->prepared == NULL)
		return;
	d->keys = d->prepared;
	d->prepared = NULL;
	share_out(&c->bounds, &share_tlsd, child_memory(c));
	keyring_review(d->keys, clock_wall(&clock_real) / 1000, warn_of, c);
	if (d->keys->skipped)
		LOG(&c->log, LOG_DEBUG, "some authorities of this system are of a kind that zt does not use",
		    LF_U64("left_out", d->keys->skipped));
}

static void tlsd_abort(struct child *c)
{
	struct tlsd *d = of(c);

	keyring_free(d->prepared);
	d->prepared = NULL;
}

static void tlsd_drain(struct child *c)
{
	leave_if_drained(of(c));
}

static void tlsd_counters(struct child *c, struct wr *w)
{
	struct tlsd *d = of(c);
	struct shakes_stats sum = d->past;

	for (const struct line *l = d->lines; l; l = l->next) {
		struct shakes_stats s = l->gone ? (struct shakes_stats){0} : shakes_stats(l->shakes);

		stats_add(&sum, &s);
	}
	ipc_write_counter(w, "tls_accepts", sum.accepted);
	ipc_write_counter(w, "tls_connects", sum.connected);
	ipc_write_counter(w, "tls_resumed", sum.resumed);
	ipc_write_counter(w, "tls_failed", sum.failed);
	ipc_write_counter(w, "tls_cancelled", sum.cancelled);
	ipc_write_counter(w, "tls_stray", sum.stray);
	ipc_write_counter(w, "tls_broken_workers", d->broken);
}

#define TLSD_CLASS(for_whom)                                                                      \
	{                                                                                         \
		.role = "zt", .proc = "tlsd", .profile = JAIL_KEYS, .who = (for_whom),            \
		.prepare = tlsd_prepare, .commit = tlsd_commit, .abort = tlsd_abort,              \
		.drain = tlsd_drain, .counters = tlsd_counters, .link = tlsd_link,                \
		.backend = LOOP_POLL,                                                             \
	}

static const struct child_class tlsd_class = TLSD_CLASS(CONF_FOR_TLSD);
static const struct child_class id_tlsd_class = TLSD_CLASS(CONF_FOR_ID_TLSD);
static const struct child_class ca_tlsd_class = TLSD_CLASS(CONF_FOR_CA_TLSD);

/* A handshake is a millisecond of arithmetic. Where the worker has to share a processor with it, the
 * bytes of open streams go first: with 12 the p99 of an open stream does not notice a flood of
 * handshakes (154 us; idle 187), with 11 it is 291 us, with 10 480, with 5 959, with 0 1,236. When
 * both want all of one processor, 70 / (1024 + 70) of it is still ours (the kernel's weights): some
 * 65 handshakes a second. */
#define NICENESS 12

static int run(const struct child_class *cls, int argc, char **argv)
{
	struct tlsd d = {.broken = 0};
	int code;

	setpriority(PRIO_PROCESS, 0, NICENESS); /* to be without it is no fault */
	code = child_run(&d.child, cls, argc, argv);
	keyring_free(d.prepared);
	keyring_free(d.keys);
	sessions_free(d.sessions);
	return code;
}

int tlsd_main(int argc, char **argv)
{
	return run(&tlsd_class, argc, argv);
}

int id_tlsd_main(int argc, char **argv)
{
	return run(&id_tlsd_class, argc, argv);
}

int ca_tlsd_main(int argc, char **argv)
{
	return run(&ca_tlsd_class, argc, argv);
}
