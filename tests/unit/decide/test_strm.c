/* strm: every state with every event, and every order in which two sides can speak. */
#include "decide/strm.h"

#include <stdlib.h>

#include "base/num.h"
#include "tests/unit/unit.h"

/* One letter an answer: g go, p pass, a answer, ! bad; then the state it leads to. From the tables in
 * docs/protocol.md, not from the code. */
static const struct {
	const char *rx[5], *tx[5]; /* open data fin credit reset */
} want[STRM_STATES] = {
	[STRM_IDLE] = {{"g open", "! idle", "! idle", "! idle", "! idle"}, {"g open", "! idle", "! idle", "! idle", "! idle"}},
	[STRM_OPEN] = {{"! open", "g open", "g in-done", "g open", "a closed"},
		       {"! open", "g open", "g out-done", "g open", "g reset"}},
	[STRM_IN_DONE] = {{"! in-done", "! in-done", "! in-done", "g in-done", "a closed"},
			  {"! in-done", "g in-done", "g closed", "p in-done", "g reset-in-done"}},
	[STRM_OUT_DONE] = {{"! out-done", "g out-done", "g closed", "p out-done", "a closed"},
			   {"! out-done", "! out-done", "! out-done", "g out-done", "g reset-out-done"}},
	[STRM_RESET] = {{"! reset", "p reset", "p reset-in-done", "p reset", "g closed"},
			{"! reset", "! reset", "! reset", "p reset", "p reset"}},
	[STRM_RESET_IN] = {{"! reset-in-done", "! reset-in-done", "! reset-in-done", "p reset-in-done", "g closed"},
			   {"! reset-in-done", "! reset-in-done", "! reset-in-done", "p reset-in-done", "p reset-in-done"}},
	[STRM_RESET_OUT] = {{"! reset-out-done", "p reset-out-done", "p closed", "p reset-out-done", "g closed"},
			    {"! reset-out-done", "! reset-out-done", "! reset-out-done", "p reset-out-done", "p reset-out-done"}},
	[STRM_CLOSED] = {{"! closed", "! closed", "! closed", "p closed", "p closed"},
			 {"! closed", "! closed", "! closed", "p closed", "p closed"}},
};

TEST(every_state_knows_every_event)
{
	for (unsigned s = 0; s < STRM_STATES; s++)
		for (unsigned e = 0; e < STRM_EVENTS; e++) {
			const char *w = e < 5 ? want[s].rx[e] : want[s].tx[e - 5];
			uint8_t state = (uint8_t)s;
			enum strm_say say = strm_step(&state, (enum strm_event)e);

			if (say != (unsigned)(strchr("gpa!", w[0]) - "gpa!") ||
			    strcmp(strm_state_name((enum strm_state)state), w + 2) != 0)
				unit_fail(__FILE__, __LINE__, "%s, event %u: %c %s, not %s", strm_state_name((enum strm_state)s),
					  e, "gpa!"[say], strm_state_name((enum strm_state)state), w);
		}
	CHECK_STR(strm_state_name(STRM_STATES), "?");
}

/* ---- two sides, every order ----------------------------------------------------------------
 *
 * Both sides do whatever their own state allows, at any time, over two queues that keep order. In every world
 * that can be reached neither may ever find the other at fault, and when nothing is under way both must agree. */

#define QUEUE 12
struct side {
	uint8_t state, left[5]; /* how many of OPEN DATA FIN CREDIT RESET it may still send by itself */
};
struct world {
	struct side side[2];
	uint8_t queue[2][QUEUE], len[2]; /* to side i */
};

#define SEEN (1u << 21)
static struct world *seen;
static uint64_t worlds, faults, quiet;

static bool is_new(const struct world *w)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < sizeof *w; i++)
		h = (h ^ ((const uint8_t *)w)[i]) * 1099511628211u;
	for (h ^= h >> 29;; h++) {
		struct world *slot = &seen[h & (SEEN - 1)];

		if (slot->side[0].left[0] == 0xff) {
			*slot = *w;
			return ++worlds < SEEN / 4 * 3;
		}
		if (memcmp(slot, w, sizeof *w) == 0)
			return false;
	}
}

static void say_to(struct world *w, unsigned to, unsigned what)
{
	if (w->len[to] == QUEUE)
		abort(); /* the budgets in left[] do not allow it */
	w->queue[to][w->len[to]++] = (uint8_t)what;
}

static unsigned hear(struct world *w, unsigned me)
{
	unsigned what = w->queue[me][0];

	memmove(w->queue[me], w->queue[me] + 1, --w->len[me]);
	w->queue[me][w->len[me]] = 0;
	return what;
}

