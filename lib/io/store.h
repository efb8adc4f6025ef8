/*
 * store: what a role remembers, behind nine asynchronous calls, so that one process on a
 * journal (store_journal.h) and later several on a Redis look the same to their callers.
 *
 * A call takes a struct store_op that the caller embeds; op, key and value must stay as they
 * are until the answer. The answer comes through op->done, never from inside the call itself:
 * the journal's driver answers from store_poll(), which the owner runs once a turn while
 * store_pending(); `wake` tells it when that begins. Calls are carried out, and answered, in
 * the order they were made. In done() the op is free again: it may be reused, or its memory
 * given back; new calls made there wait for the next poll.
 *
 * An answer of 0 to a call that changes something means that the change survives a crash and
 * a power cut. Any other answer means that it did not happen, but for -ZT_E_CANCELLED and a
 * dead store, where it may have: ask again after the restart, idempotently.
 *
 * Times are Unix milliseconds by the injected clock's wall time; 0 = never. Whether that
 * clock can be trusted is the caller's business: an entry lives exactly while now < expires.
 */
#ifndef ZT_STORE_H
#define ZT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/srec.h"

#define STORE_PAGE 64         /* items in one answer */

enum store_call {
	STORE_CALL_APPEND, STORE_CALL_READ, STORE_CALL_COUNT, STORE_CALL_ONCE, STORE_CALL_PUT,
	STORE_CALL_DROP, STORE_CALL_GET, STORE_CALL_SCAN, STORE_CALL_HEALTH, STORE_CALLS
};

struct store;
struct store_op;

struct store_item {
	struct span key;  /* without its space; empty for an event */
	struct span value; /* empty for a counter and a mark */
	uint64_t number;  /* a counter's value, an event's id */
	int64_t expires;
};

struct store_health {
	uint64_t keys, bytes;      /* in memory, expired ones not yet swept away included */
	uint64_t disk;             /* bytes of the file */
	uint64_t commits, snapshots, snapshots_failed;
	bool dead;                 /* a write failed: end this process and start from the disk */
	const char *why;           /* the sentence of the last failure, or "" */
};

struct store_answer {
	int err;             /* 0 or -(enum zt_err) */
	uint64_t number;     /* append: the event's id; count: the sum; once: 1 = the first; drop: 1 = was there */
	const struct store_item *items; /* get: 0 or 1; read, scan: up to `most`. Borrowed: valid */
	size_t n;                       /* until done() returns */
	bool more;           /* read, scan: ask on after the last item */
	const struct store_health *health; /* STORE_CALL_HEALTH only */
};

typedef void store_done(struct store_op *op, const struct store_answer *a);

struct store_op {
	store_done *done; /* set by the caller */
	/* the store's own from here on; zero at first */
	struct store_op *prev, *next; /* next is NULL while the op is free */
	enum store_call call;
	enum store_space space;
	struct span key, value;
	int64_t expires;
	uint64_t number;
	unsigned most;
	int err;            /* of the answer, once known */
	bool changed;       /* the driver has changed its memory, which had undo under this key */
	void *undo;
};

/* 0: op->done will be called. Else it will not: -ZT_E_FULL (BOUND_STORE_OPS, ask again later),
 * -ZT_E_TOOLONG or -ZT_E_RANGE (key, value or space outside its bounds), -ZT_E_CLOSED (the store
 * is being freed). drop, get and scan are for the first three spaces. */
int store_append(struct store *s, struct store_op *op, struct span event, int64_t expires);
/* Events with id > after, oldest first. */
int store_read(struct store *s, struct store_op *op, uint64_t after, unsigned most);
/* Adds `by` (stops at the top instead of wrapping). `expires` counts for a new or expired
 * counter; one that runs keeps its end, so that hammering does not prolong a window. */
int store_count(struct store *s, struct store_op *op, struct span key, uint64_t by, int64_t expires);
/* number = 1 for the first caller with this key until it expires, 0 for all others. */
int store_once(struct store *s, struct store_op *op, struct span key, int64_t expires);
int store_put(struct store *s, struct store_op *op, struct span key, struct span value, int64_t expires);
int store_drop(struct store *s, struct store_op *op, enum store_space space, struct span key);
int store_get(struct store *s, struct store_op *op, enum store_space space, struct span key);
/* Keys > after (empty: from the start) that begin with op->value = prefix, in byte order. */
int store_scan(struct store *s, struct store_op *op, enum store_space space, struct span prefix,
	       struct span after, unsigned most);
int store_health(struct store *s, struct store_op *op);

/* The op is free at once and done() is not called. What it asked for may still happen. */
void store_cancel(struct store *s, struct store_op *op);

bool store_pending(const struct store *s);
void store_poll(struct store *s);
/* Calls that wait are answered -ZT_E_CANCELLED; then the driver ends. NULL is fine. */
void store_free(struct store *s);

/* ---- for drivers --------------------------------------------------------------------------- */

struct store_class {
	const char *name;
	void (*poll)(struct store *s); /* carry out what was in s->queue when it was called */
	void (*free)(struct store *s);
};

struct store {
	const struct store_class *cls;
	const struct clock *clock;
	struct bounds *bounds;
	void (*wake)(void *ctx); /* something waits that did not before; may be NULL */
	void *wake_ctx;
	struct store_op queue;   /* sentinel of the ring of ops that wait */
	bool polling, closed;
};

void store_init(struct store *s, const struct store_class *cls, const struct clock *clock, struct bounds *bounds);
void store_ring_init(struct store_op *ring);
bool store_ring_empty(const struct store_op *ring);
void store_ring_add(struct store_op *ring, struct store_op *op); /* at the end */
struct store_op *store_ring_first(struct store_op *ring);       /* NULL when empty */
void store_ring_remove(struct store_op *op);                     /* from whichever it is in */
/* Frees the op and calls done(). */
void store_reply(struct store *s, struct store_op *op, const struct store_answer *a);

#endif
