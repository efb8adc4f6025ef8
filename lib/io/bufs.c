/*
 * bufs: see bufs.h. Owns the memory, malloc()ed under its bound, a few buffers kept for the next, and the two
 * lines. Never looks at a byte inside, and calls nobody from inside a call of theirs: its timer does.
 */
#include "bufs.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/poison.h"
#include "wire/record.h"

#if defined(__GNUC__) && !defined(__clang__)
/* Its analyzer loses a buffer that is stored in a seat which is moved from one list to another. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define SPARES 16 /* 1 MiB stays with an idle process that was busy */
#define SWEEP NS_PER_S

_Static_assert(BUFS_BYTES >= 4 * RECORD_MAX + RECORD_OVERHEAD + 2, "four records and a last alert");

struct seats {
	struct bufs_seat *first, *last;
};

struct bufs {
	struct loop *loop;
	struct bounds *bounds;
	uint8_t *spare[SPARES];
	size_t spares, reading; /* reading: lent to seats that read */
	struct seats lent, line[2]; /* line[reads] */
	/* Set all the time, so that setting it never needs memory: now when there is something for who waits, in a
	 * while when somebody waits, never else. */
	struct timer timer;
};

static void seats_add(struct seats *l, struct bufs_seat *s)
{
	s->prev = l->last;
	s->next = NULL;
	*(l->last ? &l->last->next : &l->first) = s;
	l->last = s;
}

static void seats_remove(struct seats *l, struct bufs_seat *s)
{
	*(s->prev ? &s->prev->next : &l->first) = s->next;
	*(s->next ? &s->next->prev : &l->last) = s->prev;
	s->prev = s->next = NULL;
}

bool bufs_wanted(const struct bufs *b)
{
	return b->line[0].first || b->line[1].first;
}

static uint64_t most_reading(const struct bufs *b)
{
	uint64_t cap = b->bounds->row[BOUND_DUCT_BUFS].cap;

	return cap - cap / 2;
}

bool bufs_short(const struct bufs *b)
{
	return b->bounds->row[BOUND_DUCT_BUFS].used > b->bounds->row[BOUND_DUCT_BUFS].cap / 2 ||
	       b->reading > most_reading(b) / 2 || bufs_wanted(b);
}

static bool there_is_one(const struct bufs *b, bool reads)
{
	if (reads && b->reading >= most_reading(b))
		return false;
	return b->bounds->row[BOUND_DUCT_BUFS].used < b->bounds->row[BOUND_DUCT_BUFS].cap;
}

bool bufs_could(const struct bufs *b, const struct bufs_seat *s)
{
	return s->mem || (!s->waits && b->line[s->reads].first == NULL && there_is_one(b, s->reads));
}

/* The memory is not cleared between two users: 64 KiB for every ping would cost more than the ping. What a user
 * reads lies between the marks that it set itself. False: there is none now. */
static bool memory(struct bufs *b, struct bufs_seat *s)
{
	if (!there_is_one(b, s->reads)) {
		b->bounds->row[BOUND_DUCT_BUFS].hits++;
		return false;
	}
	if (b->spares) {
		s->mem = b->spare[--b->spares];
		UNPOISON(s->mem, BUFS_BYTES);
	} else {
		s->mem = malloc(BUFS_BYTES);
	}
	return s->mem != NULL;
}

static void lend(struct bufs *b, struct bufs_seat *s)
{
	bounds_take(b->bounds, BOUND_DUCT_BUFS, 1);
	b->reading += s->reads;
	s->paid = loop_now(b->loop);
	seats_add(&b->lent, s);
}

bool bufs_take(struct bufs *b, struct bufs_seat *s)
{
	if (s->mem)
		return true;
	if (s->waits)
		return false;
	if (b->line[s->reads].first == NULL && memory(b, s)) {
		lend(b, s);
		return true;
	}
	if (!bufs_wanted(b))
		loop_timer(b->loop, &b->timer, SWEEP);
	s->waits = true;
	seats_add(&b->line[s->reads], s);
	return false;
}

