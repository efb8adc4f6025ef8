/* bounds: the counting, the table itself, and that every row has a test that floods it. */
#include "base/bounds.h"

#include <glob.h>
#include <stdlib.h>

#include "../unit.h"

TEST(the_table_is_complete_and_has_no_two_equal_names)
{
	for (size_t i = 0; i < BOUND_COUNT; i++) {
		const struct bound_row *r = &bound_rows[i];

		NEED(r->name != NULL && r->answer != NULL);
		CHECK(r->cap > 0 && r->answer[0] != 0 && strlen(r->name) <= 32);
		CHECK(strspn(r->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(r->name)); /* a metric's name */
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(r->name, bound_rows[k].name) != 0);
	}
	CHECK_INT(BOUND_CAP(BOUND_JSON_DEPTH), bound_rows[BOUND_JSON_DEPTH].cap);
}

TEST(every_row_counts_up_to_its_cap_and_no_further)
{
	struct bounds b;

	bounds_init(&b);
	for (enum bound_id id = 0; id < BOUND_COUNT; id++) {
		uint64_t cap = bound_rows[id].cap;

		CHECK_INT(b.row[id].cap, cap);
		CHECK(bounds_fits(&b, id, cap) && b.row[id].hits == 0);
		CHECK(!bounds_fits(&b, id, cap + 1) && b.row[id].hits == 1);
		CHECK(bounds_take(&b, id, cap - 1));
		CHECK(!bounds_take(&b, id, 2));
		CHECK(!bounds_take(&b, id, UINT64_MAX));
		CHECK(bounds_take(&b, id, 1));
		CHECK(!bounds_take(&b, id, 1));
		CHECK(bounds_take(&b, id, 0));
		CHECK_INT(b.row[id].hits, 4);
		CHECK_INT(b.row[id].peak, cap);
		bounds_give(&b, id, cap);
		CHECK_INT(b.row[id].used, 0);
		CHECK_INT(b.row[id].peak, cap);
	}
}

TEST(a_cap_lowered_below_what_is_used_lets_nothing_in)
{
	struct bounds b;

	bounds_init(&b);
	CHECK(bounds_take(&b, BOUND_DIALS, 10));
	bounds_set(&b, BOUND_DIALS, 4);
	CHECK(!bounds_take(&b, BOUND_DIALS, 1));
	CHECK(!bounds_take(&b, BOUND_DIALS, UINT64_MAX - 3));
	bounds_give(&b, BOUND_DIALS, 7);
	CHECK(bounds_take(&b, BOUND_DIALS, 1));
	CHECK(!bounds_take(&b, BOUND_DIALS, 1));
}

static void give_too_much(void)
{
	struct bounds b;

	bounds_init(&b);
	bounds_take(&b, BOUND_DIALS, 1);
	bounds_give(&b, BOUND_DIALS, 2);
}

TEST(giving_back_more_than_was_taken_aborts)
{
	CHECK(unit_dies(give_too_much));
}

static const char *const id_names[BOUND_COUNT] = {
#define X(id, name, cap, answer) [id] = #id,
	ZT_BOUNDS(X)
#undef X
};

/* How often a file says FLOODS(id). */
static unsigned says(const char *path, const char *mark)
{
	char line[512];
	unsigned n = 0;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f))
		n += strstr(line, mark) != NULL;
	fclose(f);
	return n;
}

TEST(every_row_is_flooded_by_a_test)
{
	glob_t g;

	NEED(glob("tests/unit/*/test_*.c", 0, NULL, &g) == 0); /* run from the top of the tree */
	glob("tests/behaviour/*.sh", GLOB_APPEND, NULL, &g);
	for (enum bound_id id = 0; id < BOUND_COUNT; id++) {
		unsigned found = 0;
		char mark[64];

		snprintf(mark, sizeof mark, "FLOODS(%s)", id_names[id]);
		for (size_t i = 0; i < g.gl_pathc; i++)
			found += says(g.gl_pathv[i], mark);
		if (found == 0)
			unit_fail(__FILE__, __LINE__, "no test says %s", mark);
	}
	globfree(&g);
}
