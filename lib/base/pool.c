/* pool: slots and arenas of pool.h. One of the few files that may call malloc. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "num.h"
#include "poison.h"

/* No slot holds what asks for more; arenas give 16. */
#define SLOT_ALIGN 8
#define ALIGN 16
#define USED 1u

/* While free: the next free one of its chunk. While used: its chunk, and USED, which no pointer has: a slot that is put
 * twice, or elsewhere, is told by it, and the mark costs no byte of its own. */
struct pool_slot {
	_Alignas(SLOT_ALIGN) uintptr_t link;
};

struct pool_chunk {
	_Alignas(SLOT_ALIGN) struct pool *pool;
	struct pool_chunk *next, *open; /* open: the next one with a free slot */
	struct pool_slot *free;
	size_t used;
};

/* About 64 KiB at a time: small pools cost little when idle, big ones few mallocs. */
#define CHUNK_BYTES 65536

void pool_init(struct pool *p, struct bounds *b, enum bound_id id, size_t size)
{
	size_t n;

	ZT_ASSERT(size > 0 && size < SIZE_MAX / 4);
	*p = (struct pool){.bounds = b, .id = id};
	p->size = (size + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
	n = CHUNK_BYTES / (p->size + sizeof(struct pool_slot));
	n = (size_t)num_min64(n, b->row[id].cap); /* eight slots do not need 64 KiB */
	p->per_chunk = n ? n : 1;
}

static uint8_t *slot_payload(struct pool_slot *s)
{
	return (uint8_t *)s + sizeof *s;
}

static void carve(struct pool *p, struct pool_chunk *c)
{
	uint8_t *at = (uint8_t *)c + sizeof *c;

	*c = (struct pool_chunk){.pool = p, .next = p->chunks, .open = p->open};
	p->chunks = p->open = c;
	p->nchunks++;
	p->empty++;
	for (size_t i = 0; i < p->per_chunk; i++, at += sizeof(struct pool_slot) + p->size) {
		struct pool_slot *s = (struct pool_slot *)(void *)at;

		s->link = (uintptr_t)c->free;
		c->free = s;
		POISON(slot_payload(s), p->size);
	}
}

static bool pool_grow(struct pool *p)
{
	size_t step = sizeof(struct pool_slot) + p->size, bytes;
	struct pool_chunk *c;

	if (num_mul(step, p->per_chunk, &bytes) || num_add(bytes, sizeof *c, &bytes))
		return false;
	c = malloc(bytes);
	if (c == NULL)
		return false;
	carve(p, c);
	return true;
}

void *pool_get(struct pool *p)
{
	struct pool_chunk *c;
	struct pool_slot *s;

	if (!bounds_take(p->bounds, p->id, 1))
		return NULL;
	if (p->open == NULL && !pool_grow(p)) {
		bounds_give(p->bounds, p->id, 1);
		return NULL;
	}
	c = p->open;
	s = c->free;
	ZT_ASSERT(s != NULL && !(s->link & USED));
	c->free = (struct pool_slot *)s->link;
	if (c->free == NULL)
		p->open = c->open;
	p->empty -= c->used == 0;
	c->used++;
	p->used++;
	s->link = (uintptr_t)c | USED;
	UNPOISON(slot_payload(s), p->size);
	memset(slot_payload(s), 0, p->size);
	return slot_payload(s);
}

void pool_put(struct pool *p, void *slot)
{
	struct pool_slot *s = (struct pool_slot *)(void *)((uint8_t *)slot - sizeof *s);
	struct pool_chunk *c = (struct pool_chunk *)(s->link & ~(uintptr_t)USED);

	ZT_ASSERT((s->link & USED) && c->pool == p); /* else a double free, or not ours */
	memset(slot, 0xdf, p->size); /* what was in it does not outlive it, whoever reads it */
	POISON(slot, p->size);
	if (c->free == NULL) {
		c->open = p->open;
		p->open = c;
	}
	s->link = (uintptr_t)c->free;
	c->free = s;
	c->used--;
	p->empty += c->used == 0;
	p->used--;
	bounds_give(p->bounds, p->id, 1);
}

void *pool_next(const struct pool *p, struct pool_at *at)
{
	const size_t step = sizeof(struct pool_slot) + p->size;

	if (!at->begun) {
		at->begun = true;
		at->chunk = p->chunks;
	}
	for (; at->chunk; at->chunk = at->chunk->next, at->slot = 0)
		while (at->slot < p->per_chunk) {
			struct pool_slot *s = (struct pool_slot *)(void *)((uint8_t *)at->chunk + sizeof *at->chunk + step * at->slot++);

			if (s->link & USED)
				return slot_payload(s);
		}
	return NULL;
}

/* All that are empty, but for `keep` of all. */
static void drop_empty(struct pool *p, size_t keep)
{
	struct pool_chunk **at = &p->chunks;

	p->open = NULL;
	while (*at) {
		struct pool_chunk *c = *at;

		if (c->used == 0 && p->nchunks > keep) {
			*at = c->next;
			p->nchunks--;
			p->empty--;
			UNPOISON(c, sizeof *c + p->per_chunk * (sizeof(struct pool_slot) + p->size));
			free(c);
			continue;
		}
		if (c->free) {
			c->open = p->open;
			p->open = c;
		}
		at = &c->next;
	}
}

void pool_free(struct pool *p)
{
	ZT_ASSERT(p->used == 0);
	drop_empty(p, 0);
}

void pool_trim(struct pool *p)
{
	if (p->empty && p->nchunks > 1 && p->used < p->nchunks * p->per_chunk / 4)
		drop_empty(p, 1);
}

struct arena_chunk {
	_Alignas(ALIGN) struct arena_chunk *next;
	size_t used, cap;
};

#define ARENA_CHUNK 4000 /* with malloc's header one page */

void arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){.cap = cap};
}

