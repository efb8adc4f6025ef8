/*
 * sigs: signals as readable bytes (signalfd), so that no code ever runs in a handler.
 * SIGPIPE is ignored. The mask is inherited by exec: a child clears it first.
 */
#ifndef ZT_SIGS_H
#define ZT_SIGS_H

#include <sys/types.h>

#include "loop.h"

struct sigs {
	struct source src;
	pid_t from; /* who sent what got() is told of; 0: the kernel, or somebody outside of our namespace */
	void (*got)(struct sigs *s, int signo);
};

/* Block and watch HUP, INT, TERM, USR1, USR2, CHLD, ignored by our parent or not. */
int sigs_open(struct sigs *s, struct loop *l, void (*got)(struct sigs *s, int signo));
/* For a forked child before exec: nothing is blocked, and what is meant for the supervisor is
 * ignored. A service manager or a terminal signals the whole group; a worker that obeyed
 * would cut what it should drain. Orders come through its channel, the end by SIGKILL. */
void sigs_for_child(void);

#endif
