/* timers: order is the contract; a naive list is the judge. */
#include "base/timers.h"

#include <stdlib.h>

#include "../unit.h"

struct probe {
	struct timer t;
	int id;
	void (*also)(struct probe *p, uint64_t now);
};

static struct timers ts;
static int fired[64];
static size_t n_fired;

static void on_fire(struct timer *t, uint64_t now)
{
	struct probe *p = (struct probe *)(void *)t;

	if (n_fired < 64)
		fired[n_fired++] = p->id;
	if (p->also)
		p->also(p, now);
}

static void start(struct probe *p, size_t n)
{
	timers_free(&ts);
	timers_init(&ts, 1);
	n_fired = 0;
	for (size_t i = 0; i < n; i++)
		p[i] = (struct probe){.t.fire = on_fire, .id = (int)i};
}

static bool order_is(const int *want, size_t n)
{
	return n == n_fired && memcmp(fired, want, n * sizeof *want) == 0;
}
#define ORDER(...) order_is((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

TEST(fire_in_order_of_deadline_then_of_setting)
{
	struct probe p[6];

	start(p, 6);
	timers_set(&ts, &p[0].t, 30);
	timers_set(&ts, &p[1].t, 10);
	timers_set(&ts, &p[2].t, 20);
	timers_set(&ts, &p[3].t, 10);
	timers_set(&ts, &p[4].t, 31);
	timers_set(&ts, &p[5].t, 10);
	CHECK_INT(timers_next(&ts), 10);
	CHECK_INT(timers_run(&ts, 9), 0);
	CHECK_INT(timers_run(&ts, 30), 5);
	CHECK(ORDER(1, 3, 5, 2, 0));
	CHECK_INT(timers_next(&ts), 31);
	timers_stop(&ts, &p[4].t);
	CHECK(timers_next(&ts) == TIMER_NEVER);
	timers_stop(&ts, &p[4].t); /* harmless */
	CHECK_INT(timers_run(&ts, 100), 0);
}

TEST(setting_again_moves_to_the_end_of_its_deadline)
{
	struct probe p[3];

	start(p, 3);
	for (int i = 0; i < 3; i++)
		timers_set(&ts, &p[i].t, 10);
	timers_set(&ts, &p[0].t, 10);
	CHECK_INT(ts.n, 3);
	timers_run(&ts, 10);
	CHECK(ORDER(1, 2, 0));
}

TEST(what_is_past_when_set_waits_for_the_next_run_behind_what_is_due)
{
	struct probe p[3];

	start(p, 3);
	timers_set(&ts, &p[0].t, 60);
	timers_run(&ts, 50);
	timers_set(&ts, &p[1].t, 5); /* long past: counts as 50 */
	timers_set(&ts, &p[2].t, 0);
	CHECK_INT(timers_next(&ts), 50);
	timers_run(&ts, 50);
	CHECK(ORDER(1, 2));
	timers_run(&ts, 60);
	CHECK(ORDER(1, 2, 0));
}

static struct probe *other;

static void again_at_once(struct probe *p, uint64_t now)
{
	timers_set(&ts, &p->t, now > 5 ? now - 5 : 0);
}

TEST(a_callback_that_sets_itself_fires_once_a_run)
{
	struct probe p[2];

	start(p, 2);
	p[0].also = again_at_once;
	timers_set(&ts, &p[0].t, 10);
	timers_set(&ts, &p[1].t, 10);
	CHECK_INT(timers_run(&ts, 10), 2);
	CHECK(ORDER(0, 1));
	CHECK_INT(timers_run(&ts, 10), 1); /* time stood still: still only once */
	CHECK_INT(timers_run(&ts, 11), 1);
	CHECK(ORDER(0, 1, 0, 0));
	timers_stop(&ts, &p[0].t);
}

static void stop_other(struct probe *p, uint64_t now)
{
	(void)p;
	(void)now;
	timers_stop(&ts, &other->t);
}

static void postpone_other(struct probe *p, uint64_t now)
{
	(void)p;
	timers_set(&ts, &other->t, now);
}

