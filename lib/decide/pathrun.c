/*
 * pathrun: the matcher of pathpat.h. It keeps a set of places in the program, moved on byte by byte: PATHPAT_OPS of
 * them at most, each once. It never keeps captures, and never allocates.
 */
#include <string.h>

#include "pathpat_int.h"

struct run {
	const struct pathpat *p;
	uint16_t list[2][PATHPAT_OPS], ahead[PATHPAT_OPS]; /* places that read a byte; to be followed */
	size_t n[2], nahead;
	uint32_t seen[PATHPAT_OPS / 32]; /* in this position */
	bool first, last, matched;
	uint64_t steps;
};

static void push(struct run *r, size_t at)
{
	if (r->seen[at / 32] >> (at % 32) & 1)
		return;
	r->seen[at / 32] |= UINT32_C(1) << (at % 32);
	r->ahead[r->nahead++] = (uint16_t)at;
}

/* Everything that `at` leads to without reading. Each step is pushed once a position, so this ends, and ahead
 * is never longer than the program. */
static void follow(struct run *r, size_t at, int side)
{
	push(r, at);
	while (r->nahead) {
		const struct op *o;

		at = r->ahead[--r->nahead];
		o = &r->p->ops[at];
		r->steps++;
		if (o->kind == OP_BYTE || o->kind == OP_SET)
			r->list[side][r->n[side]++] = (uint16_t)at;
		else if (o->kind == OP_MATCH)
			r->matched = true;
		else if (o->kind == OP_SPLIT || o->kind == OP_JUMP)
			push(r, (size_t)((ptrdiff_t)at + o->x));
		if (o->kind == OP_SPLIT)
			push(r, (size_t)((ptrdiff_t)at + o->y));
		if ((o->kind == OP_BEGIN && r->first) || (o->kind == OP_END && r->last))
			push(r, at + 1);
	}
}

static bool takes(const struct pathpat *p, const struct op *o, uint8_t c)
{
	return o->kind == OP_BYTE ? o->byte == c : set_has(&p->sets[o->byte], c);
}

bool pathpat_match_counted(const struct pathpat *p, struct span path, uint64_t *steps)
{
	struct run r = {.p = p};
	int side = 0;

	for (size_t i = 0; i <= path.n; i++, side ^= 1) {
		/* A place that moves on was found one position before, and lands in this one; another try begins
		 * here, too, for a pattern is looked for anywhere. */
		memset(r.seen, 0, (p->n + 31) / 32 * sizeof r.seen[0]);
		r.first = i == 0;
		r.last = i == path.n;
		r.n[side] = 0;
		for (size_t k = 0; i > 0 && k < r.n[side ^ 1]; k++) {
			size_t at = r.list[side ^ 1][k];

			if (takes(p, &p->ops[at], path.p[i - 1]))
				follow(&r, at + 1, side);
		}
		if (i == 0 || p->ops[0].kind != OP_BEGIN)
			follow(&r, 0, side);
		if (r.matched || (r.n[side] == 0 && p->ops[0].kind == OP_BEGIN))
			break;
	}
	*steps = r.steps;
	return r.matched;
}

bool pathpat_match(const struct pathpat *p, struct span path)
{
	uint64_t steps;

	return pathpat_match_counted(p, path, &steps);
}
