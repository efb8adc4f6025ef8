/* How long a status list is believed, what is let in by it, and one as large as it gets. */
#include "tests/unit/decide/statuskit.h"

static const struct status_limits limits = {STATUS_MAX_STALE, STATUS_CUT_STALE};

static struct world w;

/* ---- how long it is believed -------------------------------------------------------------- */

static enum status_freshness fresh_at(int64_t wall, int64_t mono)
{
	return status_fresh(&w.v, &limits, (struct status_now){wall, mono});
}

TEST(staleness_at_its_borders)
{
	begin(&w);
	CHECK_INT(fresh_at(T0, 1000), STATUS_CUT); /* nothing is known */
	restart(&w, (struct status_seen){1, 9, T0});
	CHECK_INT(fresh_at(T0, 0), STATUS_CUT);    /* and what was known before a restart is not */
	TAKEN(full(&w, 10, "1g"));
	CHECK_INT(fresh_at(T0, 1000), STATUS_FRESH);
	/* by the wall clock */
	CHECK_INT(fresh_at(T0 + 300, 1000), STATUS_FRESH);
	CHECK_INT(fresh_at(T0 + 301, 1000), STATUS_STALE);
	CHECK_INT(fresh_at(T0 + 3600, 1000), STATUS_STALE);
	CHECK_INT(fresh_at(T0 + 3601, 1000), STATUS_CUT);
	CHECK_INT(fresh_at(INT64_MAX, 1000), STATUS_CUT);
	/* by the other: somebody holds or turns back the wall clock */
	CHECK_INT(fresh_at(T0, 1300), STATUS_FRESH);
	CHECK_INT(fresh_at(T0, 1301), STATUS_STALE);
	CHECK_INT(fresh_at(T0 - 86400, 1301), STATUS_STALE);
	CHECK_INT(fresh_at(1, 4601), STATUS_CUT);
	CHECK_INT(fresh_at(INT64_MIN, 1000), STATUS_CUT);
	/* a list that is late when it comes is as old as it is */
	w.now.wall = T0 + 200;
	w.now.mono = 5000;
	w.l.issued = T0 + 1;
	TAKEN(delta(&w, 10, ""));
	CHECK_INT(fresh_at(T0 + 301, 5101), STATUS_FRESH);
	CHECK_INT(fresh_at(T0 + 302, 5102), STATUS_STALE);
}

/* A list that was held back for an hour is taken, and is worth nothing. */
TEST(an_old_list_is_taken_and_not_believed)
{
	begin(&w);
	w.now.wall = T0 + 3601;
	TAKEN(full(&w, 10, "1g"));
	CHECK_INT(status_fresh(&w.v, &limits, w.now), STATUS_CUT);
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, cert(1, STATUS_GOOD).key), STATUS_IS_STALE);
	CHECK(status_must_end(&w.v, &limits, w.now, cert(1, STATUS_GOOD).key));
}

/* A refused one, even the newest thing known sent again, makes nothing younger. */
TEST(a_replay_makes_nothing_fresh)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.now = (struct status_now){T0 + 301, 1301};
	REFUSED(&w, full(&w, 10, "1g"), STATUS_SAME);
	CHECK_INT(status_fresh(&w.v, &limits, w.now), STATUS_STALE);
}

TEST(what_may_begin_and_what_must_end)
{
	static const struct {
		uint8_t key;
		enum status_verdict verdict;
		bool ends;
	} rows[] = {
		{1, STATUS_YES, false}, {2, STATUS_IS_SUSPENDED, true}, {3, STATUS_IS_REVOKED, true},
		{4, STATUS_YES, false}, {5, STATUS_NOT_KNOWN, true},
	};
	struct status_now late = {T0 + 301, 1301}, cut = {T0 + 3601, 4601};
	const uint8_t *key;
	struct status_entry e;

	begin(&w);
	e = cert(1, STATUS_GOOD);
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, e.key), STATUS_NO_LIST);
	CHECK(status_must_end(&w.v, &limits, w.now, e.key));
	TAKEN(full(&w, 10, "1g2s3r4u"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		e = cert(rows[i].key, STATUS_GOOD);
		key = e.key;
		CHECK_INT(status_may_begin(&w.v, &limits, w.now, key), rows[i].verdict);
		CHECK_INT(status_must_end(&w.v, &limits, w.now, key), rows[i].ends);
		CHECK_INT(status_may_begin(&w.v, &limits, late, key), STATUS_IS_STALE);
		CHECK_INT(status_must_end(&w.v, &limits, late, key), rows[i].ends); /* stale cuts nobody */
		CHECK_INT(status_may_begin(&w.v, &limits, cut, key), STATUS_IS_STALE);
		CHECK(status_must_end(&w.v, &limits, cut, key));
	}
	TAKEN(delta(&w, 10, "1x4x")); /* the grace is over */
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, cert(4, STATUS_GOOD).key), STATUS_NOT_KNOWN);
	CHECK(status_must_end(&w.v, &limits, w.now, cert(1, STATUS_GOOD).key));
}

