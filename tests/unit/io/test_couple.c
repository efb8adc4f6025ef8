/* Two ducts coupled: what goes in comes out, whatever the sides are, and ends are told apart. */
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
	duct_tear_down();
}

TEST(a_side_that_does_not_read_stops_the_other)
{
	static uint8_t junk[65536];

	for (unsigned tls = 0; tls < 4; tls += 2) {
		uint64_t sent = 0, before;
		struct two *t;

		duct_set_up();
		t = two_new(tls);
		do {
			before = sent;
			for (size_t i = 0; i < sizeof junk; i++)
				junk[i] = byte_at(sent + i);
			sent += raw(&t->end[NEAR].peer, junk, sizeof junk);
			turns(4);
		} while (sent != before && sent < (64u << 20));
		CHECK(sent < (64u << 20));
		CHECK_INT(sockduct_wants(&t->end[NEAR].sd), 0);
		CHECK_INT(sockduct_wants(&t->end[FAR].sd), LOOP_IN | LOOP_OUT);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 2); /* one in, one out */
		for (unsigned i = 0; i < 8000 && t->end[FAR].peer.got < sent; i++) {
			listen_to(&t->end[FAR].peer, SIZE_MAX);
			turns(1);
		}
		CHECK_INT(t->end[FAR].peer.got, sent);
		two_free(t);
		duct_tear_down();
	}
}

/* Nobody is called while nothing happens. */
TEST(a_blocked_couple_does_not_spin)
{
	static uint8_t junk[65536];
	struct two *t;
	unsigned calls;

	duct_set_up();
	t = two_new(2);
	for (unsigned i = 0; i < 400; i++) {
		raw(&t->end[NEAR].peer, junk, sizeof junk);
		turns(4);
	}
	calls = t->end[NEAR].calls + t->end[FAR].calls;
	turns(50);
	CHECK_INT(t->end[NEAR].calls + t->end[FAR].calls, calls);
	two_free(t);
	duct_tear_down();
}

TEST(a_half_close_is_passed_on_and_the_other_way_stays_open)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned first = 0; first < 2; first++) {
			struct peer *a, *b;
			struct two *t;

			duct_set_up();
			t = two_new(tls);
			a = &t->end[first].peer;
			b = &t->end[!first].peer;
			say_pattern(a, 0, 100);
			say_bye(a);
			two_settle(t);
			CHECK_INT(b->got, 100);
			CHECK(b->eof && b->bye == b->tls && !b->reset);
			CHECK_INT(t->overs, 0);
			say_pattern(b, 0, 5000); /* still open */
			two_settle(t);
			CHECK_INT(a->got, 5000);
			CHECK(!a->eof);
			say_bye(b);
			two_settle(t);
			CHECK(a->eof && a->bye == a->tls && !a->reset);
			CHECK_INT(t->overs, 1);
			CHECK_INT(t->couple.why, 0);
			CHECK_INT(t->couple.by, first);
			CHECK(t->end[NEAR].reaped == 1 && t->end[FAR].reaped == 1);
			two_free(t);
			duct_tear_down();
		}
}

TEST(a_reset_is_passed_on_as_a_reset)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned by = 0; by < 2; by++) {
			struct two *t;

			duct_set_up();
			t = two_new(tls);
			say_pattern(&t->end[by].peer, 0, 1000);
			two_settle(t);
			peer_resets(&t->end[by].peer);
			for (unsigned i = 0; i < 20; i++) {
				turns(2);
				listen_to(&t->end[!by].peer, SIZE_MAX);
			}
			CHECK_INT(t->end[!by].peer.got, 1000);
			CHECK(t->end[!by].peer.reset && !t->end[!by].peer.bye && !t->end[!by].peer.eof);
			CHECK_INT(t->overs, 1);
			CHECK_INT(t->couple.why, ZT_E_RESET);
			CHECK_INT(t->couple.by, by);
			two_free(t);
			duct_tear_down();
		}
}

