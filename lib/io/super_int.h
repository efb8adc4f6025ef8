/* super_int: what super.c, kid.c, words.c, heirs.c, lines.c, listen.c, renew.c, report.c, and of an upgrade upgrade.c,
 * elder.c, heir.c and offer.c share of one supervisor. Nobody else includes this. */
#ifndef ZT_SUPER_INT_H
#define ZT_SUPER_INT_H

#include <sys/types.h>

#include "base/bounds.h"
#include "base/log.h"
#include "chan.h"
#include "child.h"
#include "clockwatch.h"
#include "ctl.h"
#include "loop.h"
#include "notify.h"
#include "place.h"
#include "sandbox.h"
#include "sigs.h"
#include "super.h"
#include "upgrade.h"
#include "watch.h"

#define KIDS BOUND_CAP(BOUND_CHILDREN)
#define LISTENERS BOUND_CAP(BOUND_LISTENERS)
#define KID_FDS (LISTENERS + 2) /* a bundle, a directory and every listener; or logd's pipe and directory */
#define KID_START_DEADLINE (10 * NS_PER_S) /* exec, parse, jail; a key with a passphrase costs a second */
#define DEATHS 6 /* as many within a minute make the role unhealthy */

_Static_assert(KID_FDS + 1 <= CHAN_FDS, "an offer is these and the config");

enum kid_state {
	KID_DOWN,     /* not running; a timer will start it */
	KID_STARTING, /* running, not ready yet */
	KID_UP,       /* jailed and serving */
	KID_LEAVING   /* told to drain or killed; its death is expected */
};

/* A child of `anew` has more than one process at a time: places are reserved for all that may be,
 * the one that serves, one that a renewal started, those that drain, one that was killed for it. */
#define ELDERS 3 /* that drain at a time */
#define GENERATIONS (ELDERS + 3)

enum kid_part {
	KID_NOBODY, /* a place that is free */
	KID_SERVES,
	KID_HEIR,   /* of the configuration that is being renewed to */
	KID_ELDER,  /* drains, or is being ended: of the one before, or of one that was refused */
	KID_GONE    /* dead; its place is free from the next turn on */
};

struct kid {
	struct source src; /* its words; the source of a dead kid is closed */
	int orders;        /* where it is told; -1 when src is closed */
	struct super *super;
	const struct super_child *what;
	unsigned index;    /* which of its kind, from 0 */
	enum kid_part part;
	enum kid_state state;
	uint64_t birth;    /* no two processes have the same */
	pid_t pid;
	struct timer timer; /* DOWN: start; STARTING: too late; UP: healthy long enough */
	unsigned tries;     /* deaths in a row, for the backoff */
	uint64_t restarts, deaths[DEATHS];
	uint64_t up_since;
	uint32_t epoch;     /* of the configuration it has */
	/* What it may still say: each is said once for once that it was asked. */
	bool introduced;    /* it has said READY, or REFUSED to start */
	bool refused;       /* the latter, and the role ends for it */
	unsigned offers;    /* IPC_PREPAREs without an answer, of renewals long over perhaps */
	bool asked;         /* an IPC_ASK without an answer */
	bool told_to_drain;
	/* the running renewal */
	bool offered, prepared;
	bool committing;    /* it was told to serve another epoch, and has not said that it does */
	bool replaced;      /* ended for its old configuration, not for a fault */
	bool rests;         /* it was told to go for an upgrade, and is not started again but by that */
	bool settled;       /* it has said so */
	bool lingers;       /* an elder that yielded: it has its time, and is told to drain then */
	char last_death[120];
	struct jail_report jail;
	uint8_t counters[BOUND_CAP(BOUND_IPC_BYTES)];
	size_t counters_n;
	uint64_t joined[CHILD_LINKS]; /* who has the other end of its line of this number: a birth; 0: nobody */
};

struct listening {
	struct addr at;
	unsigned index; /* of the process whose it is: each has an accept queue of its own, and the kernel spreads */
	int fd;
};

struct listeners {
	struct listening l[LISTENERS * CHILD_PEERS];
	size_t n;
};

/* What each child of the role is handed of files; -1 where it wants none. Kept, so that a child
 * that is started again gets what its configuration was judged with, whatever lies on the disk. */
