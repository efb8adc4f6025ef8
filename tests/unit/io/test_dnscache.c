/* The cache under a time that the test hands in. */
#include "io/dnscache.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"
#include "tests/unit/unit.h"

static struct bounds bounds;
static struct dnscache *cache;

static void start(void)
{
	bounds_init(&bounds);
	CHECK_INT(dnscache_new(&cache, &bounds), 0);
}

static void end(void)
{
	dnscache_free(cache);
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, 0);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	CHECK_INT(dns_name_parse(span_str(text), &n), 0);
	return n;
}

/* An answer that its last byte tells apart. */
static struct dns_answer answer(enum dns_kind kind, uint32_t ttl, uint8_t mark)
{
	struct dns_answer a = {.kind = kind, .ttl = ttl};

	if (kind == DNS_ADDRS) {
		a.n = 1;
		a.addr[0] = (struct addr){.family = 4, .ip = {10, 0, 0, mark}};
	}
	return a;
}

static void put(const char *name, enum dns_type type, uint64_t now_s, struct dns_answer a)
{
	struct dns_name n = name_of(name);

	dnscache_put(cache, &n, type, now_s * NS_PER_S, &a);
}

/* The mark of what is known, 0 for a "no", -1 for nothing. */
static int get(const char *name, enum dns_type type, uint64_t now_s)
{
	struct dns_name n = name_of(name);
	struct dns_answer a;

	if (!dnscache_get(cache, &n, type, now_s * NS_PER_S, &a))
		return -1;
	return a.n ? a.addr[0].ip[3] : 0;
}

TEST(holds_exactly_as_long_as_the_ttl)
{
	struct dns_name n = name_of("nas.ex");
	struct dns_answer a = answer(DNS_ADDRS, 10, 1);

	start();
	dnscache_put(cache, &n, DNS_A, 1000 * NS_PER_S, &a);
	CHECK(dnscache_get(cache, &n, DNS_A, 1000 * NS_PER_S, &a) && a.ttl == 10);
	CHECK(dnscache_get(cache, &n, DNS_A, 1003 * NS_PER_S, &a) && a.ttl == 7);
	CHECK(dnscache_get(cache, &n, DNS_A, 1010 * NS_PER_S - 1, &a) && a.ttl == 0);
	CHECK(!dnscache_get(cache, &n, DNS_A, 1010 * NS_PER_S, &a));
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, 0); /* it made room when it was found stale */
	end();
}

TEST(ttl_bounds)
{
	static const struct {
		enum dns_kind kind;
		uint32_t ttl, holds;
	} v[] = {
		{DNS_ADDRS, 0, 0},          {DNS_ADDRS, 1, 1},
		{DNS_ADDRS, 3600, 3600},    {DNS_ADDRS, 3601, DNSCACHE_TTL_MAX},
		{DNS_ADDRS, INT32_MAX, DNSCACHE_TTL_MAX},
		{DNS_NODATA, 0, 0},         {DNS_NODATA, 300, 300},
		{DNS_NODATA, 301, DNSCACHE_TTL_MAX_NO},
		{DNS_NXDOMAIN, INT32_MAX, DNSCACHE_TTL_MAX_NO},
		{DNS_FAILED, 60, 0},        {DNS_TRUNCATED, 60, 0},
	};

	start();
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		put("nas.ex", DNS_A, 5, answer(v[i].kind, v[i].ttl, 9));
		if (v[i].holds)
			CHECK_INT(get("nas.ex", DNS_A, 5 + v[i].holds - 1), v[i].kind == DNS_ADDRS ? 9 : 0);
		CHECK_INT(get("nas.ex", DNS_A, 5 + v[i].holds), -1);
	}
	/* the end of time does not wrap into the past */
	struct dns_name n = name_of("nas.ex");
	struct dns_answer a = answer(DNS_ADDRS, 60, 3);
	dnscache_put(cache, &n, DNS_A, UINT64_MAX - NS_PER_S, &a);
	CHECK(dnscache_get(cache, &n, DNS_A, UINT64_MAX - 1, &a));
	end();
}

