/* follow_int: what follow.c and follow_lists.c share of one identity that is kept. Nobody else includes this. */
#ifndef ZT_FOLLOW_INT_H
#define ZT_FOLLOW_INT_H

#include "enroltalk.h"
#include "follow.h"
#include "idrenew.h"

#define FOLLOW_CHANGES 64  /* of one list get a line each, the rest one together */

struct follow {
	struct follow_opts o;
	struct timer step, due;
	struct identity_where where;
	struct authority_pins pins;
	struct enrolee watch;
	struct idrenewal renewal;   /* its id is open: the identity as it was read last, without its key */
	struct enroltalk talk;
	struct pk_public registry;
	struct status_view view;
	struct status_entry changed[FOLLOW_CHANGES];
	size_t nchanged;            /* may be more than those */
	int64_t written;            /* mono seconds: when status.seen was */
	uint8_t instance[ENROL_INSTANCE], serial[CERT_SERIAL];
	unsigned lost, failed;      /* connections, renewals since the last that worked */
	int64_t renew_at;           /* wall, seconds */
	bool renewing, anew, open;  /* anew: ask for the whole list; open: renewal.id is */
	struct follow_stats stats;
};

static inline int64_t follow_wall_s(const struct follow *f)
{
	return clock_wall(loop_clock(f->o.loop)) / 1000;
}

static inline int64_t follow_mono_s(const struct follow *f)
{
	return (int64_t)(clock_mono(loop_clock(f->o.loop)) / NS_PER_S);
}

/* follow_lists.c */
/* One that the authority sent. 0, -ZT_E_DENIED: refused, or this identity may not be used any more; or it could not be
 * written down, and nobody was told. */
int lists_take(struct follow *f, struct span list, struct why *w);
/* Several that somebody else brought. The same, but for this identity, of which the caller asks. */
int lists_offer(struct follow *f, struct span lists, struct why *w);
/* Our own certificate: does what lives by it have to end? 0 or -ZT_E_DENIED, which is logged. */
int lists_judge_self(struct follow *f, struct why *w);
const char *lists_own_end(const struct follow *f); /* by which state; NULL: by none */

#endif
