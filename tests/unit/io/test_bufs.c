/* Buffers: a bound, two lines, and who sits on one while others wait is ended. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "io/bufs.h"

enum { MANY = 8 };
struct seat {
	struct bufs_seat s;
	unsigned served, evicted;
	bool keeps;
	struct seat *then; /* given back when served */
};

static struct loop *loop;
static struct clock_fake fake;
static struct bounds bounds;
static struct bufs *b;

static void on_served(struct bufs_seat *s)
{
	struct seat *t = CONTAINER_OF(s, struct seat, s);

	CHECK(s->mem && !s->waits);
	t->served++;
	if (t->then)
		bufs_give(b, &t->then->s);
}

static void on_evicted(struct bufs_seat *s)
{
	struct seat *t = CONTAINER_OF(s, struct seat, s);

	t->evicted++;
	if (!t->keeps)
		bufs_give(b, s);
}

static void set_up(struct seat *s, size_t n, uint64_t cap)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	bounds_init(&bounds);
	bounds_set(&bounds, BOUND_DUCT_BUFS, cap);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	CHECK_INT(bufs_new(&b, loop, &bounds), 0);
	memset(s, 0, n * sizeof *s);
	for (size_t i = 0; i < n; i++) {
		s[i].s.served = on_served;
		s[i].s.evicted = on_evicted;
	}
}

static void tear_down(struct seat *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bufs_give(b, &s[i].s);
		bufs_give(b, &s[i].s); /* harmless */
	}
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
	bufs_free(b);
	loop_free(loop);
}

static void turn(void)
{
	CHECK_INT(loop_turn(loop, 0), 0);
}

static void later(uint64_t ns)
{
	clock_fake_step(&fake, ns);
	turn();
}

FLOODS(BOUND_DUCT_BUFS)
{
	enum { ALL = BOUND_CAP(BOUND_DUCT_BUFS) };
	static struct seat s[ALL + 2];

	set_up(s, ALL + 2, ALL);
	for (size_t i = 0; i < ALL; i++)
		CHECK(bufs_could(b, &s[i].s) && bufs_take(b, &s[i].s));
	CHECK(!bufs_could(b, &s[ALL].s));
	CHECK(!bufs_take(b, &s[ALL].s) && !bufs_take(b, &s[ALL + 1].s) && !bufs_take(b, &s[ALL].s));
	CHECK(bounds.row[BOUND_DUCT_BUFS].used == ALL && bounds.row[BOUND_DUCT_BUFS].hits > 0);
	turn();
	CHECK_INT(s[ALL].served, 0);
	bufs_give(b, &s[5].s);
	CHECK_INT(s[ALL].served, 0); /* not from inside a call */
	turn();
	CHECK(s[ALL].served == 1 && s[ALL + 1].served == 0); /* who came first */
	CHECK(!bufs_take(b, &s[5].s));                       /* who comes now stands behind the second */
	bufs_give(b, &s[ALL].s);
	turn();
	CHECK(s[ALL + 1].served == 1 && s[5].served == 0);
	tear_down(s, ALL + 2);
}

TEST(what_is_written_is_what_the_buffer_holds)
{
	struct seat s[2];

	set_up(s, 2, 2);
	CHECK(bufs_take(b, &s[0].s) && bufs_take(b, &s[1].s) && s[0].s.mem != s[1].s.mem);
	memset(s[0].s.mem, 1, BUFS_BYTES);
	memset(s[1].s.mem, 2, BUFS_BYTES);
	CHECK(s[0].s.mem[BUFS_BYTES - 1] == 1);
	tear_down(s, 2);
}

/* Half of them at most: the other half is what the readers' bytes leave through. */
TEST(readers_never_have_them_all)
{
	struct seat s[MANY];

	set_up(s, MANY, 4);
	for (unsigned i = 0; i < 4; i++)
		s[i].s.reads = true;
	CHECK(bufs_take(b, &s[0].s) && bufs_take(b, &s[1].s));
	CHECK(!bufs_take(b, &s[2].s));
	CHECK(bufs_take(b, &s[4].s) && bufs_take(b, &s[5].s)); /* writers */
	CHECK(!bufs_take(b, &s[6].s));
	bufs_give(b, &s[4].s);
	turn();
	CHECK(s[6].served == 1 && s[2].served == 0); /* who writes comes first */
	bufs_give(b, &s[6].s);
	turn();
	CHECK_INT(s[2].served, 0); /* though one is free */
	CHECK(bufs_take(b, &s[7].s));
	bufs_give(b, &s[0].s);
	turn();
	CHECK_INT(s[2].served, 1);
	tear_down(s, MANY);
}

