/*
 * status: what a receiver (edge, connector, agent) knows from the status lists it has accepted, and
 * whether it may still believe that. Pure: bytes, keys and times are handed in; the caller keeps
 * {epoch, number} on disk before it acts on a list, and hands them in again at the next start.
 *
 * Rules: signed by the pinned registry key; epoch and number never go back (a higher epoch, after a
 * restore of the authority, comes with a full list only); a delta fits only on its base; issued never
 * goes back and is not in the future by more than STATUS_SKEW. A list that breaks one changes nothing.
 */
#ifndef ZT_STATUS_H
#define ZT_STATUS_H

#include "wire/statlist.h"

#define STATUS_SKEW 60           /* seconds that clocks of two machines may differ */
#define STATUS_MAX_STALE 300     /* defaults, in seconds: older denies what is new */
#define STATUS_CUT_STALE 3600    /* older cuts what lives */

#define STATUS_REFUSALS(X)                                                                        \
	X(STATUS_TAKEN, "taken", "it was taken")                                                  \
	X(STATUS_MALFORMED, "malformed", "it is malformed")                                       \
	X(STATUS_UNSIGNED, "signature", "it is not signed by the pinned registry key")            \
	X(STATUS_OLD_EPOCH, "epoch", "its epoch is lower than one that was seen")                 \
	X(STATUS_ROLLBACK, "rollback", "its number is lower than one that was seen")              \
	X(STATUS_SAME, "same", "it is the one that is known")                                     \
	X(STATUS_BASE, "base", "it changes a list that is not the one that is known")             \
	X(STATUS_TIME_BACK, "time", "it was issued before the one that is known")                 \
	X(STATUS_FUTURE, "future", "it was issued in the future: one of the two clocks is wrong") \
	X(STATUS_FULL, "full", "it has more entries than there is room for")

enum status_refusal {
#define X(id, name, text) id,
	STATUS_REFUSALS(X)
#undef X
	STATUS_REFUSAL_COUNT
};
const char *status_refusal_name(enum status_refusal r);
const char *status_refusal_text(enum status_refusal r);

/* What must outlast a restart. {0, 0, 0}: nothing was seen yet. */
struct status_seen {
	uint64_t epoch, number;
	int64_t issued;
};

struct status_view {
	struct status_entry *entry; /* the caller's memory, in order: cap of them */
	size_t n, cap;
	struct status_seen seen;
	bool known;                 /* a full list was taken since the start */
};

void status_init(struct status_view *v, struct status_entry *mem, size_t cap, const struct status_seen *seen);
/* changed(ctx, entry) is called for every entry whose state is new, GONE included; may be NULL.
 * A full list with the number of `seen` is taken when nothing is known yet (a restart). */
typedef void status_changed(void *ctx, const struct status_entry *e);
enum status_refusal status_apply(struct status_view *v, struct span list, const struct pk_public *registry, int64_t now,
				 status_changed *changed, void *ctx);

/* O(log n). 0: unknown. */
unsigned status_of(const struct status_view *v, enum status_what what, const uint8_t key[static STATLIST_KEY]);

/* In this order: nothing known is STALE for new things and CUT for live ones. */
enum status_freshness { STATUS_FRESH, STATUS_STALE, STATUS_CUT };
struct status_limits {
	int64_t max_stale, cut_stale; /* seconds */
};
enum status_freshness status_fresh(const struct status_view *v, const struct status_limits *l, int64_t now);
/* The wall clock is never before this: seen.issued, or the floor of the version. */
int64_t status_floor(const struct status_view *v, int64_t version_floor);

/* May the holder of this certificate begin something? Why not, from a closed list. */
enum status_verdict { STATUS_YES, STATUS_NO_LIST, STATUS_IS_STALE, STATUS_NOT_KNOWN, STATUS_IS_SUSPENDED, STATUS_IS_REVOKED };
enum status_verdict status_may_begin(const struct status_view *v, const struct status_limits *l, int64_t now,
				     const uint8_t serial[static STATLIST_KEY]);
/* Must what lives by this certificate end? */
bool status_must_end(const struct status_view *v, const struct status_limits *l, int64_t now,
		     const uint8_t serial[static STATLIST_KEY]);
const char *status_verdict_text(enum status_verdict v);

#endif
