/* Tests of decide/when. Dates are compared with what the C library makes of them. */
#include "decide/when.h"

#include <time.h>

#include "../unit.h"
#include "base/num.h"

#define DAY_S INT64_C(86400)

/* Every day from 1970 to 2500, both ways, against timegm() and strftime(). */
TEST(dates_are_the_calendars)
{
	for (int64_t t = 0; t < 530 * 365 * DAY_S; t += DAY_S) {
		time_t libc = (time_t)t;
		struct tm tm;
		char want[16], got[WHEN_DAY];
		int64_t back;

		NEED(gmtime_r(&libc, &tm) != NULL);
		strftime(want, sizeof want, "%Y-%m-%d", &tm);
		CHECK_STR(when_day(t, got), want);
		CHECK_STR(when_day(t + DAY_S - 1, got), want);
		NEED(when_date(span_str(want), &back) == 0 && back == t);
	}
}

TEST(what_is_no_date_is_refused)
{
	static const char *const bad[] = {
		"", "2030", "2030-1-31", "2030-01-32", "2030-02-29", "2100-02-29", "2030-13-01", "2030-00-10", "2030-01-00",
		"1969-12-31", "2030/01/31", "31-01-2030", " 2030-01-31", "2030-01-31 ", "2030-01-31T", "2030-01-31T12:00:00",
		"2030-01-31T24:00:00Z", "2030-01-31T12:60:00Z", "2030-01-31T12:00:60Z", "2030-01-31T12:00:00Zx", "+030-01-31",
		"2030-01-31T12:00:00+01:00", "tomorrow", "2030-01-3x"};
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_INT(when_date(span_str(bad[i]), &t), -ZT_E_SYNTAX);
		CHECK_INT(t, 0);
	}
	CHECK_INT(when_date(span_str("2032-02-29"), &t), 0);
	CHECK_INT(when_date(span_str("2026-11-01T00:00:00Z"), &t), 0);
	CHECK_INT(t, 1793491200); /* date -d 2026-11-01T00:00:00Z +%s */
	CHECK_INT(when_date(span_str("9999-12-31T23:59:59Z"), &t), 0);
	CHECK_INT(t, INT64_C(253402300799));
}

TEST(spans)
{
	static const struct {
		const char *text;
		int rc;
		int64_t want;
	} rows[] = {{"0s", 0, 0}, {"30m", 0, 1800}, {"12h", 0, 43200}, {"90d", 0, 90 * DAY_S}, {"1s", 0, 1},
		    {"", -ZT_E_SYNTAX, 0}, {"30", -ZT_E_SYNTAX, 0}, {"m", -ZT_E_SYNTAX, 0}, {"-1m", -ZT_E_SYNTAX, 0},
		    {"1 m", -ZT_E_SYNTAX, 0}, {"01m", -ZT_E_SYNTAX, 0}, {"1y", -ZT_E_SYNTAX, 0}, {"1M", -ZT_E_SYNTAX, 0},
		    {"1.5h", -ZT_E_SYNTAX, 0}, {"106751991167301d", -ZT_E_RANGE, 0},
		    {"99999999999999999999d", -ZT_E_SYNTAX, 0}, {"106751991167300d", 0, 106751991167300 * DAY_S}};
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(when_span(span_str(rows[i].text), &t), rows[i].rc);
		CHECK_INT(t, rows[i].want);
	}
}

TEST(words)
{
	static const struct {
		int64_t far;
		const char *want;
	} rows[] = {{0, "now"}, {1, "in 1 second"}, {-1, "1 second ago"}, {119, "in 119 seconds"}, {120, "in 2 minutes"},
		    {7199, "in 119 minutes"}, {7200, "in 2 hours"}, {-7200, "2 hours ago"}, {2 * DAY_S, "in 2 days"},
		    {59 * DAY_S, "in 59 days"}, {60 * DAY_S, "in 2 months"}, {729 * DAY_S, "in 24 months"},
		    {730 * DAY_S, "in 2 years"}, {3652 * DAY_S, "in 10 years"}, {-3652 * DAY_S, "10 years ago"}};
	static const struct {
		int64_t n;
		const char *want;
	} spans[] = {{1, "1 second"}, {90, "90 seconds"}, {1800, "30 minutes"}, {3600, "1 hour"}, {DAY_S, "1 day"},
		     {90 * DAY_S, "90 days"}, {90 * DAY_S + 3600, "2161 hours"}, {0, "0 seconds"}};
	char out[WHEN_WORDS];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(when_words(1800000000 + rows[i].far, 1800000000, out), rows[i].want);
	CHECK(strstr(when_words(INT64_MAX, 0, out), "in 29247120867") == out);
	CHECK(strstr(when_words(INT64_MIN, INT64_MAX, out), " years ago") != NULL);
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		CHECK_STR(when_span_words(spans[i].n, out), spans[i].want);
	CHECK_STR(when_day(-1, (char[WHEN_DAY]){0}), "-");
	CHECK_STR(when_day(INT64_C(253402300800), (char[WHEN_DAY]){0}), "-");
}
