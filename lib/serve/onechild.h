/*
 * onechild: one jailed child for a command that asks something and ends: started as a supervisor starts
 * it, without restarts and reloads. So no command ever holds a key, an engine or a state file beside its
 * own work.
 */
#ifndef ZT_ONECHILD_H
#define ZT_ONECHILD_H

#include <sys/types.h>

#include "decide/config.h"

#define ONECHILD_EPOCH 1 /* of its configuration */

struct onechild {
	pid_t pid;         /* 0 when not running */
	int orders, words; /* -1 when not running */
};
struct onechild_opts {
	const char *kind;        /* as in main.c's table */
	const char *shown;       /* "handshake process": for sentences */
	unsigned who;            /* which keys of the configuration it gets */
	const struct conf *conf;
	const int *fds;          /* handed over; stay the caller's */
	size_t nfds;
};

/* Starts it and waits until it is jailed and ready. What it refuses comes as its own sentence, with an
 * error of the same exit code as its own. */
int onechild_start(struct onechild *c, const struct onechild_opts *o, struct why *w);
/* A line to it, number as it knows it; type: SOCK_SEQPACKET or SOCK_STREAM. Answers our end, which is
 * non-blocking and CLOEXEC. */
int onechild_link(struct onechild *c, unsigned number, int type, struct why *w);
/* It is told to go, and killed when it does not within wait_ms; 0: killed at once, nothing that it could
 * still have to do matters. Harmless when not running. */
void onechild_stop(struct onechild *c, int wait_ms);

#endif
