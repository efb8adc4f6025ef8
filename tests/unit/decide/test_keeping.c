/* When an agent connects and renews, by the figures of docs/protocol.md. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "decide/keeping.h"

TEST(reconnects_are_spread_from_nothing_to_a_doubling_bound)
{
	static const uint64_t most[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

	for (unsigned n = 0; n < ARRAY_LEN(most); n++) {
		CHECK_INT(keeping_reconnect_ms(n, 0), 0);
		CHECK_INT(keeping_reconnect_ms(n, UINT32_MAX), most[n]);
		CHECK_INT(keeping_reconnect_ms(n, UINT32_MAX / 2), most[n] / 2);
	}
	CHECK_INT(keeping_reconnect_ms(4000000000u, UINT32_MAX), 30000);
}

TEST(the_first_renewal_is_at_two_thirds_and_a_little)
{
	const struct keeping_life l = {.renew_at = 6000, .not_after = 9000};

	CHECK_INT(keeping_renew_at(&l, 0, 0, 0), 6000);
	CHECK_INT(keeping_renew_at(&l, 0, 0, UINT32_MAX), 6300);
}

TEST(or_earlier_when_asked)
{
	struct keeping_life l = {.renew_at = 6000, .not_after = 9000, .before = 4000};

	CHECK_INT(keeping_renew_at(&l, 0, 0, 0), 5000);
	CHECK_INT(keeping_renew_at(&l, 0, 0, UINT32_MAX), 5000); /* whoever names a time means it */
	l.before = 1000; /* never later: what is asked too late is asked for nothing */
	CHECK_INT(keeping_renew_at(&l, 0, 0, 0), 6000);
}

TEST(failures_wait_longer_and_longer_but_never_past_the_end)
{
	const struct keeping_life year = {.renew_at = 0, .not_after = 10000000}, hour = {.renew_at = 2400, .not_after = 3600};

	CHECK_INT(keeping_renew_at(&year, 1, 100, 0), 102);
	CHECK_INT(keeping_renew_at(&year, 1, 100, UINT32_MAX), 105);
	CHECK_INT(keeping_renew_at(&year, 2, 100, UINT32_MAX), 110);
	CHECK_INT(keeping_renew_at(&year, 11, 100, UINT32_MAX), 3700);
	CHECK_INT(keeping_renew_at(&year, 4000000000u, 100, UINT32_MAX), 3700);
	CHECK_INT(keeping_renew_at(&hour, 11, 2600, UINT32_MAX), 2700); /* a tenth of the 1,000 s that are left */
	CHECK_INT(keeping_renew_at(&hour, 11, 3590, UINT32_MAX), 3595);
	CHECK_INT(keeping_renew_at(&hour, 11, 5000, UINT32_MAX), 8600); /* expired: no hurry any more */
}