static void wreck_self(struct probe *p, uint64_t now)
{
	(void)now;
	memset(&p->t, 0xaa, sizeof p->t); /* the owner is freed inside its callback */
}

TEST(a_callback_may_stop_postpone_or_destroy)
{
	struct probe p[4];

	start(p, 4);
	p[0].also = stop_other;
	other = &p[1];
	for (int i = 0; i < 3; i++)
		timers_set(&ts, &p[i].t, 10);
	CHECK_INT(timers_run(&ts, 10), 2);
	CHECK(ORDER(0, 2));
	CHECK_INT(p[1].t.pos, 0);

	start(p, 4);
	p[0].also = postpone_other;
	p[2].also = wreck_self;
	other = &p[1];
	for (int i = 0; i < 4; i++)
		timers_set(&ts, &p[i].t, 10);
	CHECK_INT(timers_run(&ts, 10), 3);
	CHECK(ORDER(0, 2, 3));
	CHECK_INT(timers_run(&ts, 10), 1);
	CHECK(ORDER(0, 2, 3, 1));
	CHECK_INT(ts.n, 0);
}

static void set_without_fire(void)
{
	struct timer t = {0};

	timers_init(&ts, 1);
	timers_set(&ts, &t, 1);
}

static void stop_what_was_copied(void)
{
	struct probe a = {.t.fire = on_fire}, b;

	timers_init(&ts, 1);
	timers_set(&ts, &a.t, 1);
	b = a;
	timers_stop(&ts, &b.t);
}

TEST(misuse_aborts)
{
	CHECK(unit_dies(set_without_fire));
	CHECK(unit_dies(stop_what_was_copied));
}

/* The naive model: all timers in an array, the next one found by looking at each. */
#define MANY 200
static struct {
	uint64_t at, seq;
	bool set;
} model[MANY];
static struct timer many[MANY];
static uint64_t model_seq, model_floor;
static size_t wrong;

static int model_next(void)
{
	int best = -1;

	for (int i = 0; i < MANY; i++)
		if (model[i].set && (best < 0 || model[i].at < model[best].at ||
				     (model[i].at == model[best].at && model[i].seq < model[best].seq)))
			best = i;
	return best;
}

static void model_fire(struct timer *t, uint64_t now)
{
	int i = (int)(t - many), best = model_next();

	wrong += i != best || model[i].at > now;
	model[i].set = false;
}

static void random_step(uint32_t rnd)
{
	size_t i = (rnd >> 4) % MANY;
	uint64_t at = model_floor + (rnd >> 16) % 200;

	if ((rnd & 15) < 9) {
		if (!timers_set(&ts, &many[i], at > 20 ? at - 20 : 0))
			wrong++;
		at = at > 20 ? at - 20 : 0;
		model[i].at = at > model_floor ? at : model_floor;
		model[i].seq = model_seq++;
		model[i].set = true;
	} else if ((rnd & 15) < 13) {
		timers_stop(&ts, &many[i]);
		model[i].set = false;
	} else {
		model_floor += (rnd >> 20) % 4;
		timers_run(&ts, model_floor);
		wrong += model_next() >= 0 && model[model_next()].at <= model_floor;
	}
	wrong += timers_next(&ts) != (model_next() < 0 ? TIMER_NEVER : model[model_next()].at);
	for (size_t k = 0; k < MANY; k++)
		wrong += (many[k].pos != 0) != model[k].set ||
			 (many[k].pos && ts.heap[many[k].pos - 1] != &many[k]);
}

TEST(ten_thousand_random_operations_agree_with_the_model)
{
	uint32_t rnd = 7;

	timers_free(&ts);
	timers_init(&ts, 0);
	for (size_t i = 0; i < MANY; i++)
		many[i] = (struct timer){.fire = model_fire};
	for (int i = 0; i < 10000; i++) {
		rnd = rnd * 1664525 + 1013904223;
		random_step(rnd);
		if (wrong) {
			unit_fail(__FILE__, __LINE__, "step %d", i);
			break;
		}
	}
	CHECK(ts.cap >= 64); /* it did grow */
	timers_free(&ts);
	timers_free(&ts); /* harmless */
}
