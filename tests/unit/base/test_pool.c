/* pool: exhaustion is an answer, what is freed is gone; arenas and their cap. */
#include "base/pool.h"

#include <stdlib.h>

#include "../unit.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISONED(p) __asan_address_is_poisoned(p)
/* Sizes that no malloc can serve are asked for on purpose. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#endif
#endif
#ifndef POISONED
#define POISONED(p) (*(const uint8_t *)(p) == 0xdf)
#endif

static struct bounds bounds;
static struct pool pool;

static void fresh(uint64_t cap, size_t size)
{
	bounds_init(&bounds);
	bounds_set(&bounds, BOUND_ECHO_BUFS, cap);
	pool_init(&pool, &bounds, BOUND_ECHO_BUFS, size);
}

TEST(an_exhausted_pool_answers_null_and_counts_it)
{
	void *slot[5];

	fresh(4, 100);
	for (int i = 0; i < 4; i++)
		NEED((slot[i] = pool_get(&pool)) != NULL);
	CHECK(pool_get(&pool) == NULL);
	CHECK(pool_get(&pool) == NULL);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].hits, 2);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].used, 4);
	pool_put(&pool, slot[2]);
	slot[4] = pool_get(&pool);
	CHECK(slot[4] == slot[2]);
	CHECK(pool_get(&pool) == NULL);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].peak, 4);
	for (int i = 0; i < 5; i++)
		if (i != 2)
			pool_put(&pool, slot[i]);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].used, 0);
	pool_free(&pool);
}

TEST(slots_are_zeroed_aligned_and_apart)
{
	static const size_t sizes[] = {1, 15, 16, 17, 40, 4096, 65536, 200000};
	uint8_t *slot[20];

	for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		size_t size = sizes[k];

		fresh(20, size);
		for (unsigned i = 0; i < 20; i++) {
			NEED((slot[i] = pool_get(&pool)) != NULL);
			CHECK((uintptr_t)slot[i] % 8 == 0);
			for (size_t b = 0; b < size; b++)
				if (slot[i][b] != 0) {
					unit_fail(__FILE__, __LINE__, "size %zu byte %zu not zero", size, b);
					break;
				}
			memset(slot[i], (int)i + 1, size);
		}
		for (unsigned i = 0; i < 20; i++) {
			CHECK(slot[i][0] == i + 1 && slot[i][size - 1] == i + 1);
			pool_put(&pool, slot[i]);
		}
		slot[0] = pool_get(&pool); /* used before: zero again */
		NEED(slot[0] != NULL);
		CHECK(slot[0][0] == 0 && slot[0][size - 1] == 0);
		pool_put(&pool, slot[0]);
		pool_free(&pool);
	}
}

TEST(used_slots_are_met_once_each_and_may_be_put_meanwhile)
{
	struct pool_at at = {0};
	uint8_t *slot[600];
	size_t met = 0;

	fresh(600, 1000); /* ten chunks */
	CHECK(pool_next(&pool, &at) == NULL);
	for (size_t i = 0; i < 600; i++)
		NEED((slot[i] = pool_get(&pool)) != NULL);
	for (size_t i = 0; i < 600; i += 3)
		pool_put(&pool, slot[i]);
	at = (struct pool_at){0};
	for (uint8_t *s; (s = pool_next(&pool, &at)) != NULL; met++) {
		CHECK_INT(s[0], 0);
		s[0] = 1;
		if (met % 2)
			pool_put(&pool, s);
	}
	CHECK_INT(met, 400);
	CHECK_INT(pool.used, 200);
	at = (struct pool_at){0};
	for (void *s; (s = pool_next(&pool, &at)) != NULL;)
		pool_put(&pool, s);
	CHECK_INT(pool.used, 0);
	pool_free(&pool);
}

TEST(a_small_pool_does_not_take_a_whole_chunk)
{
	fresh(4, 100);
	CHECK_INT(pool.per_chunk, 4);
	fresh(1000000, 100);
	CHECK(pool.per_chunk > 100);
	fresh(0, 100);
	CHECK(pool_get(&pool) == NULL);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].hits, 1);
	pool_free(&pool);
}

TEST(an_empty_pool_is_trimmed_to_one_chunk)
{
	enum { N = 3000 }; /* of 100 bytes and a link: six chunks */
	static uint8_t *slot[N];

	fresh(N, 100);
	pool_trim(&pool);
	CHECK_INT(pool.nchunks, 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			NEED((slot[i] = pool_get(&pool)) != NULL);
		CHECK_INT(pool.nchunks, 6);
		for (int i = 0; i < N; i++) {
			slot[i][99] = 1;
			pool_put(&pool, slot[i]);
		}
		CHECK_INT(pool.nchunks, 6);
		pool_trim(&pool);
		CHECK_INT(pool.nchunks, 1);
		CHECK(pool_next(&pool, &(struct pool_at){0}) == NULL);
	}
	pool_free(&pool);
	CHECK_INT(pool.nchunks, 0);
}

