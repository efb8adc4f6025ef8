/* mux: the pace, which is how much is sent before the path has shown that it takes it. Time is what a test says. */
#include "tests/unit/io/muxusers.h"

#define CAP 65792u           /* of a batch: four records */
#define FIRST (CAP / 4)
#define LEAST (FIRST / 8)    /* half of it would be less than 2,048 */
#define MS UINT64_C(1000000)

/* The edge has megabytes to send, and the test says when its socket takes some. */
static struct pair *sender(bool paced, unsigned streams)
{
	struct pair *p = start();
	int rc;

	paces = 0;
	p->paced = paced;
	both_of(p);
	p->end[0].mux->pace = paced ? FIRST : CAP; /* whatever it has learned of a pipe that takes everything */
	p->end[1].cap = 0;
	next_user = (struct user){.takes = true};
	for (size_t i = 0; i < streams; i++)
		opens(p, 0, i, 1u << 20, &rc);
	mux_ready(p->end[0].mux, LOOP_IN);
	paces = 0;
	return p;
}

/* What the edge sends when its loop tells it this, and the socket takes all. */
static size_t sent(struct pair *p, unsigned events)
{
	size_t had = p->end[1].n;

	p->end[1].cap = PIPE_MOST;
	mux_ready(p->end[0].mux, events);
	return p->end[1].n - had;
}

/* The far side reads what is there. */
static void taken(struct pair *p)
{
	for (unsigned i = 0; i < 40 && p->end[1].n; i++)
		mux_ready(p->end[1].mux, LOOP_IN);
	CHECK_INT(p->end[1].n, 0);
}

/* The socket is full for so long. */
static void full_for(struct pair *p, uint64_t ns)
{
	struct mux *m = p->end[0].mux;

	taken(p);
	p->end[1].cap = 0;
	mux_ready(m, LOOP_IN | LOOP_OUT); /* what it was blocked for until now took no time */
	m->blocked_ns = m->now;
	clock_fake_step(&p->clock, ns);
	loop_turn(p->loop, 0);
	CHECK(m->blocked && (mux_wants(m) & LOOP_OUT));
}

TEST(it_begins_with_a_record_and_says_so)
{
	struct pair *p = start();

	paces = 0;
	p->paced = true;
	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		pair_start(p, i, &o);
		CHECK_INT(p->end[i].mux->pace, FIRST);
		CHECK_INT(p->end[i].mux->out.cap, CAP);
	}
	CHECK_INT(paces, 2);
	pair_free(p);
}

TEST(how_long_the_socket_stays_full_halves_or_doubles_it)
{
	static const struct {
		uint64_t ns;
		size_t want;
	} rows[] = {
		{0, 2 * FIRST}, {10 * MS - 1, 2 * FIRST},
		{10 * MS, FIRST}, {30 * MS, FIRST}, {50 * MS, FIRST},
		{50 * MS + 1, FIRST / 2}, {100 * MS, FIRST / 2},
		{101 * MS, FIRST / 4}, {200 * MS, FIRST / 4},
		{201 * MS, LEAST}, {2000 * MS, LEAST}, {8000 * MS, LEAST}, /* a control frame must fit, however slow it is */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair *p = sender(true, 1);
		struct mux *m = p->end[0].mux;

		CHECK_INT(m->pace, FIRST);
		p->end[1].cap = 0;
		m->blocked_ns = m->now;
		clock_fake_step(&p->clock, rows[i].ns);
		loop_turn(p->loop, 0);
		CHECK(m->blocked && paces == 0);
		sent(p, LOOP_OUT);
		CHECK_INT(m->pace, rows[i].want);
		CHECK_INT(paces, rows[i].want != FIRST); /* told once, and not if it stays */
		pair_free(p);
	}
}

TEST(it_climbs_to_all_there_is_and_no_further)
{
	static const size_t want[] = {2 * FIRST, CAP, CAP, CAP};
	struct pair *p = sender(true, 3);

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		full_for(p, MS);
		p->end[0].mux->pace = i ? want[i - 1] : FIRST;
		paces = 0;
		sent(p, LOOP_IN | LOOP_OUT);
		CHECK_INT(p->end[0].mux->pace, want[i]);
		CHECK_INT(paces, i < 2);
	}
	pair_free(p);
}

/* Only the socket knows that it has room again; what arrives meanwhile says nothing of it. */
TEST(what_arrives_is_no_measure_of_what_leaves)
{
	struct pair *p = sender(true, 1);
	struct mux *m = p->end[0].mux;

	full_for(p, 60 * MS);
	paces = 0;
	m->pace = FIRST;
	sent(p, LOOP_IN);
	CHECK(m->blocked && m->pace == FIRST && paces == 0);
	sent(p, LOOP_OUT);
	CHECK(m->pace == FIRST / 2 && paces == 1);
	pair_free(p);
}

/* The time that the socket was full is counted from when it was, not from when somebody tried last. */
TEST(trying_in_between_does_not_begin_it_anew)
{
	struct pair *p = sender(true, 1);
	struct mux *m = p->end[0].mux;

	full_for(p, 40 * MS);
	mux_ready(m, LOOP_IN);
	clock_fake_step(&p->clock, 20 * MS);
	loop_turn(p->loop, 0);
	m->pace = FIRST;
	sent(p, LOOP_OUT);
	CHECK_INT(m->pace, FIRST / 2);
	pair_free(p);
}

