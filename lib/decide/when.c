/* when: see when.h. It owns nothing and knows no clock: now is handed in. */
#include "when.h"

#include "base/num.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEARS_MOST 9999

static bool leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 || y % 400 == 0);
}

static int64_t month_days(int64_t y, unsigned m)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && leap(y) ? 1 : 0);
}

/* From year 0 to the first of January of y. */
static int64_t days_before_year(int64_t y)
{
	return y * 365 + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
}

/* Exactly n digits; leading zeros are the form here. */
static bool digits(struct rd *r, size_t n, uint64_t *out)
{
	struct span s = rd_bytes(r, n);

	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(s.p[i] - '0');
	}
	return s.n == n;
}

static bool clock_time(struct rd *r, int64_t *out)
{
	uint64_t h, m, s;

	if (rd_u8(r) != 'T' || !digits(r, 2, &h) || rd_u8(r) != ':' || !digits(r, 2, &m) || rd_u8(r) != ':' ||
	    !digits(r, 2, &s) || rd_u8(r) != 'Z' || h > 23 || m > 59 || s > 59)
		return false;
	*out = (int64_t)h * HOUR + (int64_t)m * MINUTE + (int64_t)s;
	return true;
}

int when_date(struct span text, int64_t *out)
{
	struct rd r = rd_of(text);
	uint64_t y, m, d;
	int64_t days, rest = 0;

	*out = 0;
	if (!digits(&r, 4, &y) || rd_u8(&r) != '-' || !digits(&r, 2, &m) || rd_u8(&r) != '-' || !digits(&r, 2, &d))
		return -ZT_E_SYNTAX;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || (int64_t)d > month_days((int64_t)y, (unsigned)m))
		return -ZT_E_SYNTAX;
	if (rd_left(&r) && !clock_time(&r, &rest))
		return -ZT_E_SYNTAX;
	if (r.bad || rd_left(&r))
		return -ZT_E_SYNTAX;
	days = days_before_year((int64_t)y) - days_before_year(1970) + (int64_t)d - 1;
	for (unsigned i = 1; i < m; i++)
		days += month_days((int64_t)y, i);
	*out = days * DAY + rest;
	return 0;
}

/* Largest first. A month and a year are only ever said, never read: they have no one length. */
static const struct {
	int64_t seconds;
	char letter; /* 0: not read */
	const char *name;
} units[] = {
	{365 * DAY, 0, "year"}, {30 * DAY, 0, "month"}, {DAY, 'd', "day"},
	{HOUR, 'h', "hour"},    {MINUTE, 'm', "minute"}, {1, 's', "second"},
};

int when_span(struct span text, int64_t *out)
{
	uint64_t n;

	*out = 0;
	for (size_t i = 0; text.n && i < ARRAY_LEN(units); i++) {
		if (units[i].letter == 0 || text.p[text.n - 1] != (uint8_t)units[i].letter)
			continue;
		if (span_u64(span_sub(text, 0, text.n - 1), UINT64_MAX, &n) < 0)
			return -ZT_E_SYNTAX;
		if (n > (uint64_t)(INT64_MAX / units[i].seconds))
			return -ZT_E_RANGE;
		*out = (int64_t)n * units[i].seconds;
		return 0;
	}
	return -ZT_E_SYNTAX;
}

const char *when_day(int64_t t, char out[static WHEN_DAY])
{
	struct wr w = wr_of(out, WHEN_DAY - 1);
	int64_t days = t / DAY + days_before_year(1970), y;
	unsigned m = 1;

	y = days * 400 / 146097; /* 400 years have 146,097 days: right, or one off */
	while (days_before_year(y) > days)
		y--;
	while (days_before_year(y + 1) <= days)
		y++;
	if (t < 0 || y > YEARS_MOST) {
		wr_str(&w, "-");
	} else {
		for (days -= days_before_year(y); days >= month_days(y, m); m++)
			days -= month_days(y, m);
		wr_fmt(&w, "%04u-%02u-%02u", (unsigned)y, m, (unsigned)days + 1);
	}
	out[w.n] = 0;
	return out;
}

const char *when_words(int64_t t, int64_t now, char out[static WHEN_WORDS])
{
	struct wr w = wr_of(out, WHEN_WORDS - 1);
	bool ahead = t > now;
	uint64_t far = ahead ? (uint64_t)t - (uint64_t)now : (uint64_t)now - (uint64_t)t;
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && far < 2 * (uint64_t)units[i].seconds)
		i++;
	far /= (uint64_t)units[i].seconds;
	if (far == 0)
		wr_str(&w, "now");
	else
		wr_fmt(&w, "%s%llu %s%s%s", ahead ? "in " : "", (unsigned long long)far, units[i].name, far == 1 ? "" : "s",
		       ahead ? "" : " ago");
	out[w.n] = 0;
	return out;
}

const char *when_span_words(int64_t seconds, char out[static WHEN_WORDS])
{
	struct wr w = wr_of(out, WHEN_WORDS - 1);
	size_t i = 2; /* days: a month and a year are not read back */
	int64_t n;

	while (i + 1 < ARRAY_LEN(units) && (seconds < units[i].seconds || seconds % units[i].seconds))
		i++;
	n = seconds / units[i].seconds;
	wr_fmt(&w, "%lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
	out[w.n] = 0;
	return out;
}