/* A session with the bytes of a serial is no certificate. */
TEST(what_it_is_of_counts)
{
	struct wr b = wr_of(w.bytes, sizeof w.bytes);
	struct status_entry e;

	begin(&w);
	e = cert(1, STATUS_GOOD);
	e.what = STATUS_SESSION;
	w.l.n = 1;
	statlist_write_head(&b, &w.l);
	statlist_write_entry(&b, &e);
	CHECK_INT(statlist_seal(&b, 0, &w.key), 0);
	TAKEN(apply(&w, wr_span(&b)));
	CHECK_INT(status_of(&w.v, STATUS_SESSION, e.key), STATUS_GOOD);
	CHECK_INT(status_of(&w.v, STATUS_CERT, e.key), 0);
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, e.key), STATUS_NOT_KNOWN);
}

TEST(the_floor_is_what_was_seen)
{
	begin(&w);
	CHECK_INT(status_floor(&w.v, 5), 5);
	TAKEN(full(&w, 10, "1g"));
	CHECK_INT(status_floor(&w.v, 5), T0 - STATUS_SKEW); /* two right clocks differ by so much */
	CHECK_INT(status_floor(&w.v, T0 + 7), T0 + 7);
	restart(&w, (struct status_seen){1, 1, T0});
	CHECK_INT(status_floor(&w.v, 5), T0 - STATUS_SKEW); /* known or not */
	restart(&w, (struct status_seen){1, 1, INT64_MIN}); /* nothing that this code wrote: nothing is believed */
	CHECK_INT(status_floor(&w.v, 5), INT64_MAX);
}

/* ---- as large as it gets ------------------------------------------------------------------ */

static struct status_entry numbered(uint32_t i)
{
	struct status_entry e = {.what = STATUS_CERT, .state = STATUS_GOOD};
	struct wr k = wr_of(e.key, 4);

	wr_be32(&k, i);
	return e;
}

static bool all_even_and(const struct status_view *v, uint32_t n, uint32_t odd)
{
	for (uint32_t i = 0; i < 2 * n; i++) {
		struct status_entry e = numbered(i);

		if ((status_of(v, STATUS_CERT, e.key) == STATUS_GOOD) != (i % 2 == 0 || i == odd))
			return false;
	}
	return true;
}

TEST(a_hundred_thousand_entries)
{
	enum { N = 100000 };
	size_t cap = STATLIST_BYTES(N);
	struct status_entry *mem = calloc(N + 1, sizeof *mem), e;
	uint8_t *bytes = malloc(cap);
	struct wr b = wr_of(bytes, cap);

	NEED(mem != NULL && bytes != NULL);
	begin(&w);
	status_init(&w.v, mem, N + 1, &w.v.seen);
	w.l.n = N;
	statlist_write_head(&b, &w.l);
	for (uint32_t i = 0; i < N; i++) {
		e = numbered(2 * i);
		statlist_write_entry(&b, &e);
	}
	CHECK_INT(statlist_seal(&b, 0, &w.key), 0);
	CHECK_INT(status_apply(&w.v, wr_span(&b), &w.pub, w.now, NULL, NULL), STATUS_TAKEN);
	CHECK(w.v.n == N && all_even_and(&w.v, N, UINT32_MAX));
	b = wr_of(bytes, cap);
	w.l = (struct statlist){.kind = STATLIST_DELTA, .epoch = 1, .number = 11, .base = 10, .issued = T0, .n = 1};
	statlist_write_head(&b, &w.l);
	e = numbered(77777);
	statlist_write_entry(&b, &e);
	CHECK_INT(statlist_seal(&b, 0, &w.key), 0);
	CHECK_INT(status_apply(&w.v, wr_span(&b), &w.pub, w.now, NULL, NULL), STATUS_TAKEN);
	CHECK(w.v.n == N + 1 && all_even_and(&w.v, N, 77777));
	free(mem);
	free(bytes);
}
