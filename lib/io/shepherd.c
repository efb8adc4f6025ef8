/* shepherd: see shepherd.h. Owns the lines to its flock; of what is said on them it believes little, and answers what
 * is asked at once. */
#include "shepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "spawn.h"

#define MERCY (2 * NS_PER_S)

extern char **environ;

/* ---- the flock --------------------------------------------------------------------------- */

static struct sheep *find(struct shepherd *sh, enum flock_part part)
{
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part == part)
			return &sh->sheep[i];
	return NULL;
}

bool shepherd_has(struct shepherd *sh, enum flock_part part)
{
	return find(sh, part) != NULL;
}

/* Who is in charge shows them (zt status). */
static void tell_elders(struct shepherd *sh)
{
	struct sheep *crowned = find(sh, FLOCK_CROWNED);
	char text[512];
	struct wr w = wr_of(text, sizeof text);

	if (crowned == NULL)
		return;
	if (sh->own)
		wr_fmt(&w, "%ld %llu %s\n", (long)getpid(), (unsigned long long)sh->own_live, ZT_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part == FLOCK_ELDER)
			wr_fmt(&w, "%ld %llu %s\n", (long)sh->sheep[i].pid, (unsigned long long)sh->sheep[i].live,
			       sh->sheep[i].version);
	upmsg_send(crowned->fd, &(struct upmsg){.type = UPMSG_ELDERS, .text = wr_span(&w)}, NULL, 0);
}

void shepherd_live(struct shepherd *sh, bool own, uint64_t n)
{
	sh->own = own;
	sh->own_live = n;
	tell_elders(sh);
}

/* Its supervisor's children end with it. */
static void end_oldest_of_too_many(struct shepherd *sh)
{
	struct sheep *oldest = NULL;
	size_t n = sh->own;

	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part == FLOCK_ELDER) {
			n++;
			if (oldest == NULL || sh->sheep[i].since < oldest->since)
				oldest = &sh->sheep[i];
		}
	if (n < SHEPHERD_ELDERS)
		return;
	if (sh->own)
		sh->crowded(sh);
	else if (oldest)
		kill(oldest->pid, SIGKILL);
}

void shepherd_crown(struct shepherd *sh, pid_t by)
{
	struct sheep *heir = find(sh, FLOCK_CANDIDATE), *before = find(sh, FLOCK_CROWNED);

	if (by != sh->asker)
		return;
	if (heir == NULL) { /* it has just ended; who wanted it has let go of all, and nobody serves: the role is over */
		if (before && before->pid == by)
			kill(by, SIGKILL);
		return;
	}
	end_oldest_of_too_many(sh);
	if (before) {
		before->part = FLOCK_ELDER;
		before->since = sh->crowned;
	}
	heir->part = FLOCK_CROWNED;
	sh->crowned++;
	tell_elders(sh);
}

static void no_mercy(struct timer *t, uint64_t now)
{
	struct sheep *s = find(CONTAINER_OF(t, struct shepherd, mercy), FLOCK_CANDIDATE);

	(void)now;
	if (s)
		kill(s->pid, SIGKILL);
}

void shepherd_drop(struct shepherd *sh)
{
	struct sheep *s = find(sh, FLOCK_CANDIDATE);

	if (s == NULL || sh->dropped) /* whoever asks again and again must not put its end off */
		return;
	kill(s->pid, SIGTERM);
	sh->dropped = true;
	sh->mercy.fire = no_mercy;
	if (!loop_timer(sh->loop, &sh->mercy, MERCY))
		kill(s->pid, SIGKILL);
}

void shepherd_signal(struct shepherd *sh, int signo)
{
	bool all = signo == SIGTERM || signo == SIGINT;

	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part != FLOCK_NOBODY && (all || sh->sheep[i].part == FLOCK_CROWNED))
			kill(sh->sheep[i].pid, signo);
}

int shepherd_over(struct shepherd *sh, int wait_status, bool *ends)
{
	if (!*ends)
		shepherd_signal(sh, SIGTERM);
	*ends = true;
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	loop_stop(sh->loop);
	return EXIT_ZT_FAILED;
}

