/* mux: two of them, joined in memory: bytes, ends, credit, limits and time. */
#include "tests/unit/io/muxusers.h"

TEST(a_request_and_its_answer_take_one_flight_each)
{
	struct pair *p = both();
	int rc;

	CHECK_INT(hellos, 2);
	next_user.to_put = 300;
	opens(p, 0, 0, 100, &rc);
	CHECK_INT(users[0][0].put, 100); /* before anything came back: DATA behind OPEN */
	pair_turns(p, 20);
	CHECK(opened == 1 && users[1][0].got == 100 && users[0][0].got == 300 && wrong_bytes == 0);
	CHECK(users[0][0].end == DUCT_FINISHED && users[1][0].end == DUCT_FINISHED);
	CHECK(last_open.rule == 7 && last_open.epoch == 3 && last_open.kind == FRAME_KIND_HTTP);
	CHECK_STR(last_open.name, "app.example");
	CHECK(mux_stats(p->end[0].mux).streams == 0 && mux_stats(p->end[1].mux).streams == 0);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 0);
	CHECK_INT(p->bounds.row[BOUND_TUNNEL_KEPT].used, 0);
	pair_free(p);
}

TEST(nothing_is_opened_before_hello)
{
	struct pair *p = start();
	struct mux_opts o = pair_opts(p, 0, &mux_class);
	int rc;

	pair_start(p, 0, &o);
	opens(p, 0, 0, 1, &rc);
	CHECK_INT(rc, -ZT_E_AGAIN);
	pair_free(p);
}

TEST(both_sides_open_and_megabytes_go_both_ways_at_once)
{
	struct pair *p = both();
	int rc;

	next_user.to_put = 3000000;
	p->end[0].cap = p->end[1].cap = 40000; /* a socket that is always in the way */
	for (size_t i = 0; i < 10; i++)
		opens(p, i % 2, i, 2000000 + i, &rc);
	pair_turns(p, 100000);
	for (size_t i = 0; i < 10; i++)
		CHECK(users[0][i].got == 3000000 && users[1][i].got >= 2000000 && users[0][i].closed && users[1][i].closed);
	CHECK_INT(wrong_bytes, 0);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 0);
	CHECK_INT(p->bounds.row[BOUND_TUNNEL_KEPT].used, 0);
	pair_free(p);
}

TEST(who_takes_nothing_holds_up_its_own_stream_only)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = false};
	opens(p, 0, 0, 1000000, &rc);
	pair_turns(p, 100);
	CHECK_INT(users[0][0].put, WINDOW_FIRST);
	CHECK_INT(users[1][0].got, 0);
	next_user = (struct user){.takes = true, .close_at_end = true, .to_put = 1};
	opens(p, 0, 1, 1000000, &rc);
	pair_turns(p, 1000);
	CHECK(users[1][1].got == 1000000 && users[0][1].got == 1 && users[0][0].put == WINDOW_FIRST);
	users[1][0].takes = users[1][0].close_at_end = true;
	users[1][0].to_put = 5;
	feed(&users[1][0]);
	pair_turns(p, 1000);
	CHECK(users[1][0].got == 1000000 && users[0][0].got == 5 && wrong_bytes == 0);
	CHECK_INT(p->bounds.row[BOUND_TUNNEL_KEPT].used, 0);
	pair_free(p);
}

TEST(a_refusal_says_why_and_that_nothing_arrived)
{
	struct pair *p = both();
	int rc;

	refuse = true;
	opens(p, 0, 0, 50000, &rc);
	pair_turns(p, 20);
	CHECK(users[0][0].end == DUCT_RESET && users[0][0].code == RESET_RULE && users[0][0].delivered == 0);
	CHECK_STR(users[0][0].text, "no rule 7");
	CHECK(mux_stats(p->end[0].mux).streams == 0 && mux_stats(p->end[1].mux).streams == 0);
	pair_free(p);
}

TEST(a_reset_crosses_data_and_counts_what_arrived)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = true, .to_put = 1u << 30};
	opens(p, 0, 0, 1u << 30, &rc);
	pair_turns(p, 9);
	stream_delivered(users[1][0].s, 4242);
	stream_reset(users[1][0].s, RESET_ORIGIN, "gone");
	pair_turns(p, 20);
	CHECK(users[0][0].code == RESET_ORIGIN && users[0][0].delivered == 4242 && !p->end[0].over && !p->end[1].over);
	CHECK(mux_stats(p->end[0].mux).streams == 0 && mux_stats(p->end[1].mux).streams == 0);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 0);
	opens(p, 0, 1, 10, &rc);
	pair_turns(p, 20);
	CHECK_INT(users[1][1].got, 10);
	/* The other way round, and both at once. */
	opens(p, 0, 2, 1u << 30, &rc);
	pair_turns(p, 9);
	duct_close(&users[0][2].s->d, ZT_E_TIMEOUT);
	duct_close(&users[1][2].s->d, ZT_E_TIMEOUT);
	pair_turns(p, 20);
	CHECK(!p->end[0].over && !p->end[1].over && mux_stats(p->end[1].mux).resets_in == 2);
	pair_free(p);
}

