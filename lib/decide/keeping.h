/*
 * keeping: when an agent that keeps an identity does what: renew, try again, connect again. Pure: times,
 * numbers of failures and dice are handed in. Everything is spread at random, so that a hundred agents that
 * lost their authority in the same second do not come back in the same one.
 */
#ifndef ZT_KEEPING_H
#define ZT_KEEPING_H

#include <stdint.h>

/* Before the n-th connection since the last that worked (0: the first again): uniform in
 * 0 … min(30, 0.5 * 2^n) s. dice: 32 random bits. */
uint64_t keeping_reconnect_ms(unsigned failures, uint32_t dice);

struct keeping_life {
	int64_t renew_at, not_after; /* seconds since 1970 */
	int64_t before;              /* > 0: renew when no more than this is left, if that is earlier */
};
/* The moment to try at, after so many failures, the last of them at `failed`. The first time: as soon as
 * `before` says, or renew_at and up to a tenth of what is left then. Later: after half to all of a wait that doubles, from 5 s to an hour and
 * to a tenth of what is left. */
int64_t keeping_renew_at(const struct keeping_life *l, unsigned failures, int64_t failed, uint32_t dice);

#endif