bool shepherd_reaped(struct shepherd *sh, pid_t pid, int wait_status)
{
	struct sheep *s = NULL, *crowned = find(sh, FLOCK_CROWNED);
	enum flock_part was;

	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part != FLOCK_NOBODY && sh->sheep[i].pid == pid)
			s = &sh->sheep[i];
	if (s == NULL)
		return false;
	was = s->part;
	s->part = FLOCK_NOBODY;
	loop_close(&s->line);
	if (was == FLOCK_CANDIDATE)
		loop_timer_stop(sh->loop, &sh->mercy);
	if (was == FLOCK_ELDER)
		tell_elders(sh);
	else if (was == FLOCK_CROWNED)
		sh->over(sh, wait_status);
	else if (sh->asker == getpid())
		sh->lost(sh, wait_status);
	else if (crowned)
		upmsg_send(crowned->fd, &(struct upmsg){.type = UPMSG_ENDED, .pid = (uint32_t)pid, .n = (uint64_t)wait_status},
			   NULL, 0);
	return true;
}

/* ---- starting one ------------------------------------------------------------------------ */

int shepherd_find_exe(char *out, size_t cap, struct why *w)
{
	const char *name = (const char *)getauxval(AT_EXECFN); // NOLINT
	struct wr path = wr_of(out, cap - 1);
	ssize_t n;

	if (name == NULL || strncmp(name, "/dev/fd/", 8) == 0 || strncmp(name, "/proc/", 6) == 0) {
		n = readlink("/proc/self/exe", out, cap - 1);
		if (n <= 0)
			return why_sys(w, errno, "where zt was started from is not known");
		out[n] = 0;
		return 0;
	}
	if (name[0] != '/') {
		if (getcwd(out, cap) == NULL)
			return why_sys(w, errno, "where zt was started from is not known");
		path.n = strlen(out);
		wr_u8(&path, '/');
	}
	wr_str(&path, name);
	if (path.full)
		return why_set(w, ZT_E_TOOLONG, "the path of zt is too long");
	out[path.n] = 0;
	return 0;
}

