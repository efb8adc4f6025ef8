/*
 * shepherd: the first process of a role once it has been upgraded. Service managers and containers watch it, so it
 * stays: parent of every supervisor that came by an upgrade, it starts them, passes signals on, reaps, speaks to the
 * service manager, and ends with the exit code of the one in charge. It reads no configuration and no byte of a network.
 *
 * The first supervisor is shepherd beside its own work until what it served has drained; then it becomes nothing else
 * by executing itself (shepherd_alone.h), which gives its memory back. Every supervisor is started by the shepherd and
 * not by the one before it, so that neither processes nor system call filters pile up over the upgrades.
 *
 * Nobody outlives it: supervisors are killed when it dies (PR_SET_PDEATHSIG), or end with their lines to it where the
 * kernel forgets that (a file with capabilities), and their children with them. There is no more than one candidate, and
 * of those that still drain (elders) the oldest is ended when there are too many.
 */
#ifndef ZT_SHEPHERD_H
#define ZT_SHEPHERD_H

#include <sys/types.h>

#include "base/bounds.h"
#include "base/err.h"
#include "loop.h"
#include "notify.h"
#include "upline.h"

#define SHEPHERD_ELDERS BOUND_CAP(BOUND_ELDERS)
#define SHEPHERD_ARGS 12 /* of a role's command line */
#define SHEPHERD_VERSION 24

enum { HEIR_FD_LINE = 3, HEIR_FD_SHEPHERD }; /* of a successor: to the one before it, and to its shepherd */
#define HEIR_OPTION "--heir"                 /* its last argument */

enum flock_part {
	FLOCK_NOBODY,
	FLOCK_CANDIDATE, /* was started and is not in charge yet */
	FLOCK_CROWNED,
	FLOCK_ELDER      /* drains */
};

struct shepherd;

struct sheep {
	struct source line;
	struct shepherd *of;
	int fd; /* of the line, which outlives a loop; -1: it has closed its end */
	pid_t pid;
	enum flock_part part;
	uint64_t since;  /* elders: which is the oldest */
	uint64_t live;
	char version[SHEPHERD_VERSION];
};

struct shepherd {
	struct loop *loop;
	const struct notify *notify;
	const char *exe;              /* opened anew for every successor */
	char *const *argv;            /* as the role was started; NULL: it starts nobody */
	struct sheep sheep[2 + SHEPHERD_ELDERS];
	uint64_t crowned;             /* how many were */
	struct timer mercy;           /* of a candidate that was dropped */
	bool dropped;
	pid_t asker;                  /* who wanted the candidate; our own: this process */
	bool own;                     /* this process is an elder too, of own_live */
	uint64_t own_live;
	/* The candidate that this process wanted has ended before it was crowned. */
	void (*lost)(struct shepherd *sh, int wait_status);
	/* The one in charge has: shepherd_over(). */
	void (*over)(struct shepherd *sh, int wait_status);
	/* This process is the oldest of too many elders: it has to come to its end. */
	void (*crowded)(struct shepherd *sh);
	/* The one in charge wants lines from this process, an elder. */
	void (*linked)(struct shepherd *sh);
};

/* Where this program was started from, absolute; -ZT_E_... */
int shepherd_find_exe(char *out, size_t cap, struct why *w);
/* Starts a candidate. Answers our end of the line to it, and *pid. */
int shepherd_spawn(struct shepherd *sh, pid_t asker, pid_t *pid, struct why *w);
void shepherd_crown(struct shepherd *sh, pid_t by); /* the candidate; by whom it was wanted is an elder from now on */
void shepherd_drop(struct shepherd *sh);            /* end the candidate: it may serve by now, and has two seconds */
void shepherd_live(struct shepherd *sh, bool own, uint64_t n); /* what lives in this process, as an elder */
bool shepherd_reaped(struct shepherd *sh, pid_t pid, int wait_status); /* false: it is not one of the flock */
/* The one in charge has ended: so does the role, with the exit code that is answered. What drains may finish, within its own
 * bounds; but one that crashed is for the service manager to start again, at once. *ends: all were told to end already. */
int shepherd_over(struct shepherd *sh, int wait_status, bool *ends);
/* To whom a signal is meant: TERM and INT for all, the rest for the one in charge. */
void shepherd_signal(struct shepherd *sh, int signo);
void shepherd_link(struct shepherd *sh, enum flock_part to, uint64_t n, const int *fd); /* UPMSG_LINK; fd may be NULL */
bool shepherd_has(struct shepherd *sh, enum flock_part part);
void shepherd_keep(struct shepherd *sh); /* its lines outlive the loop, which is about to be freed */
/* One more of it, of that pid; fd, the line to it, is the sheep's now, or closed. */
int shepherd_take(struct shepherd *sh, struct sheep *s, enum flock_part part, pid_t pid, int fd);

#endif
