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

/* What the tables count with; asserted where the structs are. */
#define SHARE_VISITOR 6656 /* a connection, its request and its way to an origin, without buffers */
#define SHARE_WAY 1184     /* of that: one way to an origin, of which there may be two */
#define SHARE_TUNNEL 143360
#define SHARE_SERVING 6144
#define SHARE_STREAM 1088
#define SHARE_KEPT 4096    /* what BOUND_TUNNEL_KEPT counts */

#define SHARE_LEAST 8      /* of anything, however small the budget is */
/* Every row of the set as the table has it; then come what the configuration says, and share_out(). */
void share_reset(struct bounds *b, const struct share_set *s);
/* Caps that are above their share are lowered to it. memory 0: nothing is. */
void share_out(struct bounds *b, const struct share_set *s, uint64_t memory);

#endif
