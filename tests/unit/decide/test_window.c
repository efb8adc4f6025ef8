/* window: credit at every edge of u64, growth by time, and the rate of what costs nothing. */
#include "decide/window.h"

#include "base/num.h"
#include "tests/unit/unit.h"

#define MS UINT64_C(1000000)

TEST(credit_comes_back_in_halves)
{
	struct window_in w;
	uint64_t credit = 7;

	window_in_init(&w, 1000, 1000, 0);
	CHECK_INT(window_in_receive(&w, 1000), 0);
	CHECK_INT(window_in_receive(&w, 1), -ZT_E_RANGE);
	CHECK_INT(window_in_receive(&w, UINT64_MAX), -ZT_E_RANGE);
	CHECK_INT(window_in_held(&w), 1000);
	CHECK_INT(window_in_receive(&w, 0), 0);
	window_in_take(&w, 499);
	CHECK(!window_in_grant(&w, 0, 0, true, &credit) && credit == 7);
	window_in_take(&w, 1);
	CHECK(window_in_grant(&w, 0, 0, true, &credit) && credit == 1500);
	CHECK(!window_in_grant(&w, 0, 0, true, &credit));
	CHECK_INT(window_in_receive(&w, 500), 0);
	CHECK_INT(window_in_receive(&w, 1), -ZT_E_RANGE);
	window_in_take(&w, 1000);
	CHECK(window_in_grant(&w, 0, 0, true, &credit) && credit == 2500);
	CHECK_INT(window_in_held(&w), 0);
}

static void take_too_much(void)
{
	struct window_in w;

	window_in_init(&w, 10, 10, 0);
	window_in_take(&w, 1);
}

TEST(nobody_takes_what_did_not_come)
{
	CHECK(unit_dies(take_too_much));
}

/* What a sender does that only the window holds up, one window a round trip. */
static uint64_t rounds(struct window_in *w, unsigned n, uint64_t *now, uint64_t each_ns, uint64_t rtt, bool may_grow)
{
	uint64_t credit;

	for (unsigned i = 0; i < n; i++) {
		uint64_t room = w->granted - w->received;

		*now += each_ns;
		window_in_receive(w, room);
		window_in_take(w, room);
		window_in_grant(w, *now, rtt, may_grow, &credit);
	}
	return w->size;
}

TEST(a_window_grows_while_it_is_what_holds_the_sender_up)
{
	struct window_in w;
	uint64_t now = 0;

	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, now);
	CHECK_INT(rounds(&w, 1, &now, 31 * MS, 20 * MS, true), 2 * WINDOW_FIRST);
	CHECK_INT(rounds(&w, 1, &now, 80 * MS, 20 * MS, true), 4 * WINDOW_FIRST);
	CHECK_INT(rounds(&w, 1, &now, 30 * MS, 20 * MS, true), 16 * WINDOW_FIRST); /* nothing else can be in the way */
	CHECK_INT(rounds(&w, 3, &now, 81 * MS, 20 * MS, true), 16 * WINDOW_FIRST);  /* more than four: the reader is slow */
	CHECK_INT(rounds(&w, 3, &now, 20 * MS, 20 * MS, false), 16 * WINDOW_FIRST); /* no budget */
	CHECK_INT(rounds(&w, 3, &now, 20 * MS, 0, true), 16 * WINDOW_FIRST);        /* round trip not known */
	CHECK_INT(rounds(&w, 3, &now, 3000 * MS, 0, true), 16 * WINDOW_FIRST);
	CHECK_INT(rounds(&w, 40, &now, 20 * MS, 20 * MS, true), WINDOW_MOST);
	CHECK_INT(rounds(&w, 1, &now, 20 * MS, UINT64_MAX, true), WINDOW_MOST);
}

TEST(four_round_trips_open_the_largest_window)
{
	struct window_in w;
	uint64_t now = 0;

	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, now);
	CHECK_INT(rounds(&w, 4, &now, 50 * MS, 50 * MS, true), WINDOW_MOST);
}

/* bytes taken at `now`, all at once; what is granted in all afterwards. */
static uint64_t takes(struct window_in *w, uint64_t bytes, uint64_t now, uint64_t rtt)
{
	uint64_t credit;

	CHECK(window_in_receive(w, bytes) == 0);
	window_in_take(w, bytes);
	window_in_grant(w, now, rtt, true, &credit);
	return w->granted;
}

