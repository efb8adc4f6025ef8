/* Origins take turns by weight, healthy ones first, and nobody is tried twice. */
#include "decide/pickorigin.h"

#include <string.h>

#include "base/num.h"
#include "tests/unit/unit.h"

static void weigh(struct pick_origin *o, const uint32_t *weight, size_t n)
{
	memset(o, 0, n * sizeof *o);
	for (size_t i = 0; i < n; i++)
		o[i].weight = weight[i];
}

/* n picks as letters. */
static const char *picks(struct pick_origin *o, size_t n, size_t times)
{
	static char out[64];

	for (size_t i = 0; i < times; i++) {
		int at = pick_next(o, n, 0);

		out[i] = at < 0 ? '-' : (char)('a' + at);
	}
	out[times] = 0;
	return out;
}

TEST(equal_ones_take_turns)
{
	struct pick_origin o[3];

	weigh(o, (const uint32_t[]){1, 1, 1}, 3);
	CHECK_STR(picks(o, 3, 7), "abcabca");
}

/* The order that nginx documents for 5, 1, 1. */
TEST(weights_are_kept_smoothly)
{
	struct pick_origin o[3];

	weigh(o, (const uint32_t[]){5, 1, 1}, 3);
	CHECK_STR(picks(o, 3, 14), "aabacaaaabacaa");
}

TEST(shares_are_exact_over_a_round)
{
	static const uint32_t weight[] = {1000000, 7, 13, 1, 333};
	struct pick_origin o[5];
	uint64_t count[5] = {0}, sum = 0;

	weigh(o, weight, 5);
	for (size_t i = 0; i < 5; i++)
		sum += weight[i];
	for (uint64_t i = 0; i < 2 * sum; i++)
		count[pick_next(o, 5, 0)]++;
	for (size_t i = 0; i < 5; i++) {
		CHECK_INT((int64_t)count[i], 2 * (int64_t)weight[i]);
		CHECK_INT(o[i].turn, 0);
	}
}

TEST(weight_0_only_without_the_others)
{
	struct pick_origin o[3];

	weigh(o, (const uint32_t[]){0, 2, 0}, 3);
	CHECK_STR(picks(o, 3, 3), "bbb");
	o[1].down = true;
	CHECK_STR(picks(o, 3, 4), "acac");
	o[0].down = o[2].down = true; /* then somebody must find out: by weight again */
	CHECK_STR(picks(o, 3, 3), "bbb");
}

TEST(who_is_down_is_tried_last)
{
	struct pick_origin o[3];

	weigh(o, (const uint32_t[]){1, 1, 1}, 3);
	o[1].down = true;
	CHECK_STR(picks(o, 3, 4), "acac");
	CHECK_INT(pick_next(o, 3, 1 | 4), 1);
	CHECK_INT(pick_next(o, 3, 1 | 2 | 4), -1);
}

TEST(every_one_once_for_a_stream)
{
	struct pick_origin o[PICK_MOST];
	uint32_t weight[PICK_MOST];
	uint64_t tried = 0;

	for (size_t i = 0; i < PICK_MOST; i++)
		weight[i] = (uint32_t)(i % 5);
	weigh(o, weight, PICK_MOST);
	for (size_t i = 0; i < PICK_MOST; i++)
		o[i].down = i % 3 == 0;
	for (size_t i = 0; i < PICK_MOST; i++) {
		int at = pick_next(o, PICK_MOST, tried);

		CHECK(at >= 0 && at < PICK_MOST && !(tried & UINT64_C(1) << at));
		if (at >= 0)
			tried |= UINT64_C(1) << at;
	}
	CHECK(tried == UINT64_MAX);
	CHECK_INT(pick_next(o, PICK_MOST, tried), -1);
	CHECK_INT(pick_next(o, 0, 0), -1);
}

TEST(two_failures_in_a_row_and_one_success)
{
	struct pick_origin o = {.weight = 1};

	CHECK(!pick_saw(&o, false) && !o.down);
	CHECK(!pick_saw(&o, true));
	CHECK(!pick_saw(&o, false) && !o.down); /* not in a row */
	CHECK(pick_saw(&o, false) && o.down);
	for (unsigned i = 0; i < 600; i++) /* the counter does not come round */
		CHECK(!pick_saw(&o, false) && o.down);
	CHECK(pick_saw(&o, true) && !o.down);
	CHECK(!pick_saw(&o, false) && !o.down); /* two again */
}

TEST(a_rule_is_up_while_one_is)
{
	struct pick_origin o[2] = {{.weight = 1, .down = true}, {.weight = 0}};

	CHECK(pick_any(o, 2));
	o[1].down = true;
	CHECK(!pick_any(o, 2));
	CHECK(!pick_any(o, 0));
}
