/* A socket as a duct: what its user is told and when, buffers borrowed and back, and every way it ends. */
#include "tests/unit/io/duct_kit.h"

static uint8_t heard[200000];
static size_t heard_n;

/* Takes all there is; wants no more at the end. */
static void take_all(struct end *e, unsigned events)
{
	struct duct *d = &e->sd.d;
	struct span s;

	if (!(events & DUCT_IN))
		return;
	while ((s = duct_peek(d)).n) {
		NEED(heard_n + s.n <= sizeof heard);
		memcpy(&heard[heard_n], s.p, s.n);
		heard_n += s.n;
		duct_take(d, s.n);
	}
	if (duct_ended(d))
		duct_want(d, 0);
}

static struct end *listener(bool tls)
{
	struct end *e = end_new(tls);

	heard_n = 0;
	e->on = take_all;
	duct_want(&e->sd.d, DUCT_IN);
	return e;
}

static bool heard_right(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (heard[i] != byte_at(i))
			return false;
	return heard_n == n;
}

/* ---- in ---------------------------------------------------------------------------------- */

TEST(who_wants_nothing_is_told_nothing)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;

		duct_set_up();
		e = end_new(tls);
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
		end_free(e);
		duct_tear_down();
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
		struct end *e;

		duct_set_up();
		e = listener(tls);
		e->on = take_three;
		for (unsigned i = 0; i < 3; i++)
			say_pattern(&e->peer, i * 10, 10);
		say_bye(&e->peer);
		for (unsigned i = 0; i < 60; i++)
			turns(1);
		CHECK(heard_right(30));
		CHECK_INT(e->sd.d.end, DUCT_FINISHED);
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
		end_free(e);
		duct_tear_down();
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
		struct end *e;

		duct_set_up();
		e = end_new(tls);
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
		end_free(e);
		duct_tear_down();
	}
}

/* Whoever forgets to flush is slower, not stuck. */
TEST(what_was_put_leaves_without_a_flush_too)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;

		duct_set_up();
		e = end_new(tls);
		CHECK_INT(put_pattern(e, 0, 10), 10);
		duct_finish(&e->sd.d);
		end_settle(e);
		CHECK(e->peer.got == 10 && e->peer.eof && e->peer.bye == (tls == 1));
		end_free(e);
		duct_tear_down();
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

		duct_set_up();
		narrow = true;
		e = end_new(tls);
		narrow = false;
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
		end_free(e);
		duct_tear_down();
	}
}

TEST(more_than_fits_is_not_taken)
{
	static uint8_t big[2 * BUFS_BYTES];

	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;
		size_t room;

		duct_set_up();
		e = end_new(tls);
		room = duct_room(&e->sd.d);
		CHECK(!duct_put_all(&e->sd.d, span_of(big, room + 1)));
		CHECK_INT(e->sd.d.out, 0);
		CHECK(duct_put_all(&e->sd.d, span_of(big, 1000)));
		CHECK_INT(duct_room(&e->sd.d), room - 1000);
		CHECK_INT(duct_put(&e->sd.d, span_of(big, sizeof big)), room - 1000);
		CHECK_INT(duct_put(&e->sd.d, span_of(big, 1)), 0);
		duct_finish(&e->sd.d);
		CHECK_INT(duct_room(&e->sd.d), 0);
		end_free(e);
		duct_tear_down();
	}
}

/* A client with max_fragment_length gets records of that size, and all of them. */
TEST(small_records_for_a_small_client)
{
	struct end *e;

	duct_set_up();
	e = end_new(true);
	e->tls.most = 512;
	CHECK_INT(duct_room(&e->sd.d), TLS_SLOTS * 512);
	CHECK_INT(put_pattern(e, 0, 100), 100);
	CHECK_INT(put_pattern(e, 100, 5000), TLS_SLOTS * 512 - 100);
	duct_flush(&e->sd.d);
	end_settle(e);
	CHECK_INT(e->peer.got, TLS_SLOTS * 512);
	end_free(e);
	duct_tear_down();
}

/* ---- ends -------------------------------------------------------------------------------- */

static void note_end_and_close(struct end *e, unsigned events)
{
	take_all(e, events);
	if (duct_ended(&e->sd.d))
		duct_close(&e->sd.d, ZT_OK);
}

