/*
 * logd: pipe in, file out. A line is written by one process with one write() of at most
 * PIPE_BUF bytes, so lines never mix in the pipe; here they are only cut apart again.
 */
#include "logd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "child.h"
#include "logfile.h"
#include "wire/ipc.h"

struct logd {
	struct child child;
	struct source pipe;
	struct logfile file;
	struct buf in;
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE) * 4];
	uint64_t lines, lost, lost_total;
	enum zt_err why; /* the first of those lost was lost */
	bool opened;
};

static struct logd *of(struct child *c)
{
	return CONTAINER_OF(c, struct logd, child);
}

/* logd's own words go where everybody else's go: into the file. */
static void note_lost(struct logd *d)
{
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	struct wr w = wr_of(mem, sizeof mem);
	const struct log_field f[] = {LF_U64("lines", d->lost), LF_ERR("error", d->why)};

	log_render(&d->child.log, &w, LOG_WARN, "log lines were lost: the file could not be written", f, 2);
	if (logfile_append(&d->file, wr_span(&w)) == 0)
		d->lost = 0;
}

static void put_line(struct logd *d, struct span line)
{
	int rc = 0;

	if (d->lost)
		note_lost(d);
	if (d->lost == 0)
		rc = logfile_append(&d->file, line);
	if (d->lost == 0 && rc == 0) {
		d->lines++;
		return;
	}
	if (rc < 0)
		d->why = (enum zt_err)-rc;
	d->lost++;
	d->lost_total++;
}

static void cut_lines(struct logd *d)
{
	size_t at;

	while (span_find(buf_span(&d->in), '\n', &at)) {
		put_line(d, span_sub(buf_span(&d->in), 0, at + 1));
		buf_take(&d->in, at + 1);
	}
	/* Longer than any line of ours: something else wrote into our stderr. A piece at a time. */
	if (buf_room(&d->in) == 0) {
		put_line(d, buf_span(&d->in));
		buf_take(&d->in, buf_len(&d->in));
	}
}

/* One read of what the pipe holds. false when it is empty. */
static bool read_some(struct logd *d)
{
	size_t room;
	uint8_t *to = buf_space(&d->in, &room);
	ssize_t n = read(d->pipe.fd, to, room);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	buf_filled(&d->in, (size_t)n);
	cut_lines(d);
	return true;
}

static void pipe_ready(struct source *s, unsigned events)
{
	struct logd *d = CONTAINER_OF(s, struct logd, pipe);

	(void)events;
	for (size_t moved = 0; moved < LOOP_BUDGET && read_some(d); moved += sizeof d->mem / 4)
		continue;
}

static const struct source_class pipe_class = {"log pipe", loop_wants_in, pipe_ready, NULL};

/* First epoch: descriptors are the pipe and the directory. Later ones bring the same two
 * again and at most another size or count; the file itself cannot change in a reload. */
static int logd_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	struct logd *d = of(c);
	const char *slash = strrchr(next->log.file, '/');

	if (d->opened || n != 2 || slash == NULL) {
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		return d->opened ? 0 : why_set(w, ZT_E_BUG, "logd was given %zu descriptors", n);
	}
	d->opened = true;
	buf_attach(&d->in, d->mem, sizeof d->mem);
	d->pipe = (struct source){.cls = &pipe_class, .fd = fds[0]};
	d->file.dir = fds[1];
	c->dir_fd = fds[1];
	return 0;
}

static void logd_commit(struct child *c)
{
	struct logd *d = of(c);
	int rc;

	d->file.max_size = c->conf->log.max_size;
	d->file.keep = (unsigned)c->conf->log.keep;
	if (d->pipe.loop)
		return;
	rc = logfile_open(&d->file, d->file.dir, strrchr(c->conf->log.file, '/') + 1, c->conf->log.max_size,
			  (unsigned)c->conf->log.keep);
	if (rc < 0)
		LOG(&c->log, LOG_ERROR, "cannot open the log file; trying again with every line",
		    LF_STR("file", c->conf->log.file), LF_ERR("error", (enum zt_err)-rc));
	if (loop_add(c->loop, &d->pipe) < 0)
		loop_stop(c->loop);
}

static void logd_abort(struct child *c)
{
	(void)c;
}

static void logd_drain(struct child *c)
{
	struct logd *d = of(c);

	while (read_some(d))
		continue;
	child_drained(c);
}

static void logd_counters(struct child *c, struct wr *w)
{
	struct logd *d = of(c);

	ipc_write_counter(w, "log_lines", d->lines);
	ipc_write_counter(w, "log_lines_lost_disk", d->lost_total);
}

static void logd_reopen(struct child *c)
{
	int rc = logfile_reopen(&of(c)->file);

	if (rc < 0)
		LOG(&c->log, LOG_ERROR, "cannot reopen the log file", LF_ERR("error", (enum zt_err)-rc));
}

static const struct child_class logd_class = {
	.role = "zt",
	.proc = "logd",
	.profile = JAIL_LOGD,
	.who = CONF_FOR_LOGD,
	.prepare = logd_prepare,
	.commit = logd_commit,
	.abort = logd_abort,
	.drain = logd_drain,
	.counters = logd_counters,
	.reopen = logd_reopen,
};

int logd_main(int argc, char **argv)
{
	struct logd d = {.lines = 0}; /* 16 KiB of lines: fits any stack */

	return child_run(&d.child, &logd_class, argc, argv);
}
