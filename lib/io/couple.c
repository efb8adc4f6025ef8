/*
 * couple: see couple.h. Owns no byte and no duct: it moves what one shows into the room of the other, and says when
 * that is over.
 */
#include "couple.h"

#include "base/num.h"

void couple_stop(struct couple *c)
{
	c->ended = true;
}

static void over(struct couple *c, unsigned by, enum zt_err why)
{
	couple_stop(c);
	c->why = (uint8_t)why;
	if (why)
		c->by = (uint8_t)by;
	duct_want(c->side[0], 0);
	duct_want(c->side[1], 0);
	c->over(c);
}

static bool passed(const struct couple *c, unsigned side)
{
	return c->passed & (1u << side);
}

/* A cut is a failure too, but what came before it is worth having. */
static enum zt_err failure(const struct duct *d)
{
	if (duct_dead(d))
		return ZT_E_RESET;
	return d->end == DUCT_CUT && duct_ended(d) ? ZT_E_CLOSED : ZT_OK;
}

static void pass_the_end_on(struct couple *c, unsigned from)
{
	if (c->passed == 0)
		c->by = (uint8_t)from;
	c->passed |= (uint8_t)(1u << from);
	duct_finish(c->side[!from]);
}

/* As much as there is and fits. */
static void move(struct couple *c, unsigned from)
{
	struct duct *a = c->side[from], *b = c->side[!from];
	bool moved = false;
	size_t n;

	if (passed(c, from))
		return;
	while ((n = duct_put(b, duct_peek(a))) > 0) {
		duct_take(a, n);
		moved = true;
	}
	if (a->end == DUCT_FINISHED && duct_ended(a)) {
		pass_the_end_on(c, from);
		moved = true;
	}
	if (!moved)
		return;
	c->moved_at = loop_now(c->loop);
	duct_flush(b);
}

/* Who has bytes that do not fit is not asked for more; who takes them is asked to say when it can. */
static unsigned wants_of(const struct couple *c, unsigned side)
{
	bool holds = duct_peek(c->side[side]).n > 0, held = duct_peek(c->side[!side]).n > 0;

	held |= !passed(c, !side) && c->side[!side]->held_up;
	return (holds || passed(c, side) ? 0 : (unsigned)DUCT_IN) | (held ? (unsigned)DUCT_OUT : 0);
}

void couple_event(struct couple *c, unsigned side, unsigned events)
{
	if (c->ended)
		return;
	if (events & DUCT_IN)
		move(c, side);
	if (events & DUCT_OUT)
		move(c, !side);
	for (unsigned i = 0; i < 2; i++) {
		enum zt_err why = failure(c->side[i]);

		if (why) {
			over(c, i, why);
			return;
		}
	}
	if (passed(c, 0) && passed(c, 1)) {
		over(c, 0, ZT_OK);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		duct_ahead(c->side[i], c->side[!i]);
	for (unsigned i = 0; i < 2; i++)
		duct_want(c->side[i], wants_of(c, i));
}

uint64_t couple_due(const struct couple *c)
{
	return c->loop && !c->ended && c->idle_ms ? num_add64_sat(c->moved_at, c->idle_ms * NS_PER_MS) : UINT64_MAX;
}

void couple_look(struct couple *c, uint64_t now_ns)
{
	if (couple_due(c) <= now_ns)
		over(c, COUPLE_NEITHER, ZT_E_TIMEOUT);
}

void couple_start(struct couple *c)
{
	c->moved_at = loop_now(c->loop);
	for (unsigned i = 0; i < 2; i++)
		duct_ahead(c->side[i], c->side[!i]);
	for (unsigned i = 0; i < 2; i++) /* an end that is here already is told from the loop */
		duct_want(c->side[i], DUCT_IN | (c->side[!i]->held_up ? (unsigned)DUCT_OUT : 0));
}
