/* pickorigin: the arithmetic of pickorigin.h. It owns nothing: turns and health are in the caller's table. */
#include "pickorigin.h"

/* The lower the better; all of one class take turns. */
static unsigned class_of(const struct pick_origin *o)
{
	return (o->down ? 2u : 0u) + (o->weight == 0 ? 1u : 0u);
}

static bool is_left(uint64_t tried, size_t i)
{
	return !(tried & (UINT64_C(1) << i));
}

int pick_next(struct pick_origin *o, size_t n, uint64_t tried)
{
	int64_t sum = 0;
	unsigned best = 4;
	int at = -1;

	for (size_t i = 0; i < n; i++)
		if (is_left(tried, i) && class_of(&o[i]) < best)
			best = class_of(&o[i]);
	for (size_t i = 0; i < n; i++) {
		int64_t weight = o[i].weight ? o[i].weight : 1; /* among themselves they are equal */

		if (!is_left(tried, i) || class_of(&o[i]) != best)
			continue;
		o[i].turn += weight;
		sum += weight;
		if (at < 0 || o[i].turn > o[at].turn)
			at = (int)i;
	}
	if (at >= 0)
		o[at].turn -= sum;
	return at;
}

bool pick_saw(struct pick_origin *o, bool good)
{
	bool was = o->down;

	if (good)
		o->failures = 0;
	else if (o->failures < PICK_FAILURES)
		o->failures++;
	o->down = o->failures == PICK_FAILURES;
	return o->down != was;
}

bool pick_any(const struct pick_origin *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!o[i].down)
			return true;
	return false;
}
