/*
 * nearest: "did you mean": the candidate closest to a mistyped word. Pure. Offer every
 * candidate, then read best: NULL when none is close enough to be worth suggesting.
 */
#ifndef ZT_NEAREST_H
#define ZT_NEAREST_H

#include "base/span.h"

#define NEAREST_MAX 64 /* longer words are never suggested for: the table is on the stack */

struct nearest {
	struct span word;
	const char *best;
	unsigned distance; /* of best */
};

struct nearest nearest_to(struct span word);
void nearest_offer(struct nearest *n, const char *candidate); /* must outlive n; first of equals wins */

/* Insertions, deletions, changed bytes and swapped neighbours that turn a into b. */
unsigned nearest_distance(struct span a, struct span b);

#endif
