/* What a receiver makes of status lists: each refusal alone, and never back. */
#include "tests/unit/decide/statuskit.h"

static struct world w;

TEST(refusals_have_names_and_sentences)
{
	for (int r = 0; r < STATUS_REFUSAL_COUNT; r++) {
		CHECK(status_refusal_name((enum status_refusal)r)[0] && status_refusal_text((enum status_refusal)r)[0]);
		for (int k = 0; k < r; k++)
			CHECK(strcmp(status_refusal_name((enum status_refusal)r),
				     status_refusal_name((enum status_refusal)k)) != 0);
	}
	for (int v = 0; v < STATUS_VERDICT_COUNT; v++)
		CHECK(status_verdict_text((enum status_verdict)v)[0]);
}

TEST(a_full_list_then_deltas)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g3g5s7u"));
	CHECK_STR(VIEW(&w), "1g3g5s7u");
	CHECK_STR(TOLD(&w), "1g3g5s7u");
	CHECK(w.v.known && w.v.seen.epoch == 1 && w.v.seen.number == 10 && w.v.seen.issued == T0);
	TAKEN(delta(&w, 10, ""));
	CHECK_STR(VIEW(&w), "1g3g5s7u");
	CHECK_STR(TOLD(&w), "");
	TAKEN(delta(&w, 11, "0g2g3r5x8g"));
	CHECK_STR(VIEW(&w), "0g1g2g3r7u8g");
	CHECK_STR(TOLD(&w), "0g2g3r5x8g");
	/* the same state again and the going of what was not there are no news */
	TAKEN(delta(&w, 12, "1g3r4x7r9x"));
	CHECK_STR(VIEW(&w), "0g1g2g3r7r8g");
	CHECK_STR(TOLD(&w), "7r");
	TAKEN(delta(&w, 13, "0x1x2x3x7x8x"));
	CHECK_STR(VIEW(&w), "");
	TAKEN(delta(&w, 14, "4g6g"));
	CHECK_STR(VIEW(&w), "4g6g");
	CHECK_INT(w.v.seen.number, 15);
}

TEST(a_full_list_tells_what_it_changes)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g3g5s7u"));
	TAKEN(full(&w, 11, "0g3r5s8g"));
	CHECK_STR(VIEW(&w), "0g3r5s8g");
	CHECK_STR(TOLD(&w), "0g1x3r7x8g");
	TAKEN(full(&w, 12, ""));
	CHECK_STR(VIEW(&w), "");
	CHECK_STR(TOLD(&w), "0x3x5x8x");
	w.now.wall++;
	w.l.number = 13; /* nobody to tell is fine */
	CHECK_INT(status_apply(&w.v, issue(&w, "1g"), &w.pub, w.now, NULL, NULL), STATUS_TAKEN);
	CHECK_STR(VIEW(&w), "1g");
}

/* Every pair of sets of keys, as a delta and as a full list: the view is what sets would give. */
static void one_pair(unsigned have, unsigned put, unsigned drop)
{
	char before[16] = "", change[16] = "", want[16] = "";

	for (unsigned k = 0; k < 4; k++) {
		char key = (char)('0' + k), *b = strchr(before, 0), *c = strchr(change, 0), *t = strchr(want, 0);

		if (have & 1u << k)
			memcpy(b, (char[]){key, 'g', 0}, 3);
		if ((put | drop) & 1u << k)
			memcpy(c, (char[]){key, put & 1u << k ? 'r' : 'x', 0}, 3);
		if (put & 1u << k)
			memcpy(t, (char[]){key, 'r', 0}, 3);
		else if (have & ~drop & 1u << k)
			memcpy(t, (char[]){key, 'g', 0}, 3);
	}
	restart(&w, (struct status_seen){0, 0, 0});
	TAKEN(full(&w, 10, before));
	TAKEN(delta(&w, 10, change));
	CHECK_STR(VIEW(&w), want);
}

