/*
 * budget: token buckets by address, for work that costs us more than the peer (handshakes).
 * IPv4 by /32, IPv6 by /64: whoever holds a /64 is one peer. Bounded: when the table is full,
 * the peer quiet longest makes room; one that is refused and keeps knocking is not quiet. Pure:
 * time is handed in.
 */
#ifndef ZT_BUDGET_H
#define ZT_BUDGET_H

#include "base/bounds.h"
#include "wire/addr.h"

struct budget_slot {
	uint8_t key[9];     /* family, then /32 or /64 */
	uint32_t millis;    /* tokens left, in thousandths */
	uint64_t at_ns;     /* millis was true then */
	uint32_t next;      /* in its hash chain; 0: none */
	uint32_t older, newer; /* neighbours by last use; 0: none */
};

#define BUDGET_CHAINS 1024
#define BUDGET_TOKENS 1000000 /* rate and burst, at most: thousandths must fit 32 bits */

struct budget {
	uint32_t rate;      /* tokens a second */
	uint32_t burst;
	uint8_t secret[16]; /* of the hash: peers must not choose their chains */
	uint32_t heads[BUDGET_CHAINS];
	struct budget_slot slot[BOUND_CAP(BOUND_BUDGET_PEERS) + 1]; /* [0] is unused */
	uint32_t used;      /* slots [1..used] hold a peer */
	uint32_t oldest, newest;
};

/* rate 0: a burst for each peer and no more, as long as it is remembered. burst 0: nothing. */
void budget_init(struct budget *b, uint32_t rate, uint32_t burst, const uint8_t secret[static 16]);
void budget_set(struct budget *b, uint32_t rate, uint32_t burst); /* a reload: buckets stay */
/* One token of this peer: true, or false when it has none left. A clock that goes back gives
 * nothing and takes nothing. */
bool budget_take(struct budget *b, const struct addr *peer, uint64_t now_ns);

#endif