struct bundles {
	int fd[KIDS];
	struct files_mark mark[KIDS];
};

struct super {
	const struct super_role *role;
	const struct conf_source *src;
	struct conf *conf;
	uint32_t epoch;
	struct loop *loop;
	struct log log;
	struct bounds bounds;
	struct sigs sigs;
	struct ctl ctl;
	struct notify notify;
	struct place place;
	int lock_fd, run_lock_fd; /* of the state and of the control socket */
	int exe_fd;
	struct why *why;          /* for the caller of super_run */
	int log_pipe[2]; /* -1 unless a log file is set: then every process writes into [1] */
	int log_dir;     /* where logd may write */
	struct timer watchdog;
	struct clockwatch clock;

	struct kid kids[KIDS]; /* those that serve, by kind and index, then places for generations */
	size_t nserve, nkids;
	uint64_t births;
	struct listeners open, before; /* before: of a successor, until it serves, of whoever serves now */
	int dirs[KIDS]; /* of each kind of the role; -1: it has none */
	struct bundles files;
	struct watch watch;
	struct timer watch_timer;

	/* the running renewal (reload), if next is not NULL */
	struct conf *next;
	struct listeners next_open;
	struct bundles next_files;
	struct timer renew_timer;       /* while it runs: too late; else: begin again, now */
	bool renew_settles;             /* it is decided and in force; children say so, one by one */
	struct ctl_client *renew_asker; /* NULL: a SIGHUP asked, or the asker left */
	bool renew_again;               /* a SIGHUP came while it ran: the file may be newer */

	/* the running status question */
	struct ctl_client *status_asker[BOUND_CAP(BOUND_CTL_CLIENTS)];
	bool status_json[BOUND_CAP(BOUND_CTL_CLIENTS)];
	size_t nstatus;
	struct timer status_late;

	struct upgrade up;

	bool stopping, announced, said_stopped;
	struct timer stop_late;
	enum zt_exit code;
	uint64_t started;
	struct jail_report jail;
};

/* kid.c */
void kid_init(struct super *s, struct kid *k, const struct super_child *what);
void kid_start(struct kid *k);                         /* DOWN -> STARTING, or DOWN with a timer */
void kid_start_soon(struct kid *k);                    /* the same of one that may have ended in this very turn */
int kid_launch(struct kid *k, struct why *w);          /* DOWN -> STARTING, or DOWN as before */
void kid_is_up(struct kid *k);                         /* STARTING -> UP */
void kid_last_words(struct super *s, pid_t pid);        /* it is dead; why it could not start */
void kid_reaped(struct super *s, pid_t pid, int wait_status);
void kid_drain(struct kid *k);                         /* -> LEAVING */
void kid_yield(struct kid *k);                         /* -> LEAVING: others serve what is new */
void kid_kill(struct kid *k);                          /* -> LEAVING, at once */
void kid_replace(struct kid *k);                       /* -> LEAVING; one that serves is started again at once */
void kid_forget(struct kid *k);                        /* DOWN, and not needed any more -> GONE */
int kid_tell(struct kid *k, enum ipc_type type, uint32_t epoch, const int *fds, size_t n);
int kid_tell_all(struct kid *k, const struct ipc_msg *m, const int *fds, size_t n); /* with a payload */
/* The text that `who` needs of a config; 0 and *mem is kid_conf_free()'s. */
int kid_conf(const struct conf *c, unsigned who, struct span *text, void **mem);
void kid_conf_free(struct span text, void *mem); /* it may hold secrets: wiped */
/* Its descriptors, of the configuration in force or of the next one. */
size_t kid_fds(const struct kid *k, bool next, int out[static KID_FDS]);
/* The process that serves for children[kind] of the role; of several that of this index. */
struct kid *kid_of(struct super *s, size_t kind, unsigned index);
unsigned kid_count(const struct super *s, const struct super_child *what); /* how many processes of it serve */
size_t kid_kind(const struct kid *k); /* its index in role->children; not for logd */
const char *kid_state_name(enum kid_state st);

/* words.c: what a child says */
int words_listen(struct kid *k, int fd); /* loop_add()'s answer; an error: fd stays the caller's */
void words_close(struct kid *k);         /* both ends of ours; again: nothing */
void words_last(struct kid *k);          /* of one that is dead: why it refused to start */