TEST(both_finish_and_nothing_is_left)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;

		duct_set_up();
		e = listener(tls);
		e->on = note_end_and_close;
		put_pattern(e, 0, 5000);
		say_pattern(&e->peer, 0, 100);
		say_bye(&e->peer);
		end_settle(e);
		CHECK(heard_right(100));
		CHECK(e->peer.got == 5000 && e->peer.eof && !e->peer.reset && e->peer.bye == (tls == 1));
		CHECK_INT(e->reaped, 1);
		CHECK(!sockduct_lingers(&e->sd));
		end_free(e);
		duct_tear_down();
	}
}

TEST(a_tidy_close_delivers_everything_first)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		static uint8_t junk[60000];
		struct end *e;
		uint64_t put;

		duct_set_up();
		narrow = true;
		e = end_new(tls);
		narrow = false;
		for (put = 0; duct_room(&e->sd.d); duct_flush(&e->sd.d))
			put += put_pattern(e, put, SIZE_MAX);
		duct_close(&e->sd.d, ZT_OK);
		raw(&e->peer, junk, sizeof junk); /* for nobody: and yet it must not reset ours */
		turns(10);
		CHECK(sockduct_lingers(&e->sd) && e->reaped == 0);
		for (unsigned i = 0; i < 200000 && !e->peer.eof && !e->peer.reset; i++) {
			turns(1);
			listen_to(&e->peer, SIZE_MAX);
		}
		CHECK(e->peer.got == put && e->peer.eof && !e->peer.reset && e->peer.bye == (tls == 1));
		CHECK(sockduct_lingers(&e->sd)); /* until the other side closes */
		shutdown(e->peer.fd, SHUT_WR);
		turns(3);
		CHECK(e->reaped == 1 && e->calls == 0);
		end_free(e);
		duct_tear_down();
	}
}

TEST(a_close_lingers_only_while_something_moves)
{
	for (unsigned drains = 0; drains < 2; drains++) {
		struct end *e;

		duct_set_up();
		e = end_new(false);
		for (uint64_t put = 0; !drains && duct_room(&e->sd.d); duct_flush(&e->sd.d))
			put += put_pattern(e, put, SIZE_MAX);
		put_pattern(e, 0, 1);
		duct_close(&e->sd.d, ZT_OK);
		turns(3);
		CHECK(sockduct_lingers(&e->sd));
		clock_fake_step(&fake, SOCKDUCT_LINGER);
		turns(2);
		if (!drains) { /* what left in the meantime buys another round, once */
			clock_fake_step(&fake, SOCKDUCT_LINGER);
			turns(2);
		}
		CHECK(e->reaped == 1 && !sockduct_lingers(&e->sd));
		end_free(e);
		duct_tear_down();
	}
}

TEST(a_close_with_an_error_resets_at_once)
{
	for (unsigned tls = 0; tls < 2; tls++)
		for (unsigned said = 0; said < 2; said++) {
			struct end *e;

			duct_set_up();
			e = end_new(tls);
			put_pattern(e, 0, 3);
			duct_flush(&e->sd.d);
			end_settle(e);
			put_pattern(e, 3, 2000); /* not flushed: dropped */
			if (said) {
				duct_finish(&e->sd.d);
				duct_flush(&e->sd.d);
			}
			duct_close(&e->sd.d, ZT_E_DENIED);
			CHECK(!sockduct_lingers(&e->sd));
			end_settle(e);
			CHECK(said ? e->peer.eof && e->peer.got == 2003 : e->peer.reset && e->peer.got == 3);
			CHECK_INT(e->reaped, 1);
			end_free(e);
			duct_tear_down();
		}
}

TEST(a_process_that_is_gone_resets_what_it_did_not_finish)
{
	struct end *e;

	duct_set_up();
	e = end_new(false);
	put_pattern(e, 0, 3);
	duct_flush(&e->sd.d);
	end_settle(e);
	loop_close(&e->src); /* as the kernel does it */
	end_settle(e);
	CHECK(e->peer.got == 3 && e->peer.reset && !e->peer.eof);
	end_free(e);
	duct_tear_down();
}

