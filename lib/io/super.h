/*
 * super: the supervisor of a role: everything that needs rights or outlives a crash. It
 * parses the config, binds listeners, owns directories and the control socket, starts the
 * jailed children and starts them again when they die. It never parses a byte from the
 * network; what its own children say is bounded and checked (wire/ipc).
 *
 * A reload is all or nothing, in two steps: every running child is offered the new epoch
 * (IPC_PREPARE) and says whether it would work; only when all do, all are told to serve it
 * (IPC_COMMIT). A child that dies or is silent means the old epoch goes on.
 *
 * A child that dies is started again after 0.1 s, then twice as long each time up to 10 s;
 * 30 s of health start over. It is never given up: each start is a fresh image with a fresh
 * address layout, so an attacker gains six tries a minute and nothing from the last one. Six
 * deaths within a minute make the role unhealthy.
 */
#ifndef ZT_SUPER_H
#define ZT_SUPER_H

#include "decide/config.h"
#include "io/confload.h"
#include "io/files.h"
#include "wire/addr.h"

/* One kind of child of a role. */
struct super_child {
	const char *kind, *proc; /* "echo-worker" in main.c's table, "worker" in logs */
	unsigned who;            /* which keys it is given: conf_emit's mask */
	bool listeners;          /* gets every listening socket, in the config's order; each process sockets of its own */
	/* How many processes of it there are, 1 to CHILD_PEERS: fixed at the start. NULL: one. Not with `anew` or `dir`. */
	unsigned (*count)(const struct conf *c);
	/* Files whose contents it is handed as a sealed bundle (wire/bundle), its first descriptor:
	 * the supervisor reads them, at a start and for a reload. Relative paths are below the state
	 * directory. NULL: none. */
	size_t (*files)(const struct conf *c, struct file_want out[static FILES_MOST]);
	/* A reload starts a new process for it beside the running one, whose READY counts as its
	 * answer; from the commit on that one serves, and the old one is told to drain. For a child
	 * whose jail lets it open nothing anew. It gets no listeners. */
	bool anew;
	/* A directory of its own below the state directory, which the supervisor makes and gives to the
	 * children's user; the second descriptor that it is handed, or the first without files. NULL: none. */
	const char *dir;
	/* The control line "admin": whoever sent it is handed over to this child, as a line of the number
	 * CHILD_ADMIN (io/child). At most one child of a role. */
	bool admin;
	/* The path of a socket file that it may have connected for it (IPC_DIAL), by the numbers that it says: its own
	 * jail makes no unix sockets. "": there is none of these numbers. NULL: it may not ask. */
	const char *(*socket)(const struct conf *c, unsigned rule, unsigned origin);
	/* There is never one of it beside another one's: at an upgrade it has left before that of the successor begins, in
	 * the order of this table. */
	bool alone;
	/* Of a successor at an upgrade it is not up before it has said IPC_SETTLED. */
	bool settles;
};

/* Two children that are given the ends of one SOCK_SEQPACKET pair whenever both are up: at start,
 * after a death of either, after a new generation took over. Indices into super_role.children. Where
 * a kind has several processes each pair of processes has a pair of its own; a == b: each with each. */
struct super_link {
	unsigned a, b;
};

/* A role, as the supervisor sees it. One const per role file. */
struct super_role {
	const char *name;
	const struct super_child *children;
	size_t n;
	/* Addresses to bind for this config; at most BOUND_LISTENERS. NULL: none. */
	size_t (*listen)(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)]);
	const struct super_link *links; /* its index is in the number that both ends are told: CHILD_LINK() */
	size_t nlinks;                  /* at most CHILD_LINK_KINDS */
};

/* Runs until told to stop; answers the exit code, and why when it could not start. Takes conf
 * over; src is read again at every reload. */
enum zt_exit super_run(const struct super_role *role, struct conf *conf, const struct conf_source *src,
		       struct why *w);
/* The same of a process that can be upgraded, or takes over at an upgrade. */
struct super_begin;
enum zt_exit super_run_as(const struct super_role *role, struct conf *conf, const struct conf_source *src,
			  const struct super_begin *begin, struct why *w);

#endif
