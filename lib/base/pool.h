/*
 * pool: equal slots whose number is bounded by a row of the bounds table. Slots are carved
 * from chunks that are allocated as they are first needed and kept until pool_trim(); an exhausted pool answers
 * NULL, which the caller turns into its stated answer (503, RESET, wait). Freed slots are
 * filled with 0xdf, and poisoned in sanitizer builds; a double free, or a slot of another
 * pool, aborts.
 *
 * arena: memory for one request or one parse; freed as a whole; its cap is an answer too.
 */
#ifndef ZT_POOL_H
#define ZT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "span.h"

struct pool_slot;
struct pool_chunk;

struct pool {
	struct bounds *bounds;
	enum bound_id id;
	size_t size;      /* payload of a slot */
	size_t per_chunk; /* slots allocated at a time */
	struct pool_chunk *chunks, *open; /* all; those that have a free slot */
	size_t nchunks, empty;            /* empty: of these, no slot is used */
	uint64_t used;
};

/* size > 0. Nothing is allocated yet. */
void pool_init(struct pool *p, struct bounds *b, enum bound_id id, size_t size);
void *pool_get(struct pool *p);          /* zeroed, aligned to 8; or NULL: at the cap, or malloc failed */
void pool_put(struct pool *p, void *slot);
void pool_free(struct pool *p);          /* all slots must be back */
/* When less than a quarter of the slots is used, chunks of which none is go; one stays. Nobody is within pool_next(). */
void pool_trim(struct pool *p);

/* Every slot that is used, in no order. Zero, then again and again until NULL. Meanwhile any slot may be put; one that is
 * got is met or not. */
struct pool_at {
	struct pool_chunk *chunk;
	size_t slot;
	bool begun;
};
void *pool_next(const struct pool *p, struct pool_at *at);

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	size_t used, cap; /* bytes handed out, and the most that may be */
	struct bounds *bounds; /* what it holds counts there too; NULL: nowhere */
	enum bound_id id;
};

void arena_init(struct arena *a, size_t cap);
void arena_bound(struct arena *a, struct bounds *b, enum bound_id id); /* all such arenas together; of an empty one */
void *arena_get(struct arena *a, size_t n);              /* zeroed, aligned to 16; NULL when over */
/* A NUL-terminated copy, or NULL when over. An inner NUL is copied too: where the text comes
 * from outside, the caller has refused it before. */
char *arena_str(struct arena *a, struct span s);
struct span arena_span(struct arena *a, struct span s);  /* a copy; .p NULL when over */
void arena_free(struct arena *a);
/* Empty, with one chunk of usual size kept for the next use: without it a small arena is a malloc() each time. */
void arena_clear(struct arena *a);

#endif
