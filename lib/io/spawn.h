/*
 * spawn: starts one jailed child: this very executable again, through a descriptor opened at
 * start (an upgrade on disk cannot mix versions), with an empty environment and descriptors
 * at fixed numbers:
 *   0, 1 /dev/null   2 log   3 orders   4 words   5 config (sealed memfd)   6... as given
 */
#ifndef ZT_SPAWN_H
#define ZT_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

enum { CHILD_FD_LOG = 2, CHILD_FD_ORDERS, CHILD_FD_WORDS, CHILD_FD_CONF, CHILD_FD_FIRST };

/* CLOEXEC descriptor of the running program, or -ZT_E_…. */
int spawn_self(struct why *w);

/* Text in memory that nobody can change any more. Answers the descriptor or -ZT_E_…. */
int sealed_text(struct span text, struct why *w);
/* The text of such a descriptor, read into a fresh malloc()ed block that *mem owns. Refuses
 * anything that is not sealed, or longer than cap. */
int sealed_read(int fd, size_t cap, struct span *out, void **mem, struct why *w);

#define SPAWN_LIFE 40
struct spawn_req {
	int exe_fd;
	const char *kind;  /* "echo-worker": picks the entry in main.c's table */
	struct span conf;
	int log_fd;
	const int *fds;    /* handed over as 6, 7, …; stay open here */
	size_t nfds;
	uint32_t epoch;    /* of conf */
	unsigned index;    /* which of its kind */
	const char *life;  /* io/child's told_life(), at most SPAWN_LIFE with its end; NULL: nothing is told */
};
struct spawned {
	pid_t pid;
	int orders, words; /* the supervisor's ends, io/chan */
};
int spawn_child(const struct spawn_req *r, struct spawned *out, struct why *w);

/* In a forked process before exec: every descriptor from this one on is closed by exec. */
void spawn_close_strays(int from);

#endif
