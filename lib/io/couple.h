/*
 * couple: bytes between two ducts, both ways, as they come. A half-close is passed on; what was cut or reset on one
 * side is a reset on the other, never an end, so that nobody takes half a file for a whole one. Backpressure is
 * the ducts' own: a side is read only as far as the other has room.
 */
#ifndef ZT_COUPLE_H
#define ZT_COUPLE_H

#include "duct.h"
#include "loop.h"

struct couple { /* the first four are the owner's to set, the rest is zero */
	struct duct *side[2];
	/* Over, once: both have finished, one failed, or nothing moves any more. The owner closes both with why, here or
	 * later: 0 delivers what is on its way. duct_why(side[by]) has the words of a failure. */
	void (*over)(struct couple *c);
	struct loop *loop;
	uint64_t idle_ns;   /* 0: it may be silent for ever. Changed at any time; seen when the time before is over */
	struct timer idle;
	uint64_t moved_at;  /* loop_now() of the start, and of the last byte or end */
	enum zt_err why;    /* 0; ZT_E_CLOSED: cut; ZT_E_RESET: reset or broken; ZT_E_TIMEOUT: idle; ZT_E_NOMEM: no timer */
	uint8_t by;         /* the side that failed, or finished first; COUPLE_NEITHER of the last two */
	uint8_t passed;     /* bits 1 << side: its end was passed on */
	bool ended;
};
#define COUPLE_NEITHER 2

/* Begins with what has arrived already. The ducts' users are the owner's: their event() finds the couple, and
 * which side the duct is, by address, and calls couple_event(). over() may be called from inside. */
void couple_start(struct couple *c);
void couple_event(struct couple *c, unsigned side, unsigned events);
void couple_stop(struct couple *c); /* over() is not called any more; harmless when over, or never started */

#endif
