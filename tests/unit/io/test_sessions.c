/* The cache: what is found, what is not, and when it is forgotten. */
#include "io/sessions.h"
#include "tests/unit/unit.h"

static struct clock_fake fake;
static struct bounds bounds;
static struct sessions *cache;

static void setup(void)
{
	clock_fake_init(&fake, 1000, 0);
	bounds_init(&bounds);
	CHECK_INT(sessions_new(&cache, &bounds, &fake.clock), 0);
}

static struct session_key key_of(bool client, unsigned n, uint16_t plan)
{
	struct session_key k = {.client = client};

	memcpy(k.key, &n, sizeof n);
	session_bind(k.bound, client, 1, plan, SPAN_LIT("a.example"), SPAN_NONE);
	return k;
}

static struct session value(unsigned n)
{
	return (struct session){.suite = (uint16_t)n, .master = {(uint8_t)n, 7}};
}

TEST(found_again_with_what_it_holds)
{
	struct session_key k = key_of(true, 5, 0);
	struct session v = value(9);
	const struct session *got;

	setup();
	v.leaf = SPAN_LIT("certificate");
	v.id_n = 3;
	memcpy(v.id, "abc", 3);
	sessions_put(cache, &k, &v);
	v.leaf = SPAN_NONE;
	got = sessions_get(cache, &k);
	NEED(got);
	CHECK_INT(got->suite, 9);
	CHECK(span_eq_str(got->leaf, "certificate"));
	CHECK(memcmp(got->master, v.master, sizeof v.master) == 0 && memcmp(got->id, "abc", 3) == 0);
	sessions_free(cache);
	CHECK_INT(bounds.row[BOUND_TLS_SESSIONS].used, 0);
}

TEST(bound_to_what_it_was_made_for)
{
	struct session_key k = key_of(false, 5, 0), other = k;
	struct session v = value(1);

	setup();
	sessions_put(cache, &k, &v);
	session_bind(other.bound, false, 1, 1, SPAN_LIT("a.example"), SPAN_NONE);
	CHECK(sessions_get(cache, &other) == NULL);
	session_bind(other.bound, false, 2, 0, SPAN_LIT("a.example"), SPAN_NONE);
	CHECK(sessions_get(cache, &other) == NULL);
	session_bind(other.bound, false, 1, 0, SPAN_LIT("b.example"), SPAN_NONE);
	CHECK(sessions_get(cache, &other) == NULL);
	session_bind(other.bound, false, 1, 0, SPAN_LIT("a.example"), SPAN_LIT("http/1.1"));
	CHECK(sessions_get(cache, &other) == NULL);
	other = k;
	other.client = true;
	CHECK(sessions_get(cache, &other) == NULL);
	CHECK(sessions_get(cache, &k) != NULL);
	sessions_free(cache);
}

TEST(names_and_protocols_do_not_run_together)
{
	uint8_t a[32], b[32];

	session_bind(a, false, 1, 0, SPAN_LIT("ab"), SPAN_LIT("c"));
	session_bind(b, false, 1, 0, SPAN_LIT("a"), SPAN_LIT("bc"));
	CHECK(memcmp(a, b, sizeof a) != 0);
}

TEST(an_hour_and_no_longer)
{
	struct session_key k = key_of(false, 5, 0);
	struct session v = value(1);

	setup();
	sessions_put(cache, &k, &v);
	clock_fake_step(&fake, SESSION_LIFE_S * NS_PER_S - 1);
	CHECK(sessions_get(cache, &k) != NULL);
	clock_fake_step(&fake, 1);
	CHECK(sessions_get(cache, &k) == NULL);
	CHECK_INT(sessions_count(cache), 0);
	sessions_free(cache);
}

TEST(a_newer_one_takes_the_place)
{
	struct session_key k = key_of(false, 5, 0);
	struct session v = value(1), w = value(2);

	setup();
	sessions_put(cache, &k, &v);
	sessions_put(cache, &k, &w);
	CHECK_INT(sessions_count(cache), 1);
	CHECK(sessions_get(cache, &k) && sessions_get(cache, &k)->suite == 2);
	sessions_drop(cache, &k);
	sessions_drop(cache, &k);
	CHECK(sessions_get(cache, &k) == NULL);
	sessions_free(cache);
}

TEST(a_leaf_too_long_is_not_kept)
{
	static uint8_t leaf[SESSION_LEAF + 1];
	struct session_key k = key_of(true, 5, 0);
	struct session v = value(1);

	setup();
	v.leaf = span_of(leaf, sizeof leaf);
	sessions_put(cache, &k, &v);
	CHECK(sessions_get(cache, &k) == NULL);
	v.leaf.n--;
	sessions_put(cache, &k, &v);
	CHECK(sessions_get(cache, &k) != NULL);
	sessions_free(cache);
}

/* All keys in one bucket, so that its chain is as long as it can get. */
FLOODS(BOUND_TLS_SESSIONS)
{
	unsigned cap = BOUND_CAP(BOUND_TLS_SESSIONS);

	setup();
	for (unsigned i = 0; i < cap + 10; i++) {
		struct session_key k = key_of(false, i << 16, 0);
		struct session v = value(i);

		sessions_put(cache, &k, &v);
	}
	CHECK_INT(sessions_count(cache), cap);
	CHECK_INT(bounds.row[BOUND_TLS_SESSIONS].hits, 10);
	for (unsigned i = 0; i < cap + 10; i++) {
		struct session_key k = key_of(false, i << 16, 0);

		CHECK((sessions_get(cache, &k) != NULL) == (i >= 10)); /* the oldest went */
	}
	sessions_free(cache);
	CHECK_INT(bounds.row[BOUND_TLS_SESSIONS].used, 0);
}
