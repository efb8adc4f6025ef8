/* shepherd_alone: see shepherd_alone.h. Its flock is on its command line, its lines are inherited: there is nothing else
 * that it knows. */
#include "shepherd_alone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "shepherd.h"
#include "sigs.h"

extern char **environ;

#define PLACE 48 /* of one member, in words: "pid:fd:part:since" */

int shepherd_become(struct shepherd *sh, int exe_fd)
{
	char words[ARRAY_LEN(sh->sheep)][PLACE], arg0[] = "zt", arg1[] = "--shepherd", dashes[] = "--";
	char *argv[ARRAY_LEN(sh->sheep) + SHEPHERD_ARGS + 6] = {arg0, arg1};
	size_t n = 2;

	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++) {
		const struct sheep *s = &sh->sheep[i];

		if (s->part == FLOCK_CROWNED && s->fd < 0) /* it is dying, and nobody would know how */
			return -ZT_E_CLOSED;
		if (s->part == FLOCK_NOBODY || s->fd < 0)
			continue;
		if (s->part == FLOCK_CANDIDATE && sh->dropped)
			kill(s->pid, SIGKILL); /* its mercy ends with the timer */
		snprintf(words[i], PLACE, "%ld:%d:%d:%u", (long)s->pid, s->fd, (int)s->part, (unsigned)s->since);
		fcntl(s->fd, F_SETFD, 0);
		argv[n++] = words[i];
	}
	argv[n++] = dashes;
	argv[n++] = (char *)(uintptr_t)sh->exe;
	for (size_t i = 0; i < SHEPHERD_ARGS && sh->argv[i]; i++)
		argv[n++] = sh->argv[i];
	syscall(SYS_execveat, exe_fd, "", argv, environ, AT_EMPTY_PATH);
	for (size_t i = 0; i < ARRAY_LEN(sh->sheep); i++)
		if (sh->sheep[i].part != FLOCK_NOBODY)
			fcntl(sh->sheep[i].fd, F_SETFD, FD_CLOEXEC);
	return -(int)err_from_errno(errno);
}

struct alone {
	struct shepherd sh;
	struct sigs sigs;
	struct notify notify;
	bool ends;
	int code;
};

static void on_over(struct shepherd *sh, int wait_status)
{
	struct alone *a = CONTAINER_OF(sh, struct alone, sh);

	a->code = shepherd_over(sh, wait_status, &a->ends);
}

static void on_lost(struct shepherd *sh, int wait_status)
{
	(void)sh;
	(void)wait_status;
}

static void reap(struct alone *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		shepherd_reaped(&a->sh, pid, status);
	for (size_t i = 0; i < ARRAY_LEN(a->sh.sheep); i++)
		if (a->sh.sheep[i].part != FLOCK_NOBODY)
			return;
	loop_stop(a->sh.loop);
}

static void on_signal(struct sigs *g, int signo)
{
	struct alone *a = CONTAINER_OF(g, struct alone, sigs);

	if (signo == SIGCHLD) {
		reap(a);
		return;
	}
	a->ends |= signo == SIGTERM || signo == SIGINT;
	shepherd_signal(&a->sh, signo);
}

static int read_place(struct alone *a, const char *word, struct sheep *s)
{
	uint64_t v[4];
	struct span part, rest = span_str(word);
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		span_cut(rest, ':', &part, &rest);
		if (span_u64(part, INT32_MAX, &v[i]) < 0)
			return -ZT_E_USAGE;
	}
	if (v[2] == FLOCK_NOBODY || v[2] > FLOCK_ELDER || fcntl((int)v[1], F_SETFD, FD_CLOEXEC) < 0)
		return -ZT_E_USAGE;
	if (v[2] == FLOCK_CROWNED)
		a->sh.asker = (pid_t)v[0]; /* nobody else asks, and it may have done so already */
	a->sh.crowned = v[3] >= a->sh.crowned ? v[3] + 1 : a->sh.crowned;
	rc = shepherd_take(&a->sh, s, (enum flock_part)v[2], (pid_t)v[0], (int)v[1]);
	s->since = v[3];
	return rc;
}

int shepherd_main(int argc, char **argv)
{
	struct alone a = {.sh = {.notify = &a.notify, .over = on_over, .lost = on_lost}, .code = EXIT_ZT_FAILED};
	size_t places = 0;
	int i = 2, rc = loop_open(&a.sh.loop, LOOP_BEST, &clock_real);

	notify_open(&a.notify);
	for (; rc == 0 && i < argc && strcmp(argv[i], "--") != 0; i++)
		rc = places < ARRAY_LEN(a.sh.sheep) ? read_place(&a, argv[i], &a.sh.sheep[places++]) : -ZT_E_USAGE;
	if (rc < 0 || i + 2 >= argc)
		return EXIT_ZT_USAGE; /* it is for zt's own supervisor */
	a.sh.exe = argv[i + 1];
	a.sh.argv = &argv[i + 2];
	rc = sigs_open(&a.sigs, a.sh.loop, on_signal);
	if (rc == 0) {
		shepherd_live(&a.sh, false, 0); /* this process is none any more */
		raise(SIGCHLD); /* somebody may have ended while there was nobody to be told, and sigs_open() forgets that */
		loop_run(a.sh.loop);
	}
	loop_free(a.sh.loop);
	return a.code;
}
