/* mux: whose turn it is, how much of it, and who gives way. */
#include "tests/unit/io/muxusers.h"

TEST(a_keystroke_passes_bulk)
{
	struct pair *p = both();
	uint64_t before;
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 50; i++)
		opens(p, 0, i, 100000000, &rc);
	pair_turns(p, 400);
	CHECK(users[0][0].put > 200000 && users[0][49].put > 200000); /* they are bulk by now */
	opens(p, 0, 50, 1, &rc);
	before = users[0][0].put + users[0][1].put + users[0][2].put;
	for (unsigned i = 0; i < 12 && users[1][50].got == 0; i++)
		pair_turns(p, 1);
	CHECK_INT(users[1][50].got, 1);
	CHECK(users[0][0].put + users[0][1].put + users[0][2].put - before <= 3 * 8 * FRAME_PAYLOAD);
	pair_free(p);
}

static uint64_t spread(size_t n, uint64_t *least)
{
	uint64_t most = 0;

	*least = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		*least = num_min64(*least, users[1][i].got);
		most = users[1][i].got > most ? users[1][i].got : most;
	}
	return most - *least;
}

TEST(turns_are_shared_evenly)
{
	struct pair *p = both();
	uint64_t least;
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 20; i++)
		opens(p, 0, i, 1u << 30, &rc);
	pair_turns(p, 400);
	CHECK(spread(20, &least) <= 3 * BULK_TURN && least > 1000000);
	pair_turns(p, 1200);
	CHECK(spread(20, &least) <= 3 * BULK_TURN && least > 4000000); /* it is no more than it was */
	pair_free(p);
}

/* What arrives for one stream in one read is told at once, and bulk arrives whole batches at a time: else each frame of
 * 16 KiB costs its receiver a send() of its own. */
TEST(bulk_of_many_streams_arrives_in_large_pieces)
{
	struct pair *p = both();
	uint64_t got = 0, events = 0, before = 0;
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 20; i++)
		opens(p, 0, i, 1u << 30, &rc);
	pair_turns(p, 400);
	for (size_t i = 0; i < 20; i++) {
		before += users[1][i].got;
		users[1][i].events = 0;
	}
	pair_turns(p, 400);
	for (size_t i = 0; i < 20; i++) {
		got += users[1][i].got;
		events += users[1][i].events;
	}
	CHECK(got - before > 10000000 && (got - before) / events >= BULK_TURN / 2);
	if ((got - before) / events < BULK_TURN / 2)
		printf("%lu bytes an event\n", (unsigned long)((got - before) / events));
	pair_free(p);
}

/* Both ends are one process here: what the connector's side holds, bytes that come to the edge's side need. */
TEST(who_holds_most_gives_way_in_whichever_connection_it_is)
{
	struct pair *p = both_kin();
	int rc;

	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 40); /* 35 for bytes: two windows and a bit */
	next_user = (struct user){.takes = false};
	for (size_t i = 0; i < 2; i++)
		opens(p, 0, i, 65536 - 4096 * i, &rc);
	pair_turns(p, 100);
	CHECK(users[0][0].put == 65536 && p->bounds.row[BOUND_TUNNEL_KEPT].used >= 31 && users[1][0].end == DUCT_GOING);
	opens(p, 1, 2, 30000, &rc); /* the connector's; the edge takes nothing of it */
	pair_turns(p, 100);
	CHECK(users[1][0].end == DUCT_RESET && users[1][0].code == RESET_STALLED); /* the largest, on the other side */
	CHECK(users[0][0].end == DUCT_RESET && users[0][0].code == RESET_STALLED);
	CHECK(users[1][1].end == DUCT_GOING && users[0][2].end == DUCT_GOING && users[1][2].end == DUCT_GOING);
	CHECK_INT(users[0][2].put, 30000);
	CHECK(p->end[0].mux && p->end[1].mux);
	pair_free(p);
}

/* Who holds most may be the fastest. */
TEST(who_gives_way_took_nothing_for_a_second)
{
	struct pair *p = start();
	int rc;

	both_of(p);
	next_user = (struct user){.takes = false};
	opens(p, 0, 0, 30000, &rc);
	pair_turns(p, 50);
	clock_fake_step(&p->clock, 2000000000);
	opens(p, 0, 1, 60000, &rc); /* has just come */
	pair_turns(p, 50);
	CHECK(users[1][0].end == DUCT_GOING && users[1][1].end == DUCT_GOING);
	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 30); /* 27 for bytes */
	opens(p, 0, 2, 30000, &rc);
	pair_turns(p, 50);
	CHECK_INT(users[1][0].code, RESET_STALLED);
	CHECK_INT(users[1][1].code, 0);
	CHECK_INT(users[1][2].code, 0);
	pair_free(p);
}

/* Nothing leaves for a while: then batches are smaller than the frames of bulk, and it goes on all the same. */
TEST(bulk_goes_on_where_the_path_has_become_slow)
{
	struct pair *p = start();
	uint64_t got;
	int rc;

	p->paced = true;
	both_of(p);
	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 3; i++)
		opens(p, 0, i, 1u << 30, &rc);
	pair_turns(p, 200);
	CHECK(users[1][0].got > 200000 && p->end[0].mux->pace > 65536);
	for (unsigned i = 0; i < 20; i++)
		mux_ready(p->end[1].mux, LOOP_IN);
	p->end[1].cap = p->end[1].n; /* not a whole record */
	pair_turns(p, 5);
	clock_fake_step(&p->clock, 400000000);
	p->end[1].cap = PIPE_MOST;
	got = users[1][0].got;
	pair_turns(p, 1); /* what was left of the batch */
	clock_fake_step(&p->clock, 30000000);
	pair_turns(p, 1);
	CHECK(p->end[0].mux->pace < FRAME_PAYLOAD);
	pair_turns(p, 100);
	CHECK(users[1][0].got > got + 100000);
	pair_free(p);
}

