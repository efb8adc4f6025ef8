/* The pump: what goes in comes out, whatever the sides are, and ends are told apart. */
#include "tests/unit/io/pump_kit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- bytes ------------------------------------------------------------------------------- */

/* n bytes each way at the same time, in uneven parts. */
static void exchange(unsigned tls, enum aead_kind kind, uint64_t n)
{
	struct rig *r = rig_new(tls, kind);
	uint64_t sent[2] = {0, 0};

	for (unsigned round = 0; round < 4000 && (r->peer[0].got < n || r->peer[1].got < n); round++) {
		for (unsigned i = 0; i < 2; i++) {
			size_t part = num_min((round * 977 + i * 131) % RECORD_PLAIN + 1, (size_t)(n - sent[i]));
			uint64_t under_way = sent[i] - r->peer[!i].got;

			if (part && under_way < 65536) { /* so that the sockets take whole parts */
				say_pattern(&r->peer[i], sent[i], part);
				sent[i] += part;
			}
			listen_to(&r->peer[i], 40000);
		}
		turns(1);
	}
	for (unsigned i = 0; i < 2; i++)
		CHECK_INT(r->peer[i].got, n);
	settle(r);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	CHECK_INT(r->pump.flow[NEAR].bytes, n);
	CHECK_INT(r->pump.flow[FAR].bytes, n);
	CHECK_INT(r->overs, 0);
	rig_free(r);
}

TEST(every_byte_arrives_in_order_whatever_the_sides_are)
{
	set_up();
	for (unsigned tls = 0; tls < 4; tls++)
		exchange(tls, AEAD_AES128_GCM, 3 << 20);
	exchange(3, AEAD_CHACHA20, 1 << 20);
	exchange(3, AEAD_AES256_GCM, 1 << 20);
	tear_down();
}

TEST(many_records_of_one_segment_all_go_on)
{
	static uint8_t mem[65536];
	struct rig *r;
	size_t n = 0;

	set_up();
	r = rig_new(1, AEAD_CHACHA20);
	for (unsigned i = 0; i < 500; i++) { /* far more than a turn opens */
		mem[n + record_head(&r->peer[NEAR].out)] = byte_at(i);
		n += (size_t)record_seal(&r->peer[NEAR].out, RECORD_DATA, &mem[n], 1);
	}
	CHECK_INT(raw(&r->peer[NEAR], mem, n), n);
	for (unsigned i = 0; i < 60; i++) {
		turns(1);
		listen_to(&r->peer[FAR], SIZE_MAX);
	}
	CHECK_INT(r->peer[FAR].got, 500);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	rig_free(r);
	tear_down();
}

TEST(a_record_that_comes_byte_by_byte_is_one_record)
{
	uint8_t mem[RECORD_OVERHEAD + 64];
	struct rig *r;
	int n;

	set_up();
	r = rig_new(3, AEAD_AES128_GCM);
	for (unsigned i = 0; i < 20; i++)
		mem[record_head(&r->peer[NEAR].out) + i] = byte_at(i);
	n = record_seal(&r->peer[NEAR].out, RECORD_DATA, mem, 20);
	for (int i = 0; i < n; i++) {
		CHECK_INT(r->peer[FAR].got, 0);
		CHECK_INT(raw(&r->peer[NEAR], &mem[i], 1), 1);
		turns(2);
		listen_to(&r->peer[FAR], SIZE_MAX);
	}
	settle(r);
	CHECK_INT(r->peer[FAR].got, 20);
	rig_free(r);
	tear_down();
}

/* What a sender that nobody reads from gets rid of: the sockets' buffers and one of ours. */
TEST(a_side_that_does_not_read_stops_the_other)
{
	static uint8_t junk[65536];
	struct rig *r;
	uint64_t sent, before;

	for (unsigned tls = 0; tls < 4; tls += 2) {
		set_up();
		r = rig_new(tls, AEAD_AES128_GCM);
		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = byte_at(i);
		sent = raw(&r->peer[NEAR], junk, sizeof junk);
		do {
			before = sent;
			turns(4);
			for (size_t i = 0; i < sizeof junk; i++)
				junk[i] = byte_at(sent + i);
			sent += raw(&r->peer[NEAR], junk, sizeof junk);
		} while (sent != before && sent < (64u << 20));
		CHECK(sent < (64u << 20));
		CHECK_INT(pump_wants(&r->pump, NEAR) & LOOP_IN, 0);
		CHECK_INT(pump_wants(&r->pump, FAR) & LOOP_OUT, LOOP_OUT);
		CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
		for (unsigned i = 0; i < 4000 && r->peer[FAR].got < sent; i++) {
			listen_to(&r->peer[FAR], SIZE_MAX);
			turns(1);
		}
		CHECK_INT(r->peer[FAR].got, sent);
		rig_free(r);
		tear_down();
	}
}

