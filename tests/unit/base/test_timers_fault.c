/* timers: a heap that cannot grow says no and keeps what it has. */
#include <errno.h>

#include "../unit.h"
#include "../wrapio.h"
#include "base/timers.h"

static unsigned fired;

static void count(struct timer *t, uint64_t now)
{
	(void)t;
	(void)now;
	fired++;
}

TEST(no_memory_is_an_answer)
{
	struct timer t[3] = {{.fire = count}, {.fire = count}, {.fire = count}};
	struct timers ts;

	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK(!timers_init(&ts, 2));
	CHECK(timers_init(&ts, 2));
	CHECK(timers_set(&ts, &t[0], 5) && timers_set(&ts, &t[1], 6));
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK(!timers_set(&ts, &t[2], 1));
	CHECK_INT(t[2].pos, 0);
	CHECK_INT(ts.n, 2);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1000);
	CHECK(timers_set(&ts, &t[0], 7)); /* one that is set already needs no room */
	CHECK_INT(timers_run(&ts, 6), 1);
	wrap_reset();
	CHECK(timers_set(&ts, &t[1], 8) && timers_set(&ts, &t[2], 8));
	CHECK_INT(timers_run(&ts, 8), 3);
	CHECK_INT(fired, 4);
	timers_free(&ts);
}