TEST(a_window_that_is_not_used_shrinks_and_takes_nothing_back)
{
	struct window_in w;
	uint64_t now = 0, granted;

	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, now);
	rounds(&w, 4, &now, 50 * MS, 50 * MS, true);
	NEED(w.size == WINDOW_MOST);
	granted = w.granted;
	/* A megabyte a second is 52,429 bytes a round trip: sixteen of them are 838,861. */
	now += 1000 * MS;
	CHECK_INT(takes(&w, 1048576, now, 50 * MS), granted);
	CHECK_INT(w.size, 524288);
	for (unsigned i = 0; i < 300 && granted - w.received > 524288; i++) /* nothing more until that is used */
		if (takes(&w, 65536, now += 62 * MS, 50 * MS) != granted || w.size != 524288)
			break;
	CHECK(w.granted == granted && w.size == 524288 && granted - w.received == 524288);
	CHECK_INT(takes(&w, 524288, now += 500 * MS, 50 * MS), w.taken + w.size);
	/* An hour of silence, then a burst: it begins as it began. */
	now += 3600000 * MS;
	takes(&w, 131072, now, 50 * MS);
	CHECK_INT(w.size, WINDOW_FIRST);
	rounds(&w, 20, &now, 50 * MS, 50 * MS, true);
	CHECK_INT(w.size, WINDOW_MOST);
}

TEST(what_never_grew_never_shrinks)
{
	for (uint64_t size = 1; size < 70000; size += 997) {
		struct window_in w;
		uint64_t now = 0;

		window_in_init(&w, size, size, 0);
		CHECK_INT(rounds(&w, 5, &now, 100000 * MS, 1, true), size);
		CHECK_INT(rounds(&w, 5, &now, UINT64_MAX / 16, UINT64_MAX, true), size);
	}
}

/* A path of rtt_ms with more room than any window; the sender sends what it may at once. Bytes a round trip, when the
 * window has grown to its most. */
static uint64_t carried(unsigned rtt_ms, unsigned rtts)
{
	enum { SLOTS = 1024 };
	static uint64_t data[SLOTS], back[SLOTS]; /* what arrives in that half millisecond */
	struct window_in w;
	struct window_out o = {.limit = WINDOW_FIRST};
	uint64_t credit, at = 0, half = rtt_ms, half_warm = (uint64_t)rtt_ms * 2 * 20;
	uint64_t most = WINDOW_MOST * UINT64_C(2) / (rtt_ms * 2); /* a link of twice a window a round trip */

	memset(data, 0, sizeof data);
	memset(back, 0, sizeof back);
	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, 0);
	for (uint64_t t = 0; t < half_warm + (uint64_t)rtts * rtt_ms * 2; t++) {
		uint64_t n, in = data[t % SLOTS];

		if (back[t % SLOTS])
			window_out_credit(&o, back[t % SLOTS]);
		n = num_min64(window_out_room(&o), most);
		window_out_send(&o, n);
		data[t % SLOTS] = back[t % SLOTS] = 0;
		data[(t + half) % SLOTS] = n;
		CHECK(window_in_receive(&w, in) == 0);
		window_in_take(&w, in);
		if (window_in_grant(&w, t * MS / 2, rtt_ms * MS, true, &credit))
			back[(t + half) % SLOTS] = credit;
		at += t >= half_warm ? in : 0;
	}
	return at / rtts;
}

TEST(a_long_path_carries_nine_tenths_of_a_window_a_round_trip)
{
	CHECK(carried(10, 40) >= WINDOW_MOST / 10 * 9 && carried(10, 40) <= WINDOW_MOST);
	CHECK(carried(50, 40) >= WINDOW_MOST / 10 * 9 && carried(50, 40) <= WINDOW_MOST);
	CHECK(carried(200, 40) >= WINDOW_MOST / 10 * 9 && carried(200, 40) <= WINDOW_MOST);
}

TEST(a_window_never_passes_its_most)
{
	for (uint64_t most = 1; most < 40; most++) {
		struct window_in w;
		uint64_t now = 0;

		window_in_init(&w, 3, most, 0);
		CHECK(rounds(&w, 20, &now, 1, 1, true) <= (most < 3 ? 3 : most));
	}
}

