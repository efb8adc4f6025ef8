/*
 * faultkit: what l4relay and tunrelay share: commands that come through a FIFO, random numbers from a seed, timers that
 * cannot fail. For programs of tests/tools only: whatever goes wrong ends the process.
 */
#ifndef ZT_TESTS_FAULTKIT_H
#define ZT_TESTS_FAULTKIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/span.h"
#include "base/timers.h"

static inline _Noreturn void fault_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static inline void *fault_alloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		fault_die("no memory");
	return p;
}

static inline void fault_timer(struct timers *ts, struct timer *t, uint64_t at)
{
	if (!timers_set(ts, t, at))
		fault_die("no memory");
}

/* Bits enough for faults, the same ones for the same seed. */
static inline uint64_t fault_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static inline bool fault_number(const char *text, uint64_t *out)
{
	return span_u64(span_str(text), UINT32_MAX, out) >= 0;
}

static inline void fault_arm(int timerfd, uint64_t at_ns)
{
	struct itimerspec when = {.it_value = {(time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S)}};

	if (timerfd_settime(timerfd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		fault_die("timerfd_settime");
}

static inline int fault_fifo(const char *path)
{
	int fd;

	if (mkfifo(path, 0600) < 0 && errno != EEXIST)
		fault_die(path);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* read and write: who writes may come and go */
	if (fd < 0)
		fault_die(path);
	return fd;
}

typedef bool fault_obey(char **word, int n);

/* One command; says what became of it. */
static inline void fault_line(const char *line, fault_obey *obey)
{
	static unsigned number;
	char copy[256], *word[8], *rest = copy;
	int n = 0;
	bool good;

	snprintf(copy, sizeof copy, "%s", line);
	while (n < 8 && (word[n] = strsep(&rest, " \t")) != NULL)
		n += word[n][0] != 0;
	if (n == 0)
		return;
	good = n < 8 && obey(word, n);
	printf("%s %u: %s\n", good ? "did" : "bad", ++number, line);
	fflush(stdout);
}

static inline void fault_commands(int fifo, fault_obey *obey)
{
	static char text[4096]; /* a write of one line is whole (PIPE_BUF), but a read may end inside one */
	static size_t have;
	ssize_t n = read(fifo, text + have, sizeof text - 1 - have);
	char *line = text, *end;

	if (n <= 0)
		return;
	have += (size_t)n;
	text[have] = 0;
	while ((end = strchr(line, '\n')) != NULL) {
		*end = 0;
		fault_line(line, obey);
		line = end + 1;
	}
	have = strlen(line);
	memmove(text, line, have + 1);
	if (have == sizeof text - 1) /* not ours */
		have = 0;
}

#endif
