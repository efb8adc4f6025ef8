/* redial: which failures make a connector wait, and how long at most. */
#include "decide/redial.h"

#include "base/num.h"
#include "tests/unit/unit.h"

TEST(what_an_edge_had_work_with_doubles_the_wait)
{
	static const uint32_t want[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct redial r = {0};

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		CHECK_INT(redial_most_ms(&r, REDIAL_LOST), want[i]);
	for (unsigned i = 0; i < 100000; i++)
		CHECK_INT(redial_most_ms(&r, REDIAL_LOST), 30000);
}

TEST(a_dial_that_nobody_heard_counts_as_little)
{
	struct redial r = {0};
	static const uint32_t want[] = {500, 1000, 2000, 2000, 2000};

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		CHECK_INT(redial_most_ms(&r, REDIAL_UNHEARD), want[i]);
	r.failed = 16; /* whatever came before */
	CHECK_INT(redial_most_ms(&r, REDIAL_UNHEARD), 2000);
	CHECK_INT(redial_most_ms(&r, REDIAL_LOST), 4000); /* and then it does */
}

TEST(a_refusal_counts_as_little_for_a_while)
{
	struct redial r = {0};
	uint32_t most = 0;
	double sum = 0; /* of what is waited on average */
	unsigned n;

	for (n = 0; (most = redial_most_ms(&r, REDIAL_REFUSED)) <= 2000; n++)
		sum += most / 2.0;
	CHECK_INT(n, 15);
	CHECK_INT(most, 4000);
	CHECK(sum > 13000 && sum < 16000);
	for (; n < 1000; n++)
		most = redial_most_ms(&r, REDIAL_REFUSED);
	CHECK_INT(most, 30000);
	r.refused = 0; /* somebody has listened, and hung up */
	CHECK_INT(redial_most_ms(&r, REDIAL_LOST), 30000);
	CHECK_INT(redial_most_ms(&r, REDIAL_REFUSED), 2000);
}

TEST(who_was_told_no_waits_longer_at_once)
{
	struct redial r = {0};

	CHECK_INT(redial_most_ms(&r, REDIAL_DENIED), 16000);
	CHECK_INT(redial_most_ms(&r, REDIAL_DENIED), 30000);
	r = (struct redial){0};
	CHECK_INT(redial_most_ms(&r, REDIAL_LOST), 500);
}
