/*
 * status: what a receiver (edge, connector, agent) knows from the status lists it has accepted, and
 * whether it may still believe that. Pure: bytes, keys and times are handed in; the caller keeps
 * `seen` on disk, and hands it in again at the next start. docs/formats.md, "Status list", has the
 * reason of each rule.
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

/* In the order in which they are asked: the first that applies is the answer. */
#define STATUS_REFUSALS(X)                                                                        \
	X(STATUS_TAKEN, "taken", "it was taken")                                                  \
	X(STATUS_MALFORMED, "malformed", "it is malformed")                                       \
	X(STATUS_UNSIGNED, "signature", "it is not signed by the pinned registry key")            \
	X(STATUS_OLD_EPOCH, "epoch", "its epoch is lower than one that was seen")                 \
	X(STATUS_ROLLBACK, "rollback",                                                            \
	  "its number is lower than one that was seen (after a restore from a backup: zt ca epoch)") \
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

/* Both clocks, in seconds. A wall clock that is held or set back would keep an old list fresh; the
 * other one cannot be, but knows nothing of the time before the start. A list is as old as the older
 * of the two says. */
struct status_now {
	int64_t wall; /* Unix time, > 0 */
	int64_t mono; /* clock_mono(): never goes back */
};

struct status_view {
	struct status_entry *entry; /* the caller's memory, in order: cap of them */
	size_t n, cap;
	struct status_seen seen;
	int64_t heard;              /* mono, when the last list was taken */
	bool known;                 /* a full list was taken since the start */
};

void status_init(struct status_view *v, struct status_entry *mem, size_t cap, const struct status_seen *seen);
/* changed(ctx, entry) is called once for every entry whose state is new, GONE included; may be NULL.
 * The list is certain to be taken by then, and v is still the one before it: it may be asked, not
 * changed. A full list with the number of `seen` is taken when nothing is known yet (a restart). */
typedef void status_changed(void *ctx, const struct status_entry *e);
enum status_refusal status_apply(struct status_view *v, struct span list, const struct pk_public *registry,
				 struct status_now now, status_changed *changed, void *ctx);

/* O(log n). 0: unknown. */
unsigned status_of(const struct status_view *v, enum status_what what, const uint8_t key[static STATLIST_KEY]);

/* As old as it may be is FRESH still. Nothing known is CUT. */
enum status_freshness { STATUS_FRESH, STATUS_STALE, STATUS_CUT };
struct status_limits {
	int64_t max_stale, cut_stale; /* seconds; cut_stale >= max_stale */
};
enum status_freshness status_fresh(const struct status_view *v, const struct status_limits *l, struct status_now now);
/* The wall clock is never before this: what was seen to be issued, but for the skew of two clocks that
 * are right, or the floor of the version. */
int64_t status_floor(const struct status_view *v, int64_t version_floor);

/* May the holder of this certificate begin something? Why not, from a closed list, in this order. */
#define STATUS_VERDICTS(X)                                                                        \
	X(STATUS_YES, "it is good")                                                               \
	X(STATUS_NO_LIST, "no status list was received since the start")                          \
	X(STATUS_IS_STALE, "the status list is too old to let anything new begin")                \
	X(STATUS_NOT_KNOWN, "the authority does not know it, or it has expired")                  \
	X(STATUS_IS_SUSPENDED, "it is suspended")                                                 \
	X(STATUS_IS_REVOKED, "it is revoked")

enum status_verdict {
#define X(id, text) id,
	STATUS_VERDICTS(X)
#undef X
	STATUS_VERDICT_COUNT
};
enum status_verdict status_may_begin(const struct status_view *v, const struct status_limits *l, struct status_now now,
				     const uint8_t serial[static STATLIST_KEY]);
/* Must what lives by this certificate end? */
bool status_must_end(const struct status_view *v, const struct status_limits *l, struct status_now now,
		     const uint8_t serial[static STATLIST_KEY]);
const char *status_verdict_text(enum status_verdict v);

#endif
