/*
 * What one turn of the loop costs while N descriptors are idle and one is ready, for both
 * back ends. Prints a markdown table. Bounded: 2,000 turns a cell.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/loop.h"

#define TURNS 2000
#define ROUNDS 5

static unsigned want_in(const struct source *s)
{
	(void)s;
	return LOOP_IN;
}

static void eat_one(struct source *s, unsigned events)
{
	char c;

	(void)events;
	if (read(s->fd, &c, 1) != 1)
		abort();
}

static const struct source_class idle_class = {"idle", want_in, eat_one, NULL};

static void add(struct loop *l, struct source *s, int *peer)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) < 0) {
		perror("socketpair");
		exit(1);
	}
	*s = (struct source){.cls = &idle_class, .fd = sv[0]};
	*peer = sv[1];
	if (loop_add(l, s) < 0)
		exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Median over ROUNDS of microseconds a turn, the byte that makes it ready included. */
static double cost(enum loop_backend kind, size_t n)
{
	struct source *s = calloc(n + 1, sizeof *s);
	int *peer = calloc(n + 1, sizeof *peer);
	struct loop *l = NULL;
	double us[ROUNDS];

	if (s == NULL || peer == NULL || loop_open(&l, kind, &clock_real) < 0)
		exit(1);
	for (size_t i = 0; i <= n; i++)
		add(l, &s[i], &peer[i]);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t from = clock_mono(&clock_real);

		for (int i = 0; i < TURNS; i++)
			if (write(peer[n / 2], "x", 1) != 1 || loop_turn(l, -1) < 0)
				exit(1);
		us[r] = (double)(clock_mono(&clock_real) - from) / 1000.0 / TURNS;
	}
	qsort(us, ROUNDS, sizeof us[0], by_value);
	loop_free(l);
	for (size_t i = 0; i <= n; i++)
		close(peer[i]);
	free(s);
	free(peer);
	return us[ROUNDS / 2];
}

int main(void)
{
	static const size_t sizes[] = {100, 1000, 9000};
	struct rlimit lim = {20000, 20000};

	setrlimit(RLIMIT_NOFILE, &lim);
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur < 18100) {
		fprintf(stderr, "needs 18,100 descriptors, has %lu\n", (unsigned long)lim.rlim_cur);
		return 1;
	}
	printf("| idle descriptors | epoll, us a turn | poll(), us a turn | poll / epoll |\n|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		double e = cost(LOOP_EPOLL, sizes[i]), p = cost(LOOP_POLL, sizes[i]);

		printf("| %zu | %.2f | %.2f | %.1f |\n", sizes[i], e, p, p / e);
	}
	return 0;
}
