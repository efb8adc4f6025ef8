/* Of those who could carry a request the right one does, and equals take turns. */
#include "decide/pickway.h"

#include <string.h>

#include "base/num.h"
#include "tests/unit/unit.h"

static void chain(struct pick_way *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w[i].next = i + 1 < n ? &w[i + 1] : NULL;
}

/* n equal ones of these weights, and who is picked, as letters. */
static const char *picks(struct pick_way *w, size_t n, size_t times)
{
	static char out[64];

	chain(w, n);
	for (size_t i = 0; i < times; i++)
		out[i] = (char)('a' + (pick_way(w, NULL) - w));
	out[times] = 0;
	return out;
}

TEST(nobody_is_picked_of_none)
{
	CHECK(pick_way(NULL, NULL) == NULL);
}

TEST(equals_take_turns)
{
	struct pick_way w[3] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};

	CHECK_STR(picks(w, 3, 7), "abcabca");
}

TEST(turns_are_by_weight_and_smooth)
{
	struct pick_way w[3] = {{.weight = 5}, {.weight = 1}, {.weight = 1}};

	CHECK_STR(picks(w, 3, 14), "aabacaaaabacaa");
	CHECK_INT(w[0].turn | w[1].turn | w[2].turn, 0);
}

TEST(weight_0_only_without_the_others)
{
	struct pick_way w[3] = {{.weight = 0}, {.weight = 2}, {.weight = 0}};

	CHECK_STR(picks(w, 3, 3), "bbb");
	w[1].suspect = true;
	CHECK_STR(picks(w, 3, 4), "acac");
}

/* Streams that stay: the one with the fewest for its weight is next. */
TEST(streams_spread_as_weights_say)
{
	struct pick_way w[3] = {{.weight = 6}, {.weight = 3}, {.weight = 1}};

	chain(w, 3);
	for (unsigned i = 0; i < 1000; i++)
		pick_way(w, NULL)->load++;
	CHECK_INT((int64_t)w[0].load, 600);
	CHECK_INT((int64_t)w[1].load, 300);
	CHECK_INT((int64_t)w[2].load, 100);
	w[2].load = 0; /* its streams ended: it gets all until it has its share again */
	for (unsigned i = 0; i < 100; i++)
		CHECK(pick_way(w, NULL) == &w[2] && ++w[2].load);
}

/* One that has no room is asked when nobody has any, however good it is otherwise; not before one that is down. */
TEST(full_ones_are_passed_over)
{
	struct pick_way w[3] = {{.weight = 1, .preferred = true, .full = true}, {.weight = 1, .suspect = true, .load = 9}, {.weight = 1, .down = true}};

	chain(w, 3);
	CHECK(pick_way(w, &w[0]) == &w[1]);
	w[1].full = true;
	CHECK(pick_way(w, NULL) == &w[0]);
	w[0].rank = 1; /* what it says about the name counts more */
	w[1].full = false;
	CHECK(pick_way(w, NULL) == &w[0]);
}

/* Whoever has more than his share stays behind, whatever the turns say. */
TEST(load_comes_before_turns)
{
	struct pick_way w[2] = {{.weight = 1, .load = 2, .turn = 1000}, {.weight = 1, .load = 1}};

	CHECK_STR(picks(w, 2, 3), "bbb");
	CHECK_INT(w[0].turn, 1000);
}

TEST(a_visitor_stays_while_nobody_is_better_by_more_than_load)
{
	struct pick_way w[2] = {{.weight = 1, .load = 9}, {.weight = 1, .load = 4}}, other = {.weight = 1};

	chain(w, 2);
	CHECK(pick_way(w, &w[0]) == &w[0]);
	CHECK_INT(w[0].turn | w[1].turn, 0); /* and that is nobody's turn */
	CHECK(pick_way(w, &other) == &w[1]); /* who is not there any more */
	w[0].suspect = true;
	CHECK(pick_way(w, &w[0]) == &w[1]);
	w[0].suspect = false;
	w[1].preferred = true; /* the active one is back */
	CHECK(pick_way(w, &w[0]) == &w[1]);
	w[1].preferred = false;
	w[0].load = 10; /* as many as twice 4 + 1 */
	CHECK(pick_way(w, &w[0]) == &w[0]);
	w[0].load = 11;
	CHECK(pick_way(w, &w[0]) == &w[1]);
	w[0].weight = 2;
	CHECK(pick_way(w, &w[0]) == &w[0]);
}

/* Every pair of everything that counts, against the order written as one number. */

#define ALL (2 * 2 * 2 * 2 * 2 * 3 * 3)

static struct pick_way nth(unsigned i, uint64_t *key)
{
	static const uint32_t weights[] = {0, 1, 3};
	struct pick_way w = {.rank = i & 1, .down = i >> 1 & 1, .suspect = i >> 2 & 1, .preferred = i >> 3 & 1,
			     .replaced = i >> 4 & 1, .weight = weights[(i >> 5) % 3], .load = (i >> 5) / 3};

	*key = w.rank ? 0 : 1;
	for (unsigned bit = 0; bit < 5; bit++)
		*key = *key * 2 + (const bool[]){w.down, w.suspect, !w.preferred, w.replaced, w.weight == 0}[bit];
	*key = *key * 16 + w.load * (w.weight == 3 ? 1 : 3);
	return w;
}

TEST(every_pair_is_in_the_order_that_is_written)
{
	for (unsigned i = 0; i < ALL; i++)
		for (unsigned k = 0; k < ALL; k++) {
			uint64_t key[2];
			struct pick_way w[2] = {nth(i, &key[0]), nth(k, &key[1])}, *got;

			chain(w, 2);
			got = pick_way(w, NULL);
			CHECK(key[0] == key[1] ? got == &w[w[0].weight < w[1].weight] : got == &w[key[1] < key[0]]);
		}
}

/* Names of different sets of connectors share the turns of each: nobody's runs away. */
TEST(turns_stay_small_whoever_is_asked)
{
	struct pick_way w[5] = {{.weight = 7}, {.weight = 1}, {.weight = 3}, {.weight = 1}, {.weight = 100}};
	uint32_t seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		struct pick_way *first = NULL;

		seed = seed * 1664525 + 1013904223;
		for (unsigned k = 0; k < 5; k++)
			if (seed >> (16 + k) & 1) {
				w[k].next = first;
				first = &w[k];
			}
		pick_way(first, NULL);
	}
	for (unsigned k = 0; k < 5; k++)
		CHECK(w[k].turn < 1000 && w[k].turn > -1000);
}
