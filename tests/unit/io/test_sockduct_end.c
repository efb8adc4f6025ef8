/* A socket as a duct: every way it ends, and who is told. */
#include "tests/unit/io/duct_kit.h"

static void note_end_and_close(struct end *e, unsigned events)
{
	take_all(e, events);
	if (duct_ended(&e->sd.d))
		duct_close(&e->sd.d, ZT_OK);
}

TEST(both_finish_and_nothing_is_left)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = listener_begin(tls);

		e->on = note_end_and_close;
		put_pattern(e, 0, 5000);
		say_pattern(&e->peer, 0, 100);
		say_bye(&e->peer);
		end_settle(e);
		CHECK(heard_right(100));
		CHECK(e->peer.got == 5000 && e->peer.eof && !e->peer.reset && e->peer.bye == (tls == 1));
		CHECK_INT(e->reaped, 1);
		CHECK(!sockduct_lingers(&e->sd));
		end_done(e);
	}
}

TEST(a_tidy_close_delivers_everything_first)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		static uint8_t junk[60000];
		struct end *e = end_begin_narrow(tls);
		uint64_t put = put_to_the_brim(e);

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
		end_done(e);
	}
}

TEST(a_close_lingers_only_while_something_moves)
{
	for (unsigned drains = 0; drains < 2; drains++) {
		struct end *e = end_begin(false);

		if (!drains)
			put_to_the_brim(e);
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
		end_done(e);
	}
}

TEST(a_close_with_an_error_resets_at_once)
{
	for (unsigned tls = 0; tls < 2; tls++)
		for (unsigned said = 0; said < 2; said++) {
			struct end *e = end_begin(tls);

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
			end_done(e);
		}
}

TEST(a_process_that_is_gone_resets_what_it_did_not_finish)
{
	struct end *e = end_begin(false);

	put_pattern(e, 0, 3);
	duct_flush(&e->sd.d);
	end_settle(e);
	loop_close(&e->src); /* as the kernel does it */
	end_settle(e);
	CHECK(e->peer.got == 3 && e->peer.reset && !e->peer.eof);
	end_done(e);
}

TEST(a_reset_is_told_once_even_to_who_wants_nothing)
{
	for (unsigned wants = 0; wants < 4; wants++) {
		struct end *e = end_begin(false);

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
		end_done(e);
	}
}

/* An origin that answers before it has read everything, and closes: its answer is heard. */
TEST(an_early_answer_is_read_though_the_other_side_is_deaf)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *e = end_begin(tls);

		for (uint64_t put = 0; put < 200000; turns(1)) {
			put += put_pattern(e, put, 50000);
			duct_flush(&e->sd.d);
		}
		say_pattern(&e->peer, 0, 4000);
		peer_leaves(&e->peer); /* on unread bytes: a reset behind the answer */
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
		end_done(e);
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
		struct end *e = listener_begin(true);

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
		end_done(e);
	}
}

TEST(keys_that_are_used_up_end_it)
{
	struct end *e = end_begin(true);

	e->tls.out.seq = UINT64_C(1) << 48;
	put_pattern(e, 0, 5);
	duct_flush(&e->sd.d);
	CHECK_INT(e->calls, 0); /* from the loop */
	turns(2);
	CHECK(e->calls == 1 && e->sd.d.end == DUCT_BROKEN);
	end_done(e);
}

/* A visitor that said its end, and then went without waiting for the answer: nobody waits for room there. */
TEST(a_reset_behind_an_end_that_was_read_is_told_too)
{
	struct end *e = end_begin(false);

	shutdown(e->peer.fd, SHUT_WR);
	duct_want(&e->sd.d, DUCT_IN);
	turns(3);
	CHECK_INT(e->sd.d.end, DUCT_FINISHED);
	duct_want(&e->sd.d, 0);
	put_pattern(e, 0, 100);
	duct_flush(&e->sd.d);
	turns(2);
	e->calls = 0;
	peer_leaves(&e->peer); /* on unread bytes */
	turns(5);
	CHECK_INT(e->sd.d.end, DUCT_RESET);
	CHECK_INT(e->calls, 1);
	end_done(e);
}
