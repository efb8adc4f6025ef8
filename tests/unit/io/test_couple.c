/* Two ducts coupled: what goes in comes out, whatever the sides are, and silence is noticed. */
#include "tests/unit/io/duct_kit.h"

/* n bytes each way at the same time, in uneven parts. */
static void exchange(unsigned tls, uint64_t n)
{
	struct two *t = two_new(tls);
	uint64_t sent[2] = {0, 0};

	for (unsigned round = 0; round < 4000 && (t->end[0].peer.got < n || t->end[1].peer.got < n); round++) {
		for (unsigned i = 0; i < 2; i++) {
			size_t part = num_min((round * 977 + i * 131) % RECORD_PLAIN + 1, (size_t)(n - sent[i]));

			if (part && sent[i] - t->end[!i].peer.got < 65536) { /* so that the sockets take whole parts */
				say_pattern(&t->end[i].peer, sent[i], part);
				sent[i] += part;
			}
			listen_to(&t->end[i].peer, 40000);
		}
		turns(1);
	}
	two_settle(t);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_INT(t->end[i].peer.got, n);
		CHECK_INT(t->end[i].sd.d.in, n);
		CHECK_INT(t->end[i].sd.d.out, n);
	}
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0); /* idle: none is held */
	CHECK_INT(t->overs, 0);
	two_free(t);
}

TEST(every_byte_arrives_in_order_whatever_the_sides_are)
{
	duct_set_up();
	for (unsigned tls = 0; tls < 4; tls++)
		exchange(tls, 3 << 20);
	kit_kind = AEAD_CHACHA20;
	exchange(3, 1 << 20);
	kit_kind = AEAD_AES256_GCM;
	exchange(3, 1 << 20);
	kit_kind = AEAD_AES128_GCM;
	duct_tear_down();
}

TEST(many_records_of_one_segment_all_go_on)
{
	static uint8_t mem[65536];
	struct peer *p;
	struct two *t;
	size_t n = 0;

	duct_set_up();
	kit_kind = AEAD_CHACHA20;
	t = two_new(1);
	kit_kind = AEAD_AES128_GCM;
	p = &t->end[NEAR].peer;
	for (unsigned i = 0; i < 500; i++) { /* far more than a turn opens */
		mem[n + record_head(&p->out)] = byte_at(i);
		n += (size_t)record_seal(&p->out, RECORD_DATA, &mem[n], 1);
	}
	CHECK_INT(raw(p, mem, n), n);
	for (unsigned i = 0; i < 120; i++) {
		turns(1);
		listen_to(&t->end[FAR].peer, SIZE_MAX);
	}
	CHECK_INT(t->end[FAR].peer.got, 500);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
	two_done(t);
}

TEST(a_record_that_comes_byte_by_byte_is_one_record)
{
	uint8_t mem[RECORD_OVERHEAD + 64];
	struct two *t;
	int n;

	t = two_begin(3);
	for (unsigned i = 0; i < 20; i++)
		mem[record_head(&t->end[NEAR].peer.out) + i] = byte_at(i);
	n = record_seal(&t->end[NEAR].peer.out, RECORD_DATA, mem, 20);
	for (int i = 0; i < n; i++) {
		CHECK_INT(t->end[FAR].peer.got, 0);
		CHECK_INT(raw(&t->end[NEAR].peer, &mem[i], 1), 1);
		turns(2);
		listen_to(&t->end[FAR].peer, SIZE_MAX);
	}
	two_settle(t);
	CHECK_INT(t->end[FAR].peer.got, 20);
	two_done(t);
}

TEST(a_side_that_does_not_read_stops_the_other)
{
	for (unsigned tls = 0; tls < 4; tls += 2) {
		struct two *t = two_begin(tls);
		uint64_t sent = say_to_the_brim(t);

		CHECK_INT(sockduct_wants(&t->end[FAR].sd), LOOP_IN | LOOP_OUT);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 2); /* one in, one out */
		for (unsigned i = 0; i < 8000 && t->end[FAR].peer.got < sent; i++) {
			listen_to(&t->end[FAR].peer, SIZE_MAX);
			turns(1);
		}
		CHECK_INT(t->end[FAR].peer.got, sent);
		two_done(t);
	}
}

