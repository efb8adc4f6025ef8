/* bounds: the rows of bounds.h, and the counting. */
#include "bounds.h"

#include "err.h"

const struct bound_row bound_rows[BOUND_COUNT] = {
#define X(id, name, cap, answer) [id] = {name, cap, answer},
	ZT_BOUNDS(X)
#undef X
};

void bounds_init(struct bounds *b)
{
	*b = (struct bounds){0};
	for (size_t i = 0; i < BOUND_COUNT; i++)
		b->row[i].cap = bound_rows[i].cap;
}

void bounds_set(struct bounds *b, enum bound_id id, uint64_t cap)
{
	b->row[id].cap = cap;
}

bool bounds_take(struct bounds *b, enum bound_id id, uint64_t n)
{
	/* used may be above cap after a reload lowered it: compare without subtracting below 0. */
	if (b->row[id].used > b->row[id].cap || n > b->row[id].cap - b->row[id].used) {
		b->row[id].hits++;
		return false;
	}
	b->row[id].used += n;
	if (b->row[id].used > b->row[id].peak)
		b->row[id].peak = b->row[id].used;
	return true;
}

void bounds_give(struct bounds *b, enum bound_id id, uint64_t n)
{
	ZT_ASSERT(n <= b->row[id].used);
	b->row[id].used -= n;
}

bool bounds_fits(struct bounds *b, enum bound_id id, uint64_t n)
{
	if (n <= b->row[id].cap)
		return true;
	b->row[id].hits++;
	return false;
}