/* Known by its error only: who has no place in its directory, a half-copied file, another machine's. */
static const char *exec_advice(int sys)
{
	static const struct {
		int sys;
		const char *advice;
	} known[] = {
		{ETXTBSY, ": it is being written; put the new file in its place with mv, not with cp"},
		{ENOEXEC, ": it is no program of this machine, or only a part of one"},
		{ENOENT, ": there is no such file, or the loader that it names is missing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].sys == sys)
			return known[i].advice;
	return "";
}

static _Noreturn void become_heir(const struct shepherd *sh, int line, int own_line, pid_t parent)
{
	char *argv[SHEPHERD_ARGS + 2], option[] = HEIR_OPTION, text[480];
	int high[2] = {fcntl(line, F_DUPFD_CLOEXEC, HEIR_FD_SHEPHERD + 1), fcntl(own_line, F_DUPFD_CLOEXEC, HEIR_FD_SHEPHERD + 1)};
	sigset_t none;
	size_t n = 0;

	while (n < SHEPHERD_ARGS && sh->argv[n]) {
		argv[n] = sh->argv[n];
		n++;
	}
	argv[n++] = option;
	argv[n] = NULL;
	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || high[0] < 0 || high[1] < 0 || dup2(high[0], HEIR_FD_LINE) < 0 ||
	    dup2(high[1], HEIR_FD_SHEPHERD) < 0)
		_exit(EXIT_ZT_FAILED);
	spawn_close_strays(HEIR_FD_SHEPHERD + 1);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(sh->exe, argv, environ);
	snprintf(text, sizeof text, "%s cannot be run: %s%s", sh->exe, strerror(errno), exec_advice(errno));
	upmsg_send(HEIR_FD_LINE, &(struct upmsg){.type = UPMSG_REFUSED, .n = EXIT_ZT_FAILED, .text = span_str(text)}, NULL, 0);
	_exit(EXIT_ZT_FAILED);
}

static void answer_spawn(struct sheep *by)
{
	struct why w = {0};
	pid_t pid = 0;
	int fd = shepherd_spawn(by->of, by->pid, &pid, &w);

	upmsg_send(by->fd, &(struct upmsg){.type = UPMSG_SPAWNED, .pid = (uint32_t)pid, .n = fd < 0 ? (uint64_t)-fd : 0,
						.text = span_str(w.text)}, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void heard(struct sheep *s, const struct upmsg *m)
{
	struct shepherd *sh = s->of;
	char text[256];

	switch (m->type) {
	case UPMSG_SPAWN:
		if (s->part == FLOCK_CROWNED)
			answer_spawn(s);
		return;
	case UPMSG_DROP:
		if (s->pid == sh->asker)
			shepherd_drop(sh);
		return;
	case UPMSG_CROWN:
		shepherd_crown(sh, s->pid);
		return;
	case UPMSG_NOTIFY:
		if (s->part != FLOCK_ELDER && span_to_cstr(m->text, text, sizeof text) == 0)
			notify_send(sh->notify, text);
		return;
	case UPMSG_LIVE:
		s->live = m->n;
		if (span_text(m->text, 0) == m->text.n)
			span_to_cstr(m->text, s->version, sizeof s->version);
		tell_elders(sh);
		return;
	case UPMSG_OFFER: case UPMSG_PREPARED: case UPMSG_GO: case UPMSG_STEP: case UPMSG_READY: case UPMSG_REFUSED:
	case UPMSG_SPAWNED: case UPMSG_ENDED: case UPMSG_ELDERS: case UPMSG_LINK:
		return;
	}
}

void shepherd_link(struct shepherd *sh, enum flock_part to, uint64_t n, const int *fd)
{
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part == to)
			upmsg_send(sh->sheep[i].fd, &(struct upmsg){.type = UPMSG_LINK, .n = n}, fd, fd ? 1 : 0);
}

static void heard_link(struct sheep *s, uint64_t n, const int *fds, size_t nfds)
{
	struct shepherd *sh = s->of;

	if (s->part == FLOCK_ELDER && nfds == 1)
		shepherd_link(sh, FLOCK_CROWNED, n, fds);
	if (s->part != FLOCK_CROWNED || nfds)
		return;
	shepherd_link(sh, FLOCK_ELDER, 0, NULL);
	if (sh->own && sh->linked)
		sh->linked(sh);
}

static void line_ready(struct source *src, unsigned events)
{
	struct sheep *s = CONTAINER_OF(src, struct sheep, line);
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m;
	size_t nfds;

	(void)events;
	rc = upmsg_hear(src->fd, mem, &m, fds, &nfds);
	if (rc > 0 && m.type == UPMSG_LINK)
		heard_link(s, m.n, fds, nfds);
	upmsg_drop(fds, nfds);
	if (rc > 0)
		heard(s, &m);
	else if (rc == -ZT_E_CLOSED) {
		loop_close(src); /* it is dying; SIGCHLD follows */
		s->fd = -1;      /* the number may be somebody else's before that */
	}
}

static const struct source_class line_class = {"supervisor", loop_wants_in, line_ready, NULL};

int shepherd_take(struct shepherd *sh, struct sheep *s, enum flock_part part, pid_t pid, int fd)
{
	int rc;

	*s = (struct sheep){.line = {.cls = &line_class, .fd = fd}, .of = sh, .fd = fd, .pid = pid, .part = part};
	rc = loop_add(sh->loop, &s->line);
	if (rc < 0) {
		s->part = FLOCK_NOBODY;
		close(fd);
	}
	return rc;
}

/* A place is free from the turn on after its line was closed. */
static struct sheep *free_place(struct shepherd *sh)
{
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part == FLOCK_NOBODY && loop_closed(&sh->sheep[i].line) && sh->sheep[i].line.listed == 0)
			return &sh->sheep[i];
	return NULL;
}

static int make_lines(int line[2], int own[2], struct why *w)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, line) < 0)
		return why_sys(w, errno, "cannot make the line to a successor");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, own) == 0)
		return 0;
	why_sys(w, errno, "cannot make the line to a successor");
	close(line[0]);
	close(line[1]);
	return -(int)w->err;
}

int shepherd_spawn(struct shepherd *sh, pid_t asker, pid_t *pid, struct why *w)
{
	struct sheep *s = find(sh, FLOCK_CANDIDATE) ? NULL : free_place(sh);
	pid_t self = getpid();
	int line[2] = {-1, -1}, own[2] = {-1, -1};

	if (s == NULL)
		return why_set(w, ZT_E_AGAIN, "an earlier successor is still ending; try again");
	if (make_lines(line, own, w) < 0)
		return -(int)w->err;
	*pid = fork();
	if (*pid == 0)
		become_heir(sh, line[1], own[1], self);
	if (*pid < 0)
		why_sys(w, errno, "cannot fork a successor");
	close(line[1]);
	close(own[1]);
	if (*pid < 0) {
		close(own[0]);
	} else if (shepherd_take(sh, s, FLOCK_CANDIDATE, *pid, own[0]) == 0) {
		sh->asker = asker;
		sh->dropped = false;
		return line[0];
	} else { /* nobody knows it: it ends by itself, without a line to live on */
		why_set(w, ZT_E_NOMEM, "no memory for a successor");
		kill(*pid, SIGKILL);
	}
	close(line[0]);
	return -(int)w->err;
}

void shepherd_keep(struct shepherd *sh)
{
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		sh->sheep[i].line.keep_fd = true;
}
