/* A socket as a duct when memory is short: its user is told, nothing is lost on the way, and nothing spins. */
#include "../wrapio.h"
#include "tests/unit/io/duct_kit.h"

/* What a busy connection needs, and then its buffer. */
TEST(without_memory_it_dies_or_waits_and_says_so)
{
	for (unsigned nth = 1; nth <= 2; nth++)
		for (unsigned puts = 0; puts < 2; puts++) {
			struct end *e = end_begin(true);

			say_pattern(&e->peer, 0, 100);
			wrap_reset();
			wrap_fail(WRAP_MALLOC, nth, ENOMEM, 1);
			if (puts)
				put_pattern(e, 0, 100);
			else
				duct_want(&e->sd.d, DUCT_IN);
			CHECK_INT(e->calls, 0); /* from the loop */
			turns(4);
			clock_fake_step(&fake, NS_PER_S); /* who waits in line is served then */
			turns(4);
			CHECK(e->calls >= 1 && e->events == DUCT_IN);
			if (nth == 1 || puts) {
				CHECK_INT(e->sd.d.end, DUCT_BROKEN);
				CHECK_STR(duct_why(&e->sd.d), err_text(ZT_E_NOMEM));
			} else { /* who reads waits in line for a buffer */
				CHECK(e->sd.d.end == DUCT_GOING && duct_peek(&e->sd.d).n == 100);
			}
			end_done(e);
		}
	wrap_reset();
}

TEST(without_memory_a_tidy_close_is_an_end_all_the_same)
{
	struct end *e = end_begin(false);

	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	duct_close(&e->sd.d, ZT_OK);
	end_settle(e);
	CHECK(e->reaped == 1 && e->calls == 0);
	CHECK(e->peer.eof && !e->peer.reset); /* it was told, and nobody waits for its answer */
	end_free(e);
	wrap_reset();
	duct_tear_down();
}
