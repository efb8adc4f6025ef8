/* A flock of shells that do nothing: who is started, crowned, ended, and told what. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/shepherd.h"
#include "io/shepherd_alone.h"

static struct {
	struct shepherd sh;
	struct notify notify;
	int lost, over, crowded, linked;
} t;

static void on_lost(struct shepherd *sh, int status) { (void)sh; t.lost = status; }
static void on_over(struct shepherd *sh, int status) { (void)sh; t.over = status; }
static void on_crowded(struct shepherd *sh) { (void)sh; t.crowded++; }

static void on_linked(struct shepherd *sh) { (void)sh; t.linked++; }

/* argv[0] for the program, then a script; HEIR_OPTION becomes its $0. */
static void begin(const char *exe, char *script)
{
	static char sh[] = "sh", c[] = "-c";
	static char *argv[4];

	argv[0] = sh;
	argv[1] = c;
	argv[2] = script;
	memset(&t, 0, sizeof t);
	t.notify.fd = -1;
	t.lost = t.over = -1;
	t.sh = (struct shepherd){.notify = &t.notify, .exe = exe, .argv = argv, .lost = on_lost, .over = on_over, .crowded = on_crowded,
				.linked = on_linked};
	CHECK_INT(loop_open(&t.sh.loop, LOOP_BEST, &clock_real), 0);
}

static void finish(void)
{
	shepherd_signal(&t.sh, SIGTERM);
	for (int status; waitpid(-1, &status, 0) > 0;)
		continue;
	loop_free(t.sh.loop);
}

static char sleeps[] = "exec sleep 100";

static pid_t start(void)
{
	struct why w = {0};
	pid_t pid = 0;
	int fd = shepherd_spawn(&t.sh, getpid(), &pid, &w);

	CHECK(fd >= 0);
	close(fd);
	return pid;
}

static void bury(pid_t pid)
{
	int status = 0;

	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(shepherd_reaped(&t.sh, pid, status));
	loop_turn(t.sh.loop, 0);
}

TEST(there_is_one_candidate)
{
	struct why w = {0};
	pid_t one, two = 0;

	begin("/bin/sh", sleeps);
	one = start();
	CHECK(shepherd_has(&t.sh, FLOCK_CANDIDATE));
	CHECK_INT(shepherd_spawn(&t.sh, getpid(), &two, &w), -ZT_E_AGAIN);
	shepherd_crown(&t.sh, getpid() + 1); /* by somebody who did not ask for it */
	CHECK(!shepherd_has(&t.sh, FLOCK_CROWNED));
	shepherd_drop(&t.sh);
	bury(one);
	CHECK(WIFSIGNALED(t.lost) && WTERMSIG(t.lost) == SIGTERM);
	CHECK(!shepherd_has(&t.sh, FLOCK_CANDIDATE));
	CHECK(!shepherd_reaped(&t.sh, one, 0)); /* it is nobody now */
	start();
	finish();
}

TEST(asking_again_puts_no_end_off)
{
	struct why w = {0};
	pid_t one, two = 0;
	int status = 0;
	uint64_t at;

	begin("/bin/sh", sleeps);
	one = start();
	CHECK_INT(kill(one, SIGSTOP), 0);
	CHECK(waitpid(one, &status, WUNTRACED) == one && WIFSTOPPED(status)); /* before, SIGTERM would end it */
	shepherd_drop(&t.sh);
	at = t.sh.mercy.at;
	loop_turn(t.sh.loop, 1); /* its clock goes on */
	CHECK_INT(shepherd_spawn(&t.sh, getpid(), &two, &w), -ZT_E_AGAIN);
	shepherd_drop(&t.sh);
	CHECK(t.sh.mercy.pos && t.sh.mercy.at == at);
	t.sh.mercy.fire(&t.sh.mercy, at);
	bury(one);
	CHECK(WIFSIGNALED(t.lost) && WTERMSIG(t.lost) == SIGKILL);
	finish();
}

TEST(what_cannot_be_run_says_why)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], fd, status;
	struct why w = {0};
	struct upmsg m;
	pid_t pid;
	size_t n;

	begin("/nowhere/zt", sleeps);
	fd = shepherd_spawn(&t.sh, getpid(), &pid, &w);
	CHECK(fd >= 0);
	waitpid(pid, &status, 0);
	CHECK_INT(upmsg_hear(fd, mem, &m, fds, &n), 1);
	CHECK_INT(m.type, UPMSG_REFUSED);
	CHECK(span_starts(m.text, "/nowhere/zt cannot be run: No such file"));
	shepherd_reaped(&t.sh, pid, status);
	close(fd);
	finish();
}

TEST(the_one_in_charge_ends)
{
	pid_t pid;

	begin("/bin/sh", sleeps);
	pid = start();
	shepherd_crown(&t.sh, getpid());
	shepherd_signal(&t.sh, SIGKILL);
	bury(pid);
	CHECK_INT(t.lost, -1);
	CHECK(WIFSIGNALED(t.over) && WTERMSIG(t.over) == SIGKILL);
	finish();
}

/* It has closed its line, and is not dead yet: what is said to it goes to nobody, whoever has the number by then. */
static char hangs_up[] = "exec 4>&-; exec sleep 100";

