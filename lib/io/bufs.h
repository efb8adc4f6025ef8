/*
 * bufs: the I/O buffers of a process: one size, a bound (BOUND_DUCT_BUFS), two lines in which whoever finds none
 * waits, first come first served.
 *
 * Nobody waits for a second buffer while all are with others who do the same: what was read leaves through
 * buffers for writing, and those empty themselves into sockets alone. So reading never has more than half of them,
 * and who writes is served first.
 *
 * Who sits on a buffer while others wait in line is ended: whoever moves less than BUFS_SHARE bytes in BUFS_STALL,
 * the slowest first, as many as wait. bufs_moved() says that bytes came or went.
 */
#ifndef ZT_BUFS_H
#define ZT_BUFS_H

#include "base/bounds.h"
#include "loop.h"

/* Four records with their gaps and an alert: 4 * 16,413 + 31, see tls.h; rounded up to whole 64 bytes. */
#define BUFS_BYTES 65728
#define BUFS_STALL (3 * NS_PER_S)
#define BUFS_SHARE 16384 /* a full record; 5 KB/s */

struct bufs;
struct bufs_seat { /* zero-initialise, then the three below */
	bool reads;                              /* bytes come into it; false: they leave from it */
	void (*served)(struct bufs_seat *s);     /* from the loop: mem is there now */
	void (*evicted)(struct bufs_seat *s);    /* from the loop: give it back. NULL: it is never asked to */
	/* bufs' own */
	uint8_t *mem;                            /* BUFS_BYTES, or NULL */
	struct bufs_seat *prev, *next;           /* among those who wait, or who have one */
	uint64_t paid;                           /* of BUFS_STALL a byte buys its part of BUFS_SHARE */
	bool waits;
};

int bufs_new(struct bufs **out, struct loop *l, struct bounds *b);
void bufs_free(struct bufs *b); /* all are back; before the loop is freed. NULL is allowed */
bool bufs_take(struct bufs *b, struct bufs_seat *s); /* true: it has one; false: it waits in line now */
bool bufs_could(const struct bufs *b, const struct bufs_seat *s); /* it has one, or would get one at once */
void bufs_give(struct bufs *b, struct bufs_seat *s); /* the buffer back, or out of the line; harmless when neither */
void bufs_moved(const struct bufs *b, struct bufs_seat *s, size_t n);
/* Half of them are lent, or half of those for reading: from here on nobody should sit on one. */
bool bufs_short(const struct bufs *b);
bool bufs_wanted(const struct bufs *b); /* somebody waits: do not begin what may take long */

#endif
