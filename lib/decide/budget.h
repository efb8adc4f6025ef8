/*
 * budget: token buckets by address, for work that costs us more than the peer (handshakes).
 * IPv4 by /32, IPv6 by /64: whoever holds a /64 is one peer. Bounded: when the table is full,
 * the bucket that has been full longest (its peer quiet longest) makes room. Pure: time is handed in.
 */
#ifndef ZT_BUDGET_H
#define ZT_BUDGET_H

#include "base/bounds.h"
#include "wire/addr.h"

struct budget_slot {
	uint8_t key[9];     /* family, then /32 or /64 */
	uint32_t millis;    /* tokens left, in thousandths */
	uint64_t at_ns;
	uint32_t next;      /* in its hash chain; 0: none */
};

struct budget {
	uint32_t rate;      /* tokens a second */
	uint32_t burst;
	uint8_t secret[16]; /* of the hash: peers must not choose their chains */
	uint32_t heads[1024];
	struct budget_slot slot[BOUND_CAP(BOUND_BUDGET_PEERS) + 1]; /* [0] is unused */
	uint32_t used;
	uint32_t hand;      /* where the next search for room begins */
};

void budget_init(struct budget *b, uint32_t rate, uint32_t burst, const uint8_t secret[static 16]);
void budget_set(struct budget *b, uint32_t rate, uint32_t burst); /* a reload: buckets stay */
/* One token of this peer: true, or false when it has none left. */
bool budget_take(struct budget *b, const struct addr *peer, uint64_t now_ns);

#endif
