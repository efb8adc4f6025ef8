/*
 * loop: one thread's event loop. It owns the poller, the timers and the list of things to
 * free; it never reads or writes a byte itself.
 *
 * The interface is poll()-shaped: a source has a descriptor and a pure function of its state,
 * wants(), that says which events it cares about. The loop asks wants() again after every
 * turn in which the source was called, or when loop_touch() says its state changed from
 * afar. Behind it is epoll (level-triggered) or poll(): same behaviour, both tested.
 *
 * A turn: wait -> signals and descriptors that are ready -> due timers -> again-list ->
 * interest of touched sources -> reap. A source is never freed inside its own callback:
 * loop_close() takes it out at once (no further callback) and its reap() runs at the end of
 * the turn, when no pointer to it is left on the stack.
 *
 * Fairness: one call of ready() may move at most LOOP_BUDGET bytes (or LOOP_ACCEPTS
 * connections) and must then return; level triggering, or loop_again() when the rest is in
 * user space, brings it back next turn behind everybody else.
 */
#ifndef ZT_LOOP_H
#define ZT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timers.h"

/* HUP: error, or both sides closed. Reported even to a source that wants nothing, but then
 * only once: it is watched again when it wants something. */
enum { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4 };
/* Beside LOOP_IN: it was loop_again() that asked, nobody knows of bytes in the socket. */
#define LOOP_ASKED 8

#define LOOP_BUDGET 65536 /* four full TLS records: about 30 us of work, see docs/benchmarks.md */
#define LOOP_ACCEPTS 16

struct loop;
struct source;

struct source_class {
	const char *name; /* for traces and tests */
	unsigned (*wants)(const struct source *s);             /* LOOP_IN | LOOP_OUT or 0; pure */
	void (*ready)(struct source *s, unsigned events);
	void (*reap)(struct source *s);                        /* may free s; NULL: nothing to do */
};

/* Embed it. Zero-initialise, then loop_add(). */
struct source {
	const struct source_class *cls;
	struct loop *loop;
	int fd;             /* loop_close() closes it unless keep_fd */
	/* the loop's own */
	uint32_t slot;      /* place in the poll() back end */
	struct source *touched_next, *again_next;
	struct source *prev, *next; /* of all; closed: next of those to be reaped */
	uint8_t armed;      /* events the poller watches now */
	uint8_t listed;     /* bits: on the touched, again, closing list */
	bool keep_fd;       /* the owner's */
};

enum loop_backend { LOOP_BEST, LOOP_EPOLL, LOOP_POLL };

/* 0 or -ZT_E_…. LOOP_BEST is epoll, or poll() where the kernel or a filter denies epoll. */
int loop_open(struct loop **out, enum loop_backend kind, const struct clock *clock);
void loop_free(struct loop *l); /* closes and reaps every source left */
const char *loop_backend_name(const struct loop *l);
int loop_fd(const struct loop *l); /* the poller's own descriptor, or -1: a jail must keep it */

/* Start watching s->fd, which must be non-blocking. */
int loop_add(struct loop *l, struct source *s);
void loop_touch(struct source *s);  /* its state changed: ask wants() at the end of this turn */
void loop_again(struct source *s);  /* call ready(s, LOOP_IN | LOOP_ASKED) soon even if the fd is silent */
void loop_close(struct source *s);  /* harmless when closed already */
bool loop_closed(const struct source *s);
unsigned loop_wants_in(const struct source *s); /* wants() of one that only ever reads */

/* Timers of this loop. The heap may need memory: false means the caller must give up its work. */
bool loop_timer(struct loop *l, struct timer *t, uint64_t after_ns);
bool loop_timer_by(struct loop *l, struct timer *t, uint64_t at_ns); /* unless it is set for sooner; UINT64_MAX: never */
void loop_timer_stop(struct loop *l, struct timer *t);

uint64_t loop_now(const struct loop *l);       /* monotonic, read once a turn */
const struct clock *loop_clock(const struct loop *l);

/* One turn. Waits at most max_wait_ms (-1: until something happens). 0 or -ZT_E_SYS. */
int loop_turn(struct loop *l, int max_wait_ms);
/* Turns until loop_stop(). */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

struct loop_stats {
	uint64_t turns, events, timers, reaped, changes; /* changes: epoll_ctl calls or pollfd edits */
	uint64_t sources;
};
struct loop_stats loop_stats(const struct loop *l);

#endif
