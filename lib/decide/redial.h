/*
 * redial: how long to wait before an edge is dialled again: at most so many ms, of which the caller takes a random part.
 * Pure.
 *
 * The wait is for the edge's sake, so it doubles with every failure that an edge had work with: one that was heard, a
 * handshake, a no. A dial that nobody heard costs nobody anything, and whoever makes it finds a path that is back
 * late by what it waits; so it counts as little. One that a kernel refused tells that no edge listens there: perhaps for
 * a moment, perhaps for good. It counts as little at first, and each sixteenth in a row counts.
 */
#ifndef ZT_REDIAL_H
#define ZT_REDIAL_H

#include <stdint.h>

enum redial_how {
	REDIAL_LOST,    /* a connection or its handshake, however it ended */
	REDIAL_UNHEARD, /* no answer, no route, no name; or no memory of our own */
	REDIAL_REFUSED, /* nobody listens */
	REDIAL_DENIED,  /* the edge says no: up to 16 s at once */
};

struct redial { /* zero: nothing has failed */
	uint16_t failed, refused; /* in a row */
};

/* Counts it. The caller makes r zero when a connection was good, and r->refused when somebody has listened. */
uint32_t redial_most_ms(struct redial *r, enum redial_how how);

#endif