TEST(the_end_of_u64_stops_credit_and_wraps_nothing)
{
	struct window_in w;
	struct window_out o = {.limit = 10, .sent = 4};
	uint64_t credit;

	window_in_init(&w, 100, 100, 0);
	w.granted = w.received = UINT64_MAX - 20;
	w.taken = UINT64_MAX - 120;
	window_in_take(&w, 80); /* 40 before the end, 100 more do not fit */
	CHECK(!window_in_grant(&w, 0, 0, true, &credit));
	CHECK_INT(window_in_receive(&w, 1), -ZT_E_RANGE);
	w.granted = UINT64_MAX;
	CHECK_INT(window_in_receive(&w, 20), 0);
	CHECK_INT(window_in_receive(&w, 1), -ZT_E_RANGE);

	CHECK_INT(window_out_room(&o), 6);
	CHECK_INT(window_out_send(&o, 7), -ZT_E_RANGE);
	CHECK_INT(window_out_send(&o, UINT64_MAX), -ZT_E_RANGE);
	CHECK(window_out_send(&o, 6) == 0 && window_out_room(&o) == 0);
	CHECK_INT(window_out_credit(&o, 9), -ZT_E_RANGE);
	CHECK_INT(window_out_credit(&o, 10), 0);
	CHECK_INT(window_out_credit(&o, UINT64_MAX), 1);
	CHECK(window_out_room(&o) == UINT64_MAX - 10);
	CHECK_INT(window_out_credit(&o, UINT64_MAX - 1), -ZT_E_RANGE);
}

/* Every pair of sizes and steps: the sums hold at each moment and a sender is never stuck. */
TEST(no_sender_is_ever_stuck)
{
	for (uint64_t size = 1; size <= 24; size++)
		for (uint64_t step = 1; step <= 24; step++) {
			struct window_in w;
			struct window_out o = {.limit = size};
			uint64_t credit, moved = 0;

			window_in_init(&w, size, size, 0);
			for (unsigned turn = 0; turn < 200 && moved < 500; turn++) {
				uint64_t n = num_min64(step, window_out_room(&o));

				NEED(window_out_send(&o, n) == 0 && window_in_receive(&w, n) == 0);
				window_in_take(&w, n);
				moved += n;
				if (window_in_grant(&w, turn, 0, true, &credit))
					NEED(window_out_credit(&o, credit) == 1);
				NEED(w.taken <= w.received && w.received <= w.granted && window_out_room(&o) > 0);
			}
			CHECK(moved >= 200);
		}
}

/* ---- the round trip ------------------------------------------------------------------------ */

TEST(a_round_trip_is_believed_at_its_second_sample)
{
	struct window_rtt r = {0};

	CHECK(window_rtt_of(&r) == 0 && window_rtt_is_old(&r, 0));
	window_rtt_sample(&r, 0, 7); /* faster than the clock */
	CHECK(window_rtt_of(&r) == 1 && r.average_ns == 1);
	r = (struct window_rtt){0};
	window_rtt_sample(&r, 10 * MS, 0);
	CHECK(window_rtt_of(&r) == 10 * MS && !window_rtt_is_old(&r, 99 * MS) && window_rtt_is_old(&r, 100 * MS));
	window_rtt_sample(&r, 90 * MS, 100 * MS);
	CHECK_INT(window_rtt_of(&r), 20 * MS); /* the average: it may be one that was late */
	window_rtt_sample(&r, 90 * MS, 200 * MS);
	CHECK_INT(window_rtt_of(&r), 90 * MS);
	for (unsigned i = 0; i < 2; i++)
		window_rtt_sample(&r, 10 * MS, 300 * MS);
	CHECK(window_rtt_of(&r) < 30 * MS);
	for (unsigned i = 0; i < 20; i++)
		window_rtt_sample(&r, 10 * MS, 300 * MS);
	CHECK(window_rtt_of(&r) >= 10 * MS && window_rtt_of(&r) < 12 * MS);
	for (unsigned i = 0; i < 100; i++)
		window_rtt_sample(&r, i % 4 ? 10 * MS : 200 * MS, 300 * MS); /* a late one in four: it is the average */
	CHECK(window_rtt_of(&r) > 40 * MS && window_rtt_of(&r) < 75 * MS);
	for (unsigned i = 0; i < 100; i++)
		window_rtt_sample(&r, UINT64_MAX, 300 * MS);
	CHECK(window_rtt_of(&r) > UINT64_MAX / 2);
}

