/*
 * couple: bytes between two ducts, both ways, as they come. A half-close is passed on; what was cut or reset on one
 * side is a reset on the other, never an end, so that nobody takes half a file for a whole one. Backpressure is
 * the ducts' own: a side is read only as far as the other has room.
 */
#ifndef ZT_COUPLE_H
#define ZT_COUPLE_H

#include "duct.h"

struct couple {
	struct duct *side[2];
	/* Over: both have finished, or one failed: by is its side, why 0 or the error. The owner closes both. Called once. */
	void (*over)(struct couple *c);
	uint8_t by;
	enum zt_err why;
	bool ended;
	uint64_t moved_at; /* loop_now() of the last byte, for idle timers: set through `now` */
	const struct loop *loop;
};
/* Takes over the user of both ducts; their event must be couple_event with the index found by address, so the
 * owner tells which couple a duct belongs to: */
void couple_start(struct couple *c);
/* The owner's duct_user.event calls this. */
void couple_event(struct couple *c, unsigned side, unsigned events);

#endif
