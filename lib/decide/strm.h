/*
 * strm: the states of one stream of a tunnel (docs/protocol.md, zt-tunnel/1), the same on both sides. Pure: a table.
 *
 * A stream is over when each direction has ended, by FIN, or when a RESET was answered by a RESET. Who resets
 * keeps the stream until then, so that every frame on a stream that is over can be told from one that was
 * under way: a peer that goes on sending is found out, and one that opens and resets in a hurry frees nothing.
 */
#ifndef ZT_STRM_H
#define ZT_STRM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum strm_state {
	STRM_IDLE,      /* the number was not used yet */
	STRM_OPEN,
	STRM_IN_DONE,   /* the peer's FIN came */
	STRM_OUT_DONE,  /* ours was sent */
	STRM_RESET,     /* our RESET was sent; the peer's answer, or one of its own, is to come */
	STRM_RESET_IN,  /* ... after its FIN had come */
	STRM_RESET_OUT, /* ... after our FIN: its FIN will do, because it may have been over with that */
	STRM_CLOSED,
	STRM_STATES
};
enum strm_event {
	STRM_RX_OPEN, STRM_RX_DATA, STRM_RX_FIN, STRM_RX_CREDIT, STRM_RX_RESET,
	STRM_TX_OPEN, STRM_TX_DATA, STRM_TX_FIN, STRM_TX_CREDIT, STRM_TX_RESET,
	STRM_EVENTS
};
enum strm_say {
	STRM_GO,     /* received: it counts; to be sent: send it */
	STRM_PASS,   /* received: under way when it was over; to be sent: not any more */
	STRM_ANSWER, /* a RESET that is answered with one */
	STRM_BAD     /* received: the connection ends; to be sent: a fault of ours */
};
enum strm_say strm_step(uint8_t *state, enum strm_event e);
const char *strm_state_name(enum strm_state s);

/* Numbers: the edge's are even, 2 4 6 …, the other side's odd, 1 3 5 …; each is used once and higher than
 * the one before. */
struct strm_ids {
	bool even;           /* ours */
	uint32_t own, peers; /* the highest used; 0: none */
};
int strm_ids_next(struct strm_ids *ids, uint32_t *id);  /* ours; -ZT_E_CLOSED: used up */
int strm_ids_take(struct strm_ids *ids, uint32_t id);   /* the peer's; -ZT_E_SYNTAX */
bool strm_ids_used(const struct strm_ids *ids, uint32_t id);

#endif