/* A stream on a path that is asked for its round trip as a tunnel asks it. What it may send arrives once a round trip; its
 * reader takes `speed` bytes a millisecond, 0 is all at once. `late`: one answer in eight takes ten times as long. */
struct path {
	struct window_in w;
	struct window_rtt rtt;
	uint64_t now, answer_at, answer_ns, arrives_at, room; /* ns; what it has heard that it may send */
	unsigned asked;
};

static void gives(struct path *p, uint64_t rtt_ns, bool late)
{
	uint64_t credit;

	if (!window_in_grant(&p->w, p->now, window_rtt_of(&p->rtt), true, &credit) || p->answer_ns ||
	    !window_rtt_is_old(&p->rtt, p->now))
		return;
	p->answer_ns = rtt_ns * (late && p->asked % 8 == 0 ? 10 : 1);
	p->answer_at = p->now + p->answer_ns;
	p->asked++;
}

static uint64_t runs(struct path *p, uint64_t rtt_ns, uint64_t speed, bool late, uint64_t until)
{
	for (; p->now < until; p->now += MS) {
		bool arrives = p->now >= p->arrives_at;

		if (p->answer_ns && p->now >= p->answer_at) {
			window_rtt_sample(&p->rtt, p->answer_ns, p->now);
			p->answer_ns = 0;
		}
		if (arrives)
			window_in_receive(&p->w, p->room - p->w.received);
		window_in_take(&p->w, num_min64(window_in_held(&p->w), speed ? speed : UINT64_MAX));
		gives(p, rtt_ns, late);
		if (arrives) {
			p->room = p->w.granted;
			p->arrives_at = p->now + rtt_ns;
		}
	}
	return p->w.size; /* at `until` */
}

static struct path path_of(uint64_t known_ns)
{
	struct path p = {.room = WINDOW_FIRST};

	window_in_init(&p.w, WINDOW_FIRST, WINDOW_MOST, 0);
	for (unsigned i = 0; i < 50; i++)
		window_rtt_sample(&p.rtt, known_ns, 0);
	return p;
}

TEST(a_path_that_becomes_longer_opens_the_window)
{
	static const struct {
		uint64_t was, is;
	} rise[] = {{10, 50}, {1, 50}, {1, 200}, {50, 300}};

	for (unsigned i = 0; i < ARRAY_LEN(rise); i++) {
		struct path p = path_of(rise[i].was * MS);

		CHECK_INT(runs(&p, rise[i].is * MS, 0, false, 200 * MS + 8 * rise[i].is * MS), WINDOW_MOST);
	}
}

TEST(a_path_that_becomes_shorter_keeps_what_is_used)
{
	struct path p = path_of(50 * MS);

	CHECK_INT(runs(&p, 50 * MS, 0, false, 1000 * MS), WINDOW_MOST);
	CHECK_INT(runs(&p, 10 * MS, 0, false, 9000 * MS), WINDOW_MOST);
	CHECK(window_rtt_of(&p.rtt) < 11 * MS && p.asked < 92); /* ten a second */
}

TEST(a_slow_reader_does_not_get_more_than_it_uses)
{
	struct path p = path_of(10 * MS), late = path_of(10 * MS);

	/* Half a megabyte a second: a window of 64 KiB lasts 131 ms, thirteen round trips. */
	CHECK_INT(runs(&p, 10 * MS, 500, false, 60000 * MS), WINDOW_FIRST);
	/* Late answers are the average's: 21 ms of it or so, four of which are never 131. */
	CHECK_INT(runs(&late, 10 * MS, 500, true, 60000 * MS), WINDOW_FIRST);
	CHECK(late.asked > 300); /* else nothing was asked */
}

