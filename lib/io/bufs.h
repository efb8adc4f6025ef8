/*
 * bufs: the I/O buffers of a process: one size, a bound (BOUND_DUCT_BUFS), a line in which whoever finds none
 * waits, first come first served. Nobody waits for a second buffer while it sits on bytes that only somebody
 * else's progress can move: the in-seat is served before the out-seat of the same duct.
 */
#ifndef ZT_BUFS_H
#define ZT_BUFS_H

#include "base/bounds.h"
#include "loop.h"

/* Four records with their gaps and an alert: 4 * 16,413 + 31, see tls.h. */
#define BUFS_BYTES 65792

struct bufs;
struct bufs_seat {
	uint8_t *mem; /* BUFS_BYTES, or NULL */
	struct bufs_seat *behind;
	bool waits;
	void (*served)(struct bufs_seat *s); /* from the loop: mem is there now */
};

int bufs_new(struct bufs **out, struct loop *l, struct bounds *b);
void bufs_free(struct bufs *b);
bool bufs_take(struct bufs *b, struct bufs_seat *s); /* false: it waits in line now */
void bufs_give(struct bufs *b, struct bufs_seat *s); /* the buffer back, or out of the line; harmless when neither */

#endif
