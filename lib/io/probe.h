/*
 * probe: finds out what a jail really refuses. Each attempt of io/attempts runs in a process
 * of its own, forked, jailed and watched to its end, because a forbidden system call ends it.
 * Owns a scratch directory and two listeners for as long as it is open; leaves nothing.
 *
 * The caller must not have threads, and must not be jailed more than its children will be.
 */
#ifndef ZT_PROBE_H
#define ZT_PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "attempts.h"

struct probe {
	struct attempt_world world;
	char dir[48];      /* the scratch directory, "" when there is none */
	int own_dir_fd, abstract_fd, tcp_fd;
	uid_t uid;         /* whom the children become; 0 = nobody else */
	gid_t gid;
	bool off;          /* children put nothing on: what a probe that finds fault looks like */
};

/* uid, gid: as in jail_opts; they need root. 0 or an error with *why. */
int probe_open(struct probe *p, uid_t uid, gid_t gid, bool off, struct why *why);
void probe_close(struct probe *p);

/* A child enters the jail and sends its report home. */
int probe_report(const struct probe *p, enum jail_profile profile, struct jail_report *out, struct why *why);

enum probe_outcome {
	PROBE_REFUSED, /* with an errno */
	PROBE_KILLED,  /* SIGSYS: the filter */
	PROBE_ALLOWED,
	PROBE_UNTRIED, /* nothing to try it on */
	PROBE_FAILED   /* the child did not get that far, or died in another way */
};
struct probe_result {
	enum probe_outcome outcome;
	int err; /* errno; for PROBE_FAILED the wait status, -1 when it could not be forked */
};
struct probe_result probe_try(const struct probe *p, enum jail_profile profile, const struct attempt *a);

/* Must this profile be refused it? */
bool probe_applies(const struct attempt *a, enum jail_profile profile);

enum probe_verdict {
	PROBE_HELD,
	PROBE_GAP,    /* allowed, because every layer that refuses it is missing */
	PROBE_BREACH, /* allowed although such a layer is on: a fault of zt or of the kernel */
	PROBE_NOTHING,/* nothing here to try it on: an image without /etc/passwd */
	PROBE_OPEN    /* undecided */
};
enum probe_verdict probe_judge(const struct attempt *a, const struct jail_report *r, struct probe_result got);

#endif
