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

/* While free: the next free one. While used: whose it is, and USED, which no pointer has: a slot that is put twice, or
 * elsewhere, is told by it, and the mark costs no byte of its own. */
struct pool_slot {
	_Alignas(SLOT_ALIGN) uintptr_t link;
};

struct pool_chunk {
	_Alignas(SLOT_ALIGN) struct pool_chunk *next;
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

static uintptr_t used_by(const struct pool *p)
{
	return (uintptr_t)p | USED;
}

static void carve(struct pool *p, struct pool_chunk *c)
{
	uint8_t *at = (uint8_t *)c + sizeof *c;

	c->next = p->chunks;
	p->chunks = c;
	p->nchunks++;
	for (size_t i = 0; i < p->per_chunk; i++, at += sizeof(struct pool_slot) + p->size) {
		struct pool_slot *s = (struct pool_slot *)(void *)at;

		s->link = (uintptr_t)p->free;
		p->free = s;
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
	struct pool_slot *s;

	if (!bounds_take(p->bounds, p->id, 1))
		return NULL;
	if (p->free == NULL && !pool_grow(p)) {
		bounds_give(p->bounds, p->id, 1);
		return NULL;
	}
	s = p->free;
	ZT_ASSERT(s != NULL && !(s->link & USED));
	p->free = (struct pool_slot *)s->link;
	p->used++;
	s->link = used_by(p);
	UNPOISON(slot_payload(s), p->size);
	memset(slot_payload(s), 0, p->size);
	return slot_payload(s);
}

void pool_put(struct pool *p, void *slot)
{
	struct pool_slot *s = (struct pool_slot *)(void *)((uint8_t *)slot - sizeof *s);

	ZT_ASSERT(s->link == used_by(p)); /* else a double free, or not ours */
	memset(slot, 0xdf, p->size); /* what was in it does not outlive it, whoever reads it */
	POISON(slot, p->size);
	s->link = (uintptr_t)p->free;
	p->free = s;
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

void pool_free(struct pool *p)
{
	ZT_ASSERT(p->used == 0);
	while (p->chunks) {
		struct pool_chunk *c = p->chunks;

		p->chunks = c->next;
		UNPOISON(c, sizeof *c + p->per_chunk * (sizeof(struct pool_slot) + p->size));
		free(c);
	}
	p->free = NULL;
	p->nchunks = 0;
}

void pool_trim(struct pool *p)
{
	struct pool_chunk *one = p->chunks;

	if (p->used || p->nchunks < 2)
		return;
	p->chunks = one->next;
	pool_free(p);
	carve(p, one);
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
