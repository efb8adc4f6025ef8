/* Who may renew, and what a copied certificate looks like: tables on a clock of their own. */
#include "decide/renewal.h"

#include "base/bounds.h"
#include "base/num.h"
#include "base/span.h"
#include "tests/unit/unit.h"

/* Issued at 1000, for 1000 seconds; renewed at 1700 where `superseded` says so. */
#define CASE(...) {.not_before = 1000, .not_after = 2000, .role_renews = true, __VA_ARGS__}

static const struct {
	struct renewal_case c;
	enum renewal want;
} cases[] = {
	{CASE(.now = 1667), RENEWAL_GO}, /* two thirds: when agents ask */
	{CASE(.now = 1100), RENEWAL_GO},
	{CASE(.now = 1099), RENEWAL_TOO_EARLY},
	{CASE(.now = 1000), RENEWAL_TOO_EARLY},
	{CASE(.now = 0), RENEWAL_TOO_EARLY},
	{CASE(.now = 1999), RENEWAL_GO},
	{CASE(.now = 2000), RENEWAL_EXPIRED},
	{CASE(.now = 1500, .revoked = true), RENEWAL_REVOKED},
	{CASE(.now = 1500, .suspended = true), RENEWAL_SUSPENDED},
	{CASE(.now = 1500, .revoked = true, .suspended = true), RENEWAL_REVOKED},
	{CASE(.now = 3000, .revoked = true), RENEWAL_REVOKED},
	{{.not_before = 1000, .not_after = 2000, .now = 1500}, RENEWAL_NOT_THIS_ROLE},
	/* the answer was lost */
	{CASE(.now = 1701, .superseded = 1700, .child_has_key = true), RENEWAL_AGAIN},
	{CASE(.now = 1001, .superseded = 1001, .child_has_key = true), RENEWAL_AGAIN}, /* not too early: it is done */
	{{.not_before = 0, .not_after = 900000, .now = 1700 + 86399, .superseded = 1700, .child_has_key = true, .role_renews = true},
	 RENEWAL_AGAIN},
	{{.not_before = 0, .not_after = 900000, .now = 1700 + 86400, .superseded = 1700, .child_has_key = true, .role_renews = true},
	 RENEWAL_GRACE_OVER},
	/* somebody else has the parent's key, whenever it shows */
	{CASE(.now = 1701, .superseded = 1700), RENEWAL_TWIN},
	{CASE(.now = 1700, .superseded = 1700), RENEWAL_TWIN},
	{{.not_before = 0, .not_after = 900000, .now = 300000, .superseded = 1700, .role_renews = true}, RENEWAL_TWIN},
	/* what is over or ended is that first */
	{CASE(.now = 2000, .superseded = 1700), RENEWAL_EXPIRED},
	{CASE(.now = 1800, .superseded = 1700, .suspended = true), RENEWAL_SUSPENDED},
	{CASE(.now = 1800, .superseded = 1700, .revoked = true, .child_has_key = true), RENEWAL_REVOKED},
};

TEST(who_may_renew)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum renewal got = renewal_of(&cases[i].c);

		if (got != cases[i].want)
			unit_fail(__FILE__, __LINE__, "case %zu: %s, not %s", i, renewal_text(got), renewal_text(cases[i].want));
	}
}

TEST(each_answer_has_its_text)
{
	for (unsigned i = 0; i <= RENEWAL_GRACE_OVER; i++)
		CHECK(strlen(renewal_text(i)) > 10);
	CHECK_STR(renewal_text(RENEWAL_GRACE_OVER + 1), "?");
}

/* "A0 B5 A15": instance and second, one after another; upper case is one certificate, lower case
 * another one. Answers how many calls until one said twin, 0 for none. */
static unsigned play(const char *script, unsigned cap)
{
	struct sighting row[8];
	struct sightings s = {.row = row, .cap = cap};
	struct span rest = span_str(script), word;
	unsigned calls = 0;

	for (bool more = true; more && rest.n;) {
		uint8_t serial[16] = {1}, instance[16] = {0};
		uint64_t at = 0;

		more = span_cut(rest, ' ', &word, &rest);
		instance[15] = word.p[0];
		serial[0] = word.p[0] >= 'a';
		CHECK(span_u64(span_sub(word, 1, word.n), 100000, &at) == 0);
		calls++;
		if (sightings_add(&s, serial, instance, (int64_t)at))
			return calls;
	}
	return 0;
}

static const struct {
	const char *script;
	unsigned twin, cap;
} plays[] = {
	{"A0 A15 A30 A45 A60", 0, 8},
	{"A0 A15 A30 B40 B55 B70 B85", 0, 8},                   /* a restart */
	{"A0 B1 C2 D3 E4 F5 G6 H7 A99 B100", 0, 8},             /* a crash loop, long ago */
	{"A0 A15 B20 A21 B35 B50 B65", 0, 8},                   /* a restart, and one message late */
	{"A0 B5 A15 B20 A30", 5, 8},                            /* a twin */
	{"A100 A115 A130 B135 A145 B150 A160", 7, 8},
	{"A0 B0 A0 B0 A0", 5, 8},
	{"A0 B5 A15 C20 A30", 5, 8},                            /* that calls itself something else each time */
	{"A0 b5 A15 b20 A30 b35 A45 b50", 0, 8},                /* two certificates */
	{"A0 B5 A15 B60 A70 B115 A125 B170 A180", 0, 8},        /* a pause of 45 seconds between */
	{"A0 B5 A15 A30 A45 A60 B61 A75 B76 A90", 10, 8},       /* forgotten after a pause, and then it is a twin */
	{"A9 B5 A8 B7 A6", 5, 8},                               /* a clock that goes back */
	{"A0 B5 C6 D7 A15 B20 A30", 0, 2},                      /* a full table forgets the oldest */
	{"A0 A1", 0, 0},
};

TEST(twins)
{
	for (size_t i = 0; i < ARRAY_LEN(plays); i++)
		if (play(plays[i].script, plays[i].cap) != plays[i].twin)
			unit_fail(__FILE__, __LINE__, "\"%s\": %u, not %u", plays[i].script, play(plays[i].script, plays[i].cap),
				  plays[i].twin);
}

/* The oldest is overwritten, and what is left stays right. */
FLOODS(BOUND_CA_SIGHTINGS)
{
	enum { CAP = BOUND_CAP(BOUND_CA_SIGHTINGS), MORE = 100 };
	static struct sighting row[CAP];
	struct sightings s = {.row = row, .cap = CAP};
	uint8_t serial[16] = {1}, instance[16] = {0};

	for (unsigned i = 0; i < CAP + MORE; i++) {
		instance[0] = (uint8_t)i;
		instance[1] = (uint8_t)(i >> 8);
		CHECK(!sightings_add(&s, serial, instance, 1000 + i * TWIN_WINDOW));
		CHECK_INT(s.n, i < CAP ? i + 1 : CAP);
	}
	for (unsigned i = 0; i < CAP; i++)
		CHECK(row[i].at >= 1000 + MORE * TWIN_WINDOW);
}
