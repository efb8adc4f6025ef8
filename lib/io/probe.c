/*
 * probe: the world that attempts are made on, and the processes that make them. It never
 * judges the machine; zt doctor does that from the verdicts.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "sandbox.h"

#define HANG_GUARD_S 20 /* ends a child that hangs; none waits for anything */
/* Exit codes of the child that tries: 0 allowed, errno (below 134 on every processor) refused. */
#define CODE_UNTRIED 250
#define CODE_NO_JAIL 251

static const char parent_word[] = "the parent's memory";

/* ---- the world ------------------------------------------------------------------------------ */

static int make_file(const struct probe *p, const char *path)
{
	static const char text[] = "made by zt doctor, holds nothing\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700), rc = 0;

	if (fd < 0)
		return -errno;
	/* Executable, writable, the child's own: only a sandbox stands in the way. */
	if (fchmod(fd, 0700) != 0 || (p->uid && fchown(fd, p->uid, p->gid) != 0) ||
	    write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
		rc = -errno;
	close(fd);
	return rc;
}

static int make_dir(const struct probe *p, const char *path)
{
	if (mkdir(path, 0700) != 0)
		return -errno;
	return p->uid && chown(path, p->uid, p->gid) != 0 ? -errno : 0;
}

static int make_tree(struct probe *p)
{
	struct attempt_world *w = &p->world;
	int rc;

	snprintf(w->own_dir, sizeof w->own_dir, "%s/own", p->dir);
	snprintf(w->own_file, sizeof w->own_file, "%s/file", w->own_dir);
	snprintf(w->other_dir, sizeof w->other_dir, "%s/other", p->dir);
	snprintf(w->other_file, sizeof w->other_file, "%s/file", w->other_dir);
	if (p->uid && chown(p->dir, p->uid, p->gid) != 0)
		return -errno;
	if ((rc = make_dir(p, w->own_dir)) < 0 || (rc = make_file(p, w->own_file)) < 0 ||
	    (rc = make_dir(p, w->other_dir)) < 0 || (rc = make_file(p, w->other_file)) < 0)
		return rc;
	p->own_dir_fd = open(w->own_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->left_open = open(w->other_file, O_RDONLY | O_CLOEXEC);
	return p->own_dir_fd < 0 || w->left_open < 0 ? -errno : 0;
}

static int make_scratch(struct probe *p, struct why *why)
{
	static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(p->dir, sizeof p->dir, "%s/zt-probe-XXXXXX", places[i]);
		if (mkdtemp(p->dir) != NULL)
			return 0;
	}
	p->dir[0] = 0;
	return why_sys(why, errno, "no place for a scratch directory (tried /tmp, /var/tmp, /dev/shm, /run)");
}

/* Loopback and abstract: nobody outside this machine sees them; nothing is ever accepted. A
 * kernel without one of them leaves the attempts on it untried. */
static void make_listeners(struct probe *p)
{
	struct attempt_world *w = &p->world;
	socklen_t n = sizeof w->tcp;

	w->abstract = (struct sockaddr_un){.sun_family = AF_UNIX};
	w->abstract_len = sizeof w->abstract;
	p->abstract_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Binding the bare family makes the kernel pick a free abstract name. */
	if (p->abstract_fd < 0 || bind(p->abstract_fd, (struct sockaddr *)&w->abstract, sizeof(sa_family_t)) != 0 ||
	    listen(p->abstract_fd, 64) != 0 ||
	    getsockname(p->abstract_fd, (struct sockaddr *)&w->abstract, &w->abstract_len) != 0)
		w->abstract_len = 0;
	w->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	p->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->tcp_fd < 0 || bind(p->tcp_fd, (struct sockaddr *)&w->tcp, n) != 0 || listen(p->tcp_fd, 64) != 0 ||
	    getsockname(p->tcp_fd, (struct sockaddr *)&w->tcp, &n) != 0)
		w->tcp.sin_port = 0; /* connect() then answers "refused", which decides nothing */
}

