/* child: see child.h. Everything here runs without rights, except what comes before the jail:
 * reading the sealed config and the first prepare(). */
#include "child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "chan.h"
#include "memlimit.h"
#include "spawn.h"

/* The supervisor counts on one answer to each order: a child that cannot give it leaves. */
static int say(struct child *c, enum ipc_type type, uint32_t epoch, struct span payload)
{
	const struct ipc_msg m = {.type = type, .epoch = epoch, .payload = payload};
	int rc = chan_say(CHILD_FD_WORDS, &m);

	if (rc < 0 && c->loop)
		loop_stop(c->loop);
	return rc;
}

/* Parse the sealed text into *out. */
static int read_conf(const struct child *c, int fd, struct conf **out, struct why *w)
{
	struct conf_faults faults;
	struct span text;
	void *mem;
	int rc = sealed_read(fd, BOUND_CAP(BOUND_CONF_FILE), &text, &mem, w);

	if (rc < 0)
		return rc;
	conf_faults_init(&faults);
	rc = conf_parse_for(out, text, "handed-over config", c->cls->who, &faults);
	wipe(mem, text.n);
	free(mem);
	if (rc < 0)
		rc = why_set(w, ZT_E_BUG, "the config handed over does not parse: %s",
			     faults.first ? faults.first->text : err_name((enum zt_err)-rc));
	conf_faults_free(&faults);
	return rc;
}

static void settle_log(struct child *c)
{
	c->log.level = c->conf->log.level;
	c->log.format = c->conf->log.format;
}

static void on_prepare(struct child *c, struct chan_msg *m)
{
	struct why w = {0};
	int rc;

	if (c->next || m->nfds < 1) {
		chan_close_fds(m);
		say(c, IPC_REFUSED, m->ipc.epoch, SPAN_LIT("an offer is open already"));
		return;
	}
	rc = read_conf(c, m->fds[0], &c->next, &w);
	close(m->fds[0]);
	if (rc < 0) {
		for (size_t i = 1; i < m->nfds; i++)
			close(m->fds[i]);
		c->next = NULL;
	} else {
		rc = c->cls->prepare(c, c->next, m->fds + 1, m->nfds - 1, &w);
		if (rc < 0) {
			conf_free(c->next);
			c->next = NULL;
		}
	}
	m->nfds = 0;
	say(c, rc < 0 ? IPC_REFUSED : IPC_PREPARED, m->ipc.epoch, span_str(w.text));
}

static void hold(struct child *c, unsigned number, int fd)
{
	if (c->held[number] >= 0)
		close(c->held[number]);
	c->held[number] = fd;
}

static void drop_held(struct child *c)
{
	for (unsigned i = 0; i < CHILD_LINKS; i++)
		hold(c, i, -1);
}

static void use_held(struct child *c)
{
	for (unsigned i = 0; i < CHILD_LINKS; i++) {
		int fd = c->held[i];

		c->held[i] = -1;
		if (fd >= 0)
			c->cls->link(c, i, fd);
	}
}

static void on_commit(struct child *c, struct chan_msg *m)
{
	struct conf *old = c->owned;

	if (c->next == NULL)
		return;
	c->owned = c->next;
	c->conf = c->next;
	c->next = NULL;
	c->epoch = m->ipc.epoch;
	settle_log(c);
	c->cls->commit(c);
	conf_free(old);
	use_held(c);
	say(c, IPC_COMMITTED, c->epoch, SPAN_NONE);
}

static void on_abort(struct child *c, struct chan_msg *m)
{
	(void)m;
	drop_held(c);
	if (c->next == NULL)
		return;
	c->cls->abort(c);
	conf_free(c->next);
	c->next = NULL;
}

static void on_ask(struct child *c, struct chan_msg *m)
{
	uint8_t mem[IPC_PAYLOAD];
	struct wr w = wr_of(mem, sizeof mem);

	c->cls->counters(c, &w);
	for (size_t i = 0; i < BOUND_COUNT; i++) {
		char name[IPC_COUNTER_NAME + 1];
		struct wr n = wr_of(name, sizeof name - 1);

		if (c->bounds.row[i].peak == 0 && c->bounds.row[i].hits == 0)
			continue;
		wr_str(&n, bound_rows[i].name);
		name[n.n] = 0;
		ipc_write_counter(&w, name, c->bounds.row[i].used);
		wr_str(&n, "_full");
		name[n.n] = 0;
		ipc_write_counter(&w, name, c->bounds.row[i].hits);
	}
	ipc_write_counter(&w, "log_lines_lost", c->log.dropped_total);
	if (w.full)
		w.n = 0;
	say(c, IPC_COUNTERS, m->ipc.epoch, wr_span(&w));
}

