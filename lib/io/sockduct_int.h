/*
 * sockduct_int: what sockduct.c (bytes and who is told) and sockduct_end.c (what is borrowed, and every way it ends)
 * share.
 */
#ifndef ZT_SOCKDUCT_INT_H
#define ZT_SOCKDUCT_INT_H

#include "base/num.h"
#include "sockduct.h"

enum { LIVE, SENDING, DRAINING, OVER };
enum { IN, OUT };
enum { PARTLY_HEAD = 1, PARTLY_REST }; /* two bits */

struct sockduct_busy {
	struct sockduct *of;
	struct bufs_seat seat[2]; /* in and out: a buffer, or a place in line */
	struct tls_in in;         /* plain: everything read is one piece, opened */
	struct tls_out out;       /* plain: [head, tail) waits */
	size_t unsealed;          /* TLS: plaintext in the slots of out */
	struct timer linger;
	uint64_t patience;
	bool moved;               /* since the linger timer was set */
	uint8_t bye[TLS_ALERT_BYTES]; /* an end needs no buffer */
};

static inline struct sockduct *of(const struct duct *d)
{
	return CONTAINER_OF(d, struct sockduct, d);
}

static inline bool has_some(const struct sockduct *s)
{
	return s->busy && s->busy->in.first < s->busy->in.pieces;
}

static inline bool waiting(const struct sockduct *s)
{
	return s->busy && s->busy->out.head < s->busy->out.tail;
}

/* sockduct_end.c */
bool sockduct_make_busy(struct sockduct *s);
bool sockduct_get_busy(struct sockduct *s); /* the same, but without memory for it the duct is lost */
void sockduct_rest(struct sockduct *s);     /* an idle connection is small. Only where nobody still looks at busy */
void sockduct_give_in(struct sockduct *s);
void sockduct_give_out(struct sockduct *s);
void sockduct_reset_on_close(const struct sockduct *s, bool on);
void sockduct_lost(struct sockduct *s, enum duct_end end, const char *words); /* dead both ways; told from the loop */
void sockduct_deafen(struct sockduct *s);   /* it takes no more, and resets: an answer given before is read to its end */
void sockduct_note_end(struct sockduct *s); /* what its TLS knows of the end becomes the duct's */
void sockduct_linger(struct sockduct *s);   /* a turn of one that is closed */
void sockduct_close(struct duct *d, enum zt_err why);

/* sockduct.c */
void sockduct_push(struct sockduct *s);

#endif
