/*
 * origins: the turns and the health of all origins of one configuration. Owns when each is looked at; the arithmetic
 * is decide/pickorigin's, the looking look.c's.
 *
 * Looks are spread: the first within FIRST, each next one at health_every give or take a tenth. Who failed once is
 * looked at again SOON, so that a crash is known within seconds. Connections of visitors count like looks,
 * but for an answer: whoever accepts connections and answers its health_path with 500 stays down.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "look.h"
#include "decide/pickorigin.h"

#define FIRST_MS 1000
#define SOON_MS 2000

struct watched {
	struct origins *all;
	struct timer timer;
	struct look *look; /* that runs now, its closing counted */
	uint16_t rule, origin;
};

struct origins {
	struct connector *c;
	struct ways *w;
	bool runs;
	size_t n;
	size_t *first;           /* of each rule; one more than there are rules */
	struct pick_origin *pick;/* n; those of a rule stand together */
	struct watched *watched; /* n */
};

static const struct ingress_way *way_of(const struct origins *o, unsigned rule)
{
	return &o->w->set.way[rule];
}

static const char *written(const struct origins *o, const struct watched *k)
{
	return conf_text(&way_of(o, k->rule)->conf->service, k->origin);
}

static struct watched *find(const struct origins *o, unsigned rule, int origin)
{
	return &o->watched[o->first[rule] + (size_t)origin];
}

static struct pick_origin *pick_of(const struct watched *k)
{
	return &k->all->pick[k->all->first[k->rule] + k->origin];
}

/* ---- which is next ----------------------------------------------------------------------- */

int origins_next(struct origins *o, struct origins_try *t)
{
	int at = pick_next(&o->pick[o->first[t->rule]], way_of(o, t->rule)->n, t->tried);

	if (at >= 0)
		t->tried |= UINT64_C(1) << at;
	return at;
}

bool origins_rule_up(const struct origins *o, uint16_t rule)
{
	const struct ingress_way *way = way_of(o, rule);

	return way->n == 0 || way->health_ms == 0 || pick_any(&o->pick[o->first[rule]], way->n);
}

/* ---- what is known ----------------------------------------------------------------------- */

static void look_in(struct watched *k, uint64_t ms)
{
	if (k->all->runs && way_of(k->all, k->rule)->health_ms)
		loop_timer(k->all->c->child.loop, &k->timer, ms * NS_PER_MS); /* no memory: at the next failure */
}

static void look_later(struct watched *k)
{
	uint64_t every = way_of(k->all, k->rule)->health_ms;
	bool shaky = pick_of(k)->failures > 0 && !pick_of(k)->down;

	if (shaky && every > SOON_MS)
		every = SOON_MS;
	look_in(k, every - every / 10 + random_below((uint32_t)(every / 5) + 1));
}

static void saw(struct watched *k, bool good, const char *words)
{
	struct origins *o = k->all;

	if (!pick_saw(pick_of(k), good) || !way_of(o, k->rule)->health_ms)
		return;
	LOG(&o->c->child.log, good ? LOG_INFO : LOG_WARN, good ? "origin is up" : "origin is down",
	    LF_STR("ingress", way_of(o, k->rule)->conf->named.name), LF_STR("origin", written(o, k)), LF_STR("why", words));
	if (o->runs)
		uplinks_health(o->c);
}

void origins_failed(struct origins *o, uint16_t rule, int origin)
{
	struct watched *k = find(o, rule, origin);

	saw(k, false, "connections of visitors failed");
	if (k->look == NULL && !pick_of(k)->down) /* else it looks now, or will as often as is right */
		look_later(k);
}

void origins_served(struct origins *o, uint16_t rule, int origin)
{
	if (way_of(o, rule)->conf->health_path[0] == 0)
		saw(find(o, rule, origin), true, "it serves visitors");
}

bool origin_state(const struct origins *o, size_t i, struct origin_state *out)
{
	const struct watched *k;

	if (i >= o->n)
		return false;
	k = &o->watched[i];
	*out = (struct origin_state){way_of(o, k->rule)->conf->named.name, written(o, k), !o->pick[i].down};
	return true;
}

/* ---- the looking ------------------------------------------------------------------------- */

static void on_looked(void *owner, bool good, const char *words)
{
	struct watched *k = owner;

	saw(k, good, words);
	look_later(k);
}

static void on_gone(void *owner)
{
	struct watched *k = owner;

	k->look = NULL;
	if (k->timer.pos == 0) /* it saw nothing */
		look_in(k, FIRST_MS);
}

static void on_time(struct timer *t, uint64_t now)
{
	struct watched *k = CONTAINER_OF(t, struct watched, timer);
	const struct look_ask ask = {k->all->w, k->rule, k->origin, on_looked, on_gone, k};
	bool before = k->look != NULL; /* its connection closes slowly */

	(void)now;
	if (!before)
		k->look = look_start(k->all->c, &ask);
	if (before || k->look == NULL) /* as many run as may */
		look_in(k, FIRST_MS);
}

void origins_start(struct origins *o)
{
	o->runs = true;
	for (size_t i = 0; i < o->n; i++) {
		struct watched *k = &o->watched[i];

		k->timer.fire = on_time;
		look_in(k, random_below((uint32_t)num_min64(way_of(o, k->rule)->health_ms, FIRST_MS) + 1));
	}
}

void origins_stop(struct origins *o)
{
	if (!o->runs)
		return;
	o->runs = false;
	for (size_t i = 0; i < o->n; i++) {
		struct watched *k = &o->watched[i];

		loop_timer_stop(o->c->child.loop, &k->timer);
		if (k->look)
			look_stop(k->look);
		k->look = NULL;
	}
}

/* ---- of a configuration ------------------------------------------------------------------ */

/* A reload does not forget who was down. */
static void remember(const struct origins *o, const struct watched *k, struct pick_origin *p)
{
	const struct origins *was = o->c->ways ? o->c->ways->origins : NULL;
	struct origin_state s;

	for (size_t i = 0; was && origin_state(was, i, &s); i++)
		if (strcmp(s.rule, way_of(o, k->rule)->conf->named.name) == 0 && strcmp(s.origin, written(o, k)) == 0) {
			*p = was->pick[i];
			p->turn = 0;
			break;
		}
}

static void fill(struct origins *o)
{
	for (size_t r = 0, at = 0; r < o->w->set.rules.n; r++) {
		const struct ingress_way *way = way_of(o, (unsigned)r);

		o->first[r] = at;
		for (size_t i = 0; i < way->n; i++, at++) {
			o->watched[at] = (struct watched){.all = o, .rule = (uint16_t)r, .origin = (uint16_t)i};
			remember(o, &o->watched[at], &o->pick[at]);
			o->pick[at].weight = way->origin[i].weight;
		}
	}
}

int origins_new(struct origins **out, struct connector *c, struct ways *w)
{
	struct origins *o = arena_get(&w->mem, sizeof *o);

	*out = o;
	if (o == NULL)
		return -ZT_E_NOMEM;
	o->c = c;
	o->w = w;
	for (size_t i = 0; i < w->set.rules.n; i++)
		o->n += w->set.way[i].n;
	o->first = arena_get(&w->mem, (w->set.rules.n + 1u) * sizeof *o->first);
	o->pick = arena_get(&w->mem, (o->n + 1) * sizeof *o->pick);
	o->watched = arena_get(&w->mem, (o->n + 1) * sizeof *o->watched);
	if (o->first == NULL || o->pick == NULL || o->watched == NULL)
		return -ZT_E_NOMEM;
	fill(o);
	return 0;
}
