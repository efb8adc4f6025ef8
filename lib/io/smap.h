/*
 * smap: the store's memory: entries in byte order of their keys. A skip list whose levels come
 * from the kernel's random numbers, so that no choice of keys makes it slow, and walking in
 * order costs nothing.
 */
#ifndef ZT_SMAP_H
#define ZT_SMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* 4^10 = 1,048,576: four times the default cap of BOUND_STORE_KEYS with one level in four. */
#define SMAP_LEVELS 10

struct sentry {
	int64_t expires; /* Unix ms; 0 = never */
	uint32_t key_n, value_n;
	uint32_t levels;
	struct sentry *next[]; /* as many as levels; then the key, then the value */
};

struct smap {
	struct sentry *head[SMAP_LEVELS];
	struct sentry *sweep; /* where smap_sweep() goes on; NULL = at the front */
	size_t n;
	uint8_t dice[32];
	size_t dice_left;
};

void smap_init(struct smap *m);
void smap_free(struct smap *m); /* frees the entries too */

/* An entry of its own, not yet in the map: the key is `space` and then `key`. NULL: no memory. */
struct sentry *sentry_new(struct smap *m, uint8_t space, struct span key, struct span value, int64_t expires);
void sentry_free(struct sentry *e); /* must not be in a map; NULL is fine */
struct span sentry_key(const struct sentry *e);   /* with its space */
struct span sentry_value(const struct sentry *e);
bool sentry_expired(const struct sentry *e, int64_t now);
size_t sentry_bytes(const struct sentry *e);      /* of memory */

struct sentry *smap_find(const struct smap *m, struct span key);
struct sentry *smap_from(const struct smap *m, struct span key); /* the first with key >= this */
struct sentry *smap_first(const struct smap *m);
struct sentry *smap_next(const struct sentry *e);
/* Under `key`: take out what is there and put `put` in (NULL: nothing; else it has that key).
 * Answers what was there, now the caller's, or NULL. Never fails. */
struct sentry *smap_swap(struct smap *m, struct span key, struct sentry *put);
/* The next expired entry among the next *most, round and round; *most becomes what is left of
 * them. NULL if there is none. It stays in the map. */
struct sentry *smap_sweep(struct smap *m, int64_t now, size_t *most);

#endif