/* One that is used holds its own chunk, and no more; else what there was at most would stay for as long as that one. */
TEST(chunks_without_a_used_slot_go_when_few_are_used)
{
	enum { N = 3000 };
	static uint8_t *slot[N];

	for (int left = 0; left < N; left += 599) {
		fresh(N, 100);
		for (int i = 0; i < N; i++) {
			NEED((slot[i] = pool_get(&pool)) != NULL);
			memset(slot[i], i % 251, 100);
		}
		for (int i = 0, used = N; i < N; i++) {
			if (i == left)
				continue;
			pool_put(&pool, slot[i]);
			pool_trim(&pool);
			if (--used * 4 >= 6 * (int)pool.per_chunk)
				CHECK_INT(pool.nchunks, 6); /* they may soon be needed again */
		}
		CHECK_INT(pool.nchunks, 1);
		CHECK(slot[left][0] == left % 251 && slot[left][99] == left % 251);
		CHECK(pool_next(&pool, &(struct pool_at){0}) == slot[left]);
		for (int i = 0; i < N; i++)
			if (i != left)
				NEED((slot[i] = pool_get(&pool)) != NULL);
		CHECK(pool_get(&pool) == NULL && pool.nchunks == 6 && slot[left][99] == left % 251);
		for (int i = 0; i < N; i++)
			pool_put(&pool, slot[i]);
		pool_free(&pool);
	}
}

TEST(what_is_used_stays_as_it_is_however_often_a_pool_is_trimmed)
{
	enum { N = 3000 };
	static uint8_t *held[N];
	size_t n = 0, met = 0;
	uint32_t rnd = 1;

	fresh(N, 100);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t *p;

		rnd = rnd * 1664525 + 1013904223;
		if ((rnd >> 16) % 16 < (i / 5000 % 2 ? 4 : 12)) { /* many, and few again */
			p = pool_get(&pool);
			CHECK((p != NULL) == (n < N));
			if (p)
				memset(held[n++] = p, (int)((uintptr_t)p / 8 % 251), 100);
		} else if (n) {
			size_t k = (rnd >> 8) % n;

			p = held[k];
			CHECK(p[0] == (uintptr_t)p / 8 % 251 && p[99] == p[0]);
			pool_put(&pool, p);
			held[k] = held[--n];
			pool_trim(&pool);
		}
	}
	for (struct pool_at at = {0}; pool_next(&pool, &at);)
		met++;
	CHECK(n > 0 && met == n && pool.used == n);
	while (n)
		pool_put(&pool, held[--n]);
	CHECK_INT(pool.empty, pool.nchunks);
	pool_free(&pool);
	CHECK(pool.nchunks == 0 && pool.empty == 0);
}

TEST(freed_slots_are_poisoned)
{
	uint8_t *slot;

	fresh(2, 64);
	NEED((slot = pool_get(&pool)) != NULL);
	memset(slot, 'k', 64);
	pool_put(&pool, slot);
	CHECK(POISONED(slot) && POISONED(slot + 63));
	slot = pool_get(&pool);
	NEED(slot != NULL);
	CHECK(!POISONED(slot));
	pool_put(&pool, slot);
	pool_free(&pool);
}

static void put_twice(void)
{
	void *slot;

	fresh(2, 64);
	slot = pool_get(&pool);
	pool_put(&pool, slot);
	pool_put(&pool, slot);
}

static void put_elsewhere(void)
{
	struct pool other;
	void *slot, *own;

	fresh(2, 64);
	pool_init(&other, &bounds, BOUND_DIALS, 64);
	slot = pool_get(&pool);
	own = pool_get(&other);
	if (slot && own)
		pool_put(&other, slot);
}

static void free_with_a_slot_out(void)
{
	fresh(2, 64);
	if (pool_get(&pool))
		pool_free(&pool);
}

TEST(misuse_aborts)
{
	CHECK(unit_dies(put_twice));
	CHECK(unit_dies(put_elsewhere));
	CHECK(unit_dies(free_with_a_slot_out));
}

TEST(random_gets_and_puts_agree_with_the_count)
{
	enum { CAP = 300 };
	static void *held[CAP];
	unsigned n = 0, refused = 0;
	uint32_t rnd = 1;

	fresh(CAP, 200);
	for (int i = 0; i < 20000; i++) {
		rnd = rnd * 1664525 + 1013904223;
		if (rnd >> 16 & 3) {
			void *p = pool_get(&pool);

			CHECK((p != NULL) == (n < CAP));
			if (p) {
				memset(p, 0x5a, 200);
				held[n++] = p;
			} else {
				refused++;
			}
		} else if (n) {
			unsigned k = (rnd >> 18) % n;

			pool_put(&pool, held[k]);
			held[k] = held[--n];
		}
		if (bounds.row[BOUND_ECHO_BUFS].used != n)
			unit_fail(__FILE__, __LINE__, "turn %d", i);
	}
	CHECK(refused > 100);
	CHECK_INT(bounds.row[BOUND_ECHO_BUFS].hits, refused);
	while (n)
		pool_put(&pool, held[--n]);
	pool_free(&pool);
}