/* Nobody waits for what never comes. */
static bool agree(uint8_t a, uint8_t b)
{
	return (a == STRM_OPEN && b == STRM_OPEN) || (a == STRM_IN_DONE && b == STRM_OUT_DONE) ||
	       (a == STRM_OUT_DONE && b == STRM_IN_DONE) || (a == STRM_CLOSED && b == STRM_CLOSED) ||
	       (a == STRM_IDLE && b == STRM_IDLE);
}

static void explore(const struct world *from)
{
	if (!is_new(from))
		return;
	if (from->len[0] + from->len[1] == 0) {
		quiet++;
		faults += !agree(from->side[0].state, from->side[1].state);
	}
	for (unsigned me = 0; me < 2; me++) {
		for (unsigned what = 0; what < 5; what++) {
			struct world w = *from;
			enum strm_say say;

			if (!w.side[me].left[what])
				continue;
			say = strm_step(&w.side[me].state, (enum strm_event)(STRM_TX_OPEN + what));
			if (say != STRM_GO)
				continue;
			w.side[me].left[what]--;
			say_to(&w, !me, what);
			explore(&w);
		}
		if (from->len[me]) {
			struct world w = *from;
			enum strm_say say = strm_step(&w.side[me].state, (enum strm_event)hear(&w, me));

			faults += say == STRM_BAD;
			if (say == STRM_ANSWER)
				say_to(&w, !me, 4);
			explore(&w);
		}
	}
}

TEST(two_sides_never_find_each_other_at_fault_and_always_end)
{
	struct world w = {.side = {{.left = {1, 2, 1, 2, 1}}, {.left = {0, 2, 1, 2, 1}}}};

	seen = malloc(SEEN * sizeof *seen);
	NEED(seen != NULL);
	memset(seen, 0xff, SEEN * sizeof *seen);
	worlds = faults = quiet = 0;
	explore(&w);
	CHECK_INT(faults, 0);
	CHECK(worlds > 1000 && quiet > 10 && worlds < SEEN / 4 * 3); /* it went somewhere, and everywhere */
	free(seen);
}

/* ---- numbers ------------------------------------------------------------------------------- */

TEST(numbers_go_up_and_keep_to_their_side)
{
	struct strm_ids edge = {.even = true}, home = {.even = false};
	uint32_t id;

	CHECK(strm_ids_next(&edge, &id) == 0 && id == 2 && strm_ids_next(&edge, &id) == 0 && id == 4);
	CHECK(strm_ids_next(&home, &id) == 0 && id == 1 && strm_ids_next(&home, &id) == 0 && id == 3);
	CHECK(strm_ids_used(&edge, 2) && strm_ids_used(&edge, 4) && !strm_ids_used(&edge, 6));
	CHECK(!strm_ids_used(&edge, 1) && !strm_ids_used(&edge, 0) && !strm_ids_used(&home, 0));
	CHECK_INT(strm_ids_take(&home, 0), -ZT_E_SYNTAX);
	CHECK_INT(strm_ids_take(&home, 5), -ZT_E_SYNTAX); /* ours */
	CHECK_INT(strm_ids_take(&home, 2), 0);
	CHECK_INT(strm_ids_take(&home, 2), -ZT_E_SYNTAX); /* again */
	CHECK_INT(strm_ids_take(&home, 8), 0);            /* what is left out was used: nobody may come back to it */
	CHECK_INT(strm_ids_take(&home, 6), -ZT_E_SYNTAX);
	CHECK(strm_ids_used(&home, 6) && !strm_ids_used(&home, 10));
	CHECK_INT(strm_ids_take(&edge, 6), -ZT_E_SYNTAX);
	CHECK_INT(strm_ids_take(&edge, 7), 0);
	CHECK_INT(strm_ids_take(&home, UINT32_MAX - 1), 0);
}

TEST(numbers_are_used_up_not_used_again)
{
	struct strm_ids edge = {.even = true, .own = UINT32_MAX - 3}, home = {.own = UINT32_MAX - 2};
	uint32_t id;

	CHECK(strm_ids_next(&edge, &id) == 0 && id == UINT32_MAX - 1);
	CHECK_INT(strm_ids_next(&edge, &id), -ZT_E_CLOSED);
	CHECK_INT(strm_ids_next(&edge, &id), -ZT_E_CLOSED);
	CHECK(strm_ids_next(&home, &id) == 0 && id == UINT32_MAX);
	CHECK_INT(strm_ids_next(&home, &id), -ZT_E_CLOSED);
}
