/* clock: the fake clock, the real one, and RFC 3339 against the C library's calendar. */
#include "base/clock.h"

#include <time.h>

#include "../unit.h"

TEST(the_fake_clock_moves_only_when_told)
{
	struct clock_fake f;

	clock_fake_init(&f, 5, 1000);
	CHECK(clock_mono(&f.clock) == 5 && clock_wall(&f.clock) == 1000);
	clock_fake_step(&f, 3 * NS_PER_S);
	CHECK_INT(clock_mono(&f.clock), 3 * NS_PER_S + 5);
	CHECK_INT(clock_wall(&f.clock), 4000);
	for (int i = 0; i < 1000; i++)
		clock_fake_step(&f, NS_PER_MS / 4); /* small steps add up in both */
	CHECK_INT(clock_mono(&f.clock), 3250 * NS_PER_MS + 5);
	CHECK_INT(clock_wall(&f.clock), 4250);
}

TEST(the_real_clock_goes_forward_and_knows_the_century)
{
	uint64_t last = clock_mono(&clock_real);
	int64_t before = time(NULL), wall = clock_wall(&clock_real) / 1000;

	CHECK(wall >= before && wall <= time(NULL) + 1); /* time() may lag a tick */
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono(&clock_real);

		CHECK(now >= last);
		last = now;
	}
	CHECK(wall > 1577836800); /* 2020 */
}

static void as_gmtime(int64_t ms, char out[static 64])
{
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	time_t t = (time_t)s;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, 64, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - s * 1000));
}

static void compare(int64_t ms)
{
	char got[CLOCK_RFC3339_LEN], want[64];

	clock_rfc3339(ms, got, sizeof got);
	as_gmtime(ms, want);
	if (strcmp(got, want) != 0)
		unit_fail(__FILE__, __LINE__, "%lld is \"%s\", not \"%s\"", (long long)ms, got, want);
}

/* 0000-01-01 and 10000-01-01 in milliseconds of Unix time */
#define FIRST_MS INT64_C(-62167219200000)
#define END_MS INT64_C(253402300800000)

TEST(every_day_of_ten_thousand_years_has_its_date)
{
	for (int64_t ms = FIRST_MS; ms < END_MS; ms += 86400000) {
		compare(ms);
		compare(ms + 86399999);
	}
}

TEST(known_stamps)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000, "1969-12-31T23:59:59.000Z"},
		{INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
		{INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"}, /* 2100 has no 29 February */
		{INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
		{INT64_C(1795230746123), "2026-11-21T03:12:26.123Z"},
		{INT64_C(2147483648000), "2038-01-19T03:14:08.000Z"},
		{FIRST_MS, "0000-01-01T00:00:00.000Z"},
		{END_MS - 1, "9999-12-31T23:59:59.999Z"},
		{FIRST_MS - 1, ""}, /* five digits or a sign are not RFC 3339 */
		{END_MS, ""},
		{INT64_MAX, ""},
		{INT64_MIN, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[CLOCK_RFC3339_LEN];

		clock_rfc3339(cases[i].ms, out, sizeof out);
		CHECK_STR(out, cases[i].text);
	}
}

TEST(too_small_a_buffer_gets_an_empty_string)
{
	char out[CLOCK_RFC3339_LEN] = "x";

	clock_rfc3339(0, out, sizeof out - 1);
	CHECK_STR(out, "");
	out[0] = 'x';
	clock_rfc3339(0, out, 0);
	CHECK(out[0] == 'x');
}

TEST(random_moments_agree_with_gmtime)
{
	uint64_t rnd = 9;

	for (int i = 0; i < 100000; i++) {
		rnd = rnd * 6364136223846793005u + 1442695040888963407u;
		compare(FIRST_MS + (int64_t)(rnd >> 1) % (END_MS - FIRST_MS));
	}
}
