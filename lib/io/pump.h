/*
 * pump: bytes between two connected sockets, both ways, each side plain or TLS. Half-closes are
 * passed on; a side that ends without saying so becomes a reset on the other, so that nobody
 * takes half a file for a whole one.
 *
 * An idle pump holds no buffer. A flow (one direction) borrows one when bytes arrive and gives
 * it back when they have left; it reads again only when all it had is gone: that is the
 * backpressure. All flows of a process share BOUND_RELAY_BUFS buffers. When none is left a flow
 * waits in line, does not read, and is handed the next one that comes back; meanwhile nobody
 * reads beyond the record under way, so that they do come back. Who sits on a buffer is ended:
 * with an incomplete record after PUMP_PARTIAL, and, while others wait in line, whoever moves
 * less than PUMP_SHARE bytes in PUMP_STALL, the slowest first.
 *
 * A turn moves at most LOOP_BUDGET bytes. Plain to TLS: read where it will be encrypted, many
 * records leave with one send(). TLS to plain: one recv(), opened in place, one sendmsg() of the
 * pieces. TLS to TLS: one copy between the two.
 */
#ifndef ZT_PUMP_H
#define ZT_PUMP_H

#include "loop.h"
#include "tls.h"

#define PUMP_PARTIAL (20 * NS_PER_S)
#define PUMP_STALL (3 * NS_PER_S)
#define PUMP_SHARE 16384 /* a full record; 5 KB/s */
#define PUMP_SWEEP NS_PER_S

struct pump;
struct pump_buf;

struct pump_pool { /* of one process */
	struct loop *loop;
	struct bounds *bounds;
	struct pump_buf *spare, *lent; /* lent: newest first */
	size_t spares;
	struct pump_flow *line, **line_end; /* first come, first served */
	struct timer sweep; /* while any is lent */
};
void pump_pool_init(struct pump_pool *pp, struct loop *l, struct bounds *b);
void pump_pool_free(struct pump_pool *pp); /* every pump has stopped. Before the loop is freed */

enum pump_cause {
	PUMP_FINISHED, /* both sides have finished and have been given everything */
	PUMP_RESET,    /* the side reset its connection, or does not take its bytes any more */
	PUMP_TLS,      /* its TLS came to a bad end: side.tls->end */
	PUMP_PARTIAL_RECORD,
	PUMP_STALLED,  /* it moved too little while others waited */
	PUMP_SPENT,    /* the record counter: 2^48 records */
	PUMP_NOMEM
};

struct pump_class {
	/* It is over, p->cause and p->by say why. Called once. The buffers are back; the owner
	 * closes the sockets, which resets every side that was not told a clean end. */
	void (*over)(struct pump *p);
};

struct pump_side {
	struct source *src; /* connected; the owner's, who also closes it */
	struct tls *tls;    /* open, or NULL: plain */
};

enum pump_state { PUMP_OPEN, PUMP_ENDING, PUMP_DONE };

struct pump_flow { /* from side[i] to the other */
	struct pump *pump;
	struct pump_buf *buf;
	struct pump_flow *behind; /* in line */
	uint64_t bytes;           /* of the application, taken from the side */
	uint8_t state, side;
	bool waits;
};

struct pump {
	const struct pump_class *cls;
	struct pump_pool *pool;
	struct pump_side side[2];
	struct pump_flow flow[2];
	uint64_t active;          /* when a byte moved last, loop_now() */
	uint8_t cause, by, first; /* by, first: the side that ended it; that finished first */
	bool half, over;          /* half: some side has finished */
};

/* cls, pool and side are set, the rest is zero. From here on until a side has been told a clean
 * end, closing its socket resets it, also when the process dies. */
void pump_start(struct pump *p);
unsigned pump_wants(const struct pump *p, unsigned side);
/* The owner's ready() of that side calls this. over() may be called from inside. */
void pump_ready(struct pump *p, unsigned side, unsigned events);
void pump_stop(struct pump *p); /* gives the buffers back and calls nobody; harmless when over, or never started */
const char *pump_cause_text(const struct pump *p); /* what p->by did: "reset the connection" */

#endif