/* A socket takes more than the path does: it is asked after each half of a batch. Where all is fast, never. */
TEST(a_slow_path_is_asked_between_batches_and_a_fast_one_is_not)
{
	struct pair *p = sender(true, 4);
	struct mux *m = p->end[0].mux;
	size_t n;

	full_for(p, 30 * MS);
	m->pace = FIRST;
	n = sent(p, LOOP_OUT);
	CHECK(n > FIRST / 2 && n <= 2 * FIRST); /* what was sealed, and one batch more before it says so */
	CHECK(m->blocked && m->out.head == m->out.tail && (mux_wants(m) & LOOP_OUT));
	CHECK_INT(sent(p, LOOP_IN), 0);
	CHECK_INT(sent(p, 0), 0);
	clock_fake_step(&p->clock, 30 * MS);
	loop_turn(p->loop, 0);
	CHECK(sent(p, LOOP_OUT) > FIRST / 2);
	full_for(p, 30 * MS);
	m->pace = CAP;
	n = sent(p, LOOP_OUT);
	CHECK(n > CAP && !m->blocked && mux_wants(m) == LOOP_IN);
	pair_free(p);
}

/* Each time it has room: a batch is no more than the pace, records and all. */
TEST(no_batch_is_more_than_the_path_takes_in_a_moment)
{
	static const size_t paces_of[] = {LEAST, 4 * LEAST, FIRST, 2 * FIRST};

	for (size_t i = 0; i < ARRAY_LEN(paces_of); i++) {
		struct pair *p = sender(true, 5);
		struct mux *m = p->end[0].mux;
		uint64_t had;

		full_for(p, 30 * MS);
		m->pace = paces_of[i];
		sent(p, LOOP_OUT); /* sealed before */
		taken(p);
		had = users[1][0].got + users[1][4].got;
		for (unsigned k = 0; k < 40; k++) {
			size_t n;

			clock_fake_step(&p->clock, 30 * MS);
			loop_turn(p->loop, 0);
			n = sent(p, LOOP_IN | LOOP_OUT); /* credit comes in, too */
			CHECK(n > 0 && n <= paces_of[i]);
			taken(p);
		}
		CHECK_INT(m->pace, paces_of[i]);
		CHECK(users[1][0].got + users[1][4].got > had + 2 * paces_of[i]);
		CHECK_INT(wrong_bytes, 0);
		pair_free(p);
	}
}

/* Nothing else has to leave: and yet a piece is no more than a quarter, or a keystroke would wait for it. */
TEST(a_message_leaves_in_quarters_of_a_batch)
{
	static const uint8_t mem[40000];
	struct pair *p = sender(true, 0);
	struct mux *m = p->end[0].mux;
	unsigned rounds = 0;

	m->pace = LEAST;
	sent(p, LOOP_OUT);
	taken(p);
	p->end[1].cap = 0;
	CHECK_INT(mux_control(m, CTRL_RULES, span_of(mem, sizeof mem)), 0);
	for (; rounds < 200 && controls == 0; rounds++) {
		clock_fake_step(&p->clock, 30 * MS);
		p->end[1].cap = 0; /* one piece: with the next the socket is full */
		loop_turn(p->loop, 0);
		CHECK(p->end[0].mux->out.tail - p->end[0].mux->out.head <= LEAST / 4 + 2);
		sent(p, LOOP_OUT);
		taken(p);
	}
	CHECK_INT(controls, CTRL_RULES);
	CHECK_INT(last_control.n, sizeof mem);
	CHECK(rounds >= sizeof mem / LEAST);
	pair_free(p);
}

TEST(the_longest_open_and_the_longest_reset_fit_the_least_pace)
{
	struct frame_open o = {.kind = FRAME_KIND_HTTP, .rule = 7, .epoch = 3};
	char text[FRAME_TEXT] = {0};
	struct pair *p = sender(true, 0);
	struct mux *m = p->end[0].mux;
	struct user *u = &users[0][0];
	int rc = 0;

	memset(o.name, 'n', 253);
	memset(text, 't', sizeof text - 1);
	m->pace = LEAST;
	u->s = stream_open(m, &o, &user_class, u, &rc);
	NEED(u->s);
	sent(p, LOOP_OUT);
	taken(p);
	CHECK(opened == 1 && strlen(last_open.name) == 253);
	clock_fake_step(&p->clock, 30 * MS);
	loop_turn(p->loop, 0);
	stream_reset(u->s, RESET_RULE, text);
	sent(p, LOOP_OUT);
	taken(p);
	CHECK(users[1][0].end == DUCT_RESET && users[1][0].code == RESET_RULE);
	CHECK_INT(m->pace, LEAST);
	pair_free(p);
}

TEST(a_carrier_without_a_pace_has_all_of_it_always)
{
	struct pair *p = sender(false, 1);
	struct mux *m = p->end[0].mux;

	CHECK_INT(m->pace, CAP);
	full_for(p, 8000 * MS);
	sent(p, LOOP_OUT);
	CHECK_INT(m->pace, CAP);
	CHECK(!m->blocked && paces == 0);
	pair_free(p);
}
