/* sessions: see sessions.h. One list in the order of age, one table of buckets over it. Every
 * secret in it is wiped before its memory is given back. */
#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "base/pool.h"

#define BUCKETS 1024 /* as many as BOUND_TLS_SESSIONS allows: one each */

struct entry {
	struct session_key key;
	struct session value;
	uint64_t until;               /* monotonic */
	struct entry *next;           /* in its bucket */
	struct entry *older, *newer;
	uint8_t *leaf;
};

struct sessions {
	struct pool pool;
	const struct clock *clock;
	struct entry *bucket[BUCKETS];
	struct entry *oldest, *newest;
	size_t n;
};

int sessions_new(struct sessions **out, struct bounds *b, const struct clock *clock)
{
	struct sessions *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -ZT_E_NOMEM;
	s->clock = clock;
	pool_init(&s->pool, b, BOUND_TLS_SESSIONS, sizeof(struct entry));
	*out = s;
	return 0;
}

/* Session ids are our own random bytes, and a worker that chooses keys badly slows down nobody but
 * itself: no bucket holds more than the bound. */
static struct entry **bucket_of(struct sessions *s, const struct session_key *k)
{
	return &s->bucket[(k->key[0] | k->key[1] << 8) % BUCKETS];
}

static bool same(const struct session_key *a, const struct session_key *b)
{
	return a->client == b->client && ct_eq(a->key, b->key, sizeof a->key);
}

static struct entry *find(struct sessions *s, const struct session_key *k)
{
	struct entry *e = *bucket_of(s, k);

	while (e && !same(&e->key, k))
		e = e->next;
	return e;
}

static void forget(struct sessions *s, struct entry *e)
{
	struct entry **at = bucket_of(s, &e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	free(e->leaf);
	wipe(e, sizeof *e);
	pool_put(&s->pool, e);
	s->n--;
}

void sessions_free(struct sessions *s)
{
	if (s == NULL)
		return;
	while (s->oldest)
		forget(s, s->oldest);
	pool_free(&s->pool);
	free(s);
}

static struct entry *make_room(struct sessions *s)
{
	struct entry *e = pool_get(&s->pool);

	if (e == NULL && s->oldest) {
		forget(s, s->oldest);
		e = pool_get(&s->pool);
	}
	return e;
}

static void append(struct sessions *s, struct entry *e)
{
	struct entry **bucket = bucket_of(s, &e->key);

	e->next = *bucket;
	*bucket = e;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
	s->n++;
}

void sessions_put(struct sessions *s, const struct session_key *k, const struct session *v)
{
	uint8_t *leaf = NULL;
	struct entry *e;

	sessions_drop(s, k);
	if (v->leaf.n > SESSION_LEAF)
		return;
	if (v->leaf.n) {
		leaf = malloc(v->leaf.n);
		if (leaf == NULL)
			return;
		memcpy(leaf, v->leaf.p, v->leaf.n);
	}
	e = make_room(s);
	if (e == NULL) {
		free(leaf);
		return;
	}
	e->key = *k;
	e->value = *v;
	e->value.leaf = span_of(leaf, v->leaf.n);
	e->leaf = leaf;
	e->until = num_add64_sat(clock_mono(s->clock), SESSION_LIFE_S * NS_PER_S);
	append(s, e);
}

const struct session *sessions_get(struct sessions *s, const struct session_key *k)
{
	struct entry *e = find(s, k);

	if (e == NULL)
		return NULL;
	if (clock_mono(s->clock) >= e->until) {
		forget(s, e);
		return NULL;
	}
	return ct_eq(e->key.bound, k->bound, sizeof k->bound) ? &e->value : NULL;
}

void sessions_drop(struct sessions *s, const struct session_key *k)
{
	struct entry *e = find(s, k);

	if (e)
		forget(s, e);
}

size_t sessions_count(const struct sessions *s)
{
	return s->n;
}

/* Lengths in front, so that no two different lists of facts are one string. */
void session_bind(uint8_t out[static 32], bool client, uint32_t epoch, uint16_t plan, struct span name,
		  struct span alpn)
{
	uint8_t mem[16 + 256 + 256];
	struct wr w = wr_of(mem, sizeof mem);

	ZT_ASSERT(name.n < 256 && alpn.n < 256);
	wr_u8(&w, client);
	wr_be32(&w, epoch);
	wr_be16(&w, plan);
	wr_u8(&w, (uint8_t)name.n);
	wr_put(&w, name);
	wr_u8(&w, (uint8_t)alpn.n);
	wr_put(&w, alpn);
	sha256(wr_span(&w), out);
}
