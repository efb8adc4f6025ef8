/*
 * couple: bytes between two ducts, both ways, as they come. A half-close is passed on; what was cut or reset on one
 * side is a reset on the other, never an end, so that nobody takes half a file for a whole one. Backpressure is
 * the ducts' own: a side is read only as far as the other has room.
 */
#ifndef ZT_COUPLE_H
#define ZT_COUPLE_H

#include "duct.h"
#include "loop.h"

struct couple { /* the first three are the owner's to set, the rest is zero */
	struct duct *side[2];
	/* Over, once: both have finished, or one failed. The owner closes both with why, here or later: 0 delivers
	 * what is on its way. duct_why(side[by]) has the words of a failure. */
	void (*over)(struct couple *c);
	const struct loop *loop;
	uint64_t moved_at;  /* loop_now() of the start, and of the last byte or end */
	enum zt_err why;    /* 0; ZT_E_CLOSED: cut; ZT_E_RESET: reset or broken */
	uint8_t by;         /* the side that failed, or finished first */
	uint8_t passed;     /* bits 1 << side: its end was passed on */
	bool ended;
};

/* Begins with what has arrived already. The ducts' users are the owner's: their event() finds the couple, and
 * which side the duct is, by address, and calls couple_event(). */
void couple_start(struct couple *c);
void couple_event(struct couple *c, unsigned side, unsigned events);

#endif
