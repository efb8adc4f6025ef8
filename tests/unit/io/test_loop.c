/* The loop's contract, on both back ends: order, interest, fairness, reaping, hang-ups. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/loop.h"

struct probe {
	struct source src;
	unsigned want, seen, calls;
	bool reaped, close_in_ready;
	struct probe *closes;  /* closed by this one's callback */
	unsigned eat;          /* bytes read per call */
};

static char trace[256];
static size_t traced;

static void note(char c)
{
	if (traced + 1 < sizeof trace) {
		trace[traced++] = c;
		trace[traced] = 0;
	}
}

static unsigned probe_wants(const struct source *s)
{
	return CONTAINER_OF(s, const struct probe, src)->want;
}

static void probe_ready(struct source *s, unsigned events)
{
	struct probe *p = CONTAINER_OF(s, struct probe, src);
	char tmp[64];

	p->calls++;
	p->seen |= events;
	CHECK(!p->reaped);
	if (p->eat && (events & LOOP_IN))
		CHECK(read(s->fd, tmp, p->eat) >= 0);
	if (p->closes) {
		loop_close(&p->closes->src);
		CHECK(!p->closes->reaped); /* never inside a callback */
	}
	if (p->close_in_ready) {
		loop_close(s);
		CHECK(!p->reaped);
	}
}

static void probe_reap(struct source *s)
{
	CONTAINER_OF(s, struct probe, src)->reaped = true;
}

static const struct source_class probe_class = {"probe", probe_wants, probe_ready, probe_reap};
static struct clock_fake fake;

static struct loop *open_loop(enum loop_backend kind)
{
	struct loop *l = NULL;

	clock_fake_init(&fake, 5 * NS_PER_S, 0);
	traced = 0;
	trace[0] = 0;
	CHECK_INT(loop_open(&l, kind, &fake.clock), 0);
	return l;
}

static int pair(struct loop *l, struct probe *p, unsigned want)
{
	int sv[2];

	*p = (struct probe){.want = want, .eat = 1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0)
		abort();
	p->src = (struct source){.cls = &probe_class, .fd = sv[0]};
	CHECK_INT(loop_add(l, &p->src), 0);
	return sv[1];
}

static void interest_is_asked_not_told(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	struct probe a;
	int peer = pair(l, &a, 0);

	CHECK_INT(write(peer, "x", 1), 1);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 0); /* it wants nothing */
	a.want = LOOP_IN;
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 0); /* nobody told the loop to ask again */
	loop_touch(&a.src);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 1);
	CHECK_INT(a.seen, LOOP_IN);
	a.want = LOOP_IN | LOOP_OUT;
	loop_touch(&a.src);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.seen, LOOP_IN | LOOP_OUT);
	loop_free(l);
	CHECK(a.reaped);
	close(peer);
}
TEST(interest_is_asked_not_told_epoll) { interest_is_asked_not_told(LOOP_EPOLL); }
TEST(interest_is_asked_not_told_poll) { interest_is_asked_not_told(LOOP_POLL); }

static void closed_source_gets_no_callback(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	struct probe a, b;
	int pa = pair(l, &a, LOOP_IN), pb = pair(l, &b, LOOP_IN);

	a.closes = &b;
	b.closes = &a; /* whichever is called first closes the other */
	CHECK_INT(write(pa, "x", 1), 1);
	CHECK_INT(write(pb, "x", 1), 1);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls + b.calls, 1);
	CHECK(a.reaped != b.reaped);
	CHECK(loop_closed(&a.src) != loop_closed(&b.src));
	loop_free(l);
	CHECK(a.reaped && b.reaped);
	close(pa);
	close(pb);
}
TEST(closed_source_gets_no_callback_epoll) { closed_source_gets_no_callback(LOOP_EPOLL); }
TEST(closed_source_gets_no_callback_poll) { closed_source_gets_no_callback(LOOP_POLL); }

