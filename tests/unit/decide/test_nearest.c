/* nearest: distances, and when no suggestion is better than a bad one. */
#include "decide/nearest.h"

#include "tests/unit/unit.h"

static unsigned d(const char *a, const char *b)
{
	CHECK_INT(nearest_distance(span_str(a), span_str(b)), nearest_distance(span_str(b), span_str(a)));
	return nearest_distance(span_str(a), span_str(b));
}

static const char *best(const char *word)
{
	static const char *const keys[] = {"level", "format", "file", "max_size", "keep", "listen", "uid"};
	struct nearest n = nearest_to(span_str(word));

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		nearest_offer(&n, keys[i]);
	return n.best ? n.best : "";
}

TEST(distances)
{
	CHECK_INT(d("", ""), 0);
	CHECK_INT(d("", "abc"), 3);
	CHECK_INT(d("level", "level"), 0);
	CHECK_INT(d("levle", "level"), 1); /* a swap is one slip */
	CHECK_INT(d("lvel", "level"), 1);
	CHECK_INT(d("leevel", "level"), 1);
	CHECK_INT(d("kitten", "sitting"), 3);
	CHECK_INT(d("ca", "abc"), 3); /* optimal string alignment: no edit inside a swap */
}

TEST(suggestions)
{
	CHECK_STR(best("levle"), "level");
	CHECK_STR(best("fil"), "file");
	CHECK_STR(best("lisen"), "listen");
	CHECK_STR(best("max-sizes"), "max_size");
	CHECK_STR(best("gid"), "uid");
	CHECK_STR(best("on"), "");
	CHECK_STR(best("x"), "");
	CHECK_STR(best(""), "");
	CHECK_STR(best("something_else"), "");
}

TEST(the_first_of_equals_wins)
{
	struct nearest n = nearest_to(SPAN_LIT("cat"));

	nearest_offer(&n, "bat");
	nearest_offer(&n, "hat");
	CHECK_STR(n.best, "bat");
}

TEST(long_words_are_never_near)
{
	char a[80], b[80];

	memset(a, 'a', sizeof a);
	memset(b, 'a', sizeof b);
	b[0] = 'b';
	CHECK_INT(nearest_distance(span_of(a, 64), span_of(b, 64)), 1);
	CHECK_INT(nearest_distance(span_of(a, 65), span_of(b, 64)), NEAREST_MAX);
	CHECK_INT(nearest_distance(span_of(a, 80), span_of(b, 80)), NEAREST_MAX);
}
