/* near: "did you mean": the closest name in a list. Pure. */
#ifndef ZT_NEAR_H
#define ZT_NEAR_H

#include <stddef.h>

#include "span.h"

#define NEAR_MAX 48 /* longer words are never compared: config keys and verbs are short */

/* Damerau-Levenshtein distance (insert, delete, replace, swap neighbours), or NEAR_MAX when a
 * word is longer than NEAR_MAX. */
size_t near_distance(struct span a, struct span b);

/* Keeps the best candidate offered. Start with (struct near){0}. */
struct near {
	const char *name;
	size_t distance;
};
void near_offer(struct near *n, struct span word, const char *candidate);
/* The best one, or NULL when even that is further than a third of the word (at least 1). */
const char *near_best(const struct near *n, struct span word);

#endif
