/*
 * pickorigin: which origin of a rule is next, and what is believed of the health of each. Pure: whoever looks at
 * them, dials them and tells the time is elsewhere (roles/connector/origins.c).
 *
 * Turns are by smooth weighted round robin: with weights 3 and 1 the order is a a b a, never a a a b.
 */
#ifndef ZT_PICKORIGIN_H
#define ZT_PICKORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICK_FAILURES 2 /* in a row, and it is down */
#define PICK_MOST 64    /* origins of a rule: bits of `tried` */

struct pick_origin {     /* the first is the owner's to set, the rest is zero */
	uint32_t weight;
	bool down;
	uint8_t failures;    /* in a row */
	int64_t turn;
};

/* Of n <= PICK_MOST origins, but for those in tried (bits): by weight among the healthy; weight 0 only without
 * them; one that is down only without any other, because somebody must find out. -1: all were tried. */
int pick_next(struct pick_origin *o, size_t n, uint64_t tried);
/* It was reached, or was not; by whoever. true: whether it is down has changed. */
bool pick_saw(struct pick_origin *o, bool good);
/* Is one of them up? */
bool pick_any(const struct pick_origin *o, size_t n);

#endif
