/*
 * pumpbuf: the buffers that all pumps of a process share, malloc()ed under BOUND_RELAY_BUFS, a few
 * kept for the next; the line of those who wait for one; and the sweep that ends whoever sits on
 * one. It never looks at a byte inside.
 */
#include <stdlib.h>

#include "base/num.h"
#include "base/poison.h"
#include "pump_int.h"

#define SPARES 16 /* 1 MiB stays with an idle process that was busy */

/* ---- buffers ----------------------------------------------------------------------------- */

static void sweep_fire(struct timer *t, uint64_t now);

void pump_pool_init(struct pump_pool *pp, struct loop *l, struct bounds *b)
{
	*pp = (struct pump_pool){.loop = l, .bounds = b, .line_end = &pp->line, .sweep.fire = sweep_fire};
}

void pump_pool_free(struct pump_pool *pp)
{
	ZT_ASSERT(pp->lent == NULL && pp->line == NULL);
	loop_timer_stop(pp->loop, &pp->sweep);
	while (pp->spare) {
		struct pump_buf *b = pp->spare;

		pp->spare = b->next;
		UNPOISON(b->mem, sizeof b->mem);
		free(b);
	}
}

/* The memory is not cleared between two flows: 64 KiB for every ping would cost more than the
 * ping. What a flow reads lies between head and tail of what it was given itself. */
static void hand_over(struct pump_buf *b, struct pump_flow *f)
{
	b->flow = f;
	b->moved = b->paid = now_of(f);
	b->in = (struct tls_in){0};
	b->out = (struct tls_out){0};
	b->plain = (struct buf){0};
	if (tls_from(f) && tls_to(f)) {
		b->in.mem = b->mem;
		b->in.cap = PUMP_HALF;
		b->out.mem = &b->mem[PUMP_HALF];
		b->out.cap = PUMP_BYTES - PUMP_HALF;
	} else if (tls_from(f)) {
		b->in.mem = b->mem;
		b->in.cap = PUMP_BYTES;
	} else if (tls_to(f)) {
		b->out.mem = b->mem;
		b->out.cap = PUMP_BYTES;
	} else {
		buf_attach(&b->plain, b->mem, LOOP_BUDGET);
	}
	f->buf = b;
}

static void keep_sweeping(struct pump_pool *pp)
{
	if (pp->sweep.pos == 0) /* no memory for it: whoever borrows next tries again */
		loop_timer(pp->loop, &pp->sweep, PUMP_SWEEP);
}

static struct pump_buf *buffer_new(struct pump_pool *pp)
{
	struct pump_buf *b = pp->spare;

	if (!bounds_take(pp->bounds, BOUND_RELAY_BUFS, 1))
		return NULL;
	if (b) {
		pp->spare = b->next;
		pp->spares--;
		UNPOISON(b->mem, sizeof b->mem);
	} else {
		b = malloc(sizeof *b);
	}
	if (b == NULL) {
		bounds_give(pp->bounds, BOUND_RELAY_BUFS, 1);
		return NULL;
	}
	b->prev = NULL;
	b->next = pp->lent;
	if (b->next)
		b->next->prev = b;
	pp->lent = b;
	return b;
}

void pump_leave_line(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_flow **at = &pp->line;

	if (!f->waits)
		return;
	while (*at != f)
		at = &(*at)->behind;
	*at = f->behind;
	if (pp->line_end == &f->behind)
		pp->line_end = at;
	f->waits = false;
}

bool pump_borrow(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_buf *b;

	if (f->buf)
		return true;
	if (f->waits)
		return false;
	keep_sweeping(pp);
	b = pp->line ? NULL : buffer_new(pp);
	if (b) {
		hand_over(b, f);
		return true;
	}
	f->waits = true;
	f->behind = NULL;
	*pp->line_end = f;
	pp->line_end = &f->behind;
	return false;
}

static void serve_first(struct pump_pool *pp, struct pump_buf *b)
{
	struct pump_flow *f = pp->line;

	pump_leave_line(f);
	hand_over(b, f);
	loop_again(source_of(f)); /* its bytes may be here already, or only its end is missing */
}

void pump_give_back(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_buf *b = f->buf;

	if (b == NULL)
		return;
	f->buf = NULL;
	if (pp->line) {
		serve_first(pp, b);
		return;
	}
	bounds_give(pp->bounds, BOUND_RELAY_BUFS, 1);
	b->flow = NULL;
	if (b->prev)
		b->prev->next = b->next;
	else
		pp->lent = b->next;
	if (b->next)
		b->next->prev = b->prev;
	if (pp->spares == SPARES) {
		free(b);
		return;
	}
	b->next = pp->spare;
	pp->spare = b;
	pp->spares++;
	POISON(b->mem, sizeof b->mem);
}

/* Who holds this buffer up: the target that does not take, or the source that does not go on. */
static void evict(struct pump_buf *b, enum pump_cause cause)
{
	struct pump_flow *f = b->flow;

	pump_end(f->pump, cause, pump_left(f) ? !f->side : f->side);
}

static struct pump_buf *slowest(const struct pump_pool *pp, uint64_t now)
{
	struct pump_buf *worst = NULL;

	for (struct pump_buf *b = pp->lent; b; b = b->next)
		if (now - b->paid >= PUMP_STALL && (worst == NULL || b->paid < worst->paid))
			worst = b;
	return worst;
}

/* Those who are in line because there was no memory: perhaps nobody ever gives a buffer back. */
static void serve_line(struct pump_pool *pp)
{
	struct pump_buf *b;

	while (pp->line && (b = buffer_new(pp)) != NULL)
		serve_first(pp, b);
}

static void sweep_fire(struct timer *t, uint64_t now)
{
	struct pump_pool *pp = CONTAINER_OF(t, struct pump_pool, sweep);
	struct pump_buf *b, *next;
	size_t waiting = 0;

	for (b = pp->lent; b; b = next) {
		next = b->next;
		/* An end gives two buffers back at most, so next may be gone: begin again. */
		if (now - b->moved >= PUMP_PARTIAL && pump_left(b->flow) == 0) {
			evict(b, PUMP_PARTIAL_RECORD);
			next = pp->lent;
		}
	}
	for (const struct pump_flow *f = pp->line; f; f = f->behind)
		waiting++;
	for (; waiting && (b = slowest(pp, now)) != NULL; waiting--)
		evict(b, PUMP_STALLED);
	serve_line(pp);
	if (pp->lent || pp->line)
		keep_sweeping(pp);
}

