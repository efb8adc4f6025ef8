/* watch: see watch.h. */
#include "watch.h"

#include "base/num.h"

static bool same(const struct watch_marks *a, const struct watch_marks *b)
{
	for (size_t i = 0; i < ARRAY_LEN(a->of); i++)
		if (!files_same(&a->of[i], &b->of[i]))
			return false;
	return true;
}

bool watch_step(struct watch *w, const struct watch_marks *loaded, const struct watch_marks *seen)
{
	bool still = w->has_last && same(seen, &w->last);

	w->last = *seen;
	w->has_last = true;
	if (same(seen, loaded)) {
		w->has_tried = false; /* back to what is served: what was refused may come again */
		return false;
	}
	if (!still || (w->has_tried && same(seen, &w->tried)))
		return false;
	w->tried = *seen;
	w->has_tried = true;
	return true;
}