TEST(a_delta_does_what_sets_do)
{
	begin(&w);
	for (unsigned have = 0; have < 16; have++)
		for (unsigned put = 0; put < 16; put++)
			for (unsigned drop = 0; drop < 16; drop++)
				if (!(put & drop) && (have % 3 == 0 || (put ^ drop) % 3 == 0))
					one_pair(have, put, drop);
}

/* ---- each refusal, and nothing else wrong ------------------------------------------------- */

TEST(malformed_is_refused)
{
	struct span list;

	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.l.number = 11;
	list = issue(&w, "1r2g");
	REFUSED(&w, apply(&w, span_sub(list, 0, list.n - 1)), STATUS_MALFORMED);
	REFUSED(&w, apply(&w, SPAN_NONE), STATUS_MALFORMED);
	REFUSED(&w, apply(&w, issue(&w, "2g1g")), STATUS_MALFORMED);
	REFUSED(&w, apply(&w, issue(&w, "1g1g")), STATUS_MALFORMED);
	REFUSED(&w, apply(&w, issue(&w, "1x")), STATUS_MALFORMED);
	REFUSED(&w, apply(&w, issue(&w, "1?")), STATUS_MALFORMED);
	TAKEN(full(&w, 11, "1r2g"));
}

TEST(every_byte_counts)
{
	struct span list;

	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.l.number = 11;
	list = issue(&w, "1r2g");
	for (size_t i = 0; i < list.n; i++) {
		enum status_refusal r;

		w.bytes[i] ^= 0x10;
		r = apply(&w, list);
		CHECK(r != STATUS_TAKEN && w.told == 0 && w.v.n == 1 && w.v.seen.number == 10);
		w.bytes[i] ^= 0x10;
	}
	TAKEN(apply(&w, list));
}

TEST(unsigned_is_refused)
{
	struct world other;
	struct pk_public none = {.type = PK_NONE};

	begin(&w);
	begin(&other);
	REFUSED(&w, apply(&w, issue(&other, "1g")), STATUS_UNSIGNED);
	CHECK_INT(status_apply(&w.v, issue(&w, "1g"), &none, w.now, NULL, NULL), STATUS_UNSIGNED);
	/* the order of the answers: who may not speak is not told what is known */
	TAKEN(full(&w, 10, "1g"));
	other.l.number = 1;
	REFUSED(&w, apply(&w, issue(&other, "1g")), STATUS_UNSIGNED);
}

TEST(an_old_epoch_is_refused_whatever_its_number)
{
	begin(&w);
	w.l.epoch = 2;
	TAKEN(full(&w, 10, "1r"));
	w.l.epoch = 1;
	REFUSED(&w, full(&w, 11, "1g"), STATUS_OLD_EPOCH);
	REFUSED(&w, full(&w, UINT64_MAX, "1g"), STATUS_OLD_EPOCH);
	REFUSED(&w, delta(&w, 10, "1g"), STATUS_OLD_EPOCH);
}

TEST(a_lower_number_is_refused)
{
	begin(&w);
	TAKEN(full(&w, 10, "1r"));
	REFUSED(&w, full(&w, 9, "1g"), STATUS_ROLLBACK);
	REFUSED(&w, full(&w, 1, "1g"), STATUS_ROLLBACK);
	REFUSED(&w, delta(&w, 8, "1g"), STATUS_ROLLBACK);
}

/* A replayed list, and another one under the same number: an authority that says two things at once. */
TEST(the_same_number_is_refused)
{
	begin(&w);
	TAKEN(full(&w, 10, "1r"));
	REFUSED(&w, full(&w, 10, "1r"), STATUS_SAME);
	REFUSED(&w, full(&w, 10, "1g"), STATUS_SAME);
	REFUSED(&w, delta(&w, 9, "1g"), STATUS_SAME);
}

