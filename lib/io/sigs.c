/* sigs: the signalfd source of sigs.h. */
#include "sigs.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/num.h"

static const int watched[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};

static void sigs_ready(struct source *src, unsigned events)
{
	struct sigs *s = CONTAINER_OF(src, struct sigs, src);
	struct signalfd_siginfo info;

	(void)events;
	while (!loop_closed(src) && read(src->fd, &info, sizeof info) == (ssize_t)sizeof info) {
		s->from = (pid_t)info.ssi_pid;
		s->got(s, (int)info.ssi_signo);
	}
}

static const struct source_class sigs_class = {"signals", loop_wants_in, sigs_ready, NULL};

int sigs_open(struct sigs *s, struct loop *l, void (*got)(struct sigs *s, int signo))
{
	sigset_t set;
	int rc;

	*s = (struct sigs){.src = {.cls = &sigs_class}, .got = got};
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever started us may have ignored some. Of an ignored SIGCHLD the kernel tells nobody,
	 * and it reaps the children itself. Blocked first: the default of most is death. */
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		signal(watched[i], SIG_DFL);
	s->src.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->src.fd < 0)
		return -(int)err_from_errno(errno);
	rc = loop_add(l, &s->src);
	if (rc < 0)
		close(s->src.fd);
	return rc;
}

void sigs_for_child(void)
{
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		signal(watched[i], watched[i] == SIGCHLD ? SIG_DFL : SIG_IGN);
	signal(SIGPIPE, SIG_IGN); /* a write to a closed pipe is an errno, never a death */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
