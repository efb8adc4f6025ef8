/*
 * buf: owned bytes waiting to go somewhere. A window [head, tail) over memory that is
 * attached while bytes flow and taken away when the buffer is empty, so that an idle
 * connection holds none. Never grows: a full buffer is backpressure.
 */
#ifndef ZT_BUF_H
#define ZT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

struct buf {
	uint8_t *mem; /* NULL while detached */
	size_t cap, head, tail;
};

void buf_attach(struct buf *b, void *mem, size_t cap); /* b must be detached */
void *buf_detach(struct buf *b);                       /* must be empty; answers mem, may be NULL */
void *buf_drop(struct buf *b);                         /* detach whatever is inside */
bool buf_attached(const struct buf *b);
size_t buf_len(const struct buf *b);
size_t buf_room(const struct buf *b);                  /* bytes that fit, after moving if needed */
struct span buf_span(const struct buf *b);             /* what is waiting */
/* Where to put up to *room bytes; moves waiting bytes to the front when the tail is short.
 * NULL with *room = 0 when full or detached. */
uint8_t *buf_space(struct buf *b, size_t *room);
void buf_filled(struct buf *b, size_t n);              /* n bytes were put at buf_space() */
void buf_take(struct buf *b, size_t n);                /* n <= buf_len() bytes have left */
bool buf_push(struct buf *b, struct span s);           /* all or nothing */

#endif