TEST(a_reset_is_told_once_even_to_who_wants_nothing)
{
	for (unsigned wants = 0; wants < 4; wants++) {
		struct end *e;

		duct_set_up();
		e = end_new(false);
		end_settle(e);
		duct_want(&e->sd.d, wants & DUCT_IN); /* room is there all the time: nobody wants to be told */
		if (wants & DUCT_OUT)
			put_pattern(e, 0, 100);
		peer_resets(&e->peer);
		turns(10);
		CHECK_INT(e->calls, 1);
		CHECK_INT(e->events, DUCT_IN);
		CHECK_INT(e->sd.d.end, DUCT_RESET);
		CHECK(duct_why(&e->sd.d)[0] && duct_ended(&e->sd.d) && duct_room(&e->sd.d) == 0);
		CHECK(duct_put(&e->sd.d, SPAN_LIT("x")) == 0);
		duct_close(&e->sd.d, ZT_E_RESET);
		turns(2);
		CHECK_INT(e->reaped, 1);
		end_free(e);
		duct_tear_down();
	}
}

/* An origin that answers before it has read everything, and closes: its answer is heard. */
TEST(an_early_answer_is_read_though_the_other_side_is_deaf)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e;

		duct_set_up();
		e = end_new(tls);
		for (uint64_t put = 0; put < 200000; turns(1)) {
			put += put_pattern(e, put, 50000);
			duct_flush(&e->sd.d);
		}
		say_pattern(&e->peer, 0, 4000);
		close(e->peer.fd); /* on unread bytes: a reset behind the answer */
		e->peer.fd = -1;
		turns(2);
		e->on = take_all;
		heard_n = 0;
		put_pattern(e, 0, 1);
		duct_flush(&e->sd.d); /* fails */
		turns(3);
		duct_want(&e->sd.d, DUCT_IN);
		turns(10);
		CHECK(heard_right(4000));
		CHECK_INT(e->sd.d.end, DUCT_RESET);
		end_free(e);
		duct_tear_down();
	}
}

static void forge(struct peer *p) { p->out.seq++; say_record(p, RECORD_DATA, "x", 1); }
static void refuse(struct peer *p) { say_record(p, RECORD_ALERT, "\2\50", 2); }
static void renegotiate(struct peer *p) { say_record(p, RECORD_HANDSHAKE, "\0\0\0\0", 4); }
static void cut(struct peer *p) { shutdown(p->fd, SHUT_WR); }
static void cut_inside(struct peer *p) { raw(p, "\27\3\3\0\100xx", 7); shutdown(p->fd, SHUT_WR); }

TEST(every_bad_end_of_tls_is_told_behind_what_came_before)
{
	static const struct {
		void (*end)(struct peer *p);
		enum duct_end want;
		enum tls_end why;
		uint8_t alert;
	} rows[] = {
		{forge, DUCT_BROKEN, TLS_FORGED, 20}, {refuse, DUCT_BROKEN, TLS_REFUSED, 0},
		{renegotiate, DUCT_BROKEN, TLS_STRANGE, 10}, {cut, DUCT_CUT, TLS_TRUNCATED, 0},
		{cut_inside, DUCT_CUT, TLS_TRUNCATED, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct end *e;

		duct_set_up();
		e = listener(true);
		say_pattern(&e->peer, 0, 500);
		rows[i].end(&e->peer);
		end_settle(e);
		CHECK(heard_right(500));
		CHECK_INT(e->sd.d.end, rows[i].want);
		CHECK_INT(e->peer.alert, rows[i].alert);
		CHECK(!e->peer.bye);
		if (rows[i].want != DUCT_CUT)
			CHECK_STR(duct_why(&e->sd.d), tls_end_text(rows[i].why));
		else
			CHECK_INT(put_pattern(e, 0, 5), 5); /* it may have shut one direction only */
		end_free(e);
		duct_tear_down();
	}
}

TEST(keys_that_are_used_up_end_it)
{
	struct end *e;

	duct_set_up();
	e = end_new(true);
	e->tls.out.seq = UINT64_C(1) << 48;
	put_pattern(e, 0, 5);
	duct_flush(&e->sd.d);
	CHECK_INT(e->calls, 0); /* from the loop */
	turns(2);
	CHECK(e->calls == 1 && e->sd.d.end == DUCT_BROKEN);
	end_free(e);
	duct_tear_down();
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
		struct end *e;

		duct_set_up();
		e = listener(tls);
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
		end_free(e);
		duct_tear_down();
	}
}