TEST(what_was_put_and_finished_is_delivered_after_a_close)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = true, .to_put = 100000};
	opens(p, 0, 0, 777, &rc);
	duct_close(&users[0][0].s->d, 0);
	pair_turns(p, 20);
	CHECK(users[1][0].got == 777 && users[1][0].end == DUCT_RESET && users[1][0].code == RESET_CANCEL);
	CHECK(!p->end[0].over && !p->end[1].over && p->bounds.row[BOUND_STREAMS].used == 0);
	pair_free(p);
}

TEST(messages_arrive_whole_and_in_order)
{
	static uint8_t big[65000];
	struct pair *p = both();

	memset(big, 'b', sizeof big);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, sizeof big)), 0);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_HEALTH, SPAN_LIT("up")), 0);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_HEALTH, SPAN_LIT("up")), -ZT_E_FULL);
	pair_turns(p, 2);
	pair_turns(p, 20);
	CHECK_INT(controls, CTRL_RULES + CTRL_HEALTH);
	CHECK(span_eq_str(last_control, "up"));
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, sizeof big)), 0);
	pair_turns(p, 20);
	CHECK(span_eq(last_control, span_of(big, sizeof big)));
	CHECK_INT(mux_control(p->end[1].mux, CTRL_STATUS, SPAN_NONE), 0);
	pair_turns(p, 20);
	CHECK(last_control.n == 0 && controls == 2 * CTRL_RULES + CTRL_HEALTH + CTRL_STATUS);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, FRAME_CTRL_MOST + 1)), -ZT_E_TOOLONG);
	pair_free(p);
}

TEST(leaving_lets_streams_end_and_takes_no_new_ones)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = true};
	opens(p, 0, 0, 0, &rc);
	users[0][0].close_at_end = false;
	pair_turns(p, 9);
	mux_leave(p->end[1].mux, LEAVE_DRAIN, 30000, "restart");
	opens(p, 0, 1, 10, &rc); /* under way when the news came */
	pair_turns(p, 9);
	CHECK(users[0][1].code == RESET_LEAVING && leavings == LEAVE_DRAIN);
	opens(p, 0, 2, 10, &rc);
	CHECK_INT(rc, -ZT_E_CLOSED);
	opens(p, 1, 3, 10, &rc);
	CHECK_INT(rc, -ZT_E_CLOSED);
	CHECK(!p->end[0].over && !p->end[1].over);
	users[0][0].to_put = users[1][0].to_put = 500;
	users[0][0].close_at_end = users[1][0].close_at_end = true;
	feed(&users[0][0]);
	feed(&users[1][0]);
	pair_turns(p, 9);
	CHECK(users[0][0].got == 500 && users[1][0].got == 500);
	CHECK(p->end[0].over && p->end[1].over && p->end[0].why == MUX_LEFT && p->end[1].why == MUX_LEFT);
	pair_free(p);
}

TEST(silence_is_the_end_and_a_ping_breaks_it)
{
	struct pair *p = both();
	int rc;

	for (unsigned i = 0; i < 20; i++) {
		clock_fake_step(&p->clock, 1000000000);
		pair_turns(p, 9);
	}
	CHECK(!p->end[0].over && !p->end[1].over);
	next_user = (struct user){.takes = true};
	opens(p, 0, 0, 10, &rc);
	pair_turns(p, 9);
	p->end[0].cap = p->end[1].cap = 0; /* nothing gets through */
	for (unsigned i = 0; i < 5; i++) { /* the last answer may be three seconds old */
		clock_fake_step(&p->clock, 1000000000);
		pair_turns(p, 3);
	}
	CHECK(!p->end[0].over && !p->end[1].over);
	clock_fake_step(&p->clock, 4000000000);
	pair_turns(p, 3);
	CHECK(p->end[0].over && p->end[0].why == MUX_SILENT && p->end[1].why == MUX_SILENT);
	CHECK(users[0][0].code == RESET_GONE && users[1][0].code == RESET_GONE);
	pair_free(p);
}