static void hang_up_is_told_once_to_who_wants_nothing(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	struct probe a;
	int peer = pair(l, &a, 0);

	CHECK_INT(write(peer, "xyz", 3), 3);
	close(peer);
	for (int i = 0; i < 5; i++)
		CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 1); /* level triggering would spin: five calls */
	CHECK_INT(a.seen, LOOP_HUP);
	a.want = LOOP_IN; /* now there is room for the three bytes */
	loop_touch(&a.src);
	for (int i = 0; i < 3; i++)
		CHECK_INT(loop_turn(l, 0), 0);
	CHECK(a.calls >= 3);
	CHECK(a.seen & LOOP_IN);
	a.want = 0;
	loop_touch(&a.src);
	CHECK_INT(loop_turn(l, 0), 0);
	a.calls = 0;
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 0);
	loop_free(l);
}
TEST(hang_up_is_told_once_epoll) { hang_up_is_told_once_to_who_wants_nothing(LOOP_EPOLL); }
TEST(hang_up_is_told_once_poll) { hang_up_is_told_once_to_who_wants_nothing(LOOP_POLL); }

static void closing_a_parked_source_is_clean(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	struct probe a;

	close(pair(l, &a, 0));
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(loop_turn(l, 0), 0);
	loop_close(&a.src);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK(a.reaped);
	CHECK_INT(loop_stats(l).sources, 0);
	loop_free(l);
}
TEST(closing_a_parked_source_epoll) { closing_a_parked_source_is_clean(LOOP_EPOLL); }
TEST(closing_a_parked_source_poll) { closing_a_parked_source_is_clean(LOOP_POLL); }

/* p asks for another turn and then closes q, which had asked for one too: q must be neither
 * called nor freed while a list still names it. */
static void again_then_close_ready(struct source *s, unsigned events)
{
	struct probe *p = CONTAINER_OF(s, struct probe, src);

	(void)events;
	p->calls++;
	loop_again(s);
	if (p->closes)
		loop_close(&p->closes->src);
}

static void free_probe(struct source *s)
{
	free(CONTAINER_OF(s, struct probe, src));
}

static const struct source_class again_class = {"again", probe_wants, again_then_close_ready, free_probe};

static struct probe *again_probe(struct loop *l, int *peer)
{
	struct probe *p = calloc(1, sizeof *p);
	int sv[2];

	if (p == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) < 0)
		abort();
	p->src = (struct source){.cls = &again_class, .fd = sv[0]};
	*peer = sv[1];
	CHECK_INT(loop_add(l, &p->src), 0);
	return p;
}

static void closed_after_asking_again(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	int pa, pb;
	struct probe *a = again_probe(l, &pa), *b = again_probe(l, &pb);

	b->closes = a;
	loop_again(&a->src); /* a runs first and asks again; then b closes it in the same pass */
	loop_again(&b->src);
	CHECK_INT(loop_turn(l, 0), 0);
	b->closes = NULL;
	CHECK_INT(loop_turn(l, -1), 0);
	CHECK_INT(loop_turn(l, -1), 0);
	CHECK_INT(b->calls, 3);
	CHECK_INT(loop_stats(l).reaped, 1);
	loop_touch(&b->src);
	loop_close(&b->src); /* touched, asked again, closed: and then the loop itself ends */
	loop_free(l);
	close(pa);
	close(pb);
}
TEST(closed_after_asking_again_epoll) { closed_after_asking_again(LOOP_EPOLL); }
TEST(closed_after_asking_again_poll) { closed_after_asking_again(LOOP_POLL); }

struct tick {
	struct timer t;
	char name;
	struct loop *reset_in;
};

static void tick_fire(struct timer *t, uint64_t now)
{
	struct tick *k = CONTAINER_OF(t, struct tick, t);

	(void)now;
	note(k->name);
	if (k->reset_in)
		CHECK(loop_timer(k->reset_in, t, 0));
}

TEST(timers_fire_in_order_and_never_twice_a_turn)
{
	struct loop *l = open_loop(LOOP_EPOLL);
	struct tick a = {.t = {.fire = tick_fire}, .name = 'a'}, b = {.t = {.fire = tick_fire}, .name = 'b'},
		    c = {.t = {.fire = tick_fire}, .name = 'c', .reset_in = l};

	CHECK(loop_timer(l, &a.t, 20 * NS_PER_MS));
	CHECK(loop_timer(l, &b.t, 10 * NS_PER_MS));
	CHECK(loop_timer(l, &c.t, 10 * NS_PER_MS));
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_STR(trace, "");
	clock_fake_step(&fake, 10 * NS_PER_MS);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_STR(trace, "bc");
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_STR(trace, "bcc"); /* c set itself again: next turn, once */
	loop_timer_stop(l, &c.t);
	clock_fake_step(&fake, NS_PER_S);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_STR(trace, "bcca");
	loop_free(l);
}

