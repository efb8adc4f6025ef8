/* Two ducts coupled: ends are told apart, passed on, and lose nothing that came before. */
#include "tests/unit/io/duct_kit.h"

#include <signal.h>
#include <sys/wait.h>

TEST(a_half_close_is_passed_on_and_the_other_way_stays_open)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned first = 0; first < 2; first++) {
			struct peer *a, *b;
			struct two *t = two_begin(tls);

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
			two_done(t);
		}
}

TEST(a_reset_is_passed_on_as_a_reset)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned by = 0; by < 2; by++) {
			struct two *t = two_begin(tls);

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
			two_done(t);
		}
}

/* A FIN without a close_notify: the bytes before it are passed on, the end is not. */
TEST(a_cut_is_a_reset_on_the_other_side)
{
	for (unsigned tls = 1; tls < 4; tls += 2) {
		struct two *t = two_begin(tls);

		say_pattern(&t->end[NEAR].peer, 0, 1000);
		shutdown(t->end[NEAR].peer.fd, SHUT_WR);
		two_settle(t);
		CHECK_INT(t->end[FAR].peer.got, 1000);
		CHECK(t->end[FAR].peer.reset && !t->end[FAR].peer.bye);
		CHECK(t->end[NEAR].peer.reset && !t->end[NEAR].peer.bye); /* neither is told that all is well */
		CHECK_INT(t->couple.why, ZT_E_CLOSED);
		CHECK_INT(t->couple.by, NEAR);
		two_done(t);
	}
}

TEST(a_forged_record_ends_both_sides_and_its_sender_hears_why)
{
	uint8_t mem[RECORD_OVERHEAD + 64] = {0};
	struct two *t;
	int n;

	t = two_begin(1);
	n = record_seal(&t->end[NEAR].peer.out, RECORD_DATA, mem, 20);
	mem[n - 1] ^= 1;
	CHECK_INT(raw(&t->end[NEAR].peer, mem, (size_t)n), n);
	two_settle(t);
	CHECK_INT(t->end[FAR].peer.got, 0);
	CHECK(t->end[FAR].peer.reset);
	CHECK_INT(t->end[NEAR].peer.alert, 20); /* bad_record_mac */
	CHECK_INT(t->couple.why, ZT_E_RESET);
	CHECK_STR(duct_why(t->couple.side[NEAR]), tls_end_text(TLS_FORGED));
	two_done(t);
}

TEST(a_fatal_alert_is_a_reset_on_the_other_side)
{
	struct two *t = two_begin(2);

	say_record(&t->end[FAR].peer, RECORD_ALERT, "\2\120", 2);
	two_settle(t);
	CHECK(t->end[NEAR].peer.reset && !t->end[NEAR].peer.eof);
	CHECK_INT(t->couple.by, FAR);
	CHECK_STR(t->why, tls_end_text(TLS_REFUSED));
	two_done(t);
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
		two_done(t);
	}
}

/* What came before it is delivered, as long as the other side takes it, and then the reset. */
TEST(a_reset_is_noticed_while_nothing_is_asked_of_that_side)
{
	struct peer *far;
	unsigned calls;
	struct two *t = two_begin(0);

	far = &t->end[FAR].peer;
	say_to_the_brim(t);
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
	two_done(t);
}

/* The second of two clean ends is a hang-up too, and everything before it is still to come. */
TEST(a_hang_up_with_bytes_on_the_way_loses_none)
{
	struct peer *far;
	struct two *t;
	uint64_t sent;

	t = two_begin(0);
	far = &t->end[FAR].peer;
	say_bye(far);
	turns(2);
	sent = say_to_the_brim(t);
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
	two_done(t);
}

/* Everything was delivered and said; that the one who has it all leaves is no failure. */
TEST(a_side_that_leaves_after_its_own_end_may_miss_only_ours)
{
	struct two *t = two_begin(1);

	say_bye(&t->end[NEAR].peer);
	two_settle(t);
	CHECK(t->end[FAR].peer.eof);
	peer_leaves(&t->end[NEAR].peer);
	two_settle(t);
	say_bye(&t->end[FAR].peer);
	two_settle(t);
	CHECK(t->overs == 1 && t->couple.why == ZT_OK);
	two_done(t);
}

/* The kernel closes for a killed process; that must not look like an end either. */
TEST(the_death_of_the_process_resets_both_sides)
{
	int status, go[2];
	struct two *t;
	pid_t pid;
	char c;

	t = two_begin(0);
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
	two_done(t);
}
