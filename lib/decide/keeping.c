/* keeping: the arithmetic of keeping.h. Owns nothing. */
#include "keeping.h"

#include "base/num.h"

#define RECONNECT_MS 500
#define RECONNECT_MOST_MS 30000
#define RETRY_S 5
#define RETRY_MOST_S 3600

/* What doubles from `first` on, `times` times, and stops at `most`. */
static uint64_t doubled(uint64_t first, unsigned times, uint64_t most)
{
	while (times-- > 0 && first < most)
		first *= 2;
	return num_min64(first, most);
}

/* Uniform in 0 … most; 32 bits are enough for an hour of milliseconds. */
static uint64_t share(uint64_t most, uint32_t dice)
{
	return (most * dice + most) >> 32;
}

uint64_t keeping_reconnect_ms(unsigned failures, uint32_t dice)
{
	return share(doubled(RECONNECT_MS, failures, RECONNECT_MOST_MS), dice);
}

int64_t keeping_renew_at(const struct keeping_life *l, unsigned failures, int64_t failed, uint32_t dice)
{
	int64_t left;
	uint64_t wait;

	if (failures == 0) {
		if (l->before > 0 && l->not_after - l->before < l->renew_at)
			return l->not_after - l->before;
		left = l->not_after - l->renew_at;
		return l->renew_at + (int64_t)share(left > 0 ? (uint64_t)left / 10 : 0, dice);
	}
	left = l->not_after - failed;
	wait = doubled(RETRY_S, failures - 1, RETRY_MOST_S);
	if (left > 0 && wait > (uint64_t)left / 10)
		wait = num_min64(wait, (uint64_t)left / 10 > RETRY_S ? (uint64_t)left / 10 : RETRY_S);
	return failed + (int64_t)(wait / 2 + share(wait - wait / 2, dice));
}
