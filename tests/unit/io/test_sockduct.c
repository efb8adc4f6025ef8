/* A socket as a duct: what its user is told and when, and buffers borrowed and back. */
#include "tests/unit/io/duct_kit.h"

/* ---- in ---------------------------------------------------------------------------------- */

TEST(who_wants_nothing_is_told_nothing)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = end_begin(tls);

		say_pattern(&e->peer, 0, 1000);
		say_bye(&e->peer);
		end_settle(e);
		CHECK_INT(e->calls, 0);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
		e->on = take_all;
		heard_n = 0;
		duct_want(&e->sd.d, DUCT_IN);
		end_settle(e);
		CHECK(heard_right(1000));
		CHECK(duct_ended(&e->sd.d) && e->sd.d.end == DUCT_FINISHED && e->sd.d.in == 1000);
		end_done(e);
	}
}

static void take_three(struct end *e, unsigned events)
{
	struct span s = duct_peek(&e->sd.d);

	CHECK(events == DUCT_IN);
	if (s.n) {
		NEED(heard_n + 3 <= sizeof heard);
		memcpy(&heard[heard_n], s.p, num_min(3, s.n));
		heard_n += num_min(3, s.n);
		duct_take(&e->sd.d, 3); /* more than there is is all there is */
	} else if (duct_ended(&e->sd.d)) {
		duct_want(&e->sd.d, 0);
	}
}

TEST(as_long_as_there_is_some_it_is_told_again)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = listener_begin(tls);

		e->on = take_three;
		for (unsigned i = 0; i < 3; i++)
			say_pattern(&e->peer, i * 10, 10);
		say_bye(&e->peer);
		for (unsigned i = 0; i < 60; i++)
			turns(1);
		CHECK(heard_right(30));
		CHECK_INT(e->sd.d.end, DUCT_FINISHED);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
		end_done(e);
	}
}

TEST(what_was_read_before_comes_first)
{
	uint8_t before[300];
	struct end *e = calloc(1, sizeof *e);

	duct_set_up();
	for (size_t i = 0; i < sizeof before; i++)
		before[i] = byte_at(i);
	CHECK_INT(end_start(e, false, &end_user, span_of(before, sizeof before)), 0);
	e->on = take_all;
	heard_n = 0;
	say_pattern(&e->peer, 300, 50);
	say_bye(&e->peer);
	duct_want(&e->sd.d, DUCT_IN);
	end_settle(e);
	CHECK(heard_right(350));
	CHECK(duct_ended(&e->sd.d));
	end_free(e);

	bounds_set(&bounds, BOUND_DUCT_BUFS, 0);
	e = calloc(1, sizeof *e);
	CHECK_INT(end_start(e, false, &end_user, span_of(before, 1)), -ZT_E_FULL);
	end_over(e); /* never started: the socket is its owner's */
	CHECK_INT(e->reaped, 0);
	loop_close(&e->src);
	turns(1);
	free(e);
	duct_tear_down();
}

/* ---- out --------------------------------------------------------------------------------- */

TEST(many_small_puts_leave_together)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = end_begin(tls);

		CHECK(duct_room(&e->sd.d) >= 65536);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0); /* asking borrows nothing */
		for (unsigned i = 0; i < 100; i++)
			CHECK_INT(put_pattern(e, i * 7, 7), 7);
		listen_to(&e->peer, SIZE_MAX);
		CHECK_INT(e->peer.got, 0);
		duct_flush(&e->sd.d);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
		CHECK_INT(recv(e->peer.fd, heard, sizeof heard, MSG_PEEK),
			  tls ? 700 + record_head(&e->tls.out) + AEAD_TAG : 700); /* one record */
		end_settle(e);
		CHECK_INT(e->peer.got, 700);
		CHECK_INT(e->sd.d.out, 700);
		end_done(e);
	}
}

/* Whoever forgets to flush is slower, not stuck. */
TEST(what_was_put_leaves_without_a_flush_too)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = end_begin(tls);

		CHECK_INT(put_pattern(e, 0, 10), 10);
		duct_finish(&e->sd.d);
		end_settle(e);
		CHECK(e->peer.got == 10 && e->peer.eof && e->peer.bye == (tls == 1));
		end_done(e);
	}
}

static uint64_t put_total, put_most;
static void put_more(struct end *e, unsigned events)
{
	struct duct *d = &e->sd.d;

	CHECK(events == DUCT_OUT && duct_room(d) > 0);
	put_total += put_pattern(e, put_total, (size_t)num_min64(put_total % 50000 + 1, put_most - put_total));
	duct_flush(d);
	if (put_total == put_most)
		duct_want(d, 0);
}

