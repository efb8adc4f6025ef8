/*
 * attempts: what a jailed process tries and must be refused. Every attempt is harmless when
 * it is NOT refused: it looks at a file of its own making, signals with number 0, asks for
 * something invalid after the permission check, or changes only the process that tries,
 * which ends right after. io/probe runs each in a process of its own.
 */
#ifndef ZT_ATTEMPTS_H
#define ZT_ATTEMPTS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "wire/jailrep.h"

/* What attempts are made on; io/probe sets it up outside the jail. Paths are absolute. */
struct attempt_world {
	char own_dir[64];     /* the one directory of the profiles that have one */
	char own_file[80];    /* in it */
	char other_dir[64];   /* beside it, same owner: only a sandbox says no */
	char other_file[80];  /* in it, readable, writable, marked executable */
	pid_t parent;
	const void *parent_word; /* readable memory of the parent */
	int left_open;        /* a pipe that is not on the keep list */
	struct sockaddr_un abstract; /* somebody listens there, outside */
	socklen_t abstract_len;
	struct sockaddr_in tcp; /* somebody listens there, on loopback */
};

#define ATTEMPT_ALLOWED 0  /* else the errno of the refusal, or */
#define ATTEMPT_UNTRIED (-1) /* there was nothing to try it on */

struct attempt {
	const char *name;  /* for tests and JSON */
	const char *words; /* for people: "read a file of somebody else" */
	unsigned profiles; /* those that must be refused it: 1u << profile */
	unsigned layers;   /* those of which any refuses it, where it is on: 1u << layer */
	unsigned unfiltered; /* profiles whose system-call filter has to let it through */
	int (*run)(const struct attempt_world *w);
};

extern const struct attempt attempts[];
extern const size_t attempts_n;

/* The layers that refuse it in this profile. */
unsigned attempt_layers(const struct attempt *a, enum jail_profile p);

#endif