TEST(what_arenas_hold_together_is_bounded_and_given_back)
{
	struct bounds b;
	struct arena one, two;

	bounds_init(&b);
	bounds_set(&b, BOUND_EDGE_HEADS, 10000);
	arena_init(&one, 100000);
	arena_init(&two, 100000);
	arena_bound(&one, &b, BOUND_EDGE_HEADS);
	arena_bound(&two, &b, BOUND_EDGE_HEADS);
	CHECK(arena_get(&one, 100) && arena_get(&two, 100));
	CHECK(b.row[BOUND_EDGE_HEADS].used >= 8000 && b.row[BOUND_EDGE_HEADS].used < 9000);
	CHECK(arena_get(&one, 4000) == NULL && b.row[BOUND_EDGE_HEADS].hits == 1);
	arena_free(&two);
	CHECK(arena_get(&one, 4000) != NULL);
	arena_clear(&one); /* one chunk stays with it, and counts */
	CHECK(b.row[BOUND_EDGE_HEADS].used >= 4000 && b.row[BOUND_EDGE_HEADS].used < 5000);
	arena_free(&one);
	CHECK_INT(b.row[BOUND_EDGE_HEADS].used, 0);
}

TEST(a_cleared_arena_keeps_one_usual_chunk_and_gives_zeroed_memory_again)
{
	struct arena a;
	uint8_t *p, *again;

	arena_init(&a, 100000);
	NEED((p = arena_get(&a, 100)) != NULL);
	memset(p, 0xff, 100);
	NEED(arena_get(&a, 50000) != NULL && arena_get(&a, 3950) != NULL);
	arena_clear(&a);
	CHECK(a.chunks != NULL && a.used == 0);
	NEED((again = arena_get(&a, 100)) != NULL);
	for (size_t i = 0; i < 100; i++)
		CHECK(again[i] == 0);
	CHECK(arena_get(&a, 100000) == NULL); /* the cap is as it was */
	arena_free(&a);
	NEED(arena_get(&a, 50000) != NULL);
	arena_clear(&a); /* a large one alone is not kept */
	CHECK(a.chunks == NULL && a.used == 0);
	arena_clear(&a);
	CHECK(a.chunks == NULL);
}

TEST(an_arena_gives_zeroed_aligned_memory_up_to_its_cap)
{
	uint8_t *p, *kept[10];
	struct arena a;

	arena_init(&a, 10000);
	for (int i = 0; i < 10; i++) {
		NEED((p = arena_get(&a, 1 + (size_t)i)) != NULL);
		CHECK((uintptr_t)p % 16 == 0);
		CHECK(p[0] == 0 && p[i] == 0);
		memset(p, 0xa0 + i, 16);
		kept[i] = p;
	}
	CHECK_INT(a.used, 160);
	CHECK(arena_get(&a, 9841) == NULL);
	NEED((p = arena_get(&a, 9840)) != NULL); /* larger than a chunk */
	CHECK(p[0] == 0 && p[9839] == 0);
	for (int i = 0; i < 10; i++) /* none was given out twice */
		CHECK(kept[i][0] == 0xa0 + i && kept[i][15] == 0xa0 + i);
	CHECK_INT(a.used, 10000);
	CHECK(arena_get(&a, 1) == NULL);
	CHECK(arena_get(&a, 0) != NULL);
	arena_free(&a);
	CHECK_INT(a.used, 0);
	CHECK(arena_get(&a, 10000) != NULL); /* may be used again */
	arena_free(&a);
}

TEST(an_arena_refuses_sizes_near_the_top)
{
	struct arena a;
	struct span huge = {(const uint8_t *)"x", SIZE_MAX};

	arena_init(&a, SIZE_MAX);
	for (size_t n = SIZE_MAX; n > SIZE_MAX - 40; n--)
		CHECK(arena_get(&a, n) == NULL);
	CHECK_INT(a.used, 0);
	CHECK(arena_str(&a, huge) == NULL);
	CHECK(arena_span(&a, huge).p == NULL);
	huge.n--; /* with its NUL just SIZE_MAX */
	CHECK(arena_str(&a, huge) == NULL);
	arena_free(&a);
}

TEST(an_arena_copies_strings)
{
	struct arena a;
	struct span s;
	char *c;

	arena_init(&a, 64);
	NEED((c = arena_str(&a, SPAN_LIT("abc"))) != NULL);
	CHECK_STR(c, "abc");
	NEED((c = arena_str(&a, SPAN_NONE)) != NULL);
	CHECK_STR(c, "");
	s = arena_span(&a, SPAN_LIT("0123456789abcdef"));
	CHECK(span_eq_str(s, "0123456789abcdef"));
	s = arena_span(&a, SPAN_NONE); /* empty is not "over" */
	CHECK(s.p != NULL && s.n == 0);
	s = arena_span(&a, SPAN_NONE);
	CHECK(s.p == NULL);
	arena_free(&a);
}
