/*
 * journal: the writer of one state file. It owns the lock, the file and a batch buffer, and
 * never looks inside a record; jscan.c reads, wire/jrec.c encodes. Memory is one block of
 * about 128 KiB per open journal, kept until it is closed.
 *
 * The order of the system calls is the contract: what is read is made durable before it is
 * believed, what is written is made durable before it is answered, and a name is only given
 * to a file that is complete.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "jfile.h"

#define SUFFIX_ROOM 8 /* ".lock", ".new" and NUL, rounded up */

struct journal {
	int dirfd, lockfd, fd;
	const char *shown;
	char name[JOURNAL_NAME_MAX + 1];
	char lock_name[JOURNAL_NAME_MAX + SUFFIX_ROOM], new_name[JOURNAL_NAME_MAX + SUFFIX_ROOM];
	struct bounds *bounds;
	uint64_t size, seq;  /* of what is acknowledged */
	bool dead;
	struct wr batch;     /* records on their way to the file, or to the snapshot */
	uint64_t batched;    /* how many */
	struct {
		int fd;
		uint64_t size, seq, records;
	} snap;
	uint8_t mem[JREC_BATCH];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool disk_full(int sys)
{
	return err_from_errno(sys) == ZT_E_NOSPACE;
}

/* ---- who may touch it ---------------------------------------------------------------------- */

static int open_dir(struct journal *j, int dirfd, struct why *w)
{
	struct stat st;

	/* A descriptor of our own: the caller's may be O_PATH, which cannot be synced. */
	j->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dirfd < 0 || fstat(j->dirfd, &st) != 0)
		return why_sys(w, errno, "the directory of %.200s: cannot be opened", j->shown);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return why_set(w, ZT_E_PERM, "the directory of %.200s: belongs to user %u but this is user %u: run as its "
			       "owner, or chown it", j->shown, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return why_set(w, ZT_E_PERM, "the directory of %.200s: mode %04o lets others replace files: chmod 700 it",
			       j->shown, (unsigned)(st.st_mode & 07777));
	return 0;
}

static int take_lock(struct journal *j, struct why *w)
{
	int err;

	j->lockfd = openat(j->dirfd, j->lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (j->lockfd < 0)
		return jfile_refused(j->shown, ".lock", errno, w);
	err = jfile_check(j->lockfd, j->shown, ".lock", w);
	return err ? err : jfile_lock(j->lockfd, j->lockfd, j->shown, w);
}

/* The pid is a hint for people: on a full disk it is better to run without it. Written once both
 * locks are ours, so that it never names somebody who was refused. */
static void sign_lock(struct journal *j)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (jfile_cut(j->lockfd, 0) == 0 && n > 0)
		(void)jfile_put(j->lockfd, span_of(text, (size_t)n), 0);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int set_names(struct journal *j, const struct journal_place *at, struct why *w)
{
	size_t n = strlen(at->name);

	j->shown = at->shown ? at->shown : at->name;
	if (n == 0 || n > JOURNAL_NAME_MAX || strchr(at->name, '/'))
		return why_set(w, ZT_E_RANGE, "%.200s: is no name for a journal (1 to %d bytes, no slash)", j->shown,
			       JOURNAL_NAME_MAX);
	snprintf(j->name, sizeof j->name, "%s", at->name);
	snprintf(j->lock_name, sizeof j->lock_name, "%s.lock", at->name);
	snprintf(j->new_name, sizeof j->new_name, "%s.new", at->name);
	return 0;
}

/* The name must still lead to what was opened and locked: whoever removed the lock file while
 * a writer runs gets here, and its snapshot may just have replaced the file. */
static int check_same(struct journal *j, struct why *w)
{
	struct stat a, b;

	if (fstat(j->fd, &a) != 0 || fstatat(j->dirfd, j->name, &b, AT_SYMLINK_NOFOLLOW) != 0)
		return why_sys(w, errno, "%.200s: cannot be examined", j->shown);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return why_set(w, ZT_E_LOCKED, "%.200s: another process has just replaced it", j->shown);
	return 0;
}

static int open_file(struct journal *j, struct why *w)
{
	int err;

	j->fd = openat(j->dirfd, j->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (j->fd < 0)
		return errno == ENOENT ? -ZT_E_NOTFOUND : jfile_refused(j->shown, "", errno, w);
	err = jfile_check(j->fd, j->shown, "", w);
	if (!err)
		err = jfile_lock(j->fd, j->lockfd, j->shown, w);
	return err ? err : check_same(j, w);
}

static int fill_nothing(struct journal *j, void *ctx, struct why *w)
{
	(void)j;
	(void)ctx;
	(void)w;
	return 0;
}

static int make_file(struct journal *j, struct journal_report *report, struct why *w)
{
	int err = journal_snapshot(j, fill_nothing, NULL, w);

	*report = (struct journal_report){.records = 1, .last_seq = j->seq, .good = j->size};
	return err;
}

static int load_file(struct journal *j, const struct journal_opts *o, struct journal_report *report, struct why *w)
{
	struct jscan s = {.fd = j->fd, .shown = j->shown, .mem = j->mem, .each = o->each, .ctx = o->ctx};
	int err = jscan_run(&s, report, w), sys;

	if (err)
		return err;
	j->size = report->good;
	j->seq = report->last_seq;
	sys = report->torn ? jfile_cut(j->fd, j->size) : 0;
	if (sys)
		return why_sys(w, sys, "%.200s: its torn tail at offset %llu cannot be cut off", j->shown,
			       (unsigned long long)j->size);
	sys = jfile_sync(j->fd);
	if (sys == 0)
		sys = jfile_sync(j->dirfd);
	return sys ? why_sys(w, sys, "%.200s: cannot be made safe on the disk", j->shown) : 0;
}

static int start(struct journal *j, const struct journal_place *at, const struct journal_opts *o,
		 struct journal_report *report, struct why *w)
{
	int err = set_names(j, at, w);

	if (!err)
		err = open_dir(j, at->dirfd, w);
	if (!err)
		err = take_lock(j, w);
	if (err)
		return err;
	err = open_file(j, w);
	if (err && err != -ZT_E_NOTFOUND)
		return err;
	sign_lock(j);
	/* Both locks are ours, so a snapshot that is there was left by a crash. */
	if (unlinkat(j->dirfd, j->new_name, 0) != 0 && errno != ENOENT)
		return why_sys(w, errno, "%.200s.new: cannot be removed", j->shown);
	if (err == 0)
		return load_file(j, o, report, w);
	if (o->create)
		return make_file(j, report, w);
	return why_set(w, ZT_E_NOTFOUND, "%.200s: does not exist", j->shown);
}

int journal_open(struct journal **out, const struct journal_place *at, const struct journal_opts *o,
		 struct journal_report *report, struct why *w)
{
	struct journal_report mine;
	struct journal *j = calloc(1, sizeof *j);
	int err;

	if (j == NULL)
		return why_set(w, ZT_E_NOMEM, "%.200s: no memory to open it", at->shown ? at->shown : at->name);
	j->dirfd = j->lockfd = j->fd = j->snap.fd = -1;
	j->bounds = o->bounds;
	j->batch = wr_of(j->mem, sizeof j->mem);
	err = start(j, at, o, report ? report : &mine, w);
	if (err) {
		journal_close(j);
		return err;
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	close_fd(&j->snap.fd);
	close_fd(&j->fd);
	close_fd(&j->lockfd);
	close_fd(&j->dirfd);
	free(j);
}

int journal_verify(const struct journal_place *at, journal_each *each, void *ctx,
		   struct journal_report *report, struct why *w)
{
	const char *shown = at->shown ? at->shown : at->name;
	struct jscan s = {.shown = shown, .each = each, .ctx = ctx, .own_too = true};
	struct stat st;
	int err;

	*report = (struct journal_report){0};
	s.fd = openat(at->dirfd, at->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (s.fd < 0)
		return jfile_refused(shown, "", errno, w);
	s.mem = malloc(JREC_BATCH);
	if (s.mem == NULL)
		err = why_set(w, ZT_E_NOMEM, "%.200s: no memory to read it", shown);
	else if (fstat(s.fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = why_set(w, ZT_E_PERM, "%.200s: is not a regular file", shown);
	else
		err = jscan_run(&s, report, w);
	free(s.mem);
	close(s.fd);
	return err;
}

/* ---- appending ----------------------------------------------------------------------------- */

static void forget_batch(struct journal *j)
{
	j->batch = wr_of(j->mem, sizeof j->mem);
	j->batched = 0;
}

int journal_stage(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n)
{
	struct jrec r = {.seq = j->seq + j->batched + 1, .type = type, .version = version};
	size_t size = jrec_size(t, n);
	int err;

	ZT_ASSERT(type < JREC_OWN);
	if (j->dead)
		return -ZT_E_DEAD;
	if (size == 0 || (j->bounds && !bounds_fits(j->bounds, BOUND_JOURNAL_RECORD, size)))
		return -ZT_E_TOOLONG;
	err = jrec_encode(&j->batch, &r, t, n);
	if (err < 0)
		return -ZT_E_FULL;
	j->batched++;
	return 0;
}

size_t journal_room(const struct journal *j)
{
	return j->batch.cap - j->batch.n;
}

/* Back to the last acknowledged byte. Cutting also takes pages out of the cache that a failed
 * fsync() left there unwritten but readable. */
static int commit_failed(struct journal *j, int sys, bool written, struct why *w)
{
	bool cut = jfile_cut(j->fd, j->size) == 0;

	forget_batch(j);
	if (!cut || written || !disk_full(sys))
		j->dead = true;
	return why_sys(w, sys, "%.200s: %s at offset %llu", j->shown, written ? "cannot be made safe" : "cannot be written",
		       (unsigned long long)j->size);
}

static int refuse(const struct journal *j, enum zt_err e, struct why *w)
{
	return why_set(w, e, "%.200s: %s", j->shown, err_text(e));
}

int journal_commit(struct journal *j, struct why *w)
{
	struct span s = wr_span(&j->batch);
	int sys;

	if (j->dead)
		return refuse(j, ZT_E_DEAD, w);
	if (s.n == 0)
		return 0;
	sys = jfile_put(j->fd, s, j->size);
	if (sys)
		return commit_failed(j, sys, false, w);
	sys = jfile_sync(j->fd);
	if (sys)
		return commit_failed(j, sys, true, w);
	j->size += s.n;
	j->seq += j->batched;
	forget_batch(j);
	return 0;
}

int journal_append(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n,
		   struct why *w)
{
	int err;

	ZT_ASSERT(j->batched == 0);
	err = journal_stage(j, type, version, t, n);
	if (err)
		return refuse(j, (enum zt_err)-err, w);
	return journal_commit(j, w);
}

/* ---- snapshots ----------------------------------------------------------------------------- */

/* A full disk leaves the old file serving; anything else means the disk cannot be trusted. */
static int snap_failed(struct journal *j, int sys, const char *what, struct why *w)
{
	if (!disk_full(sys))
		j->dead = true;
	return why_sys(w, sys, "%.200s.new: cannot be %s", j->shown, what);
}

static int snap_flush(struct journal *j, struct why *w)
{
	struct span s = wr_span(&j->batch);
	int sys = jfile_put(j->snap.fd, s, j->snap.size);

	if (sys)
		return snap_failed(j, sys, "written", w);
	j->snap.size += s.n;
	forget_batch(j);
	return 0;
}

static int snap_put(struct journal *j, const struct jrec *r, const struct jtlv *t, size_t n, struct why *w)
{
	size_t size = jrec_size(t, n);
	int err;

	if (size == 0)
		return why_set(w, ZT_E_TOOLONG, "%.200s: a record does not fit", j->shown);
	err = size > j->batch.cap - j->batch.n ? snap_flush(j, w) : 0;
	if (err)
		return err;
	err = jrec_encode(&j->batch, r, t, n);
	ZT_ASSERT(err > 0);
	j->snap.seq = r->seq;
	j->snap.records++;
	return 0;
}

int journal_snapshot_add(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n,
			 struct why *w)
{
	struct jrec r = {.seq = j->snap.seq + 1, .type = type, .version = version};

	ZT_ASSERT(j->snap.fd >= 0 && type < JREC_OWN);
	return snap_put(j, &r, t, n, w);
}

static int snap_open(struct journal *j, struct why *w)
{
	/* O_EXCL: ours from its first byte on, whatever somebody planted there. */
	j->snap.fd = openat(j->dirfd, j->new_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->snap.fd < 0)
		return jfile_refused(j->shown, ".new", errno, w);
	j->snap.size = 0;
	j->snap.records = 0;
	j->snap.seq = j->seq;
	wr_bytes(&j->batch, jrec_magic, JREC_MAGIC);
	return jfile_lock(j->snap.fd, j->lockfd, j->shown, w);
}

/* The base record, and everything on the disk. */
static int snap_seal(struct journal *j, struct why *w)
{
	struct jrec r = {.seq = j->snap.seq + 1, .type = JREC_BASE, .version = 1};
	uint8_t count[8];
	struct wr c = wr_of(count, sizeof count);
	struct jtlv t = {JREC_BASE_COUNT, SPAN_NONE};
	int err, sys;

	wr_le64(&c, j->snap.records);
	t.value = wr_span(&c);
	err = snap_put(j, &r, &t, 1, w);
	if (!err)
		err = snap_flush(j, w);
	if (err)
		return err;
	sys = jfile_sync(j->snap.fd);
	if (sys) {
		j->dead = true;
		return why_sys(w, sys, "%.200s.new: cannot be made safe", j->shown);
	}
	return 0;
}

static int snap_install(struct journal *j, struct why *w)
{
	int sys;

	if (renameat(j->dirfd, j->new_name, j->dirfd, j->name) != 0)
		return snap_failed(j, errno, "renamed", w);
	close_fd(&j->fd);
	j->fd = j->snap.fd;
	j->snap.fd = -1;
	j->size = j->snap.size;
	j->seq = j->snap.seq;
	sys = jfile_sync(j->dirfd);
	if (sys == 0)
		return 0;
	j->dead = true; /* which of the two files a power cut would leave is unknown */
	return why_sys(w, sys, "the directory of %.200s: cannot be made safe", j->shown);
}

int journal_snapshot(struct journal *j, journal_fill *fill, void *ctx, struct why *w)
{
	int err;

	if (j->dead)
		return refuse(j, ZT_E_DEAD, w);
	ZT_ASSERT(j->batched == 0 && j->snap.fd < 0);
	forget_batch(j);
	err = snap_open(j, w);
	if (!err)
		err = fill(j, ctx, w);
	if (!err)
		err = snap_seal(j, w);
	if (!err)
		err = snap_install(j, w);
	forget_batch(j);
	if (j->snap.fd >= 0) {
		close_fd(&j->snap.fd);
		unlinkat(j->dirfd, j->new_name, 0);
	}
	return err;
}

int journal_read(const struct journal *j, uint64_t offset, uint8_t *mem, size_t cap, struct jrec *out, struct why *w)
{
	struct jscan s = {.fd = j->fd, .shown = j->shown, .mem = mem};

	return jscan_at(&s, offset, cap, out, w);
}

bool journal_dead(const struct journal *j)
{
	return j->dead;
}

uint64_t journal_last_seq(const struct journal *j)
{
	return j->seq;
}

uint64_t journal_bytes(const struct journal *j)
{
	return j->size;
}