TEST(name_and_type_are_the_key)
{
	start();
	put("nas.ex", DNS_A, 0, answer(DNS_ADDRS, 60, 1));
	put("nas.ex", DNS_AAAA, 0, answer(DNS_NODATA, 60, 0));
	put("nas.exe", DNS_A, 0, answer(DNS_ADDRS, 60, 2));
	put("as.ex", DNS_A, 0, answer(DNS_ADDRS, 60, 3));
	CHECK_INT(get("NAS.EX", DNS_A, 1), 1);
	CHECK_INT(get("nas.ex", DNS_AAAA, 1), 0);
	CHECK_INT(get("nas.exe", DNS_A, 1), 2);
	CHECK_INT(get("as.ex", DNS_A, 1), 3);
	CHECK_INT(get("ex", DNS_A, 1), -1);
	put("nas.ex", DNS_A, 1, answer(DNS_ADDRS, 60, 7)); /* in place of the old one */
	CHECK_INT(get("nas.ex", DNS_A, 1), 7);
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, 4);
	put("nas.ex", DNS_A, 1, answer(DNS_ADDRS, 0, 8)); /* now it says: not to be kept */
	CHECK_INT(get("nas.ex", DNS_A, 1), -1);
	dnscache_clear(cache);
	CHECK_INT(get("as.ex", DNS_A, 1), -1);
	end();
}

FLOODS(BOUND_DNS_CACHE)
{
	enum { CAP = BOUND_CAP(BOUND_DNS_CACHE) };
	char name[32];

	start();
	/* 97 and 256 have no common factor: expiries run through 1000..1255 in a mixed order. */
	for (unsigned i = 0; i < CAP; i++) {
		snprintf(name, sizeof name, "h%u.ex", i);
		put(name, DNS_A, 0, answer(DNS_ADDRS, 1000 + i * 97 % CAP, (uint8_t)(i % 255 + 1)));
	}
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, CAP);
	for (unsigned more = 0; more < 20; more++) {
		snprintf(name, sizeof name, "more%u.ex", more);
		put(name, DNS_AAAA, 0, answer(DNS_ADDRS, 2000, 77));
		CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, CAP);
	}
	for (unsigned i = 0; i < CAP; i++) { /* the twenty nearest to expiry have gone, no other */
		snprintf(name, sizeof name, "h%u.ex", i);
		CHECK_INT(get(name, DNS_A, 0), i * 97 % CAP < 20 ? -1 : (int)(i % 255 + 1));
	}
	for (unsigned more = 0; more < 20; more++) {
		snprintf(name, sizeof name, "more%u.ex", more);
		CHECK_INT(get(name, DNS_AAAA, 0), 77);
	}
	end();
}

TEST(a_cap_of_nothing_and_a_cap_lowered_later)
{
	bounds_init(&bounds);
	bounds_set(&bounds, BOUND_DNS_CACHE, 0);
	CHECK_INT(dnscache_new(&cache, &bounds), 0);
	put("nas.ex", DNS_A, 0, answer(DNS_ADDRS, 60, 1));
	CHECK_INT(get("nas.ex", DNS_A, 0), -1);
	end();
	start();
	put("a.ex", DNS_A, 0, answer(DNS_ADDRS, 60, 1));
	put("b.ex", DNS_A, 0, answer(DNS_ADDRS, 50, 2));
	put("c.ex", DNS_A, 0, answer(DNS_ADDRS, 40, 3));
	bounds_set(&bounds, BOUND_DNS_CACHE, 1);
	put("d.ex", DNS_A, 0, answer(DNS_ADDRS, 70, 4)); /* c makes room, which is not enough */
	CHECK_INT(get("c.ex", DNS_A, 0), -1);
	CHECK_INT(get("d.ex", DNS_A, 0), -1);
	CHECK_INT(get("a.ex", DNS_A, 0), 1);
	end();
}

TEST(agrees_with_a_plain_list_over_many_steps)
{
	enum { NAMES = 24, STEPS = 20000 };
	uint64_t expires[NAMES] = {0}, now = 0;
	int mark[NAMES] = {0};
	uint32_t x = 12345;
	char name[32];

	start();
	bounds_set(&bounds, BOUND_DNS_CACHE, NAMES); /* never full: the list below has no bound */
	for (int i = 0; i < STEPS; i++) {
		unsigned k = (x = x * 1664525 + 1013904223) >> 16 & 31;
		unsigned what = x >> 8 & 7;

		if (k >= NAMES)
			continue;
		snprintf(name, sizeof name, "%c%u.ex", (char)('a' + k % 5), k);
		now += what == 0;
		if (what < 3) {
			uint32_t ttl = x >> 4 & 15;

			put(name, DNS_A, now, answer(DNS_ADDRS, ttl, (uint8_t)(i % 250 + 1)));
			expires[k] = now + ttl;
			mark[k] = i % 250 + 1;
		}
		CHECK_INT(get(name, DNS_A, now), expires[k] > now ? mark[k] : -1);
	}
	end();
}
