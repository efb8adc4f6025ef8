/*
 * timers: a heap of deadlines on a monotonic clock that the caller owns. Pure: it never
 * reads time itself. Timers with the same deadline fire in the order they were set, so that
 * tests can assert order.
 *
 * A struct timer lives inside its owner; setting and stopping never allocates once the heap
 * has room (timers_init reserves, timers_set may grow by doubling and can answer no).
 */
#ifndef ZT_TIMERS_H
#define ZT_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t at, seq;
	size_t pos; /* 1-based place in the heap; 0 = not set */
	void (*fire)(struct timer *t, uint64_t now_ns);
};

struct timers {
	struct timer **heap;
	size_t n, cap;
	uint64_t seq, floor; /* floor: the last now; nothing is set before it */
};

#define TIMER_NEVER UINT64_MAX

bool timers_init(struct timers *ts, size_t reserve);
void timers_free(struct timers *ts);
/* (Re)set t to fire at `at`; a moment already past means the next run. false when the heap
 * cannot grow. */
bool timers_set(struct timers *ts, struct timer *t, uint64_t at);
void timers_stop(struct timers *ts, struct timer *t); /* harmless when not set */
uint64_t timers_next(const struct timers *ts);        /* earliest deadline or TIMER_NEVER */
/* Fire what was due at now when the call began; a timer that a callback sets anew, even to a
 * moment already past, waits for the next call. Answers how many fired. */
size_t timers_run(struct timers *ts, uint64_t now_ns);

#endif
