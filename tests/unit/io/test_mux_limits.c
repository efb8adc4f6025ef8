/* mux: what it says and who ends when streams, bytes, messages or memory run out. */
#include "tests/unit/io/muxusers.h"

/* Asked from outside, with no room left: the end comes in the next turn, not with the next ping. */
TEST(who_runs_out_of_room_is_ended_soon)
{
	struct pair *p = both();
	int rc;

	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 0);
	opens(p, 0, 0, 0, &rc);
	CHECK_INT(rc, -ZT_E_NOMEM);
	CHECK(!p->end[0].over);
	loop_turn(p->loop, 0);
	CHECK(p->end[0].over && p->end[0].why == MUX_NOMEM);
	CHECK_STR(p->end[0].words, "no memory for control frames"); /* the peer has nothing to do with it */
	pair_free(p);
}

/* Eight of them, until their ends are known. What they bring meanwhile costs the others no credit. */
TEST(a_stream_without_memory_ends_alone)
{
	struct pair *p = both();
	int rc;

	next_user = (struct user){.takes = true};
	opens(p, 0, 0, 1u << 31, &rc);
	pair_turns(p, 9);
	for (size_t round = 0; round < 40; round++) {
		size_t n = 1 + round % 8;

		for (size_t i = 1; i <= n; i++) {
			users[0][i] = (struct user){0};
			opens(p, 0, i, 30000, &rc);
		}
		bounds_set(&p->bounds, BOUND_STREAMS, p->bounds.row[BOUND_STREAMS].used);
		pair_turns(p, 20);
		bounds_set(&p->bounds, BOUND_STREAMS, 1000);
		for (size_t i = 1; i <= n; i++)
			CHECK(users[0][i].code == RESET_FULL && users[0][i].delivered == 0);
		for (size_t i = 0; i < MUX_LOST; i++)
			CHECK_INT(p->end[1].mux->lost[i], 0);
	}
	CHECK(!p->end[0].over && !p->end[1].over && opened == 1);
	CHECK(users[1][0].got > 1 << 20);
	CHECK_INT(window_in_held(&p->end[1].mux->win_in), 0);
	users[0][1] = (struct user){0};
	opens(p, 0, 1, 10, &rc);
	pair_turns(p, 20);
	CHECK_INT(users[1][1].got, 10);
	pair_free(p);
}

/* No end of the ninth would be known. */
TEST(nine_streams_without_memory_end_the_connection)
{
	struct pair *p = both();
	int rc;

	for (size_t i = 0; i < 9; i++)
		opens(p, 0, i, 1, &rc);
	bounds_set(&p->bounds, BOUND_STREAMS, 9);
	pair_turns(p, 20);
	CHECK(p->end[1].over && p->end[1].why == MUX_NOMEM);
	pair_free(p);
}

static size_t longest_chain(const struct mux *m)
{
	size_t most = 0;

	for (size_t i = 0; i < m->hashes; i++) {
		size_t n = 0;

		for (const struct stream_state *st = m->hash[i]; st; st = st->chain)
			n++;
		most = num_max64(most, n);
	}
	return most;
}

/* Numbers in the steps of a table, which a peer may choose. Of random spreads one in 20,000 is that bad. */
TEST(nobody_aims_at_one_chain)
{
	size_t longest = 2000;

	for (unsigned tries = 0; tries < 3 && longest > 200; tries++) {
		struct pair *p = start();
		int rc = 0;

		for (unsigned i = 0; i < 2; i++) {
			struct mux_opts o = pair_opts(p, i, &mux_class);

			o.hello.streams = o.opens = 2000;
			pair_start(p, i, &o);
		}
		pair_turns(p, 10);
		for (size_t n = 0; n < 2000 && rc == 0; n++) {
			p->end[0].mux->ids.own += 8192 - 2;
			opens(p, 0, n, 0, &rc);
			if (n % 100 == 99)
				pair_turns(p, 20);
		}
		CHECK(rc == 0 && opened == 2000);
		longest = longest_chain(p->end[1].mux);
		pair_free(p);
	}
	CHECK(longest <= 200);
}

/* As many as nobody expects in one connection: each is found, and their memory is back when they are over, though one
 * lives on. */