/* A FIN without a close_notify: the bytes before it are passed on, the end is not. */
TEST(a_cut_is_a_reset_on_the_other_side)
{
	for (unsigned tls = 1; tls < 4; tls += 2) {
		struct two *t;

		duct_set_up();
		t = two_new(tls);
		say_pattern(&t->end[NEAR].peer, 0, 1000);
		shutdown(t->end[NEAR].peer.fd, SHUT_WR);
		two_settle(t);
		CHECK_INT(t->end[FAR].peer.got, 1000);
		CHECK(t->end[FAR].peer.reset && !t->end[FAR].peer.bye);
		CHECK_INT(t->couple.why, ZT_E_CLOSED);
		CHECK_INT(t->couple.by, NEAR);
		two_free(t);
		duct_tear_down();
	}
}

TEST(a_forged_record_ends_both_sides_and_its_sender_hears_why)
{
	uint8_t mem[RECORD_OVERHEAD + 64] = {0};
	struct two *t;
	int n;

	duct_set_up();
	t = two_new(1);
	n = record_seal(&t->end[NEAR].peer.out, RECORD_DATA, mem, 20);
	mem[n - 1] ^= 1;
	CHECK_INT(raw(&t->end[NEAR].peer, mem, (size_t)n), n);
	two_settle(t);
	CHECK_INT(t->end[FAR].peer.got, 0);
	CHECK(t->end[FAR].peer.reset);
	CHECK_INT(t->end[NEAR].peer.alert, 20); /* bad_record_mac */
	CHECK_INT(t->couple.why, ZT_E_RESET);
	CHECK_STR(duct_why(t->couple.side[NEAR]), tls_end_text(TLS_FORGED));
	two_free(t);
	duct_tear_down();
}

TEST(what_moves_is_noted_for_idle_timers)
{
	struct two *t;

	duct_set_up();
	t = two_new(0);
	CHECK_INT(t->couple.moved_at, 100 * NS_PER_S);
	clock_fake_step(&fake, 7 * NS_PER_S);
	two_settle(t);
	CHECK_INT(t->couple.moved_at, 100 * NS_PER_S);
	say_pattern(&t->end[FAR].peer, 0, 1);
	two_settle(t);
	CHECK_INT(t->couple.moved_at, 107 * NS_PER_S);
	two_free(t);
	duct_tear_down();
}

/* A visitor that said its end, and then went without waiting for the answer: nobody waits for room there. */
TEST(a_reset_behind_an_end_that_was_read_is_told_too)
{
	struct end *e;

	duct_set_up();
	e = end_new(false);
	shutdown(e->peer.fd, SHUT_WR);
	duct_want(&e->sd.d, DUCT_IN);
	turns(3);
	CHECK_INT(e->sd.d.end, DUCT_FINISHED);
	duct_want(&e->sd.d, 0);
	put_pattern(e, 0, 100);
	duct_flush(&e->sd.d);
	turns(2);
	e->calls = 0;
	close(e->peer.fd); /* on unread bytes */
	e->peer.fd = -1;
	turns(5);
	CHECK_INT(e->sd.d.end, DUCT_RESET);
	CHECK_INT(e->calls, 1);
	end_free(e);
	duct_tear_down();
}

/* Far more than there are buffers for: every one finishes, none is ended. */
TEST(two_buffers_carry_many_couples)
{
	enum { MANY = 40, BYTES = 30000 };
	struct two *t[MANY];
	uint64_t sent[MANY] = {0};
	unsigned done = 0;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 2);
	narrow = true; /* so that what leaves takes its time */
	for (unsigned i = 0; i < MANY; i++)
		t[i] = two_new(i % 4);
	for (unsigned round = 0; round < 20000 && done < MANY; round++) {
		done = 0;
		for (unsigned i = 0; i < MANY; i++) {
			size_t part = num_min(9000, (size_t)(BYTES - sent[i]));

			if (part && sent[i] - t[i]->end[FAR].peer.got < 30000) {
				say_pattern(&t[i]->end[NEAR].peer, sent[i], part);
				sent[i] += part;
			}
			listen_to(&t[i]->end[FAR].peer, SIZE_MAX);
			done += t[i]->end[FAR].peer.got == BYTES;
		}
		turns(1);
	}
	narrow = false;
	CHECK_INT(done, MANY);
	CHECK(bounds.row[BOUND_DUCT_BUFS].peak == 2 && bounds.row[BOUND_DUCT_BUFS].hits > 0);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_INT(t[i]->overs, 0);
		two_free(t[i]);
	}
	duct_tear_down();
}

