/* spawn: fork, descriptor shuffle, execveat, in the supervisor only; sealed memory files, for whoever hands one on. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "chan.h"
#include "sigs.h"
#include "sysnr.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4U /* since Linux 5.11 */
#endif
#define MOST_STRAYS 65536 /* looked for one by one on an older kernel */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* since Linux 6.3 */
#endif

int spawn_self(struct why *w)
{
	/* O_PATH: a program may be executable and not readable. */
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (fd < 0 && getauxval(AT_EXECFN)) /* no /proc: the path we were started by */
		fd = open((const char *)getauxval(AT_EXECFN), O_PATH | O_CLOEXEC); // NOLINT
	if (fd < 0)
		return why_sys(w, errno, "cannot open zt's own executable");
	return fd;
}

static int write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -(int)err_from_errno(n < 0 ? errno : ENOSPC);
		s = span_sub(s, (size_t)n, s.n);
	}
	return 0;
}

int sealed_text(struct span text, struct why *w)
{
	int fd = memfd_create("zt-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* an older kernel */
		fd = memfd_create("zt-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return why_sys(w, errno, "cannot make a memory file for a child");
	if (write_all(fd, text) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		int saved = errno;

		close(fd);
		return why_sys(w, saved, "cannot fill a memory file for a child");
	}
	return fd;
}

int sealed_read(int fd, size_t cap, struct span *out, void **mem, struct why *w)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	size_t n, got = 0;
	uint8_t *p;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
		return why_set(w, ZT_E_PERM, "what was handed over is not sealed");
	if (st.st_size < 0 || (uint64_t)st.st_size > cap)
		return why_set(w, ZT_E_TOOLONG, "what was handed over is longer than %zu bytes", cap);
	n = (size_t)st.st_size;
	p = malloc(n + 1); /* never malloc(0) */
	if (p == NULL)
		return why_set(w, ZT_E_NOMEM, "no memory for what was handed over");
	while (got < n) {
		ssize_t k = pread(fd, p + got, n - got, (off_t)got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			wipe(p, got); /* it may be keys */
			free(p);
			return why_sys(w, k < 0 ? errno : EIO, "cannot read what was handed over");
		}
		got += (size_t)k;
	}
	*out = span_of(p, n);
	*mem = p;
	return 0;
}

/* Descriptors that whoever started the supervisor left open are not for its children: one
 * next to the last would count as handed over. */
void spawn_close_strays(int from)
{
	long most = sysconf(_SC_OPEN_MAX);

	if (syscall(__NR_close_range, (unsigned)from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = from; fd < (most > 0 && most < MOST_STRAYS ? most : MOST_STRAYS); fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* In the forked child: put every descriptor where the table in spawn.h says, or fail. */
static int arrange(const struct spawn_req *r, const struct chan_ends *chan, int conf, int *exe)
{
	enum { FIXED = CHILD_FD_FIRST - CHILD_FD_LOG };
	int high[CHAN_FDS + FIXED] = {0}, want[CHAN_FDS + FIXED] = {r->log_fd, chan->child_orders, chan->child_words, conf};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), n = FIXED;
	int safe = CHILD_FD_FIRST + (int)r->nfds; /* above every number the child will use */

	for (size_t i = 0; i < r->nfds; i++)
		want[n++] = r->fds[i];
	/* First all of them out of the way, so that no dup2 below closes a later source. */
	for (int i = 0; i < n; i++)
		if ((high[i] = fcntl(want[i], F_DUPFD_CLOEXEC, safe)) < 0)
			return -1;
	*exe = fcntl(r->exe_fd, F_DUPFD_CLOEXEC, safe);
	if (*exe < 0)
		return -1;
	/* Without /dev (an empty image) 0 and 1 are the config: any harmless open descriptor. */
	if (null < 0)
		null = high[FIXED - 1];
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (dup2(high[i], CHILD_FD_LOG + i) < 0)
			return -1;
	spawn_close_strays(safe);
	return 0;
}

static _Noreturn void cannot(int log_fd, const char *kind)
{
	dprintf(log_fd, "zt: child %s cannot be set up: %s\n", kind, strerror(errno));
	_exit(EXIT_ZT_FAILED);
}

/* When memory ends in spite of every bound, a child goes, which is started again, and not who starts it. */
static void go_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, "200", 3) < 0)
			errno = 0; /* to go as late as others is no fault */
		close(fd);
	}
}

static _Noreturn void become_child(const struct spawn_req *r, const struct chan_ends *chan, int conf, pid_t parent)
{
	char arg0[] = "zt", arg1[] = "--child", kind[32] = "", epoch[12], index[12], journal[64] = "", *env[] = {NULL, NULL};
	char life[SPAWN_LIFE], *argv[] = {arg0, arg1, kind, epoch, index, r->life ? life : NULL, NULL};
	const char *stream = getenv("JOURNAL_STREAM");
	int exe;

	sigs_for_child();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_ZT_FAILED);
	go_first();
	snprintf(epoch, sizeof epoch, "%u", (unsigned)r->epoch);
	snprintf(index, sizeof index, "%u", r->index);
	snprintf(life, sizeof life, "%s", r->life ? r->life : "");
	if (chdir("/") < 0 || span_to_cstr(span_str(r->kind), kind, sizeof kind) < 0 || arrange(r, chan, conf, &exe) < 0)
		cannot(r->log_fd, r->kind);
	if (stream && strlen(stream) < sizeof journal - sizeof "JOURNAL_STREAM=") {
		struct wr w = wr_of(journal, sizeof journal - 1);

		wr_str(&w, "JOURNAL_STREAM=");
		wr_str(&w, stream);
		env[0] = journal;
	}
	syscall(SYS_execveat, exe, "", argv, env, AT_EMPTY_PATH);
	cannot(CHILD_FD_LOG, r->kind); /* r->log_fd may be something else by now */
}

int spawn_child(const struct spawn_req *r, struct spawned *out, struct why *w)
{
	struct chan_ends chan;
	pid_t parent = getpid(), kid;
	int conf, rc;

	if (r->nfds > CHAN_FDS)
		return why_set(w, ZT_E_TOOLONG, "too many descriptors for child %s", r->kind);
	conf = sealed_text(r->conf, w);
	if (conf < 0)
		return conf;
	rc = chan_open(&chan);
	if (rc < 0) {
		close(conf);
		return why_set(w, (enum zt_err)-rc, "cannot make the channels of child %s: %s", r->kind,
			       err_text((enum zt_err)-rc));
	}
	kid = fork();
	if (kid == 0)
		become_child(r, &chan, conf, parent);
	rc = kid < 0 ? why_sys(w, errno, "cannot fork child %s", r->kind) : 0;
	close(conf);
	close(chan.child_orders);
	close(chan.child_words);
	if (rc < 0) {
		close(chan.super_orders);
		close(chan.super_words);
		return rc;
	}
	*out = (struct spawned){kid, chan.super_orders, chan.super_words};
	return 0;
}
