/*
 * dnscache: a sorted array of pointers to pool slots. Owns both. The array is allocated once,
 * at its full (bounded) length; there is no I/O here, it lives in io/ because it allocates.
 */
#include "dnscache.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"
#include "base/pool.h"

struct entry {
	struct dns_name name;
	enum dns_type type;
	uint64_t expires; /* monotonic ns: from this moment on it is not used */
	struct dns_answer answer;
};

struct dnscache {
	struct entry **sorted; /* by (name, type) */
	size_t n, cap;
	struct pool pool;
};

int dnscache_new(struct dnscache **out, struct bounds *b)
{
	struct dnscache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return -ZT_E_NOMEM;
	c->cap = (size_t)b->row[BOUND_DNS_CACHE].cap;
	c->sorted = calloc(c->cap ? c->cap : 1, sizeof(struct entry *));
	if (c->sorted == NULL) {
		free(c);
		return -ZT_E_NOMEM;
	}
	pool_init(&c->pool, b, BOUND_DNS_CACHE, sizeof(struct entry));
	*out = c;
	return 0;
}

void dnscache_free(struct dnscache *c)
{
	if (c == NULL)
		return;
	dnscache_clear(c);
	pool_free(&c->pool);
	free(c->sorted);
	free(c);
}

void dnscache_clear(struct dnscache *c)
{
	while (c->n)
		pool_put(&c->pool, c->sorted[--c->n]);
}

static int order(const struct entry *e, const struct dns_name *name, enum dns_type type)
{
	int by_name = dns_name_cmp(&e->name, name);

	return by_name ? by_name : (int)e->type - (int)type;
}

/* Where it is, or where it would have to go. */
static bool find(const struct dnscache *c, const struct dns_name *name, enum dns_type type, size_t *at)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int o = order(c->sorted[mid], name, type);

		if (o == 0) {
			*at = mid;
			return true;
		}
		if (o < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

static void drop(struct dnscache *c, size_t at)
{
	pool_put(&c->pool, c->sorted[at]);
	c->n--;
	memmove(&c->sorted[at], &c->sorted[at + 1], (c->n - at) * sizeof(struct entry *));
}

bool dnscache_get(struct dnscache *c, const struct dns_name *name, enum dns_type type,
		  uint64_t now_ns, struct dns_answer *out)
{
	const struct entry *e;
	size_t at;

	if (!find(c, name, type, &at))
		return false;
	e = c->sorted[at];
	if (e->expires <= now_ns) {
		drop(c, at);
		return false;
	}
	*out = e->answer;
	out->ttl = (uint32_t)((e->expires - now_ns) / NS_PER_S);
	return true;
}

static void drop_soonest(struct dnscache *c)
{
	size_t soonest = 0;

	for (size_t i = 1; i < c->n; i++)
		if (c->sorted[i]->expires < c->sorted[soonest]->expires)
			soonest = i;
	if (c->n)
		drop(c, soonest);
}

static uint32_t believed(const struct dns_answer *a)
{
	uint32_t most = a->kind == DNS_ADDRS ? DNSCACHE_TTL_MAX : DNSCACHE_TTL_MAX_NO;

	if (a->kind == DNS_TRUNCATED || a->kind == DNS_FAILED)
		return 0;
	return a->ttl < most ? a->ttl : most;
}

void dnscache_put(struct dnscache *c, const struct dns_name *name, enum dns_type type,
		  uint64_t now_ns, const struct dns_answer *a)
{
	uint32_t ttl = believed(a);
	struct entry *e;
	size_t at;

	if (find(c, name, type, &at))
		drop(c, at);
	if (ttl == 0 || c->cap == 0)
		return;
	e = c->n < c->cap ? pool_get(&c->pool) : NULL;
	if (e == NULL) { /* at the cap, or a reload lowered it, or no memory: reuse the oldest slot */
		drop_soonest(c);
		e = c->n < c->cap ? pool_get(&c->pool) : NULL;
	}
	if (e == NULL)
		return;
	*e = (struct entry){.name = *name, .type = type, .answer = *a};
	e->expires = num_add64_sat(now_ns, ttl * NS_PER_S);
	find(c, name, type, &at); /* dropping moved things */
	memmove(&c->sorted[at + 1], &c->sorted[at], (c->n - at) * sizeof(struct entry *));
	c->sorted[at] = e;
	c->n++;
}