void arena_bound(struct arena *a, struct bounds *b, enum bound_id id)
{
	ZT_ASSERT(a->chunks == NULL);
	a->bounds = b;
	a->id = id;
}

static struct arena_chunk *arena_grow(struct arena *a, size_t n)
{
	size_t cap = n > ARENA_CHUNK ? n : ARENA_CHUNK, bytes;
	struct arena_chunk *c;

	if (num_add(cap, sizeof *c, &bytes) || (a->bounds && !bounds_take(a->bounds, a->id, bytes)))
		return NULL;
	c = malloc(bytes);
	if (c == NULL) {
		if (a->bounds)
			bounds_give(a->bounds, a->id, bytes);
		return NULL;
	}
	*c = (struct arena_chunk){.next = a->chunks, .cap = cap};
	a->chunks = c;
	return c;
}

void *arena_get(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->chunks;
	size_t size;
	uint8_t *p;

	if (num_add(n, ALIGN - 1, &size))
		return NULL;
	size -= size % ALIGN;
	if (size > a->cap - a->used)
		return NULL;
	if (c == NULL || size > c->cap - c->used)
		c = arena_grow(a, size);
	if (c == NULL)
		return NULL;
	p = (uint8_t *)c + sizeof *c + c->used;
	c->used += size;
	a->used += size;
	memset(p, 0, size);
	return p;
}

struct span arena_span(struct arena *a, struct span s)
{
	uint8_t *p = arena_get(a, s.n + (s.n == 0));

	if (p == NULL)
		return SPAN_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	return span_of(p, s.n);
}

char *arena_str(struct arena *a, struct span s)
{
	size_t n;
	char *p;

	if (num_add(s.n, 1, &n))
		return NULL;
	p = arena_get(a, n);
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->next;
		if (a->bounds)
			bounds_give(a->bounds, a->id, c->cap + sizeof *c);
		free(c);
	}
	a->used = 0;
}

void arena_clear(struct arena *a)
{
	struct arena_chunk **at = &a->chunks, *kept;

	while (*at && (*at)->cap != ARENA_CHUNK)
		at = &(*at)->next;
	kept = *at;
	if (kept)
		*at = kept->next;
	arena_free(a);
	if (kept == NULL)
		return;
	kept->next = NULL;
	kept->used = 0;
	a->chunks = kept;
}
