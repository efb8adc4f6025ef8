/*
 * smap: the skip list of smap.h. Entries are single malloc()ed blocks that live as long as
 * their key; the owner bounds their number and bytes before it makes one.
 */
#include "smap.h"

#include <stdlib.h>

#include "base/crypto.h"

void smap_init(struct smap *m)
{
	*m = (struct smap){0};
}

void smap_free(struct smap *m)
{
	struct sentry *e = m->head[0];

	while (e) {
		struct sentry *next = e->next[0];

		free(e);
		e = next;
	}
	smap_init(m);
}

/* One level, and one more with probability 1/4 as long as luck holds. */
static uint32_t roll_levels(struct smap *m)
{
	uint32_t levels = 1;
	uint8_t bits;

	do {
		if (m->dice_left == 0) {
			random_bytes(m->dice, sizeof m->dice);
			m->dice_left = sizeof m->dice;
		}
		bits = m->dice[--m->dice_left];
	} while (bits < 64 && ++levels < SMAP_LEVELS);
	return levels;
}

static struct span sentry_payload(const struct sentry *e)
{
	return span_of(&e->next[e->levels], (size_t)e->key_n + e->value_n);
}

struct sentry *sentry_new(struct smap *m, uint8_t space, struct span key, struct span value, int64_t expires)
{
	uint32_t levels = roll_levels(m);
	size_t payload = 1 + key.n + value.n;
	struct sentry *e = malloc(sizeof *e + levels * sizeof e->next[0] + payload);
	struct wr w;

	if (e == NULL)
		return NULL;
	e->expires = expires;
	e->key_n = (uint32_t)key.n + 1;
	e->value_n = (uint32_t)value.n;
	e->levels = levels;
	w = wr_of(&e->next[levels], payload);
	wr_u8(&w, space);
	wr_put(&w, key);
	wr_put(&w, value);
	return e;
}

void sentry_free(struct sentry *e)
{
	free(e);
}

struct span sentry_key(const struct sentry *e)
{
	return span_sub(sentry_payload(e), 0, e->key_n);
}

struct span sentry_value(const struct sentry *e)
{
	return span_sub(sentry_payload(e), e->key_n, e->value_n);
}

bool sentry_expired(const struct sentry *e, int64_t now)
{
	return e->expires != 0 && e->expires <= now;
}

size_t sentry_bytes(const struct sentry *e)
{
	return sizeof *e + e->levels * sizeof e->next[0] + e->key_n + e->value_n;
}

/* before[i]: the pointer, at level i, that leads to the first entry with key >= this. */
static void seek(const struct smap *m, struct span key, struct sentry **before[SMAP_LEVELS])
{
	struct sentry *const *row = m->head;

	for (size_t i = SMAP_LEVELS; i-- > 0;) {
		while (row[i] && span_cmp(sentry_key(row[i]), key) < 0)
			row = row[i]->next;
		before[i] = (struct sentry **)&row[i];
	}
}

struct sentry *smap_from(const struct smap *m, struct span key)
{
	struct sentry **before[SMAP_LEVELS];

	seek(m, key, before);
	return *before[0];
}

struct sentry *smap_find(const struct smap *m, struct span key)
{
	struct sentry *e = smap_from(m, key);

	return e && span_eq(sentry_key(e), key) ? e : NULL;
}

struct sentry *smap_first(const struct smap *m)
{
	return m->head[0];
}

struct sentry *smap_next(const struct sentry *e)
{
	return e->next[0];
}

struct sentry *smap_swap(struct smap *m, struct span key, struct sentry *put)
{
	struct sentry **before[SMAP_LEVELS], *old;

	seek(m, key, before);
	old = *before[0];
	if (old && !span_eq(sentry_key(old), key))
		old = NULL;
	if (old) {
		if (m->sweep == old)
			m->sweep = old->next[0];
		for (size_t i = 0; i < old->levels; i++)
			*before[i] = old->next[i];
		m->n--;
	}
	if (put) {
		for (size_t i = 0; i < put->levels; i++) {
			put->next[i] = *before[i];
			*before[i] = put;
		}
		m->n++;
	}
	return old;
}

struct sentry *smap_sweep(struct smap *m, int64_t now, size_t *most)
{
	while (*most) {
		struct sentry *e = m->sweep ? m->sweep : m->head[0];

		if (e == NULL)
			return NULL;
		m->sweep = e->next[0];
		*most -= 1;
		if (sentry_expired(e, now))
			return e;
	}
	return NULL;
}
