/*
 * child: the life of a jailed process, the same for every kind: read the sealed config ->
 * prepare -> jail -> say ready -> serve, and answer the supervisor: new epochs in two steps,
 * counters, drain. What it serves is in struct child_class. When the channel ends, the
 * supervisor is gone and so is the child, at once.
 */
#ifndef ZT_CHILD_H
#define ZT_CHILD_H

#include "base/bounds.h"
#include "base/log.h"
#include "decide/config.h"
#include "loop.h"
#include "sandbox.h"

struct child;

struct child_class {
	const char *role, *proc; /* for log lines */
	enum jail_profile profile;
	unsigned who; /* which keys it is handed: enum conf_who, as in its super_child */
	/* Would this config work? Build what it needs beside what runs; serve nothing yet. The
	 * descriptors are the callee's now, also when it refuses. The first call comes before
	 * the jail, every other one inside it. */
	int (*prepare)(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w);
	void (*commit)(struct child *c); /* serve what was prepared; c->conf is it already */
	void (*abort)(struct child *c);  /* drop what was prepared */
	void (*drain)(struct child *c);  /* take nothing new; child_drained() when empty */
	/* Another process serves what is new from now on: as drain(), but nobody is sent away who has begun, nor before he
	 * has had an answer. drain() may follow, when there is no more time. NULL: as drain(). */
	void (*yield)(struct child *c);
	void (*counters)(struct child *c, struct wr *w); /* ipc_write_counter()s */
	void (*reopen)(struct child *c); /* may be NULL */
	/* A line to another child of the role, its number as CHILD_LINK() says; fd is the
	 * callee's now. It replaces the one before. Both ends serve the same epoch: a line of the
	 * next one comes right after its commit(). NULL: this kind has none. */
	void (*link)(struct child *c, unsigned number, int fd);
	/* The answer to child_dial(): a connected descriptor, the callee's now, or -ZT_E_... NULL: it never asks. */
	void (*dialled)(struct child *c, uint32_t id, int fd);
	/* Right after the jail is entered, once: what has to be done as the user that it is now. May refuse,
	 * like prepare(). NULL: nothing. */
	int (*jailed)(struct child *c, struct why *w);
	/* The process is about to end and the loop with it: free what needs the loop to be freed.
	 * Also after a prepare() that refused. May be NULL. */
	void (*close)(struct child *c);
	enum loop_backend backend; /* LOOP_POLL where the jail knows poll() only */
};

/* The number of a line: the index in super_role.links, and which process it leads to, of a kind that has several. One
 * byte of an IPC_LINK. */
#define CHILD_LINK_KINDS 8
#define CHILD_PEERS CONF_WORKERS
#define CHILD_LINK(link, peer) ((unsigned)(link) + CHILD_LINK_KINDS * (unsigned)(peer))
#define CHILD_LINKS CHILD_LINK(0, CHILD_PEERS) /* of one process, the next one apart */
#define CHILD_ADMIN CHILD_LINKS /* a command that is to be answered, on a stream; any number of them live */
/* Of a process that is alone, as many: lines to those that drain since an upgrade, each process of each generation. */
#define CHILD_ELDER_LINES (BOUND_CAP(BOUND_ELDERS) * CHILD_PEERS)
#define CHILD_ELDER(n) (CHILD_ADMIN + 1 + (unsigned)((n) % CHILD_ELDER_LINES))
#define CHILD_NUMBERS (CHILD_ADMIN + 1 + CHILD_ELDER_LINES) /* one byte */

#define CHILD_INSTANCE 16

/* Embed it in the kind's own state. */
struct child {
	const struct child_class *cls;
	struct loop *loop;
	struct log log;
	struct bounds bounds;
	const struct conf *conf; /* what is served */
	uint32_t epoch;
	unsigned index; /* which of its kind, from 0 */
	uint64_t found_memory, nofile; /* half of the cgroup's limit (0: none) and the descriptors, as found at the start */
	int dir_fd; /* the one directory its jail leaves it; prepare() may set it, else -1 */
	/* child.c's own */
	struct source chan;
	struct conf *owned, *next;
	int held[CHILD_LINKS]; /* lines of the offered epoch, until it is served; -1: none */
	struct jail_report jail;
	bool draining;
	bool yields;  /* drains since an upgrade, and has time */
	bool heir;    /* of an upgrade: it takes over from a process that still serves */
	uint8_t instance[CHILD_INSTANCE]; /* random, of the role: the same over restarts and upgrades */
};

/* The whole life; the arguments are those of main(). Answers the process's exit code. */
int child_run(struct child *c, const struct child_class *cls, int argc, char **argv);
/* Asks the supervisor to connect to a socket file that the configuration in force names, see super_child.socket. 0:
 * dialled() follows, in a later turn; -ZT_E_AGAIN: it has too much to do. */
int child_dial(struct child *c, uint32_t id, uint16_t rule, uint16_t origin);
/* What its peers may make it hold: [limits] memory, else what was found; 0: no limit. */
uint64_t child_memory(const struct child *c);
/* As heir: all that the process before serves could be asked of this one. Where super_child.settles, once. */
void child_settled(struct child *c);
/* Nothing left: leave. Only after drain() was called. */
void child_drained(struct child *c);

#endif
