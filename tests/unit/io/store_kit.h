/* store_kit: a store in a fresh directory under a clock that stands still, and calls that
 * poll until they are answered. */
#ifndef ZT_STORE_KIT_H
#define ZT_STORE_KIT_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/store_journal.h"
#include "tests/unit/unit.h"

struct kit {
	int dir;
	struct bounds bounds;
	struct clock_fake clock;
	struct store *s;
	unsigned woken;
	struct why why;
};

/* One call and a copy of its answer. */
struct asked {
	struct store_op op;
	unsigned answers;
	int err;
	uint64_t number;
	size_t n;
	bool more;
	char first_key[STORE_KEY_MAX + 1], last_key[STORE_KEY_MAX + 1], value[128];
	uint64_t first_number, last_number;
	int64_t expires;
	struct store_health health;
};

static inline void kit_wake(void *ctx)
{
	((struct kit *)ctx)->woken++;
}

static inline int kit_reopen(struct kit *k)
{
	struct store_journal_opts o = {.at = {.dirfd = k->dir, .name = "s"}, .create = true, .bounds = &k->bounds,
				       .clock = &k->clock.clock, .wake = kit_wake, .wake_ctx = k};

	store_free(k->s);
	k->s = NULL;
	k->why = (struct why){0};
	return store_journal_open(&k->s, &o, NULL, &k->why);
}

static inline void kit_open(struct kit *k, const char *name)
{
	const char *path = unit_tmp(name);

	*k = (struct kit){0};
	CHECK(mkdir(path, 0700) == 0);
	k->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bounds_init(&k->bounds);
	clock_fake_init(&k->clock, 1, 1000000);
	if (kit_reopen(k) != 0)
		unit_fail(__FILE__, __LINE__, "%s", k->why.text);
}

static inline void kit_close(struct kit *k)
{
	store_free(k->s);
	/* everything was given back */
	CHECK_INT(k->bounds.row[BOUND_STORE_KEYS].used, 0);
	CHECK_INT(k->bounds.row[BOUND_STORE_BYTES].used, 0);
	CHECK_INT(k->bounds.row[BOUND_STORE_OPS].used, 0);
	close(k->dir);
}

static inline void kit_done(struct store_op *op, const struct store_answer *a)
{
	struct asked *q = CONTAINER_OF(op, struct asked, op);

	q->answers++;
	q->err = a->err;
	q->number = a->number;
	q->n = a->n;
	q->more = a->more;
	if (a->health)
		q->health = *a->health;
	if (a->n == 0)
		return;
	CHECK(span_to_cstr(a->items[0].key, q->first_key, sizeof q->first_key) == 0);
	CHECK(span_to_cstr(a->items[a->n - 1].key, q->last_key, sizeof q->last_key) == 0);
	CHECK(span_to_cstr(a->items[0].value, q->value, sizeof q->value) == 0);
	q->first_number = a->items[0].number;
	q->last_number = a->items[a->n - 1].number;
	q->expires = a->items[0].expires;
}

static inline void kit_ask(struct asked *q)
{
	*q = (struct asked){.op.done = kit_done};
}

static inline void kit_poll(struct kit *k, struct asked *q, int submitted)
{
	CHECK_INT(submitted, 0);
	CHECK_INT(q->answers, 0); /* never from inside the call */
	store_poll(k->s);
	CHECK_INT(q->answers, 1);
}

static inline struct asked kit_put(struct kit *k, const char *key, const char *value, int64_t expires)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_put(k->s, &q.op, span_str(key), span_str(value), expires));
	return q;
}

static inline struct asked kit_count(struct kit *k, const char *key, uint64_t by, int64_t expires)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_count(k->s, &q.op, span_str(key), by, expires));
	return q;
}

static inline struct asked kit_once(struct kit *k, const char *key, int64_t expires)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_once(k->s, &q.op, span_str(key), expires));
	return q;
}

static inline struct asked kit_append(struct kit *k, const char *event, int64_t expires)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_append(k->s, &q.op, span_str(event), expires));
	return q;
}

static inline struct asked kit_read(struct kit *k, uint64_t after, unsigned most)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_read(k->s, &q.op, after, most));
	return q;
}

static inline struct asked kit_get(struct kit *k, enum store_space space, const char *key)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_get(k->s, &q.op, space, span_str(key)));
	return q;
}

static inline struct asked kit_drop(struct kit *k, enum store_space space, const char *key)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_drop(k->s, &q.op, space, span_str(key)));
	return q;
}

static inline struct asked kit_scan(struct kit *k, enum store_space space, const char *prefix, const char *after, unsigned most)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_scan(k->s, &q.op, space, span_str(prefix), span_str(after), most));
	return q;
}

static inline struct store_health kit_health(struct kit *k)
{
	struct asked q;

	kit_ask(&q);
	kit_poll(k, &q, store_health(k->s, &q.op));
	return q.health;
}

#endif
