/* When files that changed mean a reload. The marks are made up: a number stands for a state of the disk. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "io/watch.h"

static struct watch_marks marks(uint8_t n)
{
	struct watch_marks m = {.of = {{{0}}}};

	m.of[1].digest[0] = n;
	return m;
}

/* Looks at the states in turn; "!" stands where a reload is due. */
static const char *looks(const char *states, uint8_t loaded)
{
	static char out[64];
	struct watch_marks is_loaded = marks(loaded);
	struct watch w = {0};
	size_t n = 0;

	for (; *states && n < sizeof out - 3; states++) {
		struct watch_marks seen = marks((uint8_t)*states);

		out[n++] = *states;
		if (watch_step(&w, &is_loaded, &seen))
			out[n++] = '!';
	}
	out[n] = 0;
	return out;
}

TEST(nothing_changed_is_nothing_to_do) { CHECK_STR(looks("aaaa", 'a'), "aaaa"); }
TEST(a_change_has_to_hold_still_for_one_look) { CHECK_STR(looks("aabb", 'a'), "aabb!"); }
TEST(files_that_are_being_written_are_left_alone) { CHECK_STR(looks("abcdeff", 'a'), "abcdeff!"); }
TEST(the_first_look_alone_is_no_reason) { CHECK_STR(looks("bb", 'a'), "bb!"); }
TEST(what_was_refused_is_tried_once) { CHECK_STR(looks("abbbbbb", 'a'), "abb!bbbb"); }
TEST(another_change_is_another_try) { CHECK_STR(looks("abbbccc", 'a'), "abb!bcc!c"); }
TEST(a_change_taken_back_is_none) { CHECK_STR(looks("abaaaa", 'a'), "abaaaa"); }
TEST(what_was_refused_and_put_back_may_come_again) { CHECK_STR(looks("abbaabb", 'a'), "abb!aabb!"); }

TEST(after_the_reload_the_new_state_is_at_rest)
{
	struct watch_marks a = marks('a'), b = marks('b');
	struct watch w = {0};

	CHECK(!watch_step(&w, &a, &b));
	CHECK(watch_step(&w, &a, &b));
	CHECK(!watch_step(&w, &b, &b)); /* it was loaded */
	CHECK(!watch_step(&w, &b, &a)); /* and the old one is a change like any other */
	CHECK(watch_step(&w, &b, &a));
}

TEST(the_files_of_every_child_count)
{
	for (size_t i = 0; i < BOUND_CAP(BOUND_CHILDREN); i++) {
		struct watch_marks a = marks('a'), b = a;
		struct watch w = {0};

		b.of[i].digest[SHA256_LEN - 1] ^= 1;
		CHECK(!watch_step(&w, &a, &b));
		CHECK(watch_step(&w, &a, &b));
	}
}