TEST(a_line_that_ended_is_written_to_no_more)
{
	char byte;
	int was, pair[2];

	begin("/bin/sh", hangs_up);
	start();
	was = t.sh.sheep[0].fd;
	shepherd_crown(&t.sh, getpid());
	loop_turn(t.sh.loop, 5000);
	CHECK_INT(t.sh.sheep[0].fd, -1);
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	if (pair[0] != was)
		CHECK_INT(dup2(pair[0], was), was);
	shepherd_live(&t.sh, true, 1);
	CHECK_INT(recv(pair[1], &byte, 1, 0), -1);
	CHECK_INT(shepherd_become(&t.sh, -1), -ZT_E_CLOSED); /* who is dying has to be buried first */
	close(pair[0]);
	close(pair[1]);
	if (pair[0] != was)
		close(was);
	finish();
}

/* 24, version 1, least 1: it asks for lines. */
static char asks[] = "printf '\\030\\0\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&4; exec sleep 100";

TEST(who_is_in_charge_asks_for_lines_and_nobody_else)
{
	begin("/bin/sh", asks);
	t.sh.own = true;
	start();
	loop_turn(t.sh.loop, 5000); /* it says so before it is crowned: nobody asked it */
	CHECK_INT(t.linked, 0);
	shepherd_crown(&t.sh, getpid());
	start(); /* and so does this one */
	loop_turn(t.sh.loop, 5000);
	CHECK_INT(t.linked, 0);
	finish();

	begin("/bin/sh", asks);
	t.sh.own = true;
	start();
	shepherd_crown(&t.sh, getpid());
	loop_turn(t.sh.loop, 5000);
	CHECK_INT(t.linked, 1);
	finish();
}

/* 20, version 1, least 1: another one is in charge now. */
static char crowns[] = "printf '\\024\\0\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&4; exec sleep 10";

/* Its successor has just ended: without this nobody would serve, and nobody would know. */
TEST(who_let_go_for_nobody_is_ended)
{
	pid_t pid;

	begin("/bin/sh", crowns);
	pid = start();
	shepherd_crown(&t.sh, getpid());
	t.sh.asker = pid;
	loop_turn(t.sh.loop, 5000);
	bury(pid);
	CHECK(WIFSIGNALED(t.over) && WTERMSIG(t.over) == SIGKILL);
	finish();
}

/* What it is when it is nothing else is on its command line: echo says it. */
TEST(the_oldest_stays_the_oldest)
{
	char got[512] = "", want[64];
	int words[2], echo = open("/bin/echo", O_RDONLY | O_CLOEXEC);
	pid_t pid[4], self;

	begin("/bin/sh", sleeps);
	for (size_t i = 0; i < ARRAY_LEN(pid); i++) {
		pid[i] = start();
		shepherd_crown(&t.sh, getpid());
		if (i == 2) { /* the first one's place is the next one's */
			kill(pid[0], SIGKILL);
			bury(pid[0]);
		}
	}
	CHECK_INT(pipe(words), 0);
	self = fork();
	if (self == 0) {
		dup2(words[1], STDOUT_FILENO);
		_exit(shepherd_become(&t.sh, echo));
	}
	close(words[1]);
	waitpid(self, NULL, 0);
	CHECK(read(words[0], got, sizeof got - 1) > 0);
	for (size_t i = 1; i < 3; i++) {
		snprintf(want, sizeof want, "%ld:%d:%d:%zu", (long)pid[i], t.sh.sheep[i].fd, (int)FLOCK_ELDER, i + 1);
		CHECK(strstr(got, want) != NULL);
	}
	CHECK_INT(t.sh.sheep[0].pid, pid[3]);
	close(words[0]);
	close(echo);
	finish();
}

/* While it executed itself there was nobody to be told. */
TEST(who_ended_before_it_could_be_watched_is_reaped)
{
	char arg0[] = "zt", arg1[] = "--shepherd", place[64], dashes[] = "--", exe[] = "/nowhere/zt", role[] = "echo";
	char *argv[] = {arg0, arg1, place, dashes, exe, role, NULL};
	int line[2], status = 0;
	pid_t self = fork(), one;

	if (self == 0) {
		alarm(60); /* or it would wait for ever */
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, line) < 0)
			_exit(99);
		one = fork();
		if (one == 0)
			_exit(5);
		waitid(P_PID, (id_t)one, &(siginfo_t){0}, WEXITED | WNOWAIT);
		snprintf(place, sizeof place, "%ld:%d:%d:0", (long)one, line[0], (int)FLOCK_CROWNED);
		_exit(shepherd_main((int)ARRAY_LEN(argv) - 1, argv));
	}
	CHECK_INT(waitpid(self, &status, 0), self);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

/* Four that drain, and one more: the oldest is ended, this process first if it is one of them. */
FLOODS(BOUND_ELDERS)
{
	pid_t pid[SHEPHERD_ELDERS + 3];
	int status;

	begin("/bin/sh", sleeps);
	t.sh.own = true;
	for (size_t i = 0; i < ARRAY_LEN(pid); i++) {
		pid[i] = start();
		shepherd_crown(&t.sh, getpid());
		if (i == SHEPHERD_ELDERS) {
			CHECK_INT(t.crowded, 1);
			shepherd_live(&t.sh, false, 0);
		}
		if (i <= SHEPHERD_ELDERS)
			CHECK(waitpid(-1, &status, WNOHANG) == 0);
		else
			bury(pid[i - SHEPHERD_ELDERS - 1]);
	}
	CHECK_INT(t.crowded, 1);
	for (size_t i = 2; i < ARRAY_LEN(pid); i++)
		CHECK_INT(kill(pid[i], 0), 0);
	CHECK_INT(waitpid(-1, &status, WNOHANG), 0);
	finish();
}