int probe_open(struct probe *p, uid_t uid, gid_t gid, bool off, struct why *why)
{
	int rc;

	*p = (struct probe){.own_dir_fd = -1, .abstract_fd = -1, .tcp_fd = -1, .uid = uid, .gid = gid, .off = off};
	p->world.left_open = -1;
	p->world.parent = getpid();
	p->world.parent_word = parent_word;
	rc = make_scratch(p, why);
	if (rc < 0)
		return rc;
	rc = make_tree(p);
	if (rc < 0) {
		why_sys(why, -rc, "cannot set up %s", p->dir);
		probe_close(p);
		return -(int)err_from_errno(-rc);
	}
	make_listeners(p);
	return 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void probe_close(struct probe *p)
{
	const struct attempt_world *w = &p->world;
	const char *const files[] = {w->own_file, w->other_file}, *const dirs[] = {w->own_dir, w->other_dir, p->dir};

	shut(&p->own_dir_fd);
	shut(&p->abstract_fd);
	shut(&p->tcp_fd);
	shut(&p->world.left_open);
	if (p->dir[0] == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(files[i]);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		rmdir(dirs[i]);
	p->dir[0] = 0;
}

/* ---- the children --------------------------------------------------------------------------- */

static int jail_self(const struct probe *p, enum jail_profile profile, const int *keep, size_t n,
		     struct jail_report *out, struct why *why)
{
	bool dir = jail_has_dir(profile);
	const struct jail_opts o = {
		.profile = profile, .keep = keep, .keep_n = n, .off = p->off,
		/* A supervisor stays who it is. */
		.uid = profile == JAIL_SUPERVISOR ? 0 : p->uid,
		.gid = profile == JAIL_SUPERVISOR ? 0 : p->gid,
		.dir_fd = dir ? p->own_dir_fd : -1,
	};

	alarm(HANG_GUARD_S);
	return jail_enter(&o, out, why);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Sends {report} or, when the jail failed, one byte 0 and the reason. */
_Noreturn static void report_child(const struct probe *p, enum jail_profile profile, int out)
{
	struct jail_report r;
	struct why why = {0};
	uint8_t bytes[JAILREP_MAX];
	struct wr w = wr_of(bytes, sizeof bytes);

	if (jail_self(p, profile, &out, 1, &r, &why) < 0) {
		wr_u8(&w, 0);
		wr_str(&w, why.text);
	} else {
		jailrep_write(&w, &r);
	}
	_exit(write(out, bytes, w.n) == (ssize_t)w.n ? 0 : 1);
}

static int read_report(int fd, struct jail_report *out, struct why *why)
{
	uint8_t bytes[JAILREP_MAX + 1];
	ssize_t n = read(fd, bytes, sizeof bytes); /* one write of less than PIPE_BUF: one read */

	if (n > 0 && bytes[0] == 0)
		return why_set(why, ZT_E_SANDBOX, "%.*s", (int)n - 1, (const char *)&bytes[1]);
	if (n <= 0)
		return why_set(why, ZT_E_CLOSED, "the child sent no report");
	return jailrep_read(span_of(bytes, (size_t)n), out);
}

int probe_report(const struct probe *p, enum jail_profile profile, struct jail_report *out, struct why *why)
{
	int pair[2], rc, status;
	char end[128];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return why_sys(why, errno, "pipe");
	pid = fork();
	if (pid == 0)
		report_child(p, profile, pair[1]);
	close(pair[1]);
	rc = pid < 0 ? why_sys(why, errno, "fork") : read_report(pair[0], out, why);
	close(pair[0]);
	if (pid < 0)
		return rc;
	status = wait_for(pid);
	if (rc < 0 || status == 0)
		return rc;
	jail_death_text(status, end, sizeof end);
	return why_set(why, ZT_E_SANDBOX, "the jailed child was %s", end);
}

struct probe_result probe_try(const struct probe *p, enum jail_profile profile, const struct attempt *a)
{
	pid_t pid = fork();
	struct jail_report r;
	int got, status;

	if (pid == 0) {
		if (jail_self(p, profile, NULL, 0, &r, NULL) < 0)
			_exit(CODE_NO_JAIL);
		got = a->run(&p->world);
		_exit(got == ATTEMPT_UNTRIED ? CODE_UNTRIED : got);
	}
	status = pid < 0 ? -1 : wait_for(pid);
	if (status == -1)
		return (struct probe_result){PROBE_FAILED, -1};
	if (jail_death_is_breach(status))
		return (struct probe_result){PROBE_KILLED, 0};
	got = WIFEXITED(status) ? WEXITSTATUS(status) : CODE_NO_JAIL;
	if (got == CODE_NO_JAIL)
		return (struct probe_result){PROBE_FAILED, status};
	if (got == 0 || got == CODE_UNTRIED)
		return (struct probe_result){got ? PROBE_UNTRIED : PROBE_ALLOWED, 0};
	return (struct probe_result){PROBE_REFUSED, got};
}

/* ---- verdicts -------------------------------------------------------------------------------- */

/* Answers that are a no to the request itself; any other errno came from somewhere else. */
static bool is_refusal(int err)
{
	static const int no[] = {EPERM, EACCES, ENOSYS, EBADF, EXDEV, EAFNOSUPPORT, EPROTONOSUPPORT, ENOTTY};

	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (no[i] == err)
			return true;
	return false;
}

bool probe_applies(const struct attempt *a, enum jail_profile profile)
{
	return (a->profiles >> profile & 1) != 0;
}

enum probe_verdict probe_judge(const struct attempt *a, const struct jail_report *r, struct probe_result got)
{
	if (got.outcome == PROBE_KILLED || (got.outcome == PROBE_REFUSED && is_refusal(got.err)))
		return PROBE_HELD;
	if (got.outcome == PROBE_UNTRIED)
		return PROBE_NOTHING;
	if (got.outcome != PROBE_ALLOWED)
		return PROBE_OPEN;
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
		if ((attempt_layers(a, r->profile) >> l & 1) && r->layer[l].state == JAIL_ON)
			return PROBE_BREACH;
	return PROBE_GAP;
}