TEST(nine_thousand_streams_fit_one_connection)
{
	struct pair *p = start();
	size_t n = 0;
	int rc = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		o.hello.streams = o.opens = 9000;
		pair_start(p, i, &o);
	}
	pair_turns(p, 10);
	for (; n < 9000 && rc == 0; n++) {
		opens(p, 0, n, 3, &rc);
		if (n % 100 == 99)
			pair_turns(p, 20);
	}
	CHECK(rc == 0 && opened == 9000);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 18000);
	opens(p, 0, n, 1, &rc);
	CHECK_INT(rc, -ZT_E_FULL);
	for (size_t i = 0; i < 9000; i++)
		if (users[1][i].got != 3) {
			unit_fail(__FILE__, __LINE__, "stream %zu got %llu bytes", i, (unsigned long long)users[1][i].got);
			break;
		}
	for (size_t i = 0; i < 9000; i++)
		if (i != 4000)
			duct_close(&users[0][i].s->d, ZT_E_CANCELLED);
	pair_turns(p, 400);
	CHECK(!p->end[0].over && !p->end[1].over);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 2);
	CHECK(p->end[0].mux->pool.nchunks == 1 && p->end[1].mux->pool.nchunks == 1); /* one that lives holds no other's place */
	duct_close(&users[0][4000].s->d, ZT_E_CANCELLED);
	pair_turns(p, 20);
	CHECK_INT(p->bounds.row[BOUND_STREAMS].used, 0);
	opens(p, 0, n + 1, 3, &rc);
	pair_turns(p, 20);
	CHECK(rc == 0 && users[1][opened - 1].got == 3);
	pair_free(p);
}

FLOODS(BOUND_STREAMS)
{
	struct pair *p = both();
	int rc = 0;
	size_t n = 0;

	bounds_set(&p->bounds, BOUND_STREAMS, 800); /* an eighth is for refusals */
	next_user = (struct user){.takes = true};
	while (n < 500 && rc == 0 && (n == 0 || users[0][n - 1].code == 0)) {
		opens(p, 0, n, 1, &rc);
		pair_turns(p, 9);
		n += rc == 0;
	}
	CHECK(rc == -ZT_E_FULL || users[0][n - 1].code == RESET_FULL);
	CHECK(n >= 345 && n <= 351 && p->bounds.row[BOUND_STREAMS].hits > 0);
	CHECK(!p->end[0].over && !p->end[1].over);
	duct_close(&users[0][0].s->d, ZT_E_CANCELLED);
	duct_close(&users[0][1].s->d, ZT_E_CANCELLED);
	pair_turns(p, 9);
	opens(p, 0, n, 1, &rc);
	pair_turns(p, 9);
	CHECK(rc == 0 && users[1][opened - 1].got == 1);
	pair_free(p);
}

FLOODS(BOUND_TUNNEL_KEPT)
{
	struct pair *p = both();
	int rc;

	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 40); /* 160 KiB: two windows and a half */
	next_user = (struct user){.takes = false};
	opens(p, 0, 0, 60000, &rc);
	opens(p, 0, 1, 50000, &rc);
	pair_turns(p, 50);
	CHECK(users[0][0].end == DUCT_GOING && users[0][1].end == DUCT_GOING);
	opens(p, 0, 2, 65000, &rc);
	pair_turns(p, 50);
	CHECK(users[0][0].code == RESET_STALLED && users[0][1].end == DUCT_GOING && users[0][2].end == DUCT_GOING);
	CHECK(users[1][0].code == RESET_STALLED && !p->end[0].over && !p->end[1].over);
	CHECK(p->bounds.row[BOUND_TUNNEL_KEPT].hits > 0 && p->bounds.row[BOUND_TUNNEL_KEPT].peak <= 40);
	pair_free(p);
}

/* Visitors who read nothing can hold all that bytes may have. Control frames still find room, or every one of them
 * would end the tunnel of all the others. */
TEST(bytes_that_nobody_takes_leave_room_for_control_frames)
{
	struct pair *p = both();
	unsigned reset = 0;
	int rc;

	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 40);
	next_user = (struct user){.takes = false};
	for (size_t i = 0; i < 45; i++) {
		opens(p, 0, i, 1, &rc); /* a chunk each */
		pair_turns(p, 9);
	}
	for (unsigned s = 0; s < 4; s++) { /* pings, and their answers */
		clock_fake_step(&p->clock, 3 * NS_PER_S);
		pair_turns(p, 9);
	}
	CHECK(rc == 0 && !p->end[0].over && !p->end[1].over);
	for (size_t i = 0; i < 45; i++)
		reset += users[0][i].code == RESET_STALLED;
	CHECK_INT(reset, 10);
	CHECK_INT(p->bounds.row[BOUND_TUNNEL_KEPT].used, 35);
	pair_free(p);
}