/* ---- ends -------------------------------------------------------------------------------- */

TEST(a_half_close_is_passed_on_and_the_other_way_stays_open)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned first = 0; first < 2; first++) {
			struct rig *r;
			struct peer *a, *b;

			set_up();
			r = rig_new(tls, AEAD_AES128_GCM);
			a = &r->peer[first];
			b = &r->peer[!first];
			say_pattern(a, 0, 100);
			say_bye(a);
			settle(r);
			CHECK_INT(b->got, 100);
			if (!(b->eof && b->bye == b->tls && !b->reset))
				unit_fail(__FILE__, __LINE__, "tls %u first %u: eof %d bye %d reset %d", tls, first, b->eof,
					  b->bye, b->reset);
			CHECK_INT(r->overs, 0);
			say_pattern(b, 0, 5000); /* still open */
			settle(r);
			CHECK_INT(a->got, 5000);
			CHECK(!a->eof);
			say_bye(b);
			settle(r);
			CHECK(a->eof && a->bye == a->tls && !a->reset);
			CHECK_INT(r->overs, 1);
			CHECK_INT(r->pump.cause, PUMP_FINISHED);
			CHECK_INT(r->pump.by, first);
			CHECK_STR(pump_cause_text(&r->pump), "finished");
			rig_free(r);
			tear_down();
		}
}

/* What is still in the kernel when both have finished is delivered: the reset is off by then. */
TEST(the_end_waits_for_no_reader)
{
	const int small = 65536;
	uint64_t sent = 0;
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	CHECK(setsockopt(r->peer[NEAR].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	say_bye(&r->peer[NEAR]);
	for (; sent < 400000; sent += 10000) {
		say_pattern(&r->peer[FAR], sent, 10000);
		turns(2);
	}
	say_bye(&r->peer[FAR]);
	for (unsigned i = 0; i < 4000 && r->overs == 0; i++) {
		turns(2);
		if (r->overs == 0)
			listen_to(&r->peer[NEAR], 1000);
	}
	CHECK_INT(r->pump.cause, PUMP_FINISHED);
	CHECK(r->peer[NEAR].got < sent); /* or it proves nothing */
	for (unsigned i = 0; i < 4000 && !r->peer[NEAR].eof; i++) {
		poll(&(struct pollfd){.fd = r->peer[NEAR].fd, .events = POLLIN}, 1, 5000); /* a hang guard */
		turns(1);
		listen_to(&r->peer[NEAR], SIZE_MAX);
	}
	CHECK_INT(r->peer[NEAR].got, sent);
	CHECK(r->peer[NEAR].eof && r->peer[NEAR].bye && !r->peer[NEAR].reset);
	rig_free(r);
	tear_down();
}

static void reset_of(int fd)
{
	const struct linger now = {.l_onoff = 1};

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	close(fd);
}

TEST(a_reset_on_one_side_is_a_reset_on_the_other)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned by = 0; by < 2; by++) {
			struct rig *r;

			set_up();
			r = rig_new(tls, AEAD_AES128_GCM);
			say_pattern(&r->peer[by], 0, 10);
			settle(r);
			reset_of(r->peer[by].fd);
			r->peer[by].fd = -1;
			turns(4);
			listen_to(&r->peer[!by], SIZE_MAX);
			CHECK(r->peer[!by].reset && !r->peer[!by].eof && !r->peer[!by].bye);
			CHECK_INT(r->overs, 1);
			CHECK_INT(r->pump.cause, PUMP_RESET);
			CHECK_INT(r->pump.by, by);
			rig_free(r);
			tear_down();
		}
}

/* Fills the way from near to far until nothing is taken any more. Answers how much that was. */
static uint64_t fill_up(struct rig *r)
{
	static uint8_t text[65536];
	uint64_t sent = 0, before;

	do {
		before = sent;
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = byte_at(sent + i);
		sent += raw(&r->peer[NEAR], text, sizeof text);
		turns(4);
	} while (sent != before);
	CHECK_INT(pump_wants(&r->pump, NEAR), 0);
	return sent;
}

TEST(a_reset_is_noticed_while_nothing_is_asked_of_that_side)
{
	struct rig *r;

	set_up();
	r = rig_new(2, AEAD_AES128_GCM);
	fill_up(r);
	reset_of(r->peer[NEAR].fd);
	r->peer[NEAR].fd = -1;
	turns(4);
	CHECK_INT(r->overs, 1);
	CHECK_INT(r->pump.cause, PUMP_RESET);
	CHECK_INT(r->pump.by, NEAR);
	rig_free(r);
	tear_down();
}