static void on_drain(struct child *c, struct chan_msg *m)
{
	(void)m;
	if (c->draining && !c->yields)
		return;
	c->draining = true;
	c->yields = false;
	c->cls->drain(c);
}

static void on_yield(struct child *c, struct chan_msg *m)
{
	if (c->cls->yield == NULL) {
		on_drain(c, m);
		return;
	}
	if (c->draining)
		return;
	c->draining = c->yields = true;
	c->cls->yield(c);
}

static void on_reopen(struct child *c, struct chan_msg *m)
{
	(void)m;
	if (c->cls->reopen)
		c->cls->reopen(c);
}

_Static_assert(CHILD_NUMBERS <= UINT8_MAX + 1, "a number of a line is a byte");

/* What both ends mean by an index into their configuration must be the same: a line of the epoch
 * that is about to be committed waits for that. */
static void on_link(struct child *c, struct chan_msg *m)
{
	struct rd r = rd_of(m->ipc.payload);
	unsigned number = rd_u8(&r);

	if (r.bad || rd_left(&r) || number >= CHILD_NUMBERS || m->nfds != 1 || c->cls->link == NULL)
		return; /* chan_ready() closes what came along */
	m->nfds = 0;
	if (m->ipc.epoch != c->epoch && number < CHILD_LINKS)
		hold(c, number, m->fds[0]);
	else
		c->cls->link(c, number, m->fds[0]);
}

static void on_dialled(struct child *c, struct chan_msg *m)
{
	struct rd r = rd_of(m->ipc.payload);
	uint32_t id = rd_le32(&r);
	int err = rd_u8(&r), fd = m->nfds == 1 ? m->fds[0] : -(err ? err : ZT_E_BUG);

	if (r.bad || c->cls->dialled == NULL)
		return;
	m->nfds = 0;
	c->cls->dialled(c, id, fd);
}

int child_dial(struct child *c, uint32_t id, uint16_t rule, uint16_t origin)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_le32(&w, id);
	wr_le16(&w, rule);
	wr_le16(&w, origin);
	return chan_say(CHILD_FD_WORDS, &(struct ipc_msg){.type = IPC_DIAL, .epoch = c->epoch, .payload = wr_span(&w)});
}

uint64_t child_memory(const struct child *c)
{
	return c->conf->limits.memory ? c->conf->limits.memory : c->found_memory;
}

static const struct {
	enum ipc_type type;
	void (*handle)(struct child *c, struct chan_msg *m);
} orders[] = {
	{IPC_PREPARE, on_prepare}, {IPC_COMMIT, on_commit}, {IPC_ABORT, on_abort},
	{IPC_ASK, on_ask},         {IPC_DRAIN, on_drain},   {IPC_REOPEN, on_reopen}, {IPC_LINK, on_link},
	{IPC_DIALLED, on_dialled}, {IPC_YIELD, on_yield},
};

static void chan_ready(struct source *s, unsigned events)
{
	struct child *c = CONTAINER_OF(s, struct child, chan);
	struct chan_msg m;
	int rc = chan_take_order(s->fd, &m);

	(void)events;
	if (rc < 0) { /* the supervisor is gone: nobody could tell us to stop any more */
		loop_stop(c->loop);
		return;
	}
	for (size_t i = 0; rc > 0 && i < ARRAY_LEN(orders); i++)
		if (orders[i].type == m.ipc.type)
			orders[i].handle(c, &m);
	if (rc > 0)
		chan_close_fds(&m);
}

static const struct source_class chan_class = {"supervisor", loop_wants_in, chan_ready, NULL};

void child_settled(struct child *c)
{
	say(c, IPC_SETTLED, c->epoch, SPAN_NONE);
}

void child_drained(struct child *c)
{
	if (!c->draining)
		return;
	say(c, IPC_DRAINED, c->epoch, SPAN_NONE);
	loop_stop(c->loop);
}

/* Descriptors CHILD_FD_FIRST and up, as many as are open without a gap. */
static size_t handed_over(int out[static CHAN_FDS])
{
	size_t n = 0;

	while (n < CHAN_FDS && fcntl(CHILD_FD_FIRST + (int)n, F_GETFD) >= 0) {
		out[n] = CHILD_FD_FIRST + (int)n;
		n++;
	}
	return n;
}

