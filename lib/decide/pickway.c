/* pickway: the order of pickway.h. It owns nothing: turns are in the caller's. */
#include "pickway.h"

#include <stddef.h>

/* < 0: a is better. Whatever stands higher here decides alone. */
static int by_class(const struct pick_way *a, const struct pick_way *b)
{
	const int by[] = {(a->rank < b->rank) - (a->rank > b->rank), a->down - b->down, a->full - b->full,
			  a->suspect - b->suspect, b->preferred - a->preferred, a->replaced - b->replaced, (a->weight == 0) - (b->weight == 0)};
	size_t i = 0;

	while (i < sizeof by / sizeof by[0] - 1 && by[i] == 0)
		i++;
	return by[i];
}

/* Of one class either all have a weight or none has: then they are equal. */
static uint64_t weight_of(const struct pick_way *w)
{
	return w->weight ? w->weight : 1;
}

/* load / weight, without the division. Neither comes near 2^32. */
static int by_load(const struct pick_way *a, const struct pick_way *b)
{
	uint64_t l = a->load * weight_of(b), r = b->load * weight_of(a);

	return (l > r) - (l < r);
}

static int compare(const struct pick_way *a, const struct pick_way *b)
{
	int c = by_class(a, b);

	return c ? c : by_load(a, b);
}

/* More than twice what best would have: else those who came while the others were away would stay for ever. */
static bool is_crowded(const struct pick_way *w, const struct pick_way *best)
{
	return w->load * weight_of(best) > 2 * (best->load + 1) * weight_of(w);
}

struct pick_way *pick_way(struct pick_way *first, const struct pick_way *like)
{
	struct pick_way *best = first, *next = NULL;
	int64_t sum = 0;

	for (struct pick_way *w = first; w; w = w->next)
		best = compare(w, best) < 0 ? w : best;
	for (struct pick_way *w = first; w; w = w->next)
		if (w == like && by_class(w, best) == 0 && !is_crowded(w, best))
			return w;
	for (struct pick_way *w = first; w; w = w->next) {
		if (compare(w, best) != 0)
			continue;
		w->turn += (int64_t)weight_of(w);
		sum += (int64_t)weight_of(w);
		next = next == NULL || w->turn > next->turn ? w : next;
	}
	if (next)
		next->turn -= sum;
	return next;
}
