/*
 * jailed: for tests that look at a process in its jail. Each case runs in a child; its exit
 * code is the step that failed, 0 = none.
 */
#ifndef ZT_TEST_JAILED_H
#define ZT_TEST_JAILED_H

#include "tests/unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "io/sandbox.h"

#define NOBODY 65534
#define JAIL_FAILED 200
#define STEP(cond)                                                                                 \
	do {                                                                                      \
		step++;                                                                           \
		if (!(cond))                                                                      \
			return step;                                                              \
	} while (0)

static inline bool is_root(void)
{
	return geteuid() == 0;
}

/* A jail as the supervisor would ask for it; root gives itself up where it can. */
static inline struct jail_opts jail_for(enum jail_profile p, const int *keep, size_t n, int dir_fd)
{
	bool drop = is_root() && p != JAIL_SUPERVISOR;

	return (struct jail_opts){.profile = p, .keep = keep, .keep_n = n, .dir_fd = dir_fd,
				  .uid = drop ? NOBODY : 0, .gid = drop ? NOBODY : 0};
}

struct given {
	const int *fd; /* what was opened before the jail */
	struct jail_report report;
};

static inline int in_jail(const struct jail_opts *o, int (*body)(struct given *))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct given g = {.fd = o->keep};

		alarm(60);
		_exit(jail_enter(o, &g.report, NULL) < 0 ? JAIL_FAILED : body(&g));
	}
	waitpid(pid, &status, 0);
	return status;
}

/* The filter's part cannot be seen in a sanitizer build or where the kernel has no filters. */
static inline int filter_is_on(struct given *g)
{
	return g->report.layer[JAIL_L_SECCOMP].state == JAIL_ON;
}
static inline bool filtered(void)
{
	struct jail_opts o = jail_for(JAIL_WORKER, NULL, 0, -1);

	return WEXITSTATUS(in_jail(&o, filter_is_on)) == 1;
}

static inline void check_exit(int status, const char *what)
{
	char text[128];

	jail_death_text(status, text, sizeof text);
	if (status != 0)
		unit_fail(__FILE__, __LINE__, "%s: %s", what, text);
}

#endif
