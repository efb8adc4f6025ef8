/*
 * shakes: the handshakes that one worker has under way with a tlsd, as a machine over messages
 * (wire/tlsmsg): a packet of the worker in, packets for it out. No descriptor and no loop, so that
 * hostile workers can be played in a test. Everything it holds ends with shakes_free().
 *
 * One packet is worked off before the next one is taken; what it brings forth waits in here, one
 * packet at a time, until the line has room.
 */
#ifndef ZT_SHAKES_H
#define ZT_SHAKES_H

#include "base/clock.h"
#include "keyring.h"
#include "sessions.h"
#include "wire/tlsmsg.h"

struct shakes;

struct shakes_opts {
	const struct keyring *keys;  /* all borrowed */
	struct sessions *sessions;
	struct bounds *bounds;
	const struct clock *clock;
	uint32_t epoch;
};

struct shakes_stats {
	uint64_t accepted, connected, resumed, cancelled, failed, stray; /* stray: for a handshake long over */
};

/* 0 or -ZT_E_NOMEM. */
int shakes_new(struct shakes **out, const struct shakes_opts *o);
void shakes_free(struct shakes *s);
size_t shakes_running(const struct shakes *s);
struct shakes_stats shakes_stats(const struct shakes *s);

/* Where the next packet of the worker is to be received: cap bytes. NULL while an answer waits. */
uint8_t *shakes_room(struct shakes *s, size_t *cap);
/* n bytes were received there. 0, or -ZT_E_SYNTAX and the like: this worker is broken; free it all. */
int shakes_took(struct shakes *s, size_t n);
/* The packet that waits to be sent; empty: none. The same until shakes_sent(). */
struct span shakes_answer(struct shakes *s);
void shakes_sent(struct shakes *s);

#endif
