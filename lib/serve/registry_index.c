/*
 * registry_index: certificates in memory. Owns the rows, which never move (chunks), and four tables of
 * their numbers. Nothing is ever taken out. Knows no file.
 */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/num.h"
#include "serve/registry_int.h"

_Static_assert(REG_CERTS % REG_CHUNK == 0, "whole chunks");
_Static_assert(sizeof(struct reg_row) <= 328, "100,000 certificates are to stay at some 35 MB");

void index_init(struct reg_index *x)
{
	*x = (struct reg_index){0};
	random_bytes(&x->seed, sizeof x->seed);
}

void index_free(struct reg_index *x)
{
	for (size_t i = 0; i < REG_CHUNKS; i++)
		free(x->chunk[i]);
	for (size_t i = 0; i < REG_KEYS; i++)
		free(x->table[i].slot);
	*x = (struct reg_index){0};
}

struct reg_row *index_row(const struct reg_index *x, size_t i)
{
	return &x->chunk[i / REG_CHUNK][i % REG_CHUNK];
}

/* FNV-1a from a random start, mixed at the end. Serials are random and keys are digests; whoever wants
 * names to collide must be given a certificate for each. */
static size_t hash(const struct reg_index *x, struct span key)
{
	uint64_t h = x->seed;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ key.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 20);
}

static struct span key_of(const struct reg_cert *c, enum reg_key by)
{
	switch (by) {
	case REG_BY_SERIAL:
		return span_of(c->serial, CERT_SERIAL);
	case REG_BY_KEY:
		return span_of(c->key, sizeof c->key);
	case REG_BY_ID:
		return span_str(c->id);
	case REG_BY_NAME:
		return span_str(c->name);
	case REG_KEYS:
		break;
	}
	return SPAN_NONE;
}

/* The slot that holds this key, or the free one where it belongs. There is always a free one. */
static uint32_t *slot_of(const struct reg_index *x, enum reg_key by, struct span key)
{
	const struct reg_table *t = &x->table[by];
	size_t at = hash(x, key) & (t->cap - 1);

	while (t->slot[at] && !span_eq(key_of(&index_row(x, t->slot[at] - 1)->c, by), key))
		at = (at + 1) & (t->cap - 1);
	return &t->slot[at];
}

struct reg_row *index_find(const struct reg_index *x, enum reg_key by, struct span key)
{
	uint32_t *slot = x->table[by].cap ? slot_of(x, by, key) : NULL;

	return slot && *slot ? index_row(x, *slot - 1) : NULL;
}

/* Of two with the same key the newer one is found; the empty name is nobody's. */
static void enter(struct reg_index *x, enum reg_key by, size_t row)
{
	const struct reg_cert *c = &index_row(x, row)->c;
	struct span key = key_of(c, by);
	uint32_t *slot;

	if (key.n == 0)
		return;
	slot = slot_of(x, by, key);
	if (*slot == 0)
		x->table[by].n++;
	else if (index_row(x, *slot - 1)->c.issued > c->issued)
		return;
	*slot = (uint32_t)row + 1;
}

/* At most three quarters full with n entries more. */
static int table_reserve(struct reg_index *x, enum reg_key by, size_t n)
{
	struct reg_table *t = &x->table[by];
	size_t cap = t->cap ? t->cap : 64;
	uint32_t *slot;

	while ((t->n + n) * 4 > cap * 3)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	slot = calloc(cap, sizeof *slot);
	if (slot == NULL)
		return -ZT_E_NOMEM;
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	t->n = 0; /* entered anew */
	for (size_t i = 0; i < x->n; i++)
		enter(x, by, i);
	return 0;
}

int index_reserve(struct reg_index *x, size_t n)
{
	if (n > REG_CERTS - x->n)
		return -ZT_E_FULL;
	for (size_t i = x->n / REG_CHUNK; i * REG_CHUNK < x->n + n; i++) {
		if (x->chunk[i] == NULL)
			x->chunk[i] = calloc(REG_CHUNK, sizeof *x->chunk[i]);
		if (x->chunk[i] == NULL)
			return -ZT_E_NOMEM;
	}
	for (enum reg_key by = 0; by < REG_KEYS; by++) {
		int err = table_reserve(x, by, n);

		if (err)
			return err;
	}
	return 0;
}

struct reg_row *index_add(struct reg_index *x, const struct reg_cert *c)
{
	struct reg_row *row = index_row(x, x->n);

	*row = (struct reg_row){.c = *c};
	for (enum reg_key by = 0; by < REG_KEYS; by++)
		enter(x, by, x->n);
	x->n++;
	return row;
}