static void again_waits_for_the_next_turn(enum loop_backend kind)
{
	struct loop *l = open_loop(kind);
	struct probe a;
	int peer = pair(l, &a, 0);

	a.eat = 0;
	loop_again(&a.src);
	loop_again(&a.src); /* once is enough */
	CHECK_INT(loop_turn(l, -1), 0); /* must not wait: there is work */
	CHECK_INT(a.calls, 1);
	CHECK_INT(a.seen, LOOP_IN | LOOP_ASKED); /* who is told bytes came is told LOOP_IN alone */
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 1);
	loop_again(&a.src);
	loop_close(&a.src);
	CHECK_INT(loop_turn(l, 0), 0);
	CHECK_INT(a.calls, 1); /* closed meanwhile */
	loop_free(l);
	close(peer);
}
TEST(again_epoll) { again_waits_for_the_next_turn(LOOP_EPOLL); }
TEST(again_poll) { again_waits_for_the_next_turn(LOOP_POLL); }

/* 600 sources ready for ever, a batch of 256: everyone must be served before anyone gets
 * far ahead. */
static void nobody_starves(enum loop_backend kind)
{
	enum { N = 600, TURNS = 12 };
	struct loop *l = open_loop(kind);
	struct probe *p = calloc(N, sizeof *p);
	int *peer = calloc(N, sizeof *peer);
	unsigned least = UINT32_MAX;

	for (int i = 0; i < N; i++) {
		peer[i] = pair(l, &p[i], LOOP_OUT); /* always writable */
		p[i].eat = 0;
	}
	for (int i = 0; i < TURNS; i++)
		CHECK_INT(loop_turn(l, 0), 0);
	for (int i = 0; i < N; i++)
		if (p[i].calls < least)
			least = p[i].calls;
	CHECK(least >= TURNS * 256 / N - 2);
	loop_free(l);
	for (int i = 0; i < N; i++)
		close(peer[i]);
	free(peer);
	free(p);
}
TEST(nobody_starves_epoll) { nobody_starves(LOOP_EPOLL); }
TEST(nobody_starves_poll) { nobody_starves(LOOP_POLL); }

TEST(both_back_ends_agree_on_a_random_life)
{
	enum { N = 24, STEPS = 4000 };
	enum loop_backend kinds[2] = {LOOP_EPOLL, LOOP_POLL};
	unsigned long long sum[2] = {0, 0};

	for (int k = 0; k < 2; k++) {
		struct loop *l = open_loop(kinds[k]);
		struct probe p[N] = {0};
		int peer[N];
		uint32_t x = 12345;

		for (int i = 0; i < N; i++)
			peer[i] = pair(l, &p[i], LOOP_IN);
		for (int step = 0; step < STEPS; step++) {
			uint32_t i;

			x = x * 1664525u + 1013904223u;
			i = (x >> 8) % N;
			if ((x >> 24) % 8 == 0 && !loop_closed(&p[i].src)) {
				loop_close(&p[i].src);
			} else if (loop_closed(&p[i].src) && p[i].reaped) {
				close(peer[i]);
				peer[i] = pair(l, &p[i], LOOP_IN);
			} else if (!loop_closed(&p[i].src)) {
				p[i].want = (x >> 16) % 2 ? LOOP_IN : 0;
				loop_touch(&p[i].src);
				CHECK(write(peer[i], "y", 1) == 1 || p[i].want == 0);
			}
			CHECK_INT(loop_turn(l, 0), 0);
			sum[k] = sum[k] * 31 + p[i].calls;
		}
		loop_free(l);
		for (int i = 0; i < N; i++)
			close(peer[i]);
	}
	CHECK(sum[0] == sum[1]);
}