TEST(a_delta_fits_on_its_base_only)
{
	begin(&w);
	REFUSED(&w, delta(&w, 10, "1g"), STATUS_BASE); /* nothing is known */
	TAKEN(full(&w, 10, "1r"));
	REFUSED(&w, delta(&w, 11, "1g"), STATUS_BASE); /* 11 was withheld: it may be what revoked 1 */
	REFUSED(&w, delta(&w, 12, "1g"), STATUS_BASE);
	TAKEN(delta(&w, 10, "2g"));
	TAKEN(delta(&w, 11, "1g"));
	CHECK_STR(VIEW(&w), "1g2g");
}

/* One that skips numbers is fine: its base is what counts. */
TEST(a_delta_may_skip_numbers)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.l.kind = STATLIST_DELTA;
	w.l.base = 10;
	w.l.number = 99;
	TAKEN(apply(&w, issue(&w, "1r")));
	REFUSED(&w, delta(&w, 10, "1g"), STATUS_ROLLBACK);
	CHECK_INT(w.v.seen.number, 99);
}

static const struct status_limits limits = {STATUS_MAX_STALE, STATUS_CUT_STALE};

TEST(a_withheld_delta_is_not_papered_over)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	issue(&w, "1r");               /* number 11 revokes; somebody drops it */
	REFUSED(&w, delta(&w, 11, ""), STATUS_BASE); /* the heartbeat behind it does not fit */
	w.now.wall += STATUS_MAX_STALE + 1;
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, cert(1, STATUS_GOOD).key), STATUS_IS_STALE);
	w.l.issued = w.now.wall;
	TAKEN(full(&w, 12, "1r"));     /* what a receiver asks for then */
	CHECK_INT(status_may_begin(&w.v, &limits, w.now, cert(1, STATUS_GOOD).key), STATUS_IS_REVOKED);
}

TEST(time_that_goes_back_is_refused)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.l.issued = T0 - 1;
	REFUSED(&w, full(&w, 11, "1g"), STATUS_TIME_BACK);
	REFUSED(&w, delta(&w, 10, "1g"), STATUS_TIME_BACK);
	w.l.epoch = 2;
	REFUSED(&w, full(&w, 1, "1g"), STATUS_TIME_BACK); /* a new epoch is no new time */
	w.l.epoch = 1;
	w.l.issued = T0; /* two in one second */
	TAKEN(full(&w, 11, "1g"));
}

TEST(the_future_is_refused_but_for_the_skew)
{
	begin(&w);
	w.l.issued = T0 + STATUS_SKEW + 1;
	REFUSED(&w, full(&w, 10, "1g"), STATUS_FUTURE);
	w.l.issued = INT64_MAX;
	REFUSED(&w, full(&w, 10, "1g"), STATUS_FUTURE);
	w.l.issued = T0 + STATUS_SKEW;
	TAKEN(full(&w, 10, "1g"));
}

TEST(a_clock_at_the_dawn_of_time_takes_no_first_list)
{
	begin(&w);
	w.now.wall = 1;
	w.l.issued = T0;
	REFUSED(&w, full(&w, 10, "1g"), STATUS_FUTURE);
	w.now.wall = INT64_MIN;
	REFUSED(&w, full(&w, 10, "1g"), STATUS_FUTURE);
}

TEST(a_clock_that_is_set_back_takes_what_follows_the_last_list)
{
	begin(&w);
	w.now.mono = 1000;
	TAKEN(full(&w, 10, "1g"));
	w.now.wall -= 86400;
	w.now.mono += 100;
	w.l.issued = T0 + 100 + STATUS_SKEW;
	TAKEN(full(&w, 11, "1g"));
	w.l.issued += STATUS_SKEW + 1; /* 100 s later by nobody's clock */
	REFUSED(&w, full(&w, 12, "1g"), STATUS_FUTURE);
	w.now.wall = INT64_MIN;
	w.now.mono = INT64_MAX;
	w.l.issued = INT64_MAX;
	REFUSED(&w, full(&w, 12, "1g"), STATUS_FUTURE);
}

