/* Two ducts coupled: what goes in comes out, whatever the sides are, and ends are told apart. */
#include "tests/unit/io/duct_kit.h"

#include <signal.h>
#include <sys/wait.h>

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
	two_free(t);
	duct_tear_down();
}

TEST(a_record_that_comes_byte_by_byte_is_one_record)
{
	uint8_t mem[RECORD_OVERHEAD + 64];
	struct two *t;
	int n;

	duct_set_up();
	t = two_new(3);
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
	two_free(t);
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
		CHECK(t->end[NEAR].peer.reset && !t->end[NEAR].peer.bye); /* neither is told that all is well */
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

TEST(a_fatal_alert_is_a_reset_on_the_other_side)
{
	struct two *t;

	duct_set_up();
	t = two_new(2);
	say_record(&t->end[FAR].peer, RECORD_ALERT, "\2\120", 2);
	two_settle(t);
	CHECK(t->end[NEAR].peer.reset && !t->end[NEAR].peer.eof);
	CHECK_INT(t->couple.by, FAR);
	CHECK_STR(t->why, tls_end_text(TLS_REFUSED));
	two_free(t);
	duct_tear_down();
}

/* What waits when both have finished is delivered, however long the reader pauses within the patience. */
TEST(the_end_waits_for_no_reader_and_loses_nothing)
{
	for (unsigned patient = 0; patient < 2; patient++) {
		uint64_t sent = 0;
		struct two *t;
		struct peer *p;

		duct_set_up();
		narrow = true;
		t = two_new(1);
		narrow = false;
		p = &t->end[NEAR].peer;
		t->keep = true;
		say_bye(p);
		for (; sent < 60000; sent += 10000) {
			say_pattern(&t->end[FAR].peer, sent, 10000);
			turns(2);
		}
		say_bye(&t->end[FAR].peer);
		for (unsigned i = 0; i < 20000 && t->overs == 0; i++) {
			turns(2);
			if (t->overs == 0)
				listen_to(p, 1000);
		}
		CHECK(t->overs == 1 && t->couple.why == ZT_OK);
		for (unsigned i = 0; i < 2; i++)
			duct_close(t->couple.side[i], ZT_OK);
		CHECK(sockduct_lingers(&t->end[NEAR].sd)); /* or it proves nothing */
		if (patient)
			sockduct_patience(&t->end[NEAR].sd, 3600 * NS_PER_S);
		sockduct_patience(&t->end[FAR].sd, NS_PER_S); /* over: harmless */
		for (unsigned i = 0; i < 3; i++) { /* the first round is bought by what left before */
			clock_fake_step(&fake, SOCKDUCT_LINGER);
			turns(2);
		}
		CHECK_INT(sockduct_lingers(&t->end[NEAR].sd), patient);
		for (unsigned i = 0; i < 200000 && !p->eof && !p->reset; i++) {
			turns(1);
			listen_to(p, SIZE_MAX);
		}
		CHECK(patient ? p->got == sent && p->eof && p->bye && !p->reset : p->reset && !p->bye);
		two_free(t);
		duct_tear_down();
	}
}

/* Fills the way from near to far until nothing is taken any more. Answers how much that was. */
static uint64_t fill_up(struct two *t)
{
	static uint8_t text[65536];
	uint64_t sent = 0, before;

	do {
		before = sent;
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = byte_at(sent + i);
		sent += raw(&t->end[NEAR].peer, text, sizeof text);
		turns(6);
	} while (sent != before);
	CHECK_INT(sockduct_wants(&t->end[NEAR].sd), 0);
	return sent;
}

/* What came before it is delivered, as long as the other side takes it, and then the reset. */
TEST(a_reset_is_noticed_while_nothing_is_asked_of_that_side)
{
	struct peer *far;
	unsigned calls;
	struct two *t;

	duct_set_up();
	t = two_new(0);
	far = &t->end[FAR].peer;
	fill_up(t);
	peer_resets(&t->end[NEAR].peer);
	turns(6);
	calls = t->end[NEAR].turns + t->end[FAR].turns;
	turns(50);
	CHECK(t->end[NEAR].turns + t->end[FAR].turns == calls && t->overs == 0); /* it does not spin until then */
	for (unsigned i = 0; i < 40000 && !far->reset && !far->eof; i++) {
		listen_to(far, SIZE_MAX);
		turns(1);
	}
	CHECK(far->reset && !far->eof);
	CHECK(t->overs == 1 && t->couple.why == ZT_E_RESET && t->couple.by == NEAR);
	two_free(t);
	duct_tear_down();
}

/* The second of two clean ends is a hang-up too, and everything before it is still to come. */
TEST(a_hang_up_with_bytes_on_the_way_loses_none)
{
	struct peer *far;
	struct two *t;
	uint64_t sent;

	duct_set_up();
	t = two_new(0);
	far = &t->end[FAR].peer;
	say_bye(far);
	turns(2);
	sent = fill_up(t);
	say_bye(&t->end[NEAR].peer);
	turns(4);
	CHECK_INT(t->overs, 0);
	for (unsigned i = 0; i < 40000 && !far->eof; i++) {
		listen_to(far, SIZE_MAX);
		turns(1);
	}
	CHECK_INT(far->got, sent);
	CHECK(far->eof && !far->reset);
	CHECK(t->overs == 1 && t->couple.why == ZT_OK);
	two_free(t);
	duct_tear_down();
}

/* Everything was delivered and said; that the one who has it all leaves is no failure. */
TEST(a_side_that_leaves_after_its_own_end_may_miss_only_ours)
{
	struct two *t;

	duct_set_up();
	t = two_new(1);
	say_bye(&t->end[NEAR].peer);
	two_settle(t);
	CHECK(t->end[FAR].peer.eof);
	close(t->end[NEAR].peer.fd);
	t->end[NEAR].peer.fd = -1;
	two_settle(t);
	say_bye(&t->end[FAR].peer);
	two_settle(t);
	CHECK(t->overs == 1 && t->couple.why == ZT_OK);
	two_free(t);
	duct_tear_down();
}

/* The kernel closes for a killed process; that must not look like an end either. */
TEST(the_death_of_the_process_resets_both_sides)
{
	int status, go[2];
	struct two *t;
	pid_t pid;
	char c;

	duct_set_up();
	t = two_new(0);
	say_pattern(&t->end[NEAR].peer, 0, 10);
	two_settle(t);
	NEED(pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		CHECK_INT(read(go[0], &c, 1), 0);
		raise(SIGKILL);
	}
	couple_stop(&t->couple);
	for (unsigned i = 0; i < 2; i++) {
		sockduct_stop(&t->end[i].sd); /* not the last descriptors of these sockets: the child has those */
		listen_to(&t->end[i].peer, SIZE_MAX);
		CHECK(!t->end[i].peer.reset && !t->end[i].peer.eof);
	}
	close(go[0]);
	close(go[1]);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	for (unsigned i = 0; i < 2; i++) {
		listen_to(&t->end[i].peer, SIZE_MAX);
		CHECK(t->end[i].peer.reset);
	}
	two_free(t);
	duct_tear_down();
}

/* ---- time -------------------------------------------------------------------------------- */

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

TEST(silence_ends_it_and_a_byte_begins_the_time_anew)
{
	struct two *t;

	duct_set_up();
	t = two_new_idle(0, 10 * NS_PER_S);
	for (unsigned i = 0; i < 5; i++) {
		clock_fake_step(&fake, 7 * NS_PER_S);
		say_pattern(&t->end[i % 2].peer, i / 2, 1);
		two_settle(t);
	}
	CHECK_INT(t->overs, 0);
	t->couple.idle_ns = 20 * NS_PER_S; /* seen when the first ten are over */
	clock_fake_step(&fake, 19 * NS_PER_S);
	turns(2);
	CHECK_INT(t->overs, 0);
	clock_fake_step(&fake, NS_PER_S);
	two_settle(t);
	CHECK(t->overs == 1 && t->couple.why == ZT_E_TIMEOUT && t->couple.by == COUPLE_NEITHER);
	CHECK(t->end[NEAR].peer.reset && t->end[FAR].peer.reset);
	two_free(t);

	t = two_new(0);
	clock_fake_step(&fake, 1000000 * NS_PER_S);
	two_settle(t);
	CHECK_INT(t->overs, 0);
	two_free(t);
	duct_tear_down();
}

TEST(who_is_stopped_is_told_nothing)
{
	struct couple never = {0};
	struct two *t;

	couple_stop(&never);
	duct_set_up();
	t = two_new_idle(0, NS_PER_S);
	couple_stop(&t->couple);
	say_bye(&t->end[NEAR].peer);
	clock_fake_step(&fake, 10 * NS_PER_S);
	two_settle(t);
	peer_resets(&t->end[FAR].peer);
	turns(6);
	CHECK_INT(t->overs, 0);
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
