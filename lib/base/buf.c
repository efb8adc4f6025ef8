/* buf: the window of buf.h. With span.c the only place that moves raw pointers. */
#include "buf.h"

#include <string.h>

#include "err.h"

void buf_attach(struct buf *b, void *mem, size_t cap)
{
	ZT_ASSERT(b->mem == NULL && mem != NULL);
	*b = (struct buf){.mem = mem, .cap = cap};
}

void *buf_drop(struct buf *b)
{
	void *mem = b->mem;

	*b = (struct buf){0};
	return mem;
}

void *buf_detach(struct buf *b)
{
	ZT_ASSERT(buf_len(b) == 0);
	return buf_drop(b);
}

bool buf_attached(const struct buf *b)
{
	return b->mem != NULL;
}

size_t buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

size_t buf_room(const struct buf *b)
{
	return b->cap - buf_len(b);
}

struct span buf_span(const struct buf *b)
{
	return buf_len(b) ? span_of(b->mem + b->head, buf_len(b)) : SPAN_NONE;
}

static void to_front(struct buf *b)
{
	memmove(b->mem, b->mem + b->head, buf_len(b));
	b->tail -= b->head;
	b->head = 0;
}

uint8_t *buf_space(struct buf *b, size_t *room)
{
	*room = b->cap - b->tail;
	/* Move only when that gains more than the tail has, and always before answering "full". */
	if (b->head > 0 && *room < b->head) {
		to_front(b);
		*room = b->cap - b->tail;
	}
	return *room ? b->mem + b->tail : NULL;
}

void buf_filled(struct buf *b, size_t n)
{
	ZT_ASSERT(n <= b->cap - b->tail);
	b->tail += n;
}

void buf_take(struct buf *b, size_t n)
{
	ZT_ASSERT(n <= buf_len(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

bool buf_push(struct buf *b, struct span s)
{
	if (s.n > buf_room(b))
		return false;
	if (s.n == 0)
		return true;
	if (s.n > b->cap - b->tail) /* the room is in front */
		to_front(b);
	memcpy(b->mem + b->tail, s.p, s.n);
	b->tail += s.n;
	return true;
}
