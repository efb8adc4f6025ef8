/* pool: malloc fails at the n-th call; nothing is lost, counted wrongly or leaked. */
#include <errno.h>

#include "../unit.h"
#include "../wrapio.h"
#include "base/pool.h"

TEST(a_pool_without_memory_answers_null_and_recovers)
{
	struct bounds b;
	struct pool p;
	void *slot;

	bounds_init(&b);
	pool_init(&p, &b, BOUND_ECHO_BUFS, 4096);
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 2);
	CHECK(pool_get(&p) == NULL);
	CHECK(pool_get(&p) == NULL);
	CHECK_INT(b.row[BOUND_ECHO_BUFS].used, 0);
	CHECK_INT(b.row[BOUND_ECHO_BUFS].hits, 0); /* the cap was not what refused */
	NEED((slot = pool_get(&p)) != NULL);
	CHECK_INT(b.row[BOUND_ECHO_BUFS].used, 1);
	CHECK_INT(wrap_count(WRAP_MALLOC), 3);
	pool_put(&p, slot);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1000);
	NEED((slot = pool_get(&p)) != NULL); /* a free slot needs no memory */
	pool_put(&p, slot);
	pool_free(&p);
	wrap_reset();
}

TEST(every_malloc_of_a_growing_pool_may_fail)
{
	enum { SLOTS = 64 };

	for (unsigned nth = 1; nth <= 5; nth++) {
		void *slot[SLOTS];
		unsigned n = 0, refused = 0;
		struct bounds b;
		struct pool p;

		bounds_init(&b);
		pool_init(&p, &b, BOUND_ECHO_BUFS, 4000); /* 16 a chunk */
		wrap_reset();
		wrap_fail(WRAP_MALLOC, nth, ENOMEM, 1);
		while (n < SLOTS) {
			slot[n] = pool_get(&p);
			if (slot[n])
				n++;
			else
				refused++;
		}
		CHECK_INT(refused, nth <= 4);
		CHECK_INT(b.row[BOUND_ECHO_BUFS].used, SLOTS);
		while (n)
			pool_put(&p, slot[--n]);
		pool_free(&p);
	}
	wrap_reset();
}

TEST(an_arena_without_memory_answers_null_and_recovers)
{
	struct arena a;
	void *big;

	arena_init(&a, 100000);
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK(arena_get(&a, 10) == NULL);
	CHECK_INT(a.used, 0);
	CHECK(arena_get(&a, 10) != NULL);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK(arena_str(&a, SPAN_LIT("fits into the chunk there is")) != NULL);
	big = arena_get(&a, 50000);
	CHECK(big == NULL);
	CHECK(arena_get(&a, 50000) != NULL);
	arena_free(&a);
	wrap_reset();
}
