/*
 * upgrade: a supervisor that gives its place to one of another program file, and one that takes it (docs/formats.md,
 * "Upgrade"). Never is there a moment at which nobody listens, and until the new one has said that it serves, and lived
 * for a second behind that, the old one can go on as if nothing had been asked.
 *
 *   the one that serves                          its successor, started by the shepherd
 *   OFFER: locks, control socket, log, listeners ─▶  reads the configuration, binds what is new
 *                                                ◀─ PREPARED
 *   ends the children that must be alone (super_child.alone)
 *   GO                                           ─▶  starts its children
 *                                                ◀─ READY
 *   IPC_YIELD to its children; a second later it lets go of everything and drains, for as long as [limits] linger
 *
 * 10 s of silence, a refusal or the end of the successor at any step: it is killed, what was ended is started again.
 * Owns the lines to the other one and to the shepherd.
 */
#ifndef ZT_UPGRADE_H
#define ZT_UPGRADE_H

#include "base/bounds.h"
#include "child.h"
#include "shepherd.h"
#include "spawn.h"
#include "wire/addr.h"

#define UPGRADE_INSTANCE CHILD_INSTANCE
#define UPGRADE_TEXT 1024
#define UPGRADE_PATH 432

struct super;
struct ctl_client;
struct kid;
struct listeners;

/* How the process was started: a role's main() knows. */
struct super_begin {
	char *const *argv; /* of a successor, and ours, without HEIR_OPTION; NULL: there is no way to start one */
	bool heir;         /* it is one: HEIR_FD_LINE and HEIR_FD_SHEPHERD are open */
};

enum upgrade_step {
	UPGRADE_NONE,
	UPGRADE_ASKED,   /* waits for the shepherd to start a successor */
	UPGRADE_OFFERED, /* waits for PREPARED */
	UPGRADE_ALONE,   /* ends children that must be alone, one after the other */
	UPGRADE_GONE,    /* waits for READY */
	UPGRADE_TRIAL,   /* its children yield; it could still go on */
	UPGRADE_OVER     /* not in charge any more */
};

struct upgrade {
	struct super_begin begin;
	enum upgrade_step step;
	struct source line;       /* to the successor; of a successor, until it serves, to the one before */
	struct source watch;      /* of a successor: to the shepherd */
	struct timer timer;
	struct ctl_client *asker; /* NULL: a SIGUSR2 asked, or the asker left */
	pid_t heir;
	unsigned spawns;          /* SPAWNs without an answer, of upgrades long over perhaps */
	bool again, reload;       /* one that came at the wrong time: upgrade, reload */
	bool ends;                /* the role is to end: our flock comes first */
	pid_t shepherd;           /* of a successor */
	bool told_to_stop[2];     /* of a successor: by others; by the shepherd */
	bool crowned;             /* of a successor: the shepherd knows it as the one in charge */
	bool gone;                /* of a successor: the one before says nothing any more */
	bool cut;                 /* what drains has had [limits] linger */
	unsigned lines;           /* from elders, so far */
	char version[SHEPHERD_VERSION], exe[UPGRADE_PATH];
	struct shepherd sh;       /* of the first process of the role */
	uint8_t instance[UPGRADE_INSTANCE]; /* of the role, over all generations */
	char elders[UPGRADE_TEXT]; /* of one in charge: lines of UPMSG_ELDERS */
	/* of a successor: what it was offered */
	int log_pipe[2];
};

void upgrade_init(struct super *s, const struct super_begin *begin);

/* heir.c. A successor, when it could serve: says so, and waits until what only one may have is free. */
int upgrade_prepared(struct super *s, struct why *w);
void upgrade_stepped(struct super *s);   /* a child is up */
void upgrade_announced(struct super *s); /* all are: it serves */
/* Of a successor that cannot: tells the one before, who tells whoever asked. s NULL: it is not one yet. */
void upgrade_refuse(const struct super *s, enum zt_exit code, const char *text);
/* The next message from the one before, waited for. */
int heir_hears(uint8_t mem[static UPMSG_BYTES], struct upmsg *m, int fds[static CHAN_FDS], size_t *nfds, struct why *w);
void upgrade_elders(struct super *s, const struct upmsg *m);
bool upgrade_in_charge(const struct super *s); /* it is, or has been: no successor that could still be refused */

/* upgrade.c */
void upgrade_begin(struct super *s, struct ctl_client *asker);
bool upgrade_runs(const struct super *s); /* nothing else may change now */
void upgrade_asker_gone(struct super *s, struct ctl_client *who);
void upgrade_kid_gone(struct super *s);
void upgrade_heir_ended(struct super *s, int wait_status);
void upgrade_spawned(struct super *s, const struct upmsg *m, int fd); /* the shepherd's answer; fd -1: none, else ours now */
void upgrade_stop(struct super *s);       /* the role stops: a running one comes to nothing */
/* What a child is told of the life of its role: io/child.h, "life". */
const char *upgrade_life(const struct super *s, char out[static SPAWN_LIFE]);
/* for elder.c */
bool upgrade_is_first(const struct super *s);
void upgrade_later(struct super *s, uint64_t ns); /* when it looks at its step again */
int upgrade_tell_shepherd(enum upmsg_type type, uint64_t n); /* 0 or -ZT_E_... */
void upgrade_answer(struct super *s, enum zt_exit code, const char *sentence, const char *why); /* who asked */

/* elder.c */
void upgrade_link(struct super *s, uint64_t link, int fd); /* of an elder: to the one in charge; fd stays the caller's */
bool upgrade_reaped(struct super *s, pid_t pid, int wait_status); /* it was a supervisor of ours */
/* The first process, once it is not in charge: passes it on. Who came later: has heard of it already? False: it is for us. */
bool upgrade_signal(struct super *s, int signo);
bool upgrade_waits(struct super *s);      /* nothing of ours lives, but who has to end first does */
void upgrade_count(struct super *s);      /* counters have come, of one that drains */
/* The very end: does not come back where this process has to be shepherd. Everything else is closed. */
void upgrade_end(struct super *s);

#endif
