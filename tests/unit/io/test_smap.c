/* smap: against a sorted array, for many random steps; and the sweep. */
#include "io/smap.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "tests/unit/unit.h"

enum { KEYS = 200, STEPS = 20000 };

static struct span key_of(char *mem, unsigned k)
{
	/* lengths differ, and some keys are prefixes of others */
	int n = snprintf(mem, 32, "\1%.*u", (int)(k % 5), k);

	return span_of(mem, (size_t)n);
}

static struct sentry *entry_of(struct smap *m, unsigned k, int64_t expires)
{
	char mem[32];
	struct span key = key_of(mem, k);

	return sentry_new(m, 1, span_sub(key, 1, key.n), SPAN_LIT("v"), expires);
}

static bool in_order(const struct smap *m)
{
	size_t n = 0;

	for (struct sentry *e = smap_first(m); e; e = smap_next(e), n++)
		if (smap_next(e) && span_cmp(sentry_key(e), sentry_key(smap_next(e))) >= 0)
			return false;
	return n == m->n;
}

TEST(swaps_find_and_order_agree_with_a_model)
{
	struct sentry *model[KEYS] = {0};
	struct smap m;

	smap_init(&m);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = random_below(KEYS);
		char mem[32];
		struct span key = key_of(mem, k);
		struct sentry *put = random_below(3) ? entry_of(&m, k, 0) : NULL;
		struct sentry *old = smap_swap(&m, key, put);

		NEED(old == model[k]);
		sentry_free(old);
		model[k] = put;
		NEED(smap_find(&m, key) == put);
		if (step % 500 == 0)
			NEED(in_order(&m));
	}
	for (unsigned k = 0; k < KEYS; k++) {
		char mem[32];
		struct span key = key_of(mem, k);
		struct sentry *e = smap_from(&m, key);

		CHECK(smap_find(&m, key) == model[k]);
		CHECK(e == NULL || span_cmp(sentry_key(e), key) >= 0);
		CHECK(model[k] == NULL || e == model[k]);
	}
	smap_free(&m);
	CHECK(m.n == 0 && smap_first(&m) == NULL);
}

TEST(an_entry_that_was_taken_out_goes_back_in)
{
	struct smap m;
	struct sentry *e, *f;

	smap_init(&m);
	e = entry_of(&m, 7, 0);
	f = entry_of(&m, 7, 0);
	CHECK(smap_swap(&m, sentry_key(e), e) == NULL);
	CHECK(smap_swap(&m, sentry_key(e), f) == e);
	CHECK(smap_swap(&m, sentry_key(e), e) == f);
	CHECK(m.n == 1 && smap_first(&m) == e);
	sentry_free(f);
	smap_free(&m);
}

TEST(keys_and_values_of_every_length)
{
	static uint8_t bytes[40000];
	struct smap m;
	struct sentry *e;

	smap_init(&m);
	random_bytes(bytes, sizeof bytes);
	for (size_t n = 0; n < sizeof bytes; n = n * 2 + 1) {
		e = sentry_new(&m, 9, span_of(bytes, n % 256), span_of(bytes, n), -1);
		NEED(e != NULL);
		CHECK(sentry_key(e).p[0] == 9 && span_eq(span_sub(sentry_key(e), 1, 255), span_of(bytes, n % 256)));
		CHECK(span_eq(sentry_value(e), span_of(bytes, n)));
		CHECK(sentry_bytes(e) >= n + n % 256 + 1);
		sentry_free(e);
	}
}

TEST(expiry_is_the_first_moment_at_which_it_is_gone)
{
	struct smap m;
	struct sentry *e;

	smap_init(&m);
	e = entry_of(&m, 1, 1000);
	CHECK(!sentry_expired(e, 999) && sentry_expired(e, 1000) && sentry_expired(e, 1001));
	e->expires = 0;
	CHECK(!sentry_expired(e, INT64_MAX));
	e->expires = -1;
	CHECK(sentry_expired(e, 0));
	sentry_free(e);
}

TEST(a_sweep_looks_at_so_many_and_goes_round)
{
	struct smap m;
	struct sentry *e;
	size_t found = 0, left;

	smap_init(&m);
	for (unsigned k = 0; k < 100; k++) {
		e = sentry_new(&m, 1, span_of(&k, sizeof k), SPAN_NONE, k % 2 ? 5 : 0);
		CHECK(smap_swap(&m, sentry_key(e), e) == NULL);
	}
	left = 10;
	while ((e = smap_sweep(&m, 5, &left)) != NULL) {
		CHECK(smap_swap(&m, sentry_key(e), NULL) == e);
		sentry_free(e);
		found++;
	}
	CHECK(found == 5 && left == 0 && m.n == 95);
	left = 100;
	while ((e = smap_sweep(&m, 5, &left)) != NULL) {
		CHECK(smap_swap(&m, sentry_key(e), NULL) == e);
		sentry_free(e);
		found++;
	}
	CHECK(found == 50 && m.n == 50);
	left = 10;
	CHECK(smap_sweep(&m, 4, &left) == NULL && left == 0);
	/* the entry where the sweep stands is taken out by somebody else */
	e = m.sweep ? m.sweep : smap_first(&m);
	CHECK(smap_swap(&m, sentry_key(e), NULL) == e);
	sentry_free(e);
	left = 60;
	CHECK(smap_sweep(&m, 5, &left) == NULL);
	smap_free(&m);
	left = 5;
	CHECK(smap_sweep(&m, 5, &left) == NULL && left == 5);
}