TEST(who_wants_room_is_told_of_it_until_all_has_left)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;
		uint64_t got;
		unsigned calls;

		e = end_begin_narrow(tls);
		e->on = put_more;
		put_total = 0;
		put_most = 8 << 20;
		duct_want(&e->sd.d, DUCT_OUT);
		turns(400);
		CHECK(put_total < put_most && put_total > 0); /* the socket is full */
		calls = e->calls;
		turns(20);
		CHECK_INT(e->calls, calls);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 1);
		got = e->peer.got;
		for (unsigned i = 0; i < 200000 && e->peer.got < put_most; i++) {
			listen_to(&e->peer, SIZE_MAX);
			turns(1);
		}
		CHECK(got < put_most && e->peer.got == put_most);
		end_settle(e);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
		end_done(e);
	}
}

/* Whoever flushes for another reason than that it was told so, too, makes the room that is waited for. */
TEST(room_that_a_flush_makes_is_told)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = end_begin_narrow(tls);

		put_to_the_brim(e);
		duct_want(&e->sd.d, DUCT_OUT);
		turns(5);
		CHECK_INT(e->calls, 0);
		for (unsigned i = 0; i < 200000 && duct_room(&e->sd.d) == 0; i++) { /* not a turn between */
			listen_to(&e->peer, SIZE_MAX);
			duct_flush(&e->sd.d);
		}
		turns(2);
		CHECK(e->calls > 0 && e->events == DUCT_OUT);
		end_done(e);
	}
}

TEST(more_than_fits_is_not_taken)
{
	static uint8_t big[2 * BUFS_BYTES];

	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;
		size_t room;

		e = end_begin(tls);
		room = duct_room(&e->sd.d);
		CHECK(!duct_put_all(&e->sd.d, span_of(big, room + 1)));
		CHECK_INT(e->sd.d.out, 0);
		CHECK(duct_put_all(&e->sd.d, span_of(big, 1000)));
		CHECK_INT(duct_room(&e->sd.d), room - 1000);
		CHECK_INT(duct_put(&e->sd.d, span_of(big, sizeof big)), room - 1000);
		CHECK_INT(duct_put(&e->sd.d, span_of(big, 1)), 0);
		duct_finish(&e->sd.d);
		CHECK_INT(duct_room(&e->sd.d), 0);
		end_done(e);
	}
}

/* A client with max_fragment_length gets records of that size, and all of them. */
TEST(small_records_for_a_small_client)
{
	struct end *e = end_begin(true);

	e->tls.most = 512;
	CHECK_INT(duct_room(&e->sd.d), TLS_SLOTS * 512);
	CHECK_INT(put_pattern(e, 0, 100), 100);
	CHECK_INT(put_pattern(e, 100, 5000), TLS_SLOTS * 512 - 100);
	duct_flush(&e->sd.d);
	end_settle(e);
	CHECK_INT(e->peer.got, TLS_SLOTS * 512);
	end_done(e);
}

/* ---- buffers ----------------------------------------------------------------------------- */

/* There is one buffer for who reads: a sits on it with half a record, and b has ten bytes to hear. */
static void two_for_one(struct end **a, struct end **b)
{
	static uint8_t part[] = {23, 3, 3, 0, 100};

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 2);
	*a = listener(true);
	raw(&(*a)->peer, part, sizeof part);
	end_settle(*a);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 1);
	*b = listener(false);
	say_pattern(&(*b)->peer, 0, 10);
	end_settle(*b);
}

TEST(who_finds_no_buffer_waits_and_goes_on)
{
	struct end *a, *b;

	two_for_one(&a, &b);
	CHECK(heard_n == 0 && sockduct_wants(&b->sd) == 0);
	sockduct_stop(&a->sd);
	end_settle(b);
	CHECK(heard_right(10));
	end_free(a);
	end_free(b);
	duct_tear_down();
}

TEST(who_sits_on_a_buffer_while_others_wait_is_ended)
{
	struct end *a, *b;

	two_for_one(&a, &b);
	for (unsigned i = 0; i < 5; i++) {
		clock_fake_step(&fake, NS_PER_S);
		turns(3);
	}
	CHECK(heard_right(10));
	CHECK_INT(a->sd.d.end, DUCT_BROKEN);
	CHECK(strstr(duct_why(&a->sd.d), "while others waited"));
	duct_close(&a->sd.d, ZT_E_RESET);
	end_settle(a);
	CHECK(a->peer.reset && !a->peer.bye);
	end_free(a);
	end_free(b);
	duct_tear_down();
}

TEST(who_is_idle_holds_nothing)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = listener_begin(tls);

		for (unsigned i = 0; i < 3; i++) {
			say_pattern(&e->peer, i * 100, 100);
			end_settle(e);
			CHECK(e->sd.busy == NULL);
			put_pattern(e, i * 50, 50);
			CHECK(e->sd.busy != NULL);
			duct_flush(&e->sd.d);
			CHECK(e->sd.busy == NULL);
			end_settle(e);
		}
		CHECK(heard_right(300) && e->peer.got == 150);
		end_done(e);
	}
}
