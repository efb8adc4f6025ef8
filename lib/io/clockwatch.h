/*
 * clockwatch: notices that the wall clock was set, and says so. Deadlines are on the monotonic clock, which nobody sets;
 * certificates and status lists are judged by the wall clock, and whoever wonders why they are refused finds the line.
 */
#ifndef ZT_CLOCKWATCH_H
#define ZT_CLOCKWATCH_H

#include "base/log.h"
#include "loop.h"

struct clockwatch {
	struct loop *loop;
	struct log *log;
	struct timer again;
	int64_t apart_ms; /* wall and monotonic clock, when looked at last */
};

/* It lives as long as the loop does. */
void clockwatch_begin(struct clockwatch *w, struct loop *loop, struct log *log);

#endif
