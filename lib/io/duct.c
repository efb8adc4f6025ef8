/*
 * duct: the front that all carriers share: counts, limits to what there is and what there is room for, and
 * keeps a dead duct quiet, so that no carrier has to. Owns no byte and calls no user.
 */
#include "duct.h"

#include "base/num.h"

bool duct_dead(const struct duct *d)
{
	return d->end == DUCT_RESET || d->end == DUCT_BROKEN;
}

struct span duct_peek(const struct duct *d)
{
	return duct_dead(d) ? (struct span){0} : d->cls->peek(d);
}

void duct_take(struct duct *d, size_t n)
{
	n = num_min(n, duct_peek(d).n); /* a carrier is never asked for more than it showed */
	if (n == 0)
		return;
	d->in += n;
	d->cls->take(d, n);
}

bool duct_ended(const struct duct *d)
{
	return d->end != DUCT_GOING && duct_peek(d).n == 0;
}

size_t duct_room(const struct duct *d)
{
	return duct_dead(d) || d->finished ? 0 : d->cls->room(d);
}

size_t duct_put(struct duct *d, struct span s)
{
	s.n = num_min(s.n, duct_room(d));
	if (s.n == 0)
		return 0;
	d->out += s.n;
	d->cls->put(d, s);
	return s.n;
}

bool duct_put_all(struct duct *d, struct span s)
{
	return s.n <= duct_room(d) && duct_put(d, s) == s.n;
}

void duct_finish(struct duct *d)
{
	if (duct_dead(d) || d->finished)
		return;
	d->finished = true;
	d->cls->finish(d);
}

void duct_flush(struct duct *d)
{
	if (!duct_dead(d))
		d->cls->flush(d);
}

void duct_want(struct duct *d, unsigned wants)
{
	wants &= DUCT_IN | DUCT_OUT;
	if (d->wants == wants)
		return;
	d->wants = (uint8_t)wants;
	d->cls->want(d);
}

/* Who had waited for a place alone, and has bytes now, makes do with less: its wish is another one. */
static void hold_up(struct duct *to, bool alone)
{
	bool was = to->holds_up;

	to->holds_up = alone;
	if (was && !alone)
		to->cls->want(to);
}

void duct_ahead(struct duct *d, struct duct *to)
{
	size_t n = to && !duct_dead(to) && !to->finished ? to->cls->ahead(to) : SIZE_MAX;
	bool held_up = n == 0;

	if (d->asks)
		d->ahead = to && !duct_dead(to) && to->cls->lags && to->cls->lags(to);
	d->asks = false;
	d->most = n < UINT32_MAX ? (uint32_t)n : 0;
	if (to)
		hold_up(to, held_up && duct_peek(d).n == 0);
	if (d->held_up == held_up)
		return;
	d->held_up = held_up;
	d->cls->want(d);
}

void duct_close(struct duct *d, enum zt_err why)
{
	d->user = NULL; /* nothing is told afterwards */
	d->wants = 0;
	if (why == ZT_OK)
		duct_finish(d);
	d->cls->close(d, why);
}

const char *duct_why(const struct duct *d)
{
	return d->cls->why(d);
}
