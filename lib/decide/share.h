/*
 * share: one budget of bytes made into caps of the bounds table. Each kind of thing that peers make a process hold gets a
 * part of its own, so whoever fills one leaves the others their room, and all of them full are the budget: what a full
 * one answers is its row's business. Pure.
 */
#ifndef ZT_SHARE_H
#define ZT_SHARE_H

#include "base/bounds.h"

struct share {
	enum bound_id id;
	uint32_t unit;    /* bytes that one of it costs, with all that hangs on it */
	uint32_t percent; /* of the budget */
};
struct share_set {
	const struct share *share;
	size_t n;
};
extern const struct share_set share_edge, share_connector, share_tlsd;

/* What the tables count with; asserted where the structs are: no less, and hardly more, or memory is asked for that nobody
 * needs. */
#define SHARE_VISITOR 5568 /* a connection, its request and its way to an origin, without buffers */
#define SHARE_WAY 1592     /* of that: one way to an origin, of which there may be two; over TLS */
#define SHARE_TUNNEL 143360
#define SHARE_SERVING 1824 /* with TLS to its origin; its stream has a share of its own */
#define SHARE_STREAM 496   /* with a name that no other one has */
#define SHARE_KEPT 4096    /* what BOUND_TUNNEL_KEPT counts */
#define SHARE_HEARD 16384  /* and BOUND_TUNNEL_HEARD */

#define SHARE_SLOT 8       /* what a pool has around each, */
#define SHARE_MALLOC 16    /* and malloc */
#define SHARE_IS(share, bytes) \
	_Static_assert((bytes) <= (share) && ((share) < (bytes) + 64 || sizeof(void *) < 8), #share)

#define SHARE_LEAST 8      /* of anything, however small the budget is */
/* Every row of the set as the table has it; then come what the configuration says, and share_out(). */
void share_reset(struct bounds *b, const struct share_set *s);
/* Caps that are above their share are lowered to it. memory 0: nothing is. */
void share_out(struct bounds *b, const struct share_set *s, uint64_t memory);

#endif