/* What stays open: the standard three, the channels, the log, the poller, what was handed over. */
static int enter_jail(struct child *c, const int *fds, size_t n, struct why *w)
{
	int keep[CHAN_FDS + 4] = {CHILD_FD_ORDERS, CHILD_FD_WORDS, c->log.fd, loop_fd(c->loop)};
	size_t kept = loop_fd(c->loop) >= 0 ? 4 : 3;
	bool root = geteuid() == 0;
	const struct jail_opts o = {
		.profile = c->cls->profile,
		.uid = root ? (uid_t)c->conf->state.uid : 0,
		.gid = root ? (gid_t)c->conf->state.gid : 0,
		.keep = keep,
		.keep_n = kept + n,
		.dir_fd = c->dir_fd,
		.dies_with_parent = true,
		.off = c->conf->limits.insecure_no_sandbox,
	};
	int rc;

	memcpy(keep + kept, fds, n * sizeof *fds);
	rc = jail_enter(&o, &c->jail, w);
	if (rc == 0 && c->conf->limits.require_sandbox)
		rc = jail_missing(&c->jail, w);
	return rc;
}

static int child_open(struct child *c, struct why *w)
{
	int fds[CHAN_FDS], rc = read_conf(c, CHILD_FD_CONF, &c->owned, w);
	size_t n;

	if (rc < 0)
		return rc;
	c->conf = c->owned;
	close(CHILD_FD_CONF);
	c->found_memory = memlimit("") / 2; /* the other half is for its siblings and the kernel's own */
	c->nofile = (uint64_t)sysconf(_SC_OPEN_MAX);
	settle_log(c);
	rc = loop_open(&c->loop, c->cls->backend, &clock_real);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot open an event loop");
	c->chan = (struct source){.cls = &chan_class, .fd = CHILD_FD_ORDERS, .keep_fd = true};
	rc = loop_add(c->loop, &c->chan);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot watch the channel");
	n = handed_over(fds);
	log_own_pipe(&c->log); /* after counting what was handed over: it takes the next number */
	rc = c->cls->prepare(c, c->conf, fds, n, w);
	if (rc == 0)
		rc = enter_jail(c, fds, n, w);
	return rc == 0 && c->cls->jailed ? c->cls->jailed(c, w) : rc;
}

/* Every source ends with the loop; what the kind allocated is its own to free after this. */
static int child_close(struct child *c, int code)
{
	if (c->loop && c->cls->close)
		c->cls->close(c);
	loop_free(c->loop);
	c->loop = NULL;
	drop_held(c);
	conf_free(c->next);
	conf_free(c->owned);
	return code;
}

/* "zt --child KIND EPOCH INDEX": logs and answers carry the number that the supervisor goes by. */
static uint32_t told(int argc, char **argv, int which, uint32_t most)
{
	uint64_t n = 0;

	if (argc > which)
		span_u64(span_str(argv[which]), most, &n);
	return (uint32_t)n;
}

/* "zt --child KIND EPOCH INDEX LIFE": the instance of the role in hexadecimal digits, and "+" for an heir. */
static void told_life(struct child *c, int argc, char **argv)
{
	struct span life = span_str(argc > 5 ? argv[5] : "");
	size_t digits = 2 * sizeof c->instance;

	if (life.n < digits || ct_hex_decode(span_sub(life, 0, digits), c->instance) < 0)
		random_bytes(c->instance, sizeof c->instance);
	c->heir = span_eq_str(span_sub(life, digits, 1), "+");
}

int child_run(struct child *c, const struct child_class *cls, int argc, char **argv)
{
	uint8_t report[IPC_PAYLOAD];
	struct wr r = wr_of(report, sizeof report);
	struct why w = {0};

	c->cls = cls;
	c->epoch = told(argc, argv, 3, UINT32_MAX);
	c->index = told(argc, argv, 4, CHILD_PEERS - 1);
	told_life(c, argc, argv);
	c->dir_fd = -1;
	for (size_t i = 0; i < CHILD_LINKS; i++)
		c->held[i] = -1;
	bounds_init(&c->bounds);
	log_init(&c->log, &clock_real, cls->role, cls->proc);
	if (child_open(c, &w) < 0) {
		say(c, IPC_REFUSED, c->epoch, span_str(w.text));
		return child_close(c, (int)err_exit(w.err));
	}
	jailrep_write(&r, &c->jail);
	cls->commit(c);
	if (say(c, IPC_READY, c->epoch, wr_span(&r)) < 0 || loop_run(c->loop) < 0)
		return child_close(c, EXIT_ZT_FAILED);
	return child_close(c, EXIT_ZT_OK);
}