/* super.c */
void super_kid_up(struct kid *k);
void super_kid_gone(struct kid *k);
void super_announce(struct super *s);    /* if all are up */
void super_say_ready(struct super *s);   /* to the service manager, by the one in charge */
void super_finish(struct super *s);      /* if nothing of ours lives */
void super_linger_over(struct super *s); /* who drains since an upgrade has had his time */
void super_stop(struct super *s, enum zt_exit code);
bool super_is_logd(const struct kid *k);
void super_log_settings(struct super *s); /* of the configuration in force */

/* listen.c */
/* What c wants, with the sockets of `have` where the address is the same. */
int super_bind(struct listeners *out, const struct super_role *role, const struct conf *c,
	       const struct listeners *have, struct why *w);
/* Close those of `gone` that are not in `kept`; gone is empty then. */
void super_close_rest(struct listeners *gone, const struct listeners *kept);
/* The same for sockets that children have too: nobody listens there any more, at once. */
void super_end_rest(struct listeners *gone, const struct listeners *kept);
/* A child can shut down a socket that it shares with us, or make it block: undo that, for its successor. */
void super_mend(const struct kid *k);
/* Its successor comes later: until super_mend() those who knock go to the others of its kind. */
void super_rest(const struct kid *k);

/* heirs.c: new generations of the children that take no new configuration */
int heirs_start(struct super *s, struct why *w); /* one for each; they count as asked */
void heirs_drop(struct super *s);                /* the renewal came to nothing */
void heirs_take_over(struct super *s);           /* HEIR -> SERVES -> ELDER */
void heirs_drain_elders(struct super *s);        /* once nothing new is sent to them */
void heirs_stand_in(struct kid *k);              /* it yielded, for nothing: another one serves. No place for that: it is cut */

/* lines.c: files in, links between children, and to whoever administers */
int bundles_pack(struct bundles *out, const struct super *s, const struct conf *c, struct why *w);
/* What a child says, with the line and section before it that name the file of which it begins. */
struct span bundles_blame(const struct kid *k, struct span said, struct wr *out);
void bundles_none(struct bundles *b);
void bundles_close(struct bundles *b);
void links_make(struct super *s); /* for every pair that is up and not joined yet */
/* What drains beside a successor goes on hearing from those of whom there is only the successor's. The one in charge
 * asks for lines when it is, and when one that is alone was started again (NULL: any); all elders make them. */
void links_want(struct super *s, const struct kid *alone);
void links_to_heir(struct super *s);
void links_from_elder(struct super *s, uint64_t link, int fd); /* fd stays the caller's */
void links_admin(struct super *s, struct ctl_client *who); /* the control line "admin" */
void watch_begin(struct super *s); /* over the files of the bundles, if there are any */
void watch_fire(struct timer *t, uint64_t now);

/* renew.c: the two-step reload */
bool renew_runs(const struct super *s);
void renew_finish(struct super *s); /* if all serve what it brought */
void renew_say(const struct super *s); /* the service manager: something changes, until READY=1 */
void renew_begin(struct super *s, struct ctl_client *asker);
void renew_files(struct super *s); /* the configuration in force with the files as they are now */
void renew_answer(struct kid *k, bool would_work, struct span reason); /* to the last offer */
void renew_kid_up(struct kid *k); /* it became ready while a renewal runs: ask it too */
void renew_kid_gone(struct kid *k);
void renew_stop(struct super *s); /* the role stops: refuse what runs */
void renew_asker_gone(struct super *s, struct ctl_client *who);
void renew_fire(struct timer *t, uint64_t now);

/* report.c: status and health */
bool report_healthy(const struct super *s, uint64_t now);
size_t report_order(const struct super *s, const struct kid *out[static KIDS]); /* each that has a process or waits for one, once */
void report_health(struct super *s, struct ctl_client *who);
void report_begin(struct super *s, struct ctl_client *who, bool json);
int report_kid_answered(struct kid *k, struct span counters); /* 0 or -ZT_E_SYNTAX */
void report_check(struct super *s); /* all have answered? */
void report_asker_gone(struct super *s, struct ctl_client *who);
void report_late(struct timer *t, uint64_t now);

#endif