void bufs_give(struct bufs *b, struct bufs_seat *s)
{
	if (s->waits) {
		s->waits = false;
		seats_remove(&b->line[s->reads], s);
	}
	if (s->mem == NULL)
		return;
	seats_remove(&b->lent, s);
	b->reading -= s->reads;
	bounds_give(b->bounds, BOUND_DUCT_BUFS, 1);
	if (b->spares < SPARES) {
		POISON(s->mem, BUFS_BYTES);
		b->spare[b->spares++] = s->mem;
	} else {
		free(s->mem);
	}
	s->mem = NULL;
	if (bufs_wanted(b))
		loop_timer(b->loop, &b->timer, 0);
}

/* What was long ago neither counts for it nor against it. */
void bufs_moved(const struct bufs *b, struct bufs_seat *s, size_t n)
{
	uint64_t now = loop_now(b->loop), least = now > BUFS_STALL ? now - BUFS_STALL : 0;

	n = num_min(n, BUFS_SHARE); /* all of BUFS_STALL */
	s->paid = num_min64(now, (s->paid > least ? s->paid : least) + n * (BUFS_STALL / BUFS_SHARE));
}

/* ---- the timer --------------------------------------------------------------------------- */

static void serve(struct bufs *b)
{
	for (unsigned reads = 0; reads < 2; reads++) {
		struct bufs_seat *s;

		while ((s = b->line[reads].first) != NULL && memory(b, s)) {
			s->waits = false;
			seats_remove(&b->line[reads], s);
			lend(b, s);
			s->served(s);
		}
	}
}

static struct bufs_seat *slowest(const struct bufs *b, uint64_t now, bool readers_only)
{
	struct bufs_seat *worst = NULL;

	for (struct bufs_seat *s = b->lent.first; s; s = s->next)
		if (s->evicted && now - s->paid >= BUFS_STALL && (s->reads || !readers_only) &&
		    (worst == NULL || s->paid < worst->paid))
			worst = s;
	return worst;
}

/* One for each who waits, if there are so many that moved too little. */
static void evict(struct bufs *b, uint64_t now)
{
	size_t waiting = 0;
	struct bufs_seat *s;

	for (unsigned reads = 0; reads < 2; reads++)
		for (s = b->line[reads].first; s; s = s->next)
			waiting++;
	for (; waiting; waiting--) {
		/* Who waits to read gains nothing from a writer that leaves when readers have their half. */
		s = slowest(b, now, b->line[0].first == NULL && b->reading >= most_reading(b));
		if (s == NULL)
			return;
		s->evicted(s);
		if (s->mem) /* it does not give it back: never asked again */
			s->evicted = NULL;
	}
}

static void fire(struct timer *t, uint64_t now)
{
	struct bufs *b = CONTAINER_OF(t, struct bufs, timer);

	loop_timer(b->loop, t, UINT64_MAX);
	serve(b);
	if (bufs_wanted(b))
		loop_timer(b->loop, t, SWEEP);
	evict(b, now);
}

int bufs_new(struct bufs **out, struct loop *l, struct bounds *bounds)
{
	struct bufs *b = calloc(1, sizeof *b);

	if (b == NULL)
		return -ZT_E_NOMEM;
	b->loop = l;
	b->bounds = bounds;
	b->timer.fire = fire;
	if (!loop_timer(l, &b->timer, UINT64_MAX)) {
		free(b);
		return -ZT_E_NOMEM;
	}
	*out = b;
	return 0;
}

void bufs_free(struct bufs *b)
{
	if (b == NULL)
		return;
	ZT_ASSERT(b->lent.first == NULL && !bufs_wanted(b));
	loop_timer_stop(b->loop, &b->timer);
	while (b->spares) {
		uint8_t *mem = b->spare[--b->spares];

		UNPOISON(mem, BUFS_BYTES);
		free(mem);
	}
	free(b);
}
