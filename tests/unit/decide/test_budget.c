/* Token buckets: they fill as they should at any time, for whom they should, and stay bounded. */
#include "decide/budget.h"

#include "base/num.h"
#include "tests/unit/unit.h"

#define SECOND 1000000000ull

static struct budget b;
static const uint8_t secret[16] = {1, 2, 3};

static struct addr v4(uint32_t n)
{
	struct addr a = {.family = 4};

	for (size_t i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(n >> (24 - 8 * i));
	return a;
}

static struct addr parsed(const char *s)
{
	struct addr a = {0};

	CHECK_INT(addr_parse_ip(span_str(s), &a), 0);
	return a;
}

static unsigned take_all(const struct addr *a, uint64_t now, unsigned most)
{
	unsigned n = 0;

	while (n < most && budget_take(&b, a, now))
		n++;
	return n;
}

TEST(a_burst_and_then_the_rate)
{
	struct addr a = v4(1);

	budget_init(&b, 5, 20, secret);
	CHECK_INT(take_all(&a, 0, 100), 20);
	CHECK_INT(take_all(&a, SECOND / 5 - 1, 100), 0);
	CHECK_INT(take_all(&a, SECOND / 5, 100), 1);
	CHECK_INT(take_all(&a, SECOND, 100), 4);
	CHECK_INT(take_all(&a, 3 * SECOND, 100), 10);
	CHECK_INT(take_all(&a, 100 * SECOND, 100), 20); /* never more than the burst */
}

/* Knocking often neither loses fractions nor wins any: n steps give what one step gives. */
TEST(many_small_steps_add_up)
{
	static const uint32_t rates[] = {1, 3, 7, 999, 1000, 1001, 33333, 1000000};
	static const uint64_t steps[] = {1, 333, 999, 1001, 77777, 1000003};

	for (size_t r = 0; r < ARRAY_LEN(rates); r++)
		for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
			struct addr a = v4(1);
			uint64_t now = 0, got = 0;

			budget_init(&b, rates[r], 1000000, secret);
			b.burst = 0; /* begin empty */
			budget_take(&b, &a, 0);
			b.burst = 1000000;
			for (unsigned i = 0; i < 1000; i++) {
				now += steps[s];
				got += take_all(&a, now, 100000);
			}
			/* what is left in the bucket is less than a token */
			CHECK(got == now * rates[r] / SECOND);
		}
}

TEST(time_at_its_ends)
{
	static const uint64_t times[] = {0, 1, SECOND, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
	static const uint32_t numbers[] = {0, 1, 1000, 999999, 1000000, UINT32_MAX};

	for (size_t r = 0; r < ARRAY_LEN(numbers); r++)
		for (size_t n = 0; n < ARRAY_LEN(numbers); n++)
			for (size_t t = 0; t < ARRAY_LEN(times); t++)
				for (size_t u = 0; u < ARRAY_LEN(times); u++) {
					struct addr a = v4(1);
					uint32_t burst = numbers[n] > BUDGET_TOKENS ? BUDGET_TOKENS : numbers[n];

					budget_init(&b, numbers[r], numbers[n], secret);
					CHECK(budget_take(&b, &a, times[t]) == (burst > 0));
					budget_take(&b, &a, times[u]);
					CHECK(b.slot[1].millis <= burst * 1000u);
					if (numbers[r] > 0 && times[u] > times[t] && times[u] - times[t] > 1000001 * SECOND)
						CHECK(budget_take(&b, &a, times[u]) == (burst > 1));
				}
}

TEST(a_clock_that_goes_back_gives_nothing)
{
	struct addr a = v4(1);

	budget_init(&b, 1, 2, secret);
	CHECK_INT(take_all(&a, 100 * SECOND, 10), 2);
	CHECK_INT(take_all(&a, 0, 10), 0);
	CHECK_INT(take_all(&a, 100 * SECOND, 10), 0);
	CHECK_INT(take_all(&a, 101 * SECOND, 10), 1);
}

TEST(no_rate_and_no_burst)
{
	struct addr a = v4(1);

	budget_init(&b, 0, 3, secret);
	CHECK_INT(take_all(&a, 0, 10), 3);
	CHECK_INT(take_all(&a, UINT64_MAX, 10), 0);
	budget_init(&b, 1000, 0, secret);
	CHECK_INT(take_all(&a, 0, 10), 0);
	CHECK_INT(take_all(&a, UINT64_MAX, 10), 0);
}

TEST(who_is_one_peer)
{
	static const struct {
		const char *one, *two;
		bool same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"::ffff:192.0.2.1", "192.0.2.1", true},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"c000:201::", "192.0.2.1", false}, /* the same first bytes, another family */
		{"0.0.0.0", "::", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr one = parsed(cases[i].one), two = parsed(cases[i].two);

		two.port = 99; /* of no interest */
		budget_init(&b, 1, 1, secret);
		CHECK(budget_take(&b, &one, 0));
		CHECK(budget_take(&b, &two, 0) != cases[i].same);
		CHECK_INT(b.used, cases[i].same ? 1 : 2);
	}
}

