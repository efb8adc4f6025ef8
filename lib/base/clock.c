/* clock: the real clock, the fake one, and the one time format zt writes. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

#include "err.h"
#include "num.h"

static uint64_t real_mono(const struct clock *c)
{
	struct timespec t;

	(void)c;
	ZT_ASSERT(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int64_t real_wall(const struct clock *c)
{
	struct timespec t;

	(void)c;
	ZT_ASSERT(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const struct clock clock_real = {real_mono, real_wall};

static uint64_t fake_mono(const struct clock *c)
{
	return CONTAINER_OF(c, struct clock_fake, clock)->mono_ns;
}

static int64_t fake_wall(const struct clock *c)
{
	return CONTAINER_OF(c, struct clock_fake, clock)->wall_ms;
}

void clock_fake_init(struct clock_fake *f, uint64_t mono_ns, int64_t wall_ms)
{
	f->clock = (struct clock){fake_mono, fake_wall};
	f->mono_ns = mono_ns;
	f->wall_ms = wall_ms;
}

void clock_fake_step(struct clock_fake *f, uint64_t ns)
{
	/* Steps below a millisecond add up in the wall clock too. */
	f->wall_ms += (int64_t)((f->mono_ns + ns) / NS_PER_MS - f->mono_ns / NS_PER_MS);
	f->mono_ns += ns;
}

/* Days to civil date in the proleptic Gregorian calendar; eras of 400 years = 146,097 days. */
static void civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468; /* 1970-01-01 counted from 0000-03-01 */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

void clock_rfc3339(int64_t wall_ms, char *out, size_t cap)
{
	int64_t ms = wall_ms % 1000, s = wall_ms / 1000, day, sod, y;
	unsigned m, d;
	int n;

	if (cap)
		out[0] = 0;
	if (ms < 0) {
		ms += 1000;
		s -= 1;
	}
	day = s / 86400;
	sod = s % 86400;
	if (sod < 0) {
		sod += 86400;
		day -= 1;
	}
	civil(day, &y, &m, &d);
	if (cap < CLOCK_RFC3339_LEN || y < 0 || y > 9999)
		return;
	n = snprintf(out, cap, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)y % 10000, m % 100,
		     d % 100, (unsigned)(sod / 3600) % 100, (unsigned)(sod / 60 % 60),
		     (unsigned)(sod % 60), (unsigned)ms % 1000);
	if (n < 0 || (size_t)n >= cap)
		out[0] = 0;
}