TEST(who_leaves_the_line_is_not_served)
{
	struct seat s[4];

	set_up(s, 4, 1);
	CHECK(bufs_take(b, &s[0].s));
	for (unsigned i = 1; i < 4; i++)
		CHECK(!bufs_take(b, &s[i].s));
	bufs_give(b, &s[2].s); /* from the middle */
	bufs_give(b, &s[0].s);
	turn();
	CHECK(s[1].served == 1 && s[2].served == 0 && s[3].served == 0);
	bufs_give(b, &s[3].s); /* the last: the line is empty */
	CHECK(!bufs_wanted(b));
	bufs_give(b, &s[1].s);
	turn();
	CHECK_INT(s[3].served, 0);
	tear_down(s, 4);
}

TEST(the_served_may_give_others_back)
{
	struct seat s[4];

	set_up(s, 4, 2);
	CHECK(bufs_take(b, &s[0].s) && bufs_take(b, &s[1].s));
	CHECK(!bufs_take(b, &s[2].s) && !bufs_take(b, &s[3].s));
	s[2].then = &s[3]; /* takes the next one out of the line */
	bufs_give(b, &s[0].s);
	bufs_give(b, &s[1].s);
	turn();
	CHECK(s[2].served == 1 && s[3].served == 0 && s[3].s.mem == NULL);
	tear_down(s, 4);
}

TEST(while_nobody_waits_nobody_is_ended)
{
	struct seat s[1];

	set_up(s, 1, 1);
	CHECK(bufs_take(b, &s[0].s));
	for (unsigned i = 0; i < 100; i++)
		later(BUFS_STALL);
	CHECK_INT(s[0].evicted, 0);
	tear_down(s, 1);
}

TEST(the_slowest_is_ended_when_somebody_waits)
{
	struct seat s[4];

	set_up(s, 4, 2);
	CHECK(bufs_take(b, &s[0].s));
	later(NS_PER_MS);
	CHECK(bufs_take(b, &s[1].s));
	CHECK(!bufs_take(b, &s[2].s));
	for (unsigned i = 0; i < 30; i++) { /* 0 pays its way exactly, 1 nearly */
		bufs_moved(b, &s[0].s, BUFS_SHARE / 30 + 1);
		bufs_moved(b, &s[1].s, 100);
		CHECK(s[0].evicted == 0 && s[1].evicted == 0);
		later(BUFS_STALL / 30);
	}
	for (unsigned i = 0; i < 40; i++) { /* and once the few bytes bought no more */
		bufs_moved(b, &s[0].s, BUFS_SHARE / 30 + 1);
		later(BUFS_STALL / 30);
	}
	CHECK(s[0].evicted == 0 && s[1].evicted == 1 && s[2].served == 1);
	tear_down(s, 4);
}

TEST(as_many_are_ended_as_wait_and_no_more)
{
	struct seat s[MANY];

	set_up(s, MANY, 4);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(bufs_take(b, &s[i].s));
		later(NS_PER_MS);
	}
	CHECK(!bufs_take(b, &s[4].s) && !bufs_take(b, &s[5].s));
	for (unsigned i = 0; i < 8; i++)
		later(NS_PER_S / 2);
	CHECK(s[0].evicted == 1 && s[1].evicted == 1 && s[2].evicted == 0 && s[3].evicted == 0);
	CHECK(s[4].served == 1 && s[5].served == 1);
	tear_down(s, MANY);
}

TEST(a_reader_that_waits_is_helped_by_a_readers_end_only)
{
	struct seat s[3];

	set_up(s, 3, 2);
	s[0].s.reads = s[2].s.reads = true;
	CHECK(bufs_take(b, &s[1].s));
	later(NS_PER_MS);
	CHECK(bufs_take(b, &s[0].s));
	CHECK(!bufs_take(b, &s[2].s));
	for (unsigned i = 0; i < 8; i++)
		later(NS_PER_S / 2);
	CHECK(s[1].evicted == 0 && s[0].evicted == 1 && s[2].served == 1);
	tear_down(s, 3);
}

TEST(who_is_never_asked_keeps_its_buffer)
{
	struct seat s[3];

	set_up(s, 3, 2);
	s[0].s.evicted = NULL;
	s[1].keeps = true; /* and who does not obey is asked once */
	CHECK(bufs_take(b, &s[0].s) && bufs_take(b, &s[1].s) && !bufs_take(b, &s[2].s));
	for (unsigned i = 0; i < 40; i++)
		later(NS_PER_S);
	CHECK(s[1].evicted == 1 && s[2].served == 0);
	tear_down(s, 3);
}