TEST(a_reload_keeps_the_buckets)
{
	struct addr a = v4(1), c = v4(2);

	budget_init(&b, 1, 10, secret);
	CHECK_INT(take_all(&a, 0, 4), 4);
	budget_set(&b, 1, 3);
	CHECK_INT(take_all(&a, 0, 10), 3); /* smaller now: what was more than full is gone */
	budget_set(&b, 2, 10);
	CHECK_INT(take_all(&a, 0, 10), 0);
	CHECK_INT(take_all(&a, SECOND, 10), 2);
	CHECK_INT(take_all(&c, SECOND, 20), 10);
}

/* Chains, order of use and count belong together, whatever happened. */
static void check_table(void)
{
	size_t chained = 0, ordered = 0;
	uint32_t before = 0;

	for (size_t h = 0; h < BUDGET_CHAINS; h++)
		for (uint32_t i = b.heads[h]; i && chained <= b.used; i = b.slot[i].next)
			chained++;
	for (uint32_t i = b.oldest; i && ordered <= b.used; before = i, i = b.slot[i].newer, ordered++)
		CHECK_INT(b.slot[i].older, before);
	CHECK_INT(chained, b.used);
	CHECK_INT(ordered, b.used);
	CHECK_INT(b.newest, before);
}

FLOODS(BOUND_BUDGET_PEERS)
{
	const uint32_t cap = BOUND_CAP(BOUND_BUDGET_PEERS);
	struct addr guilty = v4(0xffffffff), quiet = v4(0), a;

	budget_init(&b, 1, 1, secret);
	CHECK(budget_take(&b, &quiet, 0)); /* and never again */
	CHECK(budget_take(&b, &guilty, 0));
	for (uint32_t i = 1; i < cap - 1; i++) {
		a = v4(i);
		CHECK(budget_take(&b, &a, 0));
	}
	CHECK_INT(b.used, cap);
	check_table();
	CHECK(!budget_take(&b, &quiet, 0)); /* all are remembered */
	a = v4(1);
	CHECK(!budget_take(&b, &a, 0));
	CHECK(!budget_take(&b, &guilty, 0));
	for (uint32_t i = cap; i < 4 * cap; i++) {
		a = v4(i);
		CHECK(budget_take(&b, &a, 0));
		CHECK(!budget_take(&b, &guilty, 0)); /* who keeps knocking is not forgotten */
	}
	CHECK_INT(b.used, cap);
	check_table();
	CHECK(budget_take(&b, &quiet, 0)); /* forgotten: as new */
	a = v4(4 * cap - 1);
	CHECK(!budget_take(&b, &a, 0)); /* the last ones are there */
	a = v4(3 * cap + 2);
	CHECK(!budget_take(&b, &a, 0));
	a = v4(3 * cap);
	CHECK(budget_take(&b, &a, 0)); /* and the quiet ones before them are not */
	check_table();
}

/* The one chosen to go is always the one used longest ago: against a list kept by hand. */
TEST(the_peer_quiet_longest_goes_first)
{
	enum { PEERS = BOUND_CAP(BOUND_BUDGET_PEERS) };
	static uint64_t last[2 * PEERS]; /* when each was seen; 0: never, or forgotten */
	uint32_t seed = 7, held = 0;

	budget_init(&b, 0, 1, secret);
	for (uint64_t t = 1; t < 20000; t++) {
		uint32_t who, oldest = 0;
		struct addr a;

		seed = seed * 1664525u + 1013904223u;
		who = (seed >> 8) % (2 * PEERS);
		a = v4(who);
		CHECK(budget_take(&b, &a, t) == (last[who] == 0)); /* a burst of 1, no rate: true only for new ones */
		if (last[who] == 0 && held == PEERS) {
			for (uint32_t i = 0; i < 2 * PEERS; i++)
				if (last[i] && (last[oldest] == 0 || last[i] < last[oldest]))
					oldest = i;
			last[oldest] = 0;
		} else if (last[who] == 0) {
			held++;
		}
		last[who] = t;
	}
	check_table();
}

TEST(chains_depend_on_the_secret)
{
	static const uint8_t other[16] = {9};
	struct addr a = v4(1);
	unsigned differ = 0;

	for (uint32_t i = 0; i < 32; i++) {
		uint32_t head[BUDGET_CHAINS];

		a = v4(i);
		budget_init(&b, 1, 1, secret);
		budget_take(&b, &a, 0);
		memcpy(head, b.heads, sizeof head);
		budget_init(&b, 1, 1, other);
		budget_take(&b, &a, 0);
		differ += memcmp(head, b.heads, sizeof head) != 0;
	}
	CHECK(differ > 28); /* by chance one in 1,024 is the same */
}
