/* Signals as bytes: each is told once, whatever the process inherited. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/sigs.h"

static const int all[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};

struct ears {
	struct sigs sigs;
	uint32_t heard;
	bool by_another; /* somebody else than this process sent one */
};

static void on_signal(struct sigs *s, int signo)
{
	struct ears *e = CONTAINER_OF(s, struct ears, sigs);

	e->heard |= 1u << signo;
	e->by_another |= s->from != getpid();
}

/* In a process of its own, which may then do as it likes with its signals. */
static bool child_says_yes(bool (*fn)(void))
{
	int status = 1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(fn() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool hears_all(void)
{
	struct ears e = {.heard = 0};
	struct loop *l;
	uint32_t want = 0;

	if (loop_open(&l, LOOP_BEST, &clock_real) < 0 || sigs_open(&e.sigs, l, on_signal) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		want |= 1u << all[i];
		kill(getpid(), all[i]);
		kill(getpid(), all[i]); /* twice is once */
	}
	kill(getpid(), SIGPIPE); /* ignored */
	loop_turn(l, 1000);
	loop_free(l);
	return e.heard == want && !e.by_another;
}

static bool hears_a_death(void)
{
	struct ears e = {.heard = 0};
	struct loop *l;
	int status;
	pid_t kid;

	signal(SIGCHLD, SIG_IGN);
	if (loop_open(&l, LOOP_BEST, &clock_real) < 0 || sigs_open(&e.sigs, l, on_signal) < 0)
		return false;
	kid = fork();
	if (kid == 0)
		_exit(3);
	while (e.heard == 0 && loop_turn(l, 10000) == 0)
		continue;
	loop_free(l);
	return e.heard == 1u << SIGCHLD && waitpid(kid, &status, WNOHANG) == kid && WEXITSTATUS(status) == 3;
}

static bool hears_what_was_ignored(void)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		signal(all[i], SIG_IGN);
	return hears_all();
}

static bool hears_what_was_blocked(void)
{
	sigset_t full;

	sigfillset(&full);
	sigprocmask(SIG_SETMASK, &full, NULL);
	return hears_all();
}

static bool child_starts_clean(void)
{
	struct ears e = {.heard = 0};
	struct sigaction now;
	struct loop *l;
	sigset_t mask;

	if (loop_open(&l, LOOP_BEST, &clock_real) < 0 || sigs_open(&e.sigs, l, on_signal) < 0)
		return false;
	sigs_for_child();
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int s = 1; s < 32; s++)
		if (sigismember(&mask, s))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		sigaction(all[i], NULL, &now);
		if (now.sa_handler != (all[i] == SIGCHLD ? SIG_DFL : SIG_IGN))
			return false;
	}
	kill(getpid(), SIGTERM); /* is for the supervisor */
	return true;
}

TEST(every_watched_signal_is_told) { CHECK(child_says_yes(hears_all)); }
TEST(an_inherited_ignore_hides_nothing) { CHECK(child_says_yes(hears_what_was_ignored)); }
TEST(an_ignored_sigchld_loses_no_child) { CHECK(child_says_yes(hears_a_death)); }
TEST(an_inherited_mask_hides_nothing) { CHECK(child_says_yes(hears_what_was_blocked)); }
TEST(a_child_begins_without_mask_and_deaf_to_its_group) { CHECK(child_says_yes(child_starts_clean)); }
