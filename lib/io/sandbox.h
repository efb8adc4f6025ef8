/*
 * sandbox: puts the calling process into the jail of its profile, for good, and says what the
 * kernel granted. docs/sandbox.md lists the profiles, the layers and what is lost without
 * each. Call it after everything is opened and before the first byte of a peer is read, in a
 * process with one thread.
 *
 * A layer that the kernel does not have is a line in the report, never a failure: whether
 * that is good enough is jail_missing()'s question (require_sandbox = true). An error means
 * that the caller asked for something impossible, or that root could not be given up although
 * another user was named: such a process must end.
 *
 * After it, prctl() and setrlimit() are gone, and a changed user has cleared the
 * parent-death signal: whatever needs those comes before.
 */
#ifndef ZT_SANDBOX_H
#define ZT_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire/jailrep.h"

#define JAIL_KEEP_MAX 128 /* CHAN descriptors (32), listeners (16), a loop's own, and room */

struct jail_opts {
	enum jail_profile profile;
	uid_t uid; /* 0 = keep; else become it (needs root) */
	gid_t gid; /* goes with uid */
	/* Descriptors that stay open; 0, 1 and 2 always do, because a number below 3 that is
	 * free would be given to the next socket, and messages for stderr would go there. */
	const int *keep;
	size_t keep_n;
	int dir_fd; /* JAIL_LOGD, _STATE, _SIGN, _KEEPER: their directory (O_PATH will do). Others: -1 */
	/* JAIL_WORKER, _STATE, _KEEPER: the only TCP ports to connect to; none = any. */
	const uint16_t *connect_ports;
	size_t connect_ports_n;
	bool dies_with_parent; /* killed when whoever started it ends: the kernel forgets that with a change of user */
	bool off;         /* insecure_no_sandbox: nothing at all is put on, the report says so */
	bool seccomp_log; /* development: forbidden calls are logged by the kernel, not killed */
};

/* 0; -ZT_E_USAGE, -ZT_E_RANGE (too many descriptors), -ZT_E_PERM (cannot become that user).
 * *out is filled in either way. */
int jail_enter(const struct jail_opts *o, struct jail_report *out, struct why *why);

/* 0 when every layer that the profile demands is on; else -ZT_E_SANDBOX and *why lists what
 * is missing and why. A layer is wanted when the profile uses it, and demanded when nothing
 * else of the profile refuses what it refuses (files: demanded everywhere, two walls). */
int jail_missing(const struct jail_report *r, struct why *why);
bool jail_wants(enum jail_profile p, enum jail_layer l);
bool jail_demands(enum jail_profile p, enum jail_layer l);
bool jail_has_dir(enum jail_profile p);

/* "worker: on no-core, user, ...; absent landlock-tcp (...)" for one log line. */
void jail_summary(struct wr *w, const struct jail_report *r);

/* What a child's wait status means, as a sentence without a full stop; always terminated. */
void jail_death_text(int wait_status, char *out, size_t cap);
/* True when the kernel ended it for a forbidden system call: worth an alarm. */
bool jail_death_is_breach(int wait_status);

#endif
