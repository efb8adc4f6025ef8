/*
 * couple: bytes between two ducts, both ways, as they come. A half-close is passed on; what was cut or reset on one
 * side is a reset on the other, never an end, so that nobody takes half a file for a whole one. Backpressure is
 * the ducts' own: a side is read only as far as the other has room.
 */
#ifndef ZT_COUPLE_H
#define ZT_COUPLE_H

#include "duct.h"
#include "loop.h"

struct couple { /* side, over, loop and idle_ms are the owner's to set, the rest is zero */
	struct duct *side[2];
	/* Over, once: both have finished, one failed, or nothing moves any more. The owner closes both with why, here or
	 * later: 0 delivers what is on its way. duct_why(side[by]) has the words of a failure. */
	void (*over)(struct couple *c);
	struct loop *loop;
	uint64_t moved_at;  /* loop_now() of the start, and of the last byte or end */
	uint32_t idle_ms;   /* 0: it may be silent for ever. Changed at any time */
	uint8_t why;        /* enum zt_err: 0; CLOSED: cut; RESET: reset or broken; TIMEOUT: idle */
	uint8_t by;         /* the side that failed, or finished first; COUPLE_NEITHER of TIMEOUT */
	uint8_t passed;     /* bits 1 << side: its end was passed on */
	bool ended;
};
_Static_assert(sizeof(struct couple) <= 48, "of thousands that are silent each costs this");
#define COUPLE_NEITHER 2

/* Begins with what has arrived already. The ducts' users are the owner's: their event() finds the couple, and
 * which side the duct is, by address, and calls couple_event(). over() may be called from inside. */
void couple_start(struct couple *c);
void couple_event(struct couple *c, unsigned side, unsigned events);
/* One timer of the owner's serves all of his: set for the first couple_due() (UINT64_MAX: never), it calls couple_look() of
 * each, which ends those whose silence has lasted. */
uint64_t couple_due(const struct couple *c);
void couple_look(struct couple *c, uint64_t now_ns);
void couple_stop(struct couple *c); /* over() is not called any more; harmless when over, or never started */

#endif
