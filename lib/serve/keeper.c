/*
 * keeper: see keeper.h. Owns the lists that make up the newest state (serve/liststore), so that a worker which
 * comes later gets and checks all of them.
 *
 * Allocates a plan, a line under CHILD_NUMBERS, and what a worker offers, at most LISTSTORE_MOST, while it is read.
 */
#include "keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "enroltalk.h"
#include "follow.h"
#include "identity.h"
#include "io/chan.h"
#include "io/child.h"
#include "io/outside.h"
#include "io/spawn.h"
#include "liststore.h"
#include "wire/ipc.h"
#include "wire/keepmsg.h"

struct keeper;

struct line {
	struct source src;
	struct keeper *k;
	unsigned number;
	bool behind; /* it did not take what it was told: everything again, when it does */
};

struct keeper {
	struct child child;
	struct outside out;
	struct tls_world *world;
	struct tls_plan *plan;
	struct follow *follow;
	struct line *line[CHILD_NUMBERS]; /* by number; NULL: none */
	struct liststore store;
	bool stuck, whole;   /* whole: a full list was asked for */
	bool quiet;          /* several lists are taken, to be told at once */
	bool began, idle, waits; /* idle: there is no identity yet; waits: a renewed one is not shown before a reload */
};

static struct keeper *of(struct child *c)
{
	return CONTAINER_OF(c, struct keeper, child);
}

size_t keeper_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	(void)c;
	return sysnames_files(out, 0);
}

/* ---- to the workers --------------------------------------------------------------------------------- */

static void line_close(struct line *l)
{
	if (l->k->line[l->number] == l)
		l->k->line[l->number] = NULL;
	loop_close(&l->src);
}

static void line_reap(struct source *s)
{
	free(CONTAINER_OF(s, struct line, src));
}

static void tell(struct line *l, const struct keepmsg *m, const int *fd)
{
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	int rc;

	if (loop_closed(&l->src))
		return;
	keepmsg_write(&w, m);
	rc = chan_send(l->src.fd, wr_span(&w), fd, fd ? 1 : 0);
	if (rc == -ZT_E_AGAIN) {
		l->behind = true;
		loop_touch(&l->src);
	} else if (rc < 0) {
		line_close(l);
	}
}

static void tell_all(struct keeper *k, const struct keepmsg *m, const int *fd)
{
	for (size_t i = 0; i < CHILD_NUMBERS; i++)
		if (k->line[i] && !k->line[i]->behind)
			tell(k->line[i], m, fd);
}

static struct keepmsg identity_msg(const struct keeper *k)
{
	struct keepmsg m = {.type = KEEP_IDENTITY};
	struct follow_stats s;

	follow_stats(k->follow, &s);
	m.not_after = s.not_after;
	memcpy(m.serial, s.serial, sizeof m.serial);
	return m;
}

static struct keepmsg list_msg(const struct keeper *k)
{
	struct follow_stats s;

	follow_stats(k->follow, &s);
	return (struct keepmsg){.type = KEEP_LIST, .epoch = s.epoch, .number = s.number};
}

/* As a sealed file; -1: said in the log. */
static int hand_on(struct keeper *k, struct span lists)
{
	struct why why = {0};
	int fd = sealed_text(lists, &why);

	if (fd < 0)
		LOG(&k->child.log, LOG_ERROR, "cannot hand a status list on", LF_STR("why", why.text));
	return fd < 0 ? -1 : fd;
}

static void tell_everything(struct line *l)
{
	struct keeper *k = l->k;
	struct keepmsg m = identity_msg(k);
	int fd;

	l->behind = false;
	if (m.not_after)
		tell(l, &m, NULL);
	if (k->stuck)
		tell(l, &(struct keepmsg){.type = KEEP_STUCK}, NULL);
	fd = k->store.n ? hand_on(k, span_of(k->store.mem, k->store.n)) : -1;
	if (fd < 0)
		return;
	m = list_msg(k);
	tell(l, &m, &fd);
	close(fd);
}

/* What is newer than `before`, to all; and a full list, when the changes have become many. */
static void pass_on(struct keeper *k, const struct status_seen *before)
{
	struct span lists = liststore_after(&k->store, before);
	struct keepmsg m = list_msg(k);
	int fd = lists.n ? hand_on(k, lists) : -1;

	if (fd >= 0) {
		tell_all(k, &m, &fd);
		close(fd);
	}
	if (liststore_is_long(&k->store) && !k->whole) {
		k->whole = true;
		follow_whole(k->follow);
	}
}

/* A worker's; the lines are told of it when all of it was taken, because what lies between is older than what
 * was seen before. */
