/* unit: the runner behind unit.h. */
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_GUARD_S 300 /* no test waits for time; this only ends one that hangs */

static struct unit_test *first, **last = &first;
static const char *current;
static int failures_here;
static char scratch[64];

void unit_add(struct unit_test *t)
{
	*last = t;
	last = &t->next;
}

void unit_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failures_here++;
	fprintf(stderr, "%s:%d: %s: ", file, line, current);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

const char *unit_tmp(const char *name)
{
	static char path[8][192];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", scratch, name);
	return p;
}

bool unit_dies(void (*fn)(void))
{
	const struct rlimit no_core = {0, 0};
	int status = 0, null;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_WRONLY);
		if (null >= 0)
			dup2(null, STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(HANG_GUARD_S);
		fn();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		unit_fail(__FILE__, __LINE__, "cannot run a child");
		return false;
	}
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	snprintf(scratch, sizeof scratch, "/tmp/zt-unit-XXXXXX");
	if (mkdtemp(scratch) == NULL) {
		perror(scratch);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	for (struct unit_test *t = first; t; t = t->next) {
		if (argc > 1 && strstr(t->name, argv[1]) == NULL)
			continue;
		current = t->name;
		failures_here = 0;
		alarm(HANG_GUARD_S);
		t->run();
		if (failures_here)
			failed++;
		else
			passed++;
	}
	nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	printf("%d passed, %d failed\n", passed, failed);
	return failed || passed == 0;
}