/* The second of two clean ends is a hang-up too, and everything before it is still to come. */
TEST(a_hang_up_with_bytes_on_the_way_loses_none)
{
	struct rig *r;
	uint64_t sent;

	set_up();
	r = rig_new(0, AEAD_NONE);
	say_bye(&r->peer[FAR]);
	turns(2);
	sent = fill_up(r);
	say_bye(&r->peer[NEAR]);
	turns(4);
	CHECK_INT(r->overs, 0);
	for (unsigned i = 0; i < 20000 && !r->peer[FAR].eof; i++) {
		listen_to(&r->peer[FAR], SIZE_MAX);
		turns(1);
	}
	CHECK_INT(r->peer[FAR].got, sent);
	CHECK(r->peer[FAR].eof && !r->peer[FAR].reset);
	CHECK_INT(r->pump.cause, PUMP_FINISHED);
	rig_free(r);
	tear_down();
}

TEST(tls_that_ends_without_close_notify_becomes_a_reset)
{
	for (unsigned far_tls = 0; far_tls < 2; far_tls++) {
		struct rig *r;

		set_up();
		r = rig_new(1 | far_tls << 1, AEAD_AES128_GCM);
		say_pattern(&r->peer[NEAR], 0, 1000);
		shutdown(r->peer[NEAR].fd, SHUT_WR);
		settle(r);
		CHECK(r->peer[FAR].reset);
		CHECK(!r->peer[FAR].eof && !r->peer[FAR].bye);
		CHECK(r->peer[NEAR].reset && !r->peer[NEAR].bye); /* neither is told that all is well */
		CHECK_INT(r->pump.cause, PUMP_TLS);
		CHECK_INT(r->pump.by, NEAR);
		CHECK_STR(pump_cause_text(&r->pump), tls_end_text(TLS_TRUNCATED));
		rig_free(r);
		tear_down();
	}
}

TEST(a_forged_record_gets_an_alert_and_resets_the_other_side)
{
	uint8_t mem[RECORD_OVERHEAD + 16] = {0};
	struct rig *r;
	int n;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	n = record_seal(&r->peer[NEAR].out, RECORD_DATA, mem, 16);
	mem[n - 1] ^= 1;
	CHECK_INT(raw(&r->peer[NEAR], mem, (size_t)n), n);
	settle(r);
	CHECK_INT(r->peer[NEAR].alert, 20); /* bad_record_mac */
	CHECK(r->peer[FAR].reset && r->peer[FAR].got == 0);
	CHECK_INT(r->pump.cause, PUMP_TLS);
	CHECK_INT(r->tls[NEAR].end, TLS_FORGED);
	rig_free(r);
	tear_down();
}

TEST(a_fatal_alert_resets_the_other_side)
{
	const uint8_t fatal[2] = {2, 80};
	struct rig *r;

	set_up();
	r = rig_new(2, AEAD_AES128_GCM);
	say_record(&r->peer[FAR], RECORD_ALERT, fatal, 2);
	settle(r);
	CHECK(r->peer[NEAR].reset);
	CHECK_INT(r->pump.by, FAR);
	CHECK_INT(r->tls[FAR].end, TLS_REFUSED);
	rig_free(r);
	tear_down();
}

/* Everything was delivered and said; that the one who has it all leaves is no failure. */
TEST(a_side_that_leaves_after_its_own_end_may_miss_only_ours)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	say_bye(&r->peer[NEAR]);
	settle(r);
	CHECK(r->peer[FAR].eof);
	close(r->peer[NEAR].fd);
	r->peer[NEAR].fd = -1;
	settle(r);
	say_bye(&r->peer[FAR]);
	settle(r);
	CHECK_INT(r->overs, 1);
	CHECK_INT(r->pump.cause, PUMP_FINISHED);
	rig_free(r);
	tear_down();
}

/* The kernel closes for a killed process; that must not look like an end either. */
TEST(the_death_of_the_process_resets_both_sides)
{
	struct rig *r;
	int status, go[2];
	char c;
	pid_t pid;

	set_up();
	r = rig_new(0, AEAD_NONE);
	say_pattern(&r->peer[NEAR], 0, 10);
	settle(r);
	NEED(pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		CHECK_INT(read(go[0], &c, 1), 0);
		raise(SIGKILL);
	}
	pump_stop(&r->pump);
	loop_close(&r->src[NEAR]); /* not the last descriptors of these sockets: the child has those */
	loop_close(&r->src[FAR]);
	listen_to(&r->peer[NEAR], SIZE_MAX);
	CHECK(!r->peer[NEAR].reset && !r->peer[NEAR].eof);
	close(go[0]);
	close(go[1]);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	listen_to(&r->peer[NEAR], SIZE_MAX);
	listen_to(&r->peer[FAR], SIZE_MAX);
	CHECK(r->peer[NEAR].reset && r->peer[FAR].reset);
	rig_free(r);
	tear_down();
}