static void take_offer(struct keeper *k, int fd)
{
	const struct status_seen before = k->store.newest;
	struct why why = {0};
	struct span lists;
	void *mem;

	if (k->idle || sealed_read(fd, LISTSTORE_MOST, &lists, &mem, &why) < 0)
		return;
	k->quiet = true;
	if (follow_offer(k->follow, lists, &why) < 0)
		LOG(&k->child.log, LOG_WARN, "what a worker brought was refused", LF_STR("why", why.text));
	k->quiet = false;
	free(mem);
	pass_on(k, &before);
}

static unsigned line_wants(const struct source *s)
{
	return LOOP_IN | (CONTAINER_OF(s, const struct line, src)->behind ? LOOP_OUT : 0u);
}

static int take_packet(void *ctx, struct chan_packet *p)
{
	struct line *l = ctx;
	struct keepmsg m;

	if (keepmsg_read(p->bytes, 'w', &m) < 0 || p->nfds != (m.type == KEEP_OFFER))
		return -ZT_E_SYNTAX;
	if (m.type == KEEP_OFFER)
		take_offer(l->k, p->fds[0]);
	l->behind |= m.type == KEEP_WHOLE;
	return 0;
}

static void line_ready(struct source *s, unsigned events)
{
	struct line *l = CONTAINER_OF(s, struct line, src);

	if (chan_next(s->fd, take_packet, l) < 0) {
		line_close(l); /* it is gone, or not ours any more */
		return;
	}
	if (l->behind && (events & LOOP_OUT))
		tell_everything(l);
}

static const struct source_class line_class = {"worker of the keeper", line_wants, line_ready, line_reap};

/* ---- what follow tells ------------------------------------------------------------------------------ */

static void on_list(void *ctx, struct span list)
{
	struct keeper *k = ctx;
	struct status_seen before = k->store.newest;
	struct statlist l;
	int rc = statlist_read(&l, list, NULL);

	k->stuck = false;
	if (rc == 0 && l.kind == STATLIST_FULL) {
		k->whole = false;
		before = (struct status_seen){0}; /* to all, who keep it in the place of many changes, even if they know that much */
	}
	if (rc == 0)
		rc = liststore_add(&k->store, list, &l);
	if (rc == -ZT_E_NOMEM || rc == -ZT_E_NOTFOUND) {
		LOG0(&k->child.log, LOG_ERROR, "no memory to hand status lists on: asking for a full one");
		if (!k->whole)
			follow_whole(k->follow);
		k->whole = true;
	} else if (!k->quiet) {
		pass_on(k, &before);
	}
}

static void on_anchors(void *ctx)
{
	tell_all(ctx, &(struct keepmsg){.type = KEEP_ANCHORS}, NULL);
}

/* The supervisor sees the file, and a reload comes of it: keeper_commit(). Until then handshakes show the old one. */
static void on_renewed(void *ctx)
{
	struct keeper *k = ctx;

	k->waits = true;
}

static void tell_identity(void *ctx)
{
	struct keeper *k = ctx;
	struct keepmsg m = identity_msg(k);

	if (m.not_after && !k->waits)
		tell_all(k, &m, NULL);
	if (k->stuck) /* IDENTITY alone would take it back */
		tell_all(k, &(struct keepmsg){.type = KEEP_STUCK}, NULL);
}

static void on_stuck(void *ctx, const struct why *why)
{
	struct keeper *k = ctx;

	LOG(&k->child.log, LOG_ERROR, "the identity is not kept any more; trying again from time to time",
	    LF_STR("why", why->text), LF_I64("again_in_s", FOLLOW_AGAIN_S));
	k->stuck = true;
	tell_all(k, &(struct keepmsg){.type = KEEP_STUCK}, NULL);
}

static const struct follow_class follow_class = {on_list, on_anchors, on_renewed, on_stuck, tell_identity};

/* ---- configurations ---------------------------------------------------------------------------------- */

static void keeper_abort(struct child *c)
{
	sysnames_forget(&of(c)->out.names);
}

static int make_parts(struct keeper *k, const struct conf *c, struct why *why)
{
	const struct tls_world_opts o = {.loop = k->child.loop, .bounds = &k->child.bounds, .log = &k->child.log,
					 .shake_ms = ENROLTALK_SHAKE_MS, .rate = 1000, .burst = 1000, .floor = CLOCK_FLOOR_S};
	int rc = outside_new(&k->out, k->child.loop, &k->child.bounds);

	if (rc == 0)
		rc = tls_world_new(&k->world, &o);
	k->plan = rc == 0 ? calloc(1, sizeof *k->plan) : NULL;
	if (k->plan == NULL)
		return why_set(why, ZT_E_NOMEM, "no memory for the keeper");
	tls_plan_of_identity(c, k->plan); /* of which it needs the first, and no configuration has another */
	return 0;
}

