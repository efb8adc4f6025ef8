/* pool: slots and arenas of pool.h. One of the few files that may call malloc. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "num.h"
#include "poison.h"

/* 16 keeps every payload aligned for any type. */
#define ALIGN 16
#define SLOT_USED UINT64_C(0x7573656473746f6c)
#define SLOT_FREE UINT64_C(0x66726565736c6f74)

struct pool_slot {
	_Alignas(ALIGN) uint64_t mark;
	union {
		struct pool_slot *next;   /* while free */
		const struct pool *owner; /* while used */
	};
};

struct pool_chunk {
	_Alignas(ALIGN) struct pool_chunk *next;
};

/* About 64 KiB at a time: small pools cost little when idle, big ones few mallocs. */
#define CHUNK_BYTES 65536

void pool_init(struct pool *p, struct bounds *b, enum bound_id id, size_t size)
{
	size_t n;

	ZT_ASSERT(size > 0 && size < SIZE_MAX / 4);
	*p = (struct pool){.bounds = b, .id = id};
	p->size = (size + ALIGN - 1) / ALIGN * ALIGN;
	n = CHUNK_BYTES / (p->size + sizeof(struct pool_slot));
	n = (size_t)num_min64(n, b->row[id].cap); /* eight slots do not need 64 KiB */
	p->per_chunk = n ? n : 1;
}

static uint8_t *slot_payload(struct pool_slot *s)
{
	return (uint8_t *)s + sizeof *s;
}

static bool pool_grow(struct pool *p)
{
	size_t step = sizeof(struct pool_slot) + p->size, bytes;
	struct pool_chunk *c;
	uint8_t *at;

	if (num_mul(step, p->per_chunk, &bytes) || num_add(bytes, sizeof *c, &bytes))
		return false;
	c = malloc(bytes);
	if (c == NULL)
		return false;
	c->next = p->chunks;
	p->chunks = c;
	at = (uint8_t *)c + sizeof *c;
	for (size_t i = 0; i < p->per_chunk; i++, at += step) {
		struct pool_slot *s = (struct pool_slot *)(void *)at;

		s->mark = SLOT_FREE;
		s->next = p->free;
		p->free = s;
		POISON(slot_payload(s), p->size);
	}
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
	ZT_ASSERT(s != NULL && s->mark == SLOT_FREE);
	p->free = s->next;
	p->used++;
	s->mark = SLOT_USED;
	s->owner = p;
	UNPOISON(slot_payload(s), p->size);
	memset(slot_payload(s), 0, p->size);
	return slot_payload(s);
}

void pool_put(struct pool *p, void *slot)
{
	struct pool_slot *s = (struct pool_slot *)(void *)((uint8_t *)slot - sizeof *s);

	ZT_ASSERT(s->mark == SLOT_USED && s->owner == p); /* else a double free, or not ours */
	s->mark = SLOT_FREE;
	memset(slot, 0xdf, p->size); /* what was in it does not outlive it, whoever reads it */
	POISON(slot, p->size);
	s->next = p->free;
	p->free = s;
	p->used--;
	bounds_give(p->bounds, p->id, 1);
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
