/* num: sums and products that do not fit say so. */
#include "base/num.h"

#include "../unit.h"

TEST(sums_and_products_at_the_edge)
{
	size_t s = 1;
	uint64_t u = 1;

	CHECK(!num_add(SIZE_MAX - 1, 1, &s) && s == SIZE_MAX);
	CHECK(num_add(SIZE_MAX, 1, &s));
	CHECK(!num_sub(5, 5, &s) && s == 0);
	CHECK(num_sub(5, 6, &s));
	CHECK(!num_mul(SIZE_MAX / 2, 2, &s) && s == SIZE_MAX - 1);
	CHECK(num_mul(SIZE_MAX / 2 + 1, 2, &s));
	CHECK(!num_mul(0, SIZE_MAX, &s) && s == 0);
	CHECK(!num_add64(UINT64_MAX, 0, &u) && u == UINT64_MAX);
	CHECK(num_add64(UINT64_MAX, 1, &u));
	CHECK(!num_mul64(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &u));
	CHECK(num_mul64(UINT64_C(1) << 32, UINT64_C(1) << 32, &u));
	CHECK(num_add64_sat(UINT64_MAX - 1, 1) == UINT64_MAX);
	CHECK(num_add64_sat(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	CHECK_INT(num_add64_sat(2, 3), 5);
	CHECK(num_min(1, 2) == 1 && num_min(2, 1) == 1);
	CHECK(num_min64(1, UINT64_MAX) == 1);
}

TEST(container_and_length_macros)
{
	struct outer {
		int before;
		struct {
			int x;
		} inner;
	} o = {0};
	int list[7];

	CHECK(CONTAINER_OF(&o.inner, struct outer, inner) == &o);
	CHECK_INT(ARRAY_LEN(list), 7);
}
