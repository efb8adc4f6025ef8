/*
 * window: credit of a stream or a connection, in bytes since its beginning: an absolute u64 can be said twice
 * and never adds up to a wrong sum. Pure; time is handed in.
 *
 * The window of a stream begins small and grows as long as it, and not the reader, is what holds the sender up: when
 * a whole window was used up within four round trips it doubles, within one and a half it is four times as large. It
 * shrinks again, to what it began with at the least, when a second and more has used less of it than that would be in
 * sixteen times as long, and is halved when half of it lies unread while credit for more is due. What was granted stays
 * granted: then nothing more is, until that is used.
 */
#ifndef ZT_WINDOW_H
#define ZT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define WINDOW_FIRST 65536
#define WINDOW_MOST 16777216

struct window_in { /* what the peer may send */
	uint64_t granted, received, taken; /* taken <= received <= granted */
	uint64_t since_ns;        /* the beginning of a measure, */
	uint32_t since;           /* and the bytes taken since then, as far as they matter */
	uint32_t size, first, most; /* size is never less, never more; 4 GiB - 1 at most */
};
void window_in_init(struct window_in *w, uint64_t size, uint64_t most, uint64_t now_ns);
int window_in_receive(struct window_in *w, uint64_t n); /* -ZT_E_RANGE: beyond its credit */
void window_in_take(struct window_in *w, uint64_t n);   /* n bytes have left */
static inline uint64_t window_in_held(const struct window_in *w) { return w->received - w->taken; }
/* Since the measure began a trickle came: somebody types, or asks and waits for an answer. */
bool window_in_trickles(const struct window_in *w, uint64_t now_ns);
/* Would it grow, if all that has come is taken now? */
bool window_in_fills(const struct window_in *w, uint64_t now_ns, uint64_t rtt_ns);
/* New credit is due: *credit. Half of the window of it at least where that is no more than 65,504, a quarter where
 * that is no more than 262,016, a sixteenth. rtt_ns 0: not known, then nothing grows or shrinks. */
bool window_in_grant(struct window_in *w, uint64_t now_ns, uint64_t rtt_ns, bool may_grow, uint64_t *credit);

struct window_out { /* what we may send */
	uint64_t limit, sent; /* sent <= limit */
};
/* 1: more than before; 0: the same again; -ZT_E_RANGE: less, which nobody may take back. */
int window_out_credit(struct window_out *w, uint64_t limit);
static inline uint64_t window_out_room(const struct window_out *w) { return w->limit - w->sent; }
int window_out_send(struct window_out *w, uint64_t n); /* -ZT_E_RANGE: more than its room; nothing is counted */

/*
 * The round trip that window_in_grant() goes by: the average of all samples, each an eighth of it, or the lesser of the
 * last two where that is more. A path that became longer is believed at the second sample, a single late answer never.
 */
#define WINDOW_RTT_NS UINT64_C(100000000) /* while credit is given, a sample is to be no older */

struct window_rtt {
	uint64_t average_ns, last_ns, before_ns; /* 0: none yet */
	uint64_t at_ns;                          /* of the last */
};
void window_rtt_sample(struct window_rtt *r, uint64_t sample_ns, uint64_t now_ns);
uint64_t window_rtt_of(const struct window_rtt *r);
bool window_rtt_is_old(const struct window_rtt *r, uint64_t now_ns);

/* Tokens for what a peer may do only so often. The first burst is there from the start. */
struct window_rate {
	uint32_t rate, burst; /* a second; burst <= 4,000,000 */
	uint64_t spent_milli; /* of burst * 1000 */
	uint64_t at_ns;
};
bool window_rate_take(struct window_rate *r, uint64_t now_ns);

#endif
