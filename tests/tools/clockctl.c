/*
 * clockctl: the time of a program that is linked with tests/clock/hidden.c (build/clock/zt).
 *
 *   clockctl PROGRAM new              makes PROGRAM.hidden-clock; before the program starts
 *   clockctl PROGRAM wall SECONDS     moves the wall clock of all its processes, forwards or (-) back
 *   clockctl PROGRAM mono SECONDS     the monotonic clock: forwards only
 *   clockctl PROGRAM both SECONDS     both
 *   clockctl PROGRAM run SECONDS STEP_MS
 *           both, in steps, each as soon as every process has nothing left to do from the one before: as much time as
 *           was asked for goes by, as fast as the machine can, and nobody misses a deadline for want of a processor
 *
 * Exit 0; 2 with words when it did not work, or when a process does not come to rest within GUARD_S.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/clock/hidden.h"

#define GUARD_S 30
#define REST 2 /* waits in vain: what the first one's timers send is seen by another's second */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "clockctl: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct hidden *map(const char *path, bool fresh)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (fresh ? O_CREAT | O_TRUNC : 0), 0666);
	struct hidden *p;

	if (fd < 0 || (fresh && (fchmod(fd, 0666) < 0 || ftruncate(fd, sizeof *p) < 0)))
		die(path);
	p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	close(fd);
	if (fresh)
		p->magic = HIDDEN_MAGIC;
	return p;
}

static bool lives(struct hidden *h, size_t i)
{
	int pid = h->slot[i].pid;

	if (pid && kill(pid, 0) < 0 && errno == ESRCH)
		h->slot[i].pid = 0;
	return h->slot[i].pid != 0;
}

/* Has every process that lives found nothing to do, REST times, with nothing done by anybody meanwhile? */
static void wait_for_rest(struct hidden *h)
{
	uint64_t seen[HIDDEN_SLOTS], active = 0, end = clock_mono(&clock_real) + GUARD_S * NS_PER_S;
	bool begun = false, rest = false;

	while (!rest) {
		const struct timespec nap = {0, 200000};

		if (!begun || active != h->active) {
			active = h->active;
			for (size_t i = 0; i < HIDDEN_SLOTS; i++)
				seen[i] = h->slot[i].idle;
			begun = true;
		}
		nanosleep(&nap, NULL);
		rest = true;
		for (size_t i = 0; i < HIDDEN_SLOTS; i++)
			rest = rest && (h->slot[i].idle >= seen[i] + REST || !lives(h, i));
		rest = rest && active == h->active;
		if (clock_mono(&clock_real) > end) {
			errno = ETIMEDOUT;
			die("no rest");
		}
	}
}

static void run(struct hidden *h, long long seconds, long long step_ms)
{
	if (seconds < 0 || step_ms <= 0) {
		errno = EINVAL;
		die("run");
	}
	for (long long left = seconds * 1000; left > 0; left -= step_ms) {
		long long ns = (left < step_ms ? left : step_ms) * (long long)NS_PER_MS;

		h->mono_ns += ns;
		h->wall_ns += ns;
		wait_for_rest(h);
	}
}

int main(int argc, char **argv)
{
	char path[4096], *end = NULL;
	const char *what = argc > 2 ? argv[2] : "";
	long long seconds = argc > 3 ? strtoll(argv[3], &end, 10) : 0;
	bool fresh = strcmp(what, "new") == 0, wall = strcmp(what, "wall") == 0, mono = strcmp(what, "mono") == 0;
	bool both = strcmp(what, "both") == 0, runs = strcmp(what, "run") == 0 && argc == 5;
	struct hidden *h;

	if (argc < 3 || (!fresh && (argc < 4 || *end || !(wall || mono || both || runs))) || ((mono || both) && seconds < 0)) {
		fputs("usage: clockctl PROGRAM new | wall SECONDS | mono SECONDS | both SECONDS | run SECONDS STEP_MS\n", stderr);
		return 2;
	}
	snprintf(path, sizeof path, "%s.hidden-clock", argv[1]);
	h = map(path, fresh);
	if (runs)
		run(h, seconds, strtoll(argv[4], NULL, 10));
	if (wall || both)
		h->wall_ns += seconds * (long long)NS_PER_S;
	if (mono || both)
		h->mono_ns += seconds * (long long)NS_PER_S;
	if (wall || mono || both)
		wait_for_rest(h);
	return 0;
}