TEST(a_cut_connection_is_told_to_every_stream)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 9; i++)
		opens(p, 0, i, 10, &rc);
	pair_turns(p, 9);
	p->end[0].cut = p->end[1].cut = true;
	pair_turns(p, 5);
	CHECK(p->end[0].why == MUX_TLS && p->end[1].why == MUX_TLS);
	CHECK_STR(p->end[0].words, "cut");
	for (size_t i = 0; i < 9; i++)
		CHECK(users[0][i].code == RESET_GONE && users[1][i].code == RESET_GONE);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 0);
	pair_free(p);
}

TEST(the_round_trip_is_measured_and_old_age_told)
{
	struct pair *p = both();

	clock_fake_step(&p->clock, 3000000000);
	loop_turn(p->loop, 0);
	clock_fake_step(&p->clock, 40000000);
	pair_turns(p, 9);
	CHECK(mux_stats(p->end[0].mux).rtt_ns > 1000000);
	CHECK(!mux_is_old(p->end[0].mux));
	p->end[0].mux->stats.records = 1u << 24;
	CHECK(mux_is_old(p->end[0].mux));
	pair_free(p);
}

TEST(credit_asks_for_a_round_trip_that_is_old)
{
	struct pair *p = both();
	uint64_t before;
	int rc;

	next_user = (struct user){.takes = true};
	pair_turns(p, 9);
	before = p->end[1].mux->ping;
	for (size_t i = 0; i < 10; i++) { /* 50 ms after another */
		clock_fake_step(&p->clock, 50000000);
		opens(p, 0, i, 200000, &rc);
		pair_turns(p, 1000);
	}
	CHECK(users[1][9].got == 200000 && p->end[1].mux->ping == before + 5);
	for (size_t i = 10; i < 20; i++) { /* less than what is worth credit */
		clock_fake_step(&p->clock, 50000000);
		opens(p, 0, i, 1000, &rc);
		pair_turns(p, 1000);
	}
	CHECK(users[1][19].got == 1000 && p->end[1].mux->ping == before + 5);
	pair_free(p);
}

TEST(the_time_of_a_slow_reader_is_no_round_trip)
{
	struct pair *p = both();
	struct span s;
	int rc;

	next_user = (struct user){.takes = false};
	pair_turns(p, 9);
	opens(p, 0, 0, 1000000, &rc);
	for (unsigned i = 0; i < 9; i++) { /* all that is there, in a turn of its own, when nothing came for long */
		pair_turns(p, 100);
		clock_fake_step(&p->clock, 200000000);
		loop_turn(p->loop, 0);
		while ((s = duct_peek(&users[1][0].s->d)).n)
			duct_take(&users[1][0].s->d, s.n);
	}
	CHECK(users[0][0].put > 4 * WINDOW_FIRST && window_rtt_of(&p->end[1].mux->rtt) < 1000);
	CHECK_INT(((struct stream_state *)pool_next(&p->end[1].mux->pool, &(struct pool_at){0}))->in.size, WINDOW_FIRST);
	pair_free(p);
}

/* Its own last word does not get through; what it ended of is told all the same. */
TEST(the_first_cause_is_the_one_that_is_told)
{
	static const uint8_t junk[10] = {8, 0, 99, FRAME_MUST}; /* a record of eight bytes: a frame that has to be known */
	struct pair *p = both();

	memcpy(p->end[0].bytes, junk, sizeof junk);
	p->end[0].n = sizeof junk;
	p->end[0].cut = true;
	mux_ready(p->end[0].mux, LOOP_IN);
	CHECK(p->end[0].over && p->end[0].why == MUX_PROTOCOL);
	CHECK_STR(p->end[0].words, "a frame that we had to know");
	pair_free(p);
}

/* Else the first measure of its window would end at once, and it would grow half a window later. */
TEST(a_stream_is_as_old_as_its_opening)
{
	struct pair *p = both();
	int rc;

	clock_fake_step(&p->clock, 2000000000);
	loop_turn(p->loop, 0); /* which is nothing to the connection */
	CHECK(p->end[0].mux->now < loop_now(p->loop));
	opens(p, 0, 0, 0, &rc);
	CHECK_INT(rc, 0);
	CHECK_INT(((struct stream_state *)users[0][0].s)->in.since_ns, loop_now(p->loop));
	pair_free(p);
}

TEST(versions_that_do_not_meet_end_it)
{
	struct pair *p = start();

	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		o.hello.version_min = o.hello.version_max = (uint16_t)(1 + i);
		pair_start(p, i, &o);
	}
	pair_turns(p, 9);
	CHECK(p->end[0].over && p->end[0].why == MUX_VERSION && p->end[1].over && hellos == 0);
	pair_free(p);
}
