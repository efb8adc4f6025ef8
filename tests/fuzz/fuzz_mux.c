/* A multiplexer whose peer is the input: frames in records, with users that take, keep, echo or close. Invariants:
 * nothing waits beyond its bounds, credit is kept, what it says is well-formed, and its end gives everything back. */
#include "tests/unit/io/muxpair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void on_event(struct duct *d, unsigned events)
{
	struct stream *s = (struct stream *)(void *)d;
	struct span in = duct_peek(d);

	(void)events;
	if (d->end == DUCT_RESET || s->id % 16 == 6) {
		duct_close(d, 0);
		return;
	}
	if (s->id % 16 == 4)
		in = span_sub(in, 0, duct_put(d, in));
	duct_take(d, in.n);
	if (duct_ended(d)) {
		duct_finish(d);
		duct_close(d, 0);
	}
}
static const struct duct_user user_class = {on_event};

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	static const struct frame_open o = {.kind = FRAME_KIND_TCP, .name = "x"};
	struct stream *s;
	int rc;

	(void)h;
	for (unsigned i = 0; i < 3; i++)
		if ((s = stream_open(m, &o, &user_class, NULL, &rc)) != NULL) {
			duct_put(&s->d, SPAN_LIT("hello"));
			duct_want(&s->d, DUCT_IN);
		}
}
static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	(void)m;
	s->d.user = &user_class;
	if (o->kind == FRAME_KIND_UDP)
		stream_refuse(s, RESET_RULE, "no");
	else if (s->id % 16 != 2)
		duct_want(&s->d, DUCT_IN);
}
static void on_control(struct mux *m, unsigned kind, struct span s)
{
	mux_control(m, (enum frame_ctrl)kind, s);
}
static void on_leaving(struct mux *m, const struct frame_goaway *g)
{
	mux_leave(m, LEAVE_DRAIN, g->grace_ms, "too");
}
static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, pipe_over};

/* What it says is whole frames in whole records. */
static void check_said(struct pipe_end *e)
{
	size_t at = 0;

	while (e->n - at >= 2) {
		size_t len = e->bytes[at] + 256u * e->bytes[at + 1];
		struct span rec;

		if (e->n - at < 2 + len)
			break;
		rec = span_of(&e->bytes[at + 2], len);
		while (rec.n) {
			struct frame f;
			int n = frame_read(rec, &f);

			MUST(n > 0);
			rec = span_sub(rec, (size_t)n, rec.n);
		}
		at += 2 + len;
	}
	memmove(e->bytes, &e->bytes[at], e->n - at);
	e->n -= at;
}

static void check_sums(const struct mux *m)
{
	struct pool_at at = {0};
	size_t found = 0;

	MUST(m->win_in.received <= m->win_in.granted && m->win_out.sent <= m->win_out.limit);
	for (const struct stream_state *st; (st = pool_next(&m->pool, &at)) != NULL;) {
		found += st->found;
		MUST(st->in.received <= st->in.granted && st->out.sent <= st->out.limit && st->kept.n <= window_in_held(&st->in));
		MUST(m->run.of == NULL && m->run.n == 0 && (st->found || st->closed || st->state == STRM_CLOSED));
	}
	MUST(found == m->mine + m->theirs && m->theirs <= 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pair *p = pair_new();
	struct mux_opts o = pair_opts(p, 1, &mux_class);
	struct pipe_end *e = &p->end[1];
	struct span in = span_of(data, n);

	o.hello.streams = 20;
	o.hello.credit = 300000;
	bounds_set(&p->bounds, BOUND_TUNNEL_KEPT, 30);
	pair_start(p, 1, &o);
	/* {u8 how, u16 length, bytes}: how is room for its answers, and a step of the clock. */
	while (in.n > 3 && e->mux) {
		size_t len = num_min(in.p[1] + 256u * in.p[2], num_min(in.n - 3, 16384));

		p->end[0].cap = in.p[0] & 1 ? p->end[0].n : PIPE_MOST;
		clock_fake_step(&p->clock, (uint64_t)(in.p[0] >> 4) * 100000000);
		e->bytes[0] = (uint8_t)len;
		e->bytes[1] = (uint8_t)(len >> 8);
		memcpy(&e->bytes[2], &in.p[3], len);
		e->n = 2 + len;
		in = span_sub(in, 3 + len, in.n);
		loop_turn(p->loop, 0);
		if (e->mux)
			mux_ready(e->mux, LOOP_IN | LOOP_OUT);
		check_said(&p->end[0]);
		if (e->mux)
			check_sums(e->mux);
	}
	mux_free(e->mux);
	e->mux = NULL;
	MUST(p->bounds.row[BOUND_STREAMS].used == 0 && p->bounds.row[BOUND_TUNNEL_KEPT].used == 0);
	pair_free(p);
	return 0;
}