TEST(a_long_message_on_a_slow_path_holds_nobody_up)
{
	static const uint8_t mem[60000];
	struct pair *p = start();
	unsigned turns = 0;
	int rc;

	p->paced = true;
	both_of(p);
	next_user = (struct user){.takes = true};
	opens(p, 0, 0, 0, &rc);
	pair_turns(p, 10);
	CHECK_INT(mux_control(p->end[0].mux, CTRL_RULES, span_of(mem, sizeof mem)), 0);
	clock_fake_step(&p->clock, 30000000);
	pair_turns(p, 1); /* its beginning is on its way */
	users[0][0].to_put = 1;
	feed(&users[0][0]);
	for (; turns < 100 && users[1][0].got == 0; turns++) {
		clock_fake_step(&p->clock, 30000000); /* no slower, and no faster */
		pair_turns(p, 1);
	}
	CHECK_INT(users[1][0].got, 1);
	CHECK_INT(controls, 0);
	CHECK(turns <= 3);
	pair_free(p);
}

/* Who waited for a place for what others send is told when there is one for a whole record; who has bytes, of any room. */
TEST(who_has_bytes_now_makes_do_with_less_than_a_place)
{
	struct pair *p = both();
	struct user *from, *to;
	uint64_t before;
	int rc;

	static const uint8_t some[6942];

	next_user.takes = false;
	to = opens(p, 0, 0, 0, &rc);
	for (unsigned i = 0; i < 8; i++) { /* 55,536: 10,000 are left of its credit */
		CHECK(duct_put_all(&to->s->d, span_of(some, sizeof some)));
		pair_turns(p, 20);
	}
	next_user.to_put = 100;
	from = opens(p, 0, 1, 0, &rc);
	from->takes = false;
	duct_want(&from->s->d, 0);
	duct_ahead(&from->s->d, &to->s->d);
	CHECK(from->s->d.held_up && to->s->d.holds_up);
	duct_want(&to->s->d, DUCT_OUT);
	before = to->events;
	pair_turns(p, 20);
	CHECK_INT(to->events, before); /* 10,000 are no place */
	CHECK_INT(duct_peek(&from->s->d).n, 100);
	duct_ahead(&from->s->d, &to->s->d);
	CHECK(!to->s->d.holds_up && to->s->d.wants == DUCT_OUT);
	pair_turns(p, 20);
	CHECK(to->events > before);
	pair_free(p);
}

/* Who held it up may have gone, and left something behind that would fit into less: it waits longer then, but not for
 * ever. When all that was sent is taken, there is a place for a record, however much was left of the credit. */
TEST(a_place_comes_though_nobody_asks_for_it_again)
{
	static const unsigned lefts[] = {0, 1, 47, 10000, RECORD_PLAIN - 1};
	static const uint8_t some[FRAME_PAYLOAD];

	for (size_t i = 0; i < ARRAY_LEN(lefts); i++) {
		struct pair *p = both();
		size_t left = 65536 - lefts[i];
		struct user *from, *to, *taker = &users[1][0];
		uint64_t before;
		int rc;

		next_user.takes = false;
		to = opens(p, 0, 0, 0, &rc);
		for (unsigned k = 0; k < 20; k++) {
			left -= duct_put(&to->s->d, span_of(some, num_min(left, sizeof some)));
			pair_turns(p, 20);
		}
		CHECK_INT(left, 0);
		from = opens(p, 0, 1, 0, &rc);
		duct_ahead(&from->s->d, &to->s->d);
		duct_ahead(&from->s->d, NULL);
		CHECK(!from->s->d.held_up && to->s->d.holds_up);
		duct_want(&to->s->d, DUCT_OUT);
		before = to->events;
		pair_turns(p, 20);
		CHECK_INT(to->events, before);
		taker->takes = true;
		duct_want(&taker->s->d, DUCT_IN);
		pair_turns(p, 20);
		CHECK(to->events == before + 1 && duct_room(&to->s->d) > 0 && to->s->d.cls->ahead(&to->s->d) >= RECORD_PLAIN);
		pair_free(p);
	}
}

static uint64_t events_of(struct pair *p, unsigned turns)
{
	uint64_t before = loop_stats(p->loop).events;

	for (unsigned i = 0; i < turns; i++)
		loop_turn(p->loop, 0);
	return loop_stats(p->loop).events - before;
}

/* Its memory waits for its place in line, and nothing turns meanwhile. */
TEST(a_dead_stream_in_line_for_a_full_socket_costs_no_turns)
{
	struct pair *p = both();
	struct mux *m = p->end[0].mux;
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 2; i++)
		opens(p, 0, i, 1u << 30, &rc);
	pair_turns(p, 40);
	p->end[1].cap = p->end[1].n; /* the peer's socket takes no more */
	mux_ready(m, LOOP_IN | LOOP_OUT);
	events_of(p, 10);
	CHECK(m->blocked && m->line[0].n + m->line[1].n == 2);
	duct_close(&users[1][0].s->d, ZT_E_CANCELLED);
	mux_ready(p->end[1].mux, LOOP_OUT);
	mux_ready(m, LOOP_IN); /* the reset */
	CHECK(users[0][0].closed && m->dead);
	events_of(p, 10);
	CHECK_INT(events_of(p, 100), 0);
	CHECK(m->blocked && m->dead);
	p->end[1].cap = PIPE_MOST;
	pair_turns(p, 40);
	CHECK(m->dead == NULL && users[1][1].got > 1000000);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 2);
	pair_free(p);
}
