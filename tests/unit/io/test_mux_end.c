/* mux: ends that are neither side's user's: a drain that is cut short, a stream that is ended from outside. */
#include "tests/unit/io/muxpair.h"

#include "tests/unit/unit.h"

static struct stream *took;
static unsigned leavings, code[2];
static char text[2][FRAME_TEXT];

/* Of 0, who opened it, and 1, who took it. */
static void on_event(struct duct *d, unsigned events)
{
	struct stream *s = (struct stream *)(void *)d;
	unsigned who = s != took ? 0 : 1;

	(void)events;
	if (d->end != DUCT_RESET)
		return;
	code[who] = s->reset.code;
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
