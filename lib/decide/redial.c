/*
 * redial: the sums of redial.h. Owns no clock and no chance: both are the caller's.
 */
#include "redial.h"

#include "base/num.h"

#define FIRST_MS 500   /* the first wait is up to this, */
#define MOST_MS 30000  /* none is longer than this */
#define UNHEARD 2      /* failures at most: up to 2 s */
#define REFUSED_STEP 16 /* after 16, 48 and 112 s on average a wait is up to 4, 8, 16 s */
#define DENIED 5       /* failures at least */
#define COUNTED 16

uint32_t redial_most_ms(struct redial *r, enum redial_how how)
{
	uint64_t most = FIRST_MS;

	r->refused = (uint16_t)(how == REDIAL_REFUSED ? num_min(r->refused + 1u, REFUSED_STEP * COUNTED) : 0);
	if (how == REDIAL_DENIED && r->failed < DENIED)
		r->failed = DENIED;
	if (how == REDIAL_UNHEARD || how == REDIAL_REFUSED)
		r->failed = (uint16_t)num_min(r->failed, UNHEARD + r->refused / REFUSED_STEP);
	for (unsigned i = 0; i < r->failed && most < MOST_MS; i++)
		most *= 2;
	r->failed = (uint16_t)(r->failed + (r->failed < COUNTED));
	return (uint32_t)num_min64(most, MOST_MS);
}
