/* pump_int: what pump.c (two flows) and pumpbuf.c (who holds which buffer) share. */
#ifndef ZT_PUMP_INT_H
#define ZT_PUMP_INT_H

#include "base/buf.h"
#include "base/num.h"
#include "pump.h"

/* One turn's bytes as full records: 4 * 16,384 = LOOP_BUDGET. */
#define PUMP_RECORDS 4
#define PUMP_HALF (PUMP_RECORDS / 2 * RECORD_MAX) /* TLS to TLS: one half arrives, the other leaves */
#define PUMP_BYTES (PUMP_RECORDS * RECORD_MAX + TLS_ALERT_BYTES)
_Static_assert(PUMP_RECORDS * RECORD_PLAIN == LOOP_BUDGET, "a turn fills a buffer");
_Static_assert(PUMP_RECORDS <= TLS_SLOTS, "one iovec per record");

struct pump_buf {
	struct pump_flow *flow;          /* who has it; NULL: spare */
	struct pump_buf *prev, *next;
	uint64_t moved;                  /* when a byte or a whole record last came or went */
	uint64_t paid;                   /* the same, but of PUMP_STALL a byte buys only its part of PUMP_SHARE */
	struct tls_in in;
	struct tls_out out;
	struct buf plain;
	_Alignas(16) uint8_t mem[PUMP_BYTES];
};

static inline struct source *source_of(const struct pump_flow *f)
{
	return f->pump->side[f->side].src;
}

static inline struct source *target_of(const struct pump_flow *f)
{
	return f->pump->side[!f->side].src;
}

static inline struct tls *tls_from(const struct pump_flow *f)
{
	return f->pump->side[f->side].tls;
}

static inline struct tls *tls_to(const struct pump_flow *f)
{
	return f->pump->side[!f->side].tls;
}

static inline uint64_t now_of(const struct pump_flow *f)
{
	return loop_now(f->pump->pool->loop);
}

/* n bytes have left. What was long ago neither counts for it nor against it. */
static inline void pump_moved(struct pump_flow *f, size_t n)
{
	struct pump_buf *b = f->buf;
	uint64_t now = now_of(f), least = now > PUMP_STALL ? now - PUMP_STALL : 0;

	f->pump->active = b->moved = now;
	b->paid = num_min64(now, (b->paid > least ? b->paid : least) + n * (PUMP_STALL / PUMP_SHARE));
}

/* pumpbuf.c. false: in line, and the source of f is called again when its turn has come. */
bool pump_borrow(struct pump_flow *f);
void pump_give_back(struct pump_flow *f); /* harmless without one */
void pump_leave_line(struct pump_flow *f);

/* pump.c */
size_t pump_left(const struct pump_flow *f); /* bytes that wait to leave */
void pump_end(struct pump *p, enum pump_cause cause, unsigned by);

#endif
