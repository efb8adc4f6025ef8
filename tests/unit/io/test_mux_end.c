/* mux: ends that are neither side's user's: a drain that is cut short, a stream that is ended from outside. */
#include "tests/unit/io/muxpair.h"

#include "tests/unit/unit.h"

static struct stream *took;
static unsigned leavings, code[2];
static uint64_t delivered[2], got;
static char text[2][FRAME_TEXT];

/* Of 0, who opened it, and 1, who took it. */
static void on_event(struct duct *d, unsigned events)
{
	struct stream *s = (struct stream *)(void *)d;
	unsigned who = s != took ? 0 : 1;

	if (events & DUCT_IN) {
		got += duct_peek(d).n;
		duct_take(d, duct_peek(d).n);
	}
	if (d->end != DUCT_RESET)
		return;
	delivered[who] = s->delivered;
	code[who] = s->code;
	snprintf(text[who], sizeof text[who], "%s", duct_why(d));
	duct_close(d, 0);
}
static const struct duct_user user = {on_event};

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	(void)m;
	(void)h;
}
static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	(void)m;
	(void)o;
	took = s;
	s->d.user = &user;
	duct_want(&s->d, DUCT_IN);
}
static void on_control(struct mux *m, unsigned kind, struct span message)
{
	(void)m;
	(void)kind;
	(void)message;
}
static void on_leaving(struct mux *m, const struct frame_goaway *g)
{
	(void)m;
	leavings += g->reason;
}
static const struct mux_class cls = {on_hello, on_opened, on_control, on_leaving, pipe_over};

/* Two, and a stream between them. */
static struct pair *both(struct stream **opened)
{
	static const struct frame_open o = {.kind = FRAME_KIND_HTTP, .rule = 7, .epoch = 3, .name = "app.example"};
	struct pair *p = pair_new();
	int rc = 0;

	took = NULL;
	leavings = code[0] = code[1] = 0;
	got = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts opts = pair_opts(p, i, &cls);

		pair_start(p, i, &opts);
	}
	pair_turns(p, 10);
	*opened = stream_open(p->end[0].mux, &o, &user, NULL, &rc);
	CHECK_INT(rc, 0);
	pair_turns(p, 9);
	CHECK(took != NULL);
	return p;
}

TEST(leaving_can_be_brought_nearer_and_not_put_off)
{
	struct stream *s;
	struct pair *p = both(&s);

	mux_leave(p->end[1].mux, LEAVE_DRAIN, 5000, "restart");
	mux_leave(p->end[1].mux, LEAVE_DRAIN, 60000, "later");
	pair_turns(p, 9);
	CHECK(!p->end[1].over && leavings == LEAVE_DRAIN); /* said once */
	mux_leave(p->end[1].mux, LEAVE_DENIED, 0, "revoked");
	pair_turns(p, 9);
	CHECK(p->end[1].over && p->end[1].why == MUX_LEFT && p->end[0].over);
	CHECK(code[0] == RESET_GONE && code[1] == RESET_GONE && leavings == LEAVE_DRAIN);
	pair_free(p);
}

TEST(ending_a_stream_from_outside_tells_both_its_users)
{
	struct stream *s;
	struct pair *p = both(&s);

	CHECK_STR(s->name, "app.example");
	CHECK_STR(took->name, "app.example");
	stream_end(s, RESET_POLICY, "the name is not granted any more");
	CHECK_INT(code[0], RESET_POLICY); /* at once */
	CHECK_STR(text[0], "the name is not granted any more");
	pair_turns(p, 9);
	CHECK_INT(code[1], RESET_POLICY);
	CHECK_STR(text[1], "the name is not granted any more");
	CHECK(!p->end[0].over && !p->end[1].over);
	CHECK_INT(mux_stats(p->end[0].mux).streams + mux_stats(p->end[1].mux).streams, 0);
	pair_free(p);
}

/* What a connection took with it may have reached an origin or not: "0 bytes" would let it be asked again. */
TEST(nobody_knows_what_a_connection_took_with_it)
{
	struct stream *s;
	struct pair *p = both(&s);

	delivered[0] = delivered[1] = 0;
	p->end[0].cut = p->end[1].cut = true;
	pair_turns(p, 5);
	CHECK(code[0] == RESET_GONE && delivered[0] == UINT64_MAX && delivered[1] == UINT64_MAX);
	pair_free(p);
	p = both(&s);
	stream_end(s, RESET_POLICY, "not any more");
	CHECK(code[0] == RESET_POLICY && delivered[0] == UINT64_MAX);
	pair_free(p);
}

#define MILLI UINT64_C(1000000)

static bool suspects(struct pair *p, uint64_t ms)
{
	clock_fake_step(&p->clock, ms * MILLI);
	pair_turns(p, 3);
	return mux_stats(p->end[0].mux).suspect;
}

/* Within half a second of the first stream that is opened into the silence, not with the next PING. */
TEST(who_does_not_answer_is_suspect_until_he_does)
{
	static const struct frame_open o = {.kind = FRAME_KIND_HTTP, .name = "app.example"};
	struct stream *s;
	struct pair *p = both(&s);
	int rc;

	CHECK(!suspects(p, 2000)); /* nobody wants anything: silence is nothing */
	p->end[0].cap = 0;         /* what the connector says does not arrive */
	CHECK(stream_open(p->end[0].mux, &o, &user, NULL, &rc) != NULL);
	CHECK(!suspects(p, 499) && suspects(p, 2));
	p->end[0].cap = PIPE_MOST;
	CHECK(!suspects(p, 1));
	CHECK(!suspects(p, 400)); /* and while he talks nobody is asked */
	CHECK(stream_open(p->end[0].mux, &o, &user, NULL, &rc) != NULL);
	p->end[0].cap = 0;
	CHECK(!suspects(p, 700));
	pair_free(p);
}