FLOODS(BOUND_TUNNEL_MESSAGE)
{
	static uint8_t big[50000];
	struct pair *p = both();

	bounds_set(&p->bounds, BOUND_TUNNEL_MESSAGE, sizeof big);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, sizeof big)), 0);
	pair_turns(p, 20);
	CHECK(controls == CTRL_RULES && last_control.n == sizeof big && !p->end[0].over);
	bounds_set(&p->bounds, BOUND_TUNNEL_MESSAGE, sizeof big - 1);
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, sizeof big)), 0);
	pair_turns(p, 20);
	CHECK(p->end[0].over && p->end[0].why == MUX_PROTOCOL && controls == CTRL_RULES);
	pair_free(p);
}

/* Half a message is counted, and who has most of one gives way: here the newest in need is not the one that ends. */
FLOODS(BOUND_TUNNEL_HEARD)
{
	static uint8_t big[7 * FRAME_PAYLOAD];
	struct pair *p = both_kin();
	uint64_t *used = &p->bounds.row[BOUND_TUNNEL_HEARD].used;

	bounds_set(&p->bounds, BOUND_TUNNEL_HEARD, 7);
	CHECK_INT(mux_control(p->end[0].mux, CTRL_RULES, span_of(big, sizeof big)), 0);
	for (int i = 0; i < 99 && *used < 4; i++)
		pair_turns(p, 1);
	CHECK_INT(*used, 4); /* half of the one from the edge lies at the connector */
	p->end[1].cap = p->end[1].n; /* and no more of it comes */
	CHECK_INT(mux_control(p->end[1].mux, CTRL_RULES, span_of(big, 4 * FRAME_PAYLOAD)), 0);
	pair_turns(p, 20);
	CHECK(p->end[1].over && p->end[1].why == MUX_NOMEM && p->bounds.row[BOUND_TUNNEL_HEARD].hits > 0);
	CHECK(p->bounds.row[BOUND_TUNNEL_HEARD].peak <= 7);
	pair_turns(p, 20);
	CHECK_INT(*used, 0);
	pair_free(p);
}

/* Another connection of the same process, which counts with it; its peer is of another one. */
static struct pair *kin_of(struct pair *p)
{
	struct pair *q = pair_new();

	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(q, i, &mux_class);

		o.kin = i ? NULL : &p->kin;
		o.bounds = i ? &q->bounds : &p->bounds;
		pair_start(q, i, &o);
	}
	pair_turns(q, 10);
	return q;
}

/* A connection whose peer reads nothing gathers what it has to say. Who has less of that does not end for it. */
TEST(control_frames_that_nobody_reads_end_no_other_connection)
{
	static const uint8_t answer[8];
	struct pair *p = both_kin(), *q = kin_of(p);
	uint64_t *used = &p->bounds.row[BOUND_TUNNEL_KEPT].used;
	int rc;

	for (size_t i = 0; i < 40000; i++) {
		p->end[1].cap = p->end[1].n;
		CHECK(mux_say(p->end[0].mux, FRAME_PONG, 0, span_of(answer, sizeof answer)));
	}
	loop_turn(p->loop, 0);
	CHECK(p->end[0].mux->blocked && *used > 100);
	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, *used);
	opens(q, 0, 0, 1, &rc);
	CHECK_INT(rc, 0);
	pair_turns(q, 10);
	CHECK(!q->end[0].over && !q->end[1].over && opened == 1 && users[1][0].got == 1);
	loop_turn(p->loop, 0);
	CHECK(p->end[0].over && p->end[0].why == MUX_NOMEM);
	CHECK_STR(p->end[0].words, "control frames that its peer does not read held memory that others needed");
	CHECK_INT(*used, 0);
	pair_free(q);
	pair_free(p);
}

