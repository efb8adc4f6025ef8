/*
 * killat: ends one process of several at its n-th system call, exactly there: strace counts for every
 * process at once, and whichever is first at "the third read" is hit.
 *
 *   killat REPORT [-p PID]… [-k PROC CALL] -- COMMAND [ARG…]
 *
 * The processes are numbered: every PID in its order, then the command (its calls count from its execve), then what
 * the command starts, in the order of its making, and what those start. Without -k nobody is killed.
 * SIGKILL arrives when the call is entered: it has not happened, and everything before it has. When all
 * but the PIDs have ended, those go on as they were and REPORT says:
 *
 *   proc NUMBER calls COUNT        for each
 *   killed PROC CALL NR            NR: the number of the system call, as the kernel counts
 *   code CODE                      of the command, 128 and the signal when a signal ended it
 *
 * Exit 0, or 2 with words on standard error when something here did not work.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"

#define PROCS 64
#define GUARD_S 120 /* a hang here is a failure there */

#define OPTS_ALONE PTRACE_O_TRACESYSGOOD
#define OPTS_FAMILY (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

struct proc {
	pid_t pid;
	unsigned calls;
	bool counts, gone;
};

static struct {
	struct proc proc[PROCS];
	size_t n, outside; /* all; those that were there before */
	long victim;       /* < 0: nobody */
	unsigned at;
	bool killed;
	uint64_t nr;
	int code;
} all = {.victim = -1, .code = -1};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct proc *find(pid_t pid)
{
	for (size_t i = 0; i < all.n; i++)
		if (all.proc[i].pid == pid && !all.proc[i].gone)
			return &all.proc[i];
	return NULL;
}

static struct proc *add(pid_t pid, bool counts)
{
	if (all.n == PROCS) {
		errno = E2BIG;
		die("more processes than there is room for");
	}
	all.proc[all.n] = (struct proc){.pid = pid, .counts = counts};
	return &all.proc[all.n++];
}

static void seize(pid_t pid, unsigned long opts)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, opts) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("cannot trace");
}

static void entered(struct proc *p)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	p->counts |= info.entry.nr == SYS_execve;
	if (!p->counts || ++p->calls != all.at || p - all.proc != all.victim || all.killed)
		return;
	all.killed = true;
	all.nr = info.entry.nr;
	if (kill(p->pid, SIGKILL) < 0)
		die("cannot kill");
}

static void stopped(struct proc *p, int status)
{
	unsigned event = (unsigned)status >> 16, sig = (unsigned)WSTOPSIG(status);
	bool stays = event == PTRACE_EVENT_STOP && sig != SIGTRAP; /* stopped by a signal, and to stay so */

	if (event || sig == (SIGTRAP | 0x80)) {
		if (event == 0)
			entered(p);
		sig = 0;
	}
	/* It may be dead by now. (The C libraries differ about the type of the first argument.) */
	if (stays)
		ptrace(PTRACE_LISTEN, p->pid, 0, sig);
	else
		ptrace(PTRACE_SYSCALL, p->pid, 0, sig);
}

static size_t left(void)
{
	size_t n = 0;

	for (size_t i = all.outside; i < all.n; i++)
		n += !all.proc[i].gone;
	return n;
}

static void ended(struct proc *p, int status)
{
	p->gone = true;
	if (p == &all.proc[all.outside])
		all.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void watch(void)
{
	while (left()) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		struct proc *p;

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			die("cannot wait");
		p = find(pid);
		if (p == NULL && WIFSTOPPED(status))
			p = add(pid, true); /* a child, whose first stop is before any call */
		if (p && WIFSTOPPED(status))
			stopped(p, status);
		else if (p)
			ended(p, status);
	}
}

static void start(char **argv)
{
	int gate[2];
	pid_t pid;
	char go;

	if (pipe(gate) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &go, 1) < 0) /* until it is traced */
			_exit(126);
		close(gate[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	add(pid, false);
	seize(pid, OPTS_FAMILY);
	close(gate[0]);
	close(gate[1]);
}

static void report(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die(path);
	for (size_t i = 0; i < all.n; i++)
		fprintf(f, "proc %zu calls %u\n", i, all.proc[i].calls);
	if (all.killed)
		fprintf(f, "killed %ld %u %llu\n", all.victim, all.at, (unsigned long long)all.nr);
	fprintf(f, "code %d\n", all.code);
	if (fclose(f) != 0)
		die(path);
}

static uint64_t number(const char *text)
{
	uint64_t n;

	if (text == NULL || span_u64(span_str(text), 1u << 30, &n) < 0) {
		errno = EINVAL;
		die("a number is wanted");
	}
	return n;
}

int main(int argc, char **argv)
{
	int i = 2;

	alarm(GUARD_S);
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "-p") == 0) {
			add((pid_t)number(argv[++i]), true);
		} else if (strcmp(argv[i], "-k") == 0 && i + 2 < argc) {
			all.victim = (long)number(argv[++i]);
			all.at = (unsigned)number(argv[++i]);
		} else {
			break;
		}
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		fputs("usage: killat REPORT [-p PID]... [-k PROC CALL] -- COMMAND [ARG...]\n", stderr);
		return 2;
	}
	all.outside = all.n;
	for (size_t k = 0; k < all.n; k++)
		seize(all.proc[k].pid, OPTS_ALONE);
	start(argv + i + 1);
	watch();
	report(argv[1]);
	return 0;
}