/* Stopped for longer than the other side waits: what lies there is late. */
TEST(what_comes_late_is_not_read)
{
	static const struct frame_open o = {.kind = FRAME_KIND_HTTP, .name = "late.example"};
	struct stream *s, *late;
	struct pair *p = both(&s);
	int rc;

	late = stream_open(p->end[0].mux, &o, &user, NULL, &rc);
	CHECK(late != NULL);
	duct_put(&late->d, SPAN_LIT("GET / HTTP/1.1"));
	mux_ready(p->end[0].mux, 0);
	CHECK(p->end[1].n > 0);
	took = NULL;
	clock_fake_step(&p->clock, 9000 * MILLI);
	loop_timer_stop(p->loop, &p->end[1].mux->tick); /* as in a turn of the loop, where sockets come first */
	pair_turns(p, 3);
	CHECK(p->end[1].over && p->end[1].why == MUX_SILENT && took == NULL && got == 0);
	pair_free(p);
}

/* Bulk goes one way so slowly that PINGs and PONGs wait behind it for longer than silence may last: whoever gets it says
 * something all the same. */
TEST(who_is_slow_is_not_dead)
{
	static const uint8_t some[100];
	struct stream *s;
	struct pair *p = both(&s);

	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 2 && !p->end[k].over; k++)
			p->end[k].mux->pinging = true;
		NEED(!p->end[0].over && !p->end[1].over);
		CHECK_INT(duct_put(&took->d, span_of(some, sizeof some)), sizeof some);
		clock_fake_step(&p->clock, 1000 * MILLI);
		pair_turns(p, 20);
	}
	CHECK(p->end[1].mux && p->end[1].mux->heard_ns > p->end[1].mux->now - 7000 * MILLI);
	pair_free(p);
}

static size_t came;

static ssize_t part_of_a_record(struct mux *m)
{
	m->in.have += came;
	return -ZT_E_AGAIN;
}

/* A record of 16 KiB may take longer than silence may last. */
TEST(a_part_of_a_record_is_no_silence)
{
	static const struct mux_carrier slow = {part_of_a_record, pipe_seal, pipe_send, pipe_bye, pipe_ended, NULL, NULL};
	struct stream *s;
	struct pair *p = both(&s);
	unsigned i;

	p->end[1].mux->c.by = &slow;
	for (i = 0; i < 60 && !p->end[1].over; i++) {
		came = i < 30;
		clock_fake_step(&p->clock, 1000 * MILLI);
		loop_turn(p->loop, 0);
		if (!p->end[1].over)
			mux_ready(p->end[1].mux, LOOP_IN);
	}
	CHECK(p->end[1].over && p->end[1].why == MUX_SILENT);
	CHECK_INT(i, 30 + 9);
	pair_free(p);
}

static uint64_t typed_after(struct pair *p, struct stream *to, size_t n, unsigned ms)
{
	static const uint8_t some[2000];

	clock_fake_step(&p->clock, ms * MILLI);
	CHECK_INT(duct_put(&to->d, span_of(some, n)), n);
	pair_turns(p, 20);
	return p->end[0].mux->typed_ns / MILLI;
}

/* Few bytes, and few again, of a stream that is no bulk; looked at twice a second, because somebody is told each time. */
TEST(who_types_is_seen)
{
	struct stream *s;
	struct pair *p = both(&s);
	struct stream_state *st = (struct stream_state *)s;
	uint64_t none = p->end[0].mux->typed_ns / MILLI;
	uint64_t first;

	CHECK_INT(typed_after(p, took, 100, 1000), none); /* a request */
	CHECK_INT(typed_after(p, took, 1025, 1), none);
	CHECK_INT(typed_after(p, took, 1024, 1), none); /* what was left of a turn of bulk */
	first = typed_after(p, took, 1024, 1);
	CHECK_INT(first, p->clock.mono_ns / MILLI);
	CHECK(first > none);
	CHECK_INT(typed_after(p, took, 100, 499), first);
	CHECK_INT(typed_after(p, took, 1, 1), first + 500);
	st->in.since = 4000000; /* bulk, two of whose turns were short */
	CHECK_INT(typed_after(p, took, 100, 1000), first + 500);
	st->in.since = 0;
	duct_finish(&took->d);
	CHECK_INT(typed_after(p, took, 0, 1000), first + 500); /* an end is no key */
	pair_free(p);
}

/* Said all and gone: a peer that answers may take its time for its end; one that is silent is not waited for. */
TEST(a_drain_waits_for_nobody_who_is_gone)
{
	for (unsigned silent = 0; silent < 2; silent++) {
		struct stream *s;
		struct pair *p = both(&s);

		duct_finish(&s->d);
		duct_close(&s->d, 0);
		pair_turns(p, 9);
		mux_leave(p->end[0].mux, LEAVE_DRAIN, 30000, "restart");
		pair_turns(p, 9);
		CHECK(!p->end[0].over);
		if (silent)
			p->end[0].cap = 0;
		for (unsigned i = 0; i < 10; i++) {
			clock_fake_step(&p->clock, 400 * NS_PER_MS);
			pair_turns(p, 9);
		}
		CHECK_INT(p->end[0].over, silent);
		CHECK(!silent || p->end[0].why == MUX_LEFT);
		pair_free(p);
	}
}