/* Who ends has one word more. It costs nobody else anything. */
TEST(last_words_for_which_there_is_no_room_end_no_other_connection)
{
	static const uint8_t answer[8];
	struct pair *p = both_kin(), *q = kin_of(p);

	p->end[1].cap = p->end[1].n;
	for (size_t i = 0; i < 100; i++)
		mux_say(p->end[0].mux, FRAME_PONG, 0, span_of(answer, sizeof answer));
	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, p->bounds.row[BOUND_TUNNEL_KEPT].used);
	mux_die(q->end[0].mux, MUX_PROTOCOL, "a test");
	mux_kick(q->end[0].mux);
	loop_turn(q->loop, 0);
	CHECK(q->end[0].over && q->end[0].why == MUX_PROTOCOL);
	loop_turn(p->loop, 0);
	CHECK(!p->end[0].over);
	pair_free(q);
	pair_free(p);
}

/* What a deaf peer would read goes nowhere; it has answered no ping either, and the test ends before that tells. */
static void tick(struct pair *p, bool deaf)
{
	clock_fake_step(&p->clock, 3 * NS_PER_S);
	loop_turn(p->loop, 0);
	if (deaf)
		p->end[1].n = 0;
	else
		pair_turns(p, 400);
}

static size_t open_and_close(struct pair *p, size_t most)
{
	size_t n = 0;
	int rc = 0;

	while (n < most && opens(p, 0, n, 0, &rc)->s)
		duct_close(&users[0][n++].s->d, ZT_E_CANCELLED);
	CHECK_INT(rc, -ZT_E_FULL);
	return n;
}

/* Else one peer would hold the streams of all others for as long as it keeps its connection. */
TEST(who_answers_no_ends_of_streams_goes_before_others_have_none)
{
	struct pair *p = both_kin(), *q = kin_of(p);
	int rc;

	mux_free(p->end[1].mux);
	p->end[1].mux = NULL;
	bounds_set(&p->bounds, BOUND_STREAMS, 800);
	CHECK_INT(open_and_close(p, 5000), 701);
	opens(q, 0, 5000, 0, &rc);
	CHECK_INT(rc, -ZT_E_FULL);
	tick(p, true);
	CHECK(!p->end[0].over); /* they may have ended just before */
	tick(p, true);
	CHECK(p->end[0].over && p->end[0].why == MUX_NOMEM);
	CHECK_STR(p->end[0].words, "it does not answer the ends of its streams");
	opens(q, 0, 5001, 1, &rc);
	pair_turns(q, 10);
	CHECK(rc == 0 && users[1][opened - 1].got == 1);
	pair_free(q);
	pair_free(p);
}

TEST(who_answers_the_ends_of_streams_may_have_many_at_once)
{
	struct pair *p = both_kin();

	bounds_set(&p->bounds, BOUND_STREAMS, 800);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_INT(open_and_close(p, 5000), 701);
		CHECK_INT(p->end[0].mux->forsaken, 701);
		tick(p, false);
		CHECK_INT(p->end[0].mux->forsaken, 0);
		CHECK(!p->end[0].over && !p->end[1].over);
	}
	pair_free(p);
}

/* Each allows the other so many streams, and opens no more than `own`. */
static struct pair *both_allow(uint32_t streams, uint32_t own)
{
	struct pair *p = start();

	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		o.hello.streams = streams;
		o.streams = own;
		pair_start(p, i, &o);
	}
	pair_turns(p, 9);
	return p;
}

TEST(a_peer_allows_no_more_streams_than_we_would)
{
	struct pair *p = both_allow(UINT32_MAX, 3);
	int rc;

	CHECK_INT(mux_stats(p->end[0].mux).most, 3);
	for (size_t i = 0; i < 3; i++)
		opens(p, 0, i, 0, &rc);
	CHECK_INT(rc, 0);
	opens(p, 0, 3, 0, &rc);
	CHECK_INT(rc, -ZT_E_FULL);
	pair_free(p);
}

TEST(the_peers_limit_of_streams_is_kept)
{
	struct pair *p = both_allow(3, 0);
	int rc;

	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < 3; i++)
		opens(p, 0, i, 1, &rc);
	CHECK_INT(rc, 0);
	opens(p, 0, 3, 1, &rc);
	CHECK_INT(rc, -ZT_E_FULL);
	pair_turns(p, 9);
	duct_close(&users[0][0].s->d, ZT_E_CANCELLED);
	opens(p, 0, 3, 1, &rc);
	CHECK_INT(rc, -ZT_E_FULL); /* not before the peer has answered */
	pair_turns(p, 9);
	opens(p, 0, 3, 1, &rc);
	pair_turns(p, 9);
	CHECK(rc == 0 && opened == 4 && !p->end[1].over);
	pair_free(p);
}
