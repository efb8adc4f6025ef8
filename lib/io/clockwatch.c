/* clockwatch: compares the two clocks every ten seconds. Owns its timer; decides nothing by what it sees. */
#include "clockwatch.h"

#include "base/num.h"

#define LOOK_NS (10 * NS_PER_S)
#define SET_MS 30000 /* a clock that is kept right is nudged by less, and a machine that slept was away for longer */

static int64_t apart(const struct clockwatch *w)
{
	return clock_wall(loop_clock(w->loop)) - (int64_t)(clock_mono(loop_clock(w->loop)) / NS_PER_MS);
}

static void look(struct timer *t, uint64_t now)
{
	struct clockwatch *w = CONTAINER_OF(t, struct clockwatch, again);
	int64_t is = apart(w), by = is - w->apart_ms;

	(void)now;
	w->apart_ms = is;
	if (by > SET_MS || by < -SET_MS)
		LOG(w->log, LOG_WARN, "the clock was set, or the machine slept: certificates and status lists are judged by it",
		    LF_I64("by_s", by / 1000));
	(void)loop_timer(w->loop, t, LOOK_NS); /* no memory: then nobody is told */
}

void clockwatch_begin(struct clockwatch *w, struct loop *loop, struct log *log)
{
	*w = (struct clockwatch){.loop = loop, .log = log, .again.fire = look};
	w->apart_ms = apart(w);
	(void)loop_timer(loop, &w->again, LOOK_NS);
}