TEST(more_than_there_is_room_for_is_refused)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g2g3g4g5g6g7g8g"));
	REFUSED(&w, full(&w, 11, "0g1g2g3g4g5g6g7g8g"), STATUS_FULL);
	REFUSED(&w, delta(&w, 10, "9g"), STATUS_FULL);
	REFUSED(&w, delta(&w, 10, "0g1x9g"), STATUS_FULL);
	TAKEN(delta(&w, 10, "0g1x8x9g")); /* what goes makes room for what comes */
	CHECK_STR(VIEW(&w), "0g2g3g4g5g6g7g9g");
	TAKEN(delta(&w, 11, "2r4x8x"));
	CHECK_STR(VIEW(&w), "0g2r3g5g6g7g9g");
}

/* More than any receiver has room for: refused before anything is looked up. */
TEST(a_list_over_the_bound_is_refused_as_full)
{
	size_t cap = STATLIST_BYTES(STATLIST_MOST + 1);
	uint8_t *mem = calloc(1, cap);
	struct wr b = wr_of(mem, cap);

	begin(&w);
	NEED(mem != NULL);
	w.l.n = STATLIST_MOST + 1;
	statlist_write_head(&b, &w.l);
	b.n = STATLIST_HEAD + (STATLIST_MOST + 1) * STATLIST_ENTRY;
	CHECK_INT(statlist_seal(&b, 0, &w.key), 0);
	REFUSED(&w, apply(&w, wr_span(&b)), STATUS_FULL);
	free(mem);
}

/* ---- over a restart ----------------------------------------------------------------------- */

TEST(a_higher_epoch_comes_with_a_full_list_only)
{
	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	w.l.epoch = 2;
	REFUSED(&w, delta(&w, 10, "2g"), STATUS_BASE);
	TAKEN(full(&w, 1, "3g")); /* numbers begin anew */
	CHECK(w.v.seen.epoch == 2 && w.v.seen.number == 1);
	CHECK_STR(VIEW(&w), "3g");
	CHECK_STR(TOLD(&w), "1x3g");
	TAKEN(delta(&w, 1, "4g"));
	w.l.epoch = 1;
	REFUSED(&w, full(&w, 11, "1g"), STATUS_OLD_EPOCH);
	w.l.epoch = UINT64_MAX;
	TAKEN(full(&w, UINT64_MAX, "1g"));
	REFUSED(&w, full(&w, 1, "1g"), STATUS_ROLLBACK);
}

TEST(a_restart_forgets_no_number)
{
	struct status_seen seen;

	begin(&w);
	TAKEN(full(&w, 10, "1g"));
	TAKEN(delta(&w, 10, "1r"));
	seen = w.v.seen;
	restart(&w, seen);
	CHECK(!w.v.known && status_of(&w.v, STATUS_CERT, cert(1, STATUS_GOOD).key) == 0);
	REFUSED(&w, full(&w, 10, "1g"), STATUS_ROLLBACK);  /* the list before the revocation */
	REFUSED(&w, delta(&w, 11, "2g"), STATUS_BASE);     /* fits, but on what? */
	REFUSED(&w, delta(&w, 10, "2g"), STATUS_BASE);     /* the very one: still only a part */
	w.l.issued = T0 - 1;
	REFUSED(&w, full(&w, 12, "1g"), STATUS_TIME_BACK);
	w.l.issued = T0;
	TAKEN(full(&w, 11, "1r"));                         /* the number that was seen, in full */
	CHECK_STR(VIEW(&w), "1r");
	REFUSED(&w, full(&w, 11, "1r"), STATUS_SAME);
}

TEST(a_restart_forgets_no_epoch)
{
	begin(&w);
	restart(&w, (struct status_seen){2, 5, T0});
	REFUSED(&w, full(&w, 10, "1g"), STATUS_OLD_EPOCH);
	w.l.epoch = 3;
	REFUSED(&w, delta(&w, 5, "1g"), STATUS_BASE);
	TAKEN(full(&w, 1, "1g"));
}