TEST(what_lies_unread_halves_the_window_and_keeps_it_from_growing)
{
	struct window_in w;
	uint64_t credit;

	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, 0);
	CHECK(!window_in_fills(&w, 0, MS));
	CHECK_INT(window_in_receive(&w, WINDOW_FIRST), 0);
	CHECK(window_in_fills(&w, 4 * MS, MS) && !window_in_fills(&w, 5 * MS, MS) && !window_in_fills(&w, MS, 0));
	window_in_take(&w, WINDOW_FIRST);
	CHECK(window_in_grant(&w, MS, MS, true, &credit));
	CHECK_INT(w.size, 4 * WINDOW_FIRST);
	/* Its reader stops: all of it comes, and he takes it in small parts. */
	CHECK_INT(window_in_receive(&w, 4 * WINDOW_FIRST), 0);
	window_in_take(&w, WINDOW_FIRST);
	CHECK(!window_in_grant(&w, 2 * MS, MS, true, &credit));
	CHECK_INT(w.size, 2 * WINDOW_FIRST);
	window_in_take(&w, WINDOW_FIRST);
	CHECK(!window_in_grant(&w, 3 * MS, MS, true, &credit));
	window_in_take(&w, WINDOW_FIRST);
	CHECK(!window_in_grant(&w, 4 * MS, MS, true, &credit));
	CHECK_INT(w.size, WINDOW_FIRST); /* and not less, whatever lies */
	window_in_take(&w, WINDOW_FIRST);
	CHECK(window_in_grant(&w, 900 * MS, MS, true, &credit));
	CHECK(w.size == WINDOW_FIRST && w.granted - w.taken == WINDOW_FIRST);
	/* A window used up in a moment, of which a quarter is left: it is the reader who holds the sender up. */
	CHECK_INT(window_in_receive(&w, WINDOW_FIRST), 0);
	window_in_take(&w, WINDOW_FIRST - WINDOW_FIRST / 4);
	CHECK(window_in_grant(&w, 901 * MS, MS, true, &credit));
	CHECK_INT(window_in_receive(&w, WINDOW_FIRST / 2), 0);
	window_in_take(&w, WINDOW_FIRST / 2);
	CHECK(window_in_grant(&w, 902 * MS, MS, true, &credit));
	CHECK_INT(w.size, WINDOW_FIRST);
}

/* 64 KiB at once, then a byte each microsecond; what was not taken yet has come all the same. */
TEST(a_trickle_is_told_from_bulk)
{
	const uint64_t t = 7 * MS, ahead = WINDOW_FIRST * UINT64_C(1000), more = ahead + 1000 * UINT64_C(1000);
	struct window_in w;
	uint64_t credit;

	window_in_init(&w, WINDOW_FIRST, WINDOW_MOST, t);
	CHECK(!window_in_trickles(&w, t));
	CHECK(!window_in_trickles(&w, t + ahead - 1) && window_in_trickles(&w, t + ahead));
	CHECK_INT(window_in_receive(&w, 1000), 0);
	CHECK(!window_in_trickles(&w, t + more - 1) && window_in_trickles(&w, t + more));
	window_in_take(&w, 1000);
	CHECK(!window_in_trickles(&w, t + more - 1) && window_in_trickles(&w, t + more));
	CHECK_INT(window_in_receive(&w, WINDOW_FIRST - 1000), 0);
	CHECK(!window_in_trickles(&w, t + 2 * ahead - 1) && window_in_trickles(&w, t + 2 * ahead));
	window_in_take(&w, WINDOW_FIRST - 1000);
	CHECK(window_in_grant(&w, 61 * MS, MS, true, &credit)); /* with it another measure begins */
	CHECK(!window_in_trickles(&w, 66 * MS) && window_in_trickles(&w, 61 * MS + ahead));
}

TEST(a_rate_gives_its_burst_and_then_so_many_a_second)
{
	struct window_rate r = {.rate = 10, .burst = 3, .at_ns = 5};

	CHECK(window_rate_take(&r, 5) && window_rate_take(&r, 5) && window_rate_take(&r, 5) && !window_rate_take(&r, 5));
	CHECK(!window_rate_take(&r, 0)); /* a clock that goes back gives nothing */
	CHECK(!window_rate_take(&r, 5 + 99 * MS));
	CHECK(window_rate_take(&r, 5 + 100 * MS) && !window_rate_take(&r, 5 + 100 * MS));
	CHECK(window_rate_take(&r, UINT64_MAX));
	CHECK(window_rate_take(&r, UINT64_MAX) && window_rate_take(&r, UINT64_MAX) && !window_rate_take(&r, UINT64_MAX));
	/* Asked every nanosecond it still earns. */
	r = (struct window_rate){.rate = 1000, .burst = 1};
	CHECK(window_rate_take(&r, 0));
	for (uint64_t t = 0; t < MS; t += MS / 16)
		CHECK(!window_rate_take(&r, t));
	CHECK(window_rate_take(&r, MS));
}
