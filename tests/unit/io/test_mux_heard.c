/* mux: half messages of several connections of one peer. */
#include "tests/unit/io/muxusers.h"

/* Until half of a message of six parts lies at this end; and no more of it comes. */
static void says_half(struct pair *p, unsigned to)
{
	static uint8_t big[6 * FRAME_PAYLOAD];

	NEED(mux_control(p->end[!to].mux, CTRL_RULES, span_of(big, sizeof big)) == 0);
	for (int i = 0; i < 99 && p->end[to].mux->hear.n < 4 * FRAME_PAYLOAD; i++)
		pair_turns(p, 1);
	p->end[to].cap = p->end[to].n;
	CHECK_INT(p->end[to].mux->hear.n, 4 * FRAME_PAYLOAD);
}

/* A peer with as much on each of two connections as another one has on one gives way. */
TEST(half_messages_are_counted_by_whose_they_are)
{
	static const char *const who[] = {"one", "one", "other", "late"};
	static uint8_t small[9];
	struct pair *p = start(), *q = pair_new();

	for (unsigned i = 0; i < 4; i++) {
		struct mux_opts o = pair_opts(i < 2 ? p : q, i % 2, &mux_class);

		o.bounds = &p->bounds;
		o.kin = &p->kin;
		o.who = who[i];
		pair_start(i < 2 ? p : q, i % 2, &o);
	}
	pair_turns(p, 9);
	pair_turns(q, 9);
	bounds_set(&p->bounds, BOUND_TUNNEL_HEARD, 12);
	says_half(p, 0);
	says_half(p, 1);
	says_half(q, 0);
	CHECK_INT(p->bounds.row[BOUND_TUNNEL_HEARD].used, 12);
	controls = 0;
	CHECK_INT(mux_control(q->end[0].mux, CTRL_RULES, span_of(small, sizeof small)), 0);
	pair_turns(q, 20);
	pair_turns(p, 20);
	CHECK(controls == CTRL_RULES && !q->end[0].over && !q->end[1].over);
	CHECK((p->end[0].over && p->end[0].why == MUX_NOMEM) || (p->end[1].over && p->end[1].why == MUX_NOMEM));
	pair_free(q);
	pair_free(p);
}
