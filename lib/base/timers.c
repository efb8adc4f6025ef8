/* timers: a binary heap of pointers; each timer knows its place, so stop and reset are O(log n). */
#include "timers.h"

#include <stdlib.h>

#include "err.h"
#include "num.h"

bool timers_init(struct timers *ts, size_t reserve)
{
	*ts = (struct timers){.cap = reserve ? reserve : 1};
	ts->heap = calloc(ts->cap, sizeof *ts->heap);
	return ts->heap != NULL;
}

void timers_free(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){0};
}

static bool before(const struct timer *a, const struct timer *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct timers *ts, size_t pos, struct timer *t)
{
	ts->heap[pos - 1] = t;
	t->pos = pos;
}

static void sift_up(struct timers *ts, struct timer *t, size_t pos)
{
	while (pos > 1 && before(t, ts->heap[pos / 2 - 1])) {
		place(ts, pos, ts->heap[pos / 2 - 1]);
		pos /= 2;
	}
	place(ts, pos, t);
}

static void sift_down(struct timers *ts, struct timer *t, size_t pos)
{
	for (size_t kid; (kid = pos * 2) <= ts->n; pos = kid) {
		if (kid < ts->n && before(ts->heap[kid], ts->heap[kid - 1]))
			kid++;
		if (!before(ts->heap[kid - 1], t))
			break;
		place(ts, pos, ts->heap[kid - 1]);
	}
	place(ts, pos, t);
}

static bool timers_grow(struct timers *ts)
{
	size_t cap, bytes;
	struct timer **heap;

	if (num_mul(ts->cap, 2, &cap) || num_mul(cap, sizeof *heap, &bytes))
		return false;
	heap = realloc(ts->heap, bytes);
	if (heap == NULL)
		return false;
	ts->heap = heap;
	ts->cap = cap;
	return true;
}

bool timers_set(struct timers *ts, struct timer *t, uint64_t at)
{
	ZT_ASSERT(t->fire != NULL);
	if (t->pos == 0 && ts->n == ts->cap && !timers_grow(ts))
		return false;
	timers_stop(ts, t);
	t->at = at > ts->floor ? at : ts->floor; /* behind everything that is due already */
	t->seq = ts->seq++;
	ts->n++;
	sift_up(ts, t, ts->n);
	return true;
}

void timers_stop(struct timers *ts, struct timer *t)
{
	size_t pos = t->pos;
	struct timer *last;

	if (pos == 0)
		return;
	ZT_ASSERT(pos <= ts->n && ts->heap[pos - 1] == t);
	t->pos = 0;
	last = ts->heap[--ts->n];
	if (last == t)
		return;
	if (pos > 1 && before(last, ts->heap[pos / 2 - 1]))
		sift_up(ts, last, pos);
	else
		sift_down(ts, last, pos);
}

uint64_t timers_next(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->at : TIMER_NEVER;
}

size_t timers_run(struct timers *ts, uint64_t now_ns)
{
	/* Numbers from here on belong to timers set by the callbacks below. */
	uint64_t born_later = ts->seq;
	size_t fired = 0;

	if (now_ns > ts->floor)
		ts->floor = now_ns;
	while (ts->n && ts->heap[0]->at <= now_ns && ts->heap[0]->seq < born_later) {
		struct timer *t = ts->heap[0];

		timers_stop(ts, t);
		fired++;
		t->fire(t, now_ns);
	}
	return fired;
}