/* Its near peer says more than fits, and its far one reads nothing: then nobody is called while nothing happens. */
static void blocked_it_does_not_spin(struct two *t)
{
	static uint8_t junk[65536];
	unsigned calls;

	for (unsigned i = 0; i < 400; i++) {
		raw(&t->end[NEAR].peer, junk, sizeof junk);
		turns(4);
	}
	calls = t->end[NEAR].calls + t->end[FAR].calls;
	turns(50);
	CHECK_INT(t->end[NEAR].calls + t->end[FAR].calls, calls);
}

TEST(a_blocked_couple_does_not_spin)
{
	struct two *t = two_begin(2);

	blocked_it_does_not_spin(t);
	two_done(t);
}

/* While buffers are short there may be room that is no place for anything: nobody waits for that. */
TEST(nor_does_one_that_is_blocked_while_buffers_are_short)
{
	for (unsigned tls = 0; tls < 4; tls += 2) { /* the near one is plain: its peer says junk */
		struct two *t;

		duct_set_up();
		bounds_set(&bounds, BOUND_DUCT_BUFS, 8);
		bounds_take(&bounds, BOUND_DUCT_BUFS, 5); /* others' */
		narrow = true;
		t = two_new(tls);
		narrow = false;
		blocked_it_does_not_spin(t);
		bounds_give(&bounds, BOUND_DUCT_BUFS, 5);
		two_free(t);
		duct_tear_down();
	}
}

/* ---- time -------------------------------------------------------------------------------- */

TEST(what_moves_is_noted_for_idle_timers)
{
	struct two *t = two_begin(0);

	CHECK_INT(t->couple.moved_at, 100 * NS_PER_S);
	clock_fake_step(&fake, 7 * NS_PER_S);
	two_settle(t);
	CHECK_INT(t->couple.moved_at, 100 * NS_PER_S);
	say_pattern(&t->end[FAR].peer, 0, 1);
	two_settle(t);
	CHECK_INT(t->couple.moved_at, 107 * NS_PER_S);
	two_done(t);
}

TEST(silence_ends_it_and_a_byte_begins_the_time_anew)
{
	struct two *t;

	duct_set_up();
	t = two_new_idle(0, 10 * NS_PER_S);
	for (unsigned i = 0; i < 5; i++) {
		clock_fake_step(&fake, 7 * NS_PER_S);
		say_pattern(&t->end[i % 2].peer, i / 2, 1);
		two_settle(t);
		CHECK_INT(couple_due(&t->couple), loop_now(loop) + 10 * NS_PER_S);
		couple_look(&t->couple, loop_now(loop));
	}
	CHECK_INT(t->overs, 0);
	t->couple.idle_ms = 20000;
	clock_fake_step(&fake, 20 * NS_PER_S - 1);
	turns(2);
	couple_look(&t->couple, loop_now(loop));
	CHECK_INT(t->overs, 0);
	clock_fake_step(&fake, 1);
	turns(2);
	couple_look(&t->couple, loop_now(loop));
	couple_look(&t->couple, loop_now(loop)); /* once */
	CHECK(couple_due(&t->couple) == UINT64_MAX);
	two_settle(t);
	CHECK(t->overs == 1 && t->couple.why == ZT_E_TIMEOUT && t->couple.by == COUPLE_NEITHER);
	CHECK(t->end[NEAR].peer.reset && t->end[FAR].peer.reset);
	two_free(t);

	t = two_new(0);
	clock_fake_step(&fake, 1000000 * NS_PER_S);
	two_settle(t);
	CHECK(couple_due(&t->couple) == UINT64_MAX);
	couple_look(&t->couple, loop_now(loop));
	CHECK_INT(t->overs, 0);
	two_done(t);
}

TEST(who_is_stopped_is_told_nothing)
{
	struct couple never = {0};
	struct two *t;

	CHECK(couple_due(&never) == UINT64_MAX);
	couple_stop(&never);
	duct_set_up();
	t = two_new_idle(0, NS_PER_S);
	couple_stop(&t->couple);
	say_bye(&t->end[NEAR].peer);
	clock_fake_step(&fake, 10 * NS_PER_S);
	two_settle(t);
	couple_look(&t->couple, loop_now(loop));
	peer_resets(&t->end[FAR].peer);
	turns(6);
	CHECK_INT(t->overs, 0);
	two_done(t);
}
