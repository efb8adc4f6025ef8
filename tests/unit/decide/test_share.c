/* share: shares of one budget. */
#include "decide/share.h"

#include "base/num.h"

#include "../unit.h"

static const struct share_set *const sets[] = {&share_edge, &share_connector, &share_tlsd};

TEST(all_full_are_no_more_than_the_budget)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		uint64_t budget = UINT64_C(64) << 20, sum = 0, percent = 0;
		struct bounds b;

		bounds_init(&b);
		for (enum bound_id id = 0; id < BOUND_COUNT; id++)
			bounds_set(&b, id, UINT64_MAX);
		share_out(&b, sets[i], budget);
		for (size_t k = 0; k < sets[i]->n; k++) {
			const struct share *s = &sets[i]->share[k];

			CHECK(s->unit > 0 && b.row[s->id].cap < UINT64_MAX);
			sum += b.row[s->id].cap * s->unit;
			percent += s->percent;
			for (size_t j = 0; j < k; j++)
				CHECK(sets[i]->share[j].id != s->id);
		}
		CHECK(sum <= budget && percent <= 100);
	}
}

TEST(a_cap_is_lowered_and_never_raised)
{
	struct bounds b;

	bounds_init(&b);
	bounds_set(&b, BOUND_EDGE_CONNS, 10);
	share_out(&b, &share_edge, UINT64_C(1) << 40);
	CHECK_INT(b.row[BOUND_EDGE_CONNS].cap, 10);
	CHECK_INT(b.row[BOUND_DUCT_BUFS].cap, BOUND_CAP(BOUND_DUCT_BUFS));
	share_out(&b, &share_edge, 32 << 20);
	CHECK_INT(b.row[BOUND_DUCT_BUFS].cap, (32 << 20) / 100 * 25 / 65728);
	share_reset(&b, &share_edge);
	CHECK_INT(b.row[BOUND_DUCT_BUFS].cap, BOUND_CAP(BOUND_DUCT_BUFS));
}

/* docs/edge.md, "Overload". An eighth of all streams is kept for those that are refused. */
TEST(what_the_documents_promise_has_room)
{
	static const struct {
		const struct share_set *set;
		unsigned mib;
		enum bound_id id;
		uint64_t least;
	} promised[] = {
		{&share_edge, 355, BOUND_EDGE_CONNS, 20000},
		{&share_edge, 192, BOUND_STREAMS, 16384 / 7 * 8 + 8},
		{&share_connector, 192, BOUND_STREAMS, 16384 / 7 * 8 + 8},
		{&share_connector, 192, BOUND_SERVINGS, 16384},
	};

	for (size_t i = 0; i < ARRAY_LEN(promised); i++) {
		struct bounds b;

		bounds_init(&b);
		share_out(&b, promised[i].set, (uint64_t)promised[i].mib << 20);
		CHECK(b.row[promised[i].id].cap >= promised[i].least);
	}
}

TEST(no_budget_lowers_nothing_and_a_tiny_one_leaves_some_of_each)
{
	struct bounds b, then;

	bounds_init(&b);
	then = b;
	share_out(&b, &share_edge, 0);
	CHECK(memcmp(&b, &then, sizeof b) == 0);
	share_out(&b, &share_edge, 1);
	for (size_t k = 0; k < share_edge.n; k++)
		CHECK_INT(b.row[share_edge.share[k].id].cap, SHARE_LEAST);
}