/* Handed over: the bundle, the directory. At a reload the directory is the one that is here. */
static int keeper_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *why)
{
	struct keeper *k = of(c);
	bool first = k->plan == NULL;
	int rc = n == 2 ? 0 : why_set(why, ZT_E_BUG, "the keeper was given %zu descriptors, not a bundle and a directory", n);

	if (rc == 0 && first)
		rc = make_parts(k, next, why);
	if (rc == 0)
		rc = sysnames_read(&k->out.names, fds[0], why);
	if (rc == 0 && first)
		c->dir_fd = fds[1];
	for (size_t i = 0; i < n; i++)
		if (fds[i] != c->dir_fd)
			close(fds[i]);
	return rc;
}

static int keeper_jailed(struct child *c, struct why *why)
{
	struct keeper *k = of(c);
	const struct follow_opts o = {.loop = c->loop, .log = &c->log, .dialer = k->out.dialer, .world = k->world,
				      .plan = TLS_PLAN_AUTHORITY, .dirfd = c->dir_fd, .shown = TLS_ID_DIR,
				      .cls = &follow_class, .ctx = k};

	return follow_new(&k->follow, &o, why);
}

/* Also after a renewal, whose file brought the reload: the next connection shows the new certificate. */
static void keeper_commit(struct child *c)
{
	struct keeper *k = of(c);

	outside_commit(&k->out, &c->log);
	tls_world_plan(k->world, k->plan, c->epoch);
	k->idle = (k->idle || !k->began) && !identity_has(c->dir_fd, IDENTITY_FILE);
	k->began = true;
	k->waits = false;
	tell_identity(k); /* that of a renewal; what somebody else has written is read and told soon */
	if (k->idle)
		LOG0(&c->log, LOG_INFO, "there is no identity yet: nothing to keep");
	else
		follow_go(k->follow);
}

static void keeper_link(struct child *c, unsigned number, int fd)
{
	struct keeper *k = of(c);
	struct line *l;

	if (number == KEEPER_LINK_TLSD || number >= CHILD_NUMBERS) {
		tls_world_link(k->world, fd, c->epoch);
		return;
	}
	if (k->line[number])
		line_close(k->line[number]);
	l = calloc(1, sizeof *l);
	if (l)
		*l = (struct line){.src = {.cls = &line_class, .fd = fd}, .k = k, .number = number};
	if (l == NULL || loop_add(c->loop, &l->src) < 0) {
		LOG0(&c->log, LOG_ERROR, "no memory for a line to a worker");
		free(l);
		close(fd);
		return;
	}
	k->line[number] = l;
	tell_everything(l);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void keeper_drain(struct child *c)
{
	child_drained(c); /* nobody waits for it */
}

static void keeper_close(struct child *c)
{
	struct keeper *k = of(c);

	follow_stop(k->follow);
	outside_free(&k->out);
	tls_world_free(k->world);
}

static void keeper_counters(struct child *c, struct wr *out)
{
	const struct keeper *k = of(c);
	struct follow_stats s;

	follow_stats(k->follow, &s);
	const struct ipc_row rows[] = {
		{"connected", s.connected},       {"stuck", k->stuck},
		{"not_after", (uint64_t)s.not_after}, {"renew_at", (uint64_t)s.renew_at},
		{"renewals", s.renewals},         {"renewals_failed", s.failed},
		{"list_number", s.number},        {"list_entries", s.entries},
		{"list_age_s", s.known ? (uint64_t)s.heard_s : 0}, {"lists", s.lists},
		{"lists_refused", s.refused},     {"lost", s.lost},
	};

	ipc_write_counters(out, rows, ARRAY_LEN(rows), NULL);
}

static const struct child_class keeper_class = {
	.role = "zt",
	.proc = "keeper",
	.profile = JAIL_KEEPER,
	.who = CONF_FOR_KEEPER,
	.prepare = keeper_prepare,
	.jailed = keeper_jailed,
	.commit = keeper_commit,
	.abort = keeper_abort,
	.drain = keeper_drain,
	.counters = keeper_counters,
	.link = keeper_link,
	.close = keeper_close,
};

int keeper_main(int argc, char **argv)
{
	struct keeper k = {.stuck = false};
	int code = child_run(&k.child, &keeper_class, argc, argv);

	follow_free(k.follow);
	liststore_clear(&k.store);
	free(k.plan);
	return code;
}
