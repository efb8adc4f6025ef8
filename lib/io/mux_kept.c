/*
 * mux_kept: bytes that arrived before anybody wanted them, and control frames that wait for the socket: chunks in
 * a row, under BOUND_TUNNEL_KEPT. Never decides who has to give way when there is no chunk left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mux_int.h"

#define CHUNK 4080 /* with its head and malloc's own 16 bytes one page */

struct mux_chunk {
	struct mux_chunk *next;
	uint32_t from, to;
	uint8_t mem[CHUNK - sizeof(struct mux_chunk *) - 2 * sizeof(uint32_t)];
};
#define ROOM sizeof(((struct mux_chunk *)NULL)->mem)

static bool add_chunk(struct bounds *b, struct mux_kept *k, uint64_t leave)
{
	struct mux_chunk *c;

	if (!bounds_fits(b, BOUND_TUNNEL_KEPT, b->row[BOUND_TUNNEL_KEPT].used + 1 + leave) ||
	    !bounds_take(b, BOUND_TUNNEL_KEPT, 1))
		return false;
	c = malloc(sizeof *c);
	if (c == NULL) {
		bounds_give(b, BOUND_TUNNEL_KEPT, 1);
		return false;
	}
	c->from = c->to = 0;
	c->next = k->tail ? k->tail->next : c;
	if (k->tail)
		k->tail->next = c;
	k->tail = c;
	return true;
}

static struct mux_chunk *head(const struct mux_kept *k)
{
	return k->tail ? k->tail->next : NULL;
}

static void drop_head(struct bounds *b, struct mux_kept *k)
{
	struct mux_chunk *c = head(k);

	if (c == k->tail)
		k->tail = NULL;
	else
		k->tail->next = c->next;
	free(c);
	bounds_give(b, BOUND_TUNNEL_KEPT, 1);
}

/* Chunks behind `last` are empty ones of a push that did not succeed. */
static void undo(struct bounds *b, struct mux_kept *k, struct mux_chunk *last)
{
	struct mux_kept added = {.tail = k->tail};

	if (added.tail == NULL || added.tail == last)
		return;
	if (last) { /* two rings of one */
		struct mux_chunk *first = head(k);

		added.tail->next = last->next;
		last->next = first;
	}
	k->tail = last;
	while (added.tail)
		drop_head(b, &added);
}

bool kept_push(struct bounds *b, struct mux_kept *k, struct span s, uint64_t leave)
{
	struct mux_chunk *last = k->tail, *c;
	size_t room = last ? ROOM - last->to : 0;

	for (; room < s.n; room += ROOM)
		if (!add_chunk(b, k, leave)) {
			undo(b, k, last);
			return false;
		}
	k->n += (uint32_t)s.n;
	for (c = last ? last : head(k); c && s.n; c = c->next) {
		size_t n = num_min(s.n, ROOM - c->to);

		memcpy(&c->mem[c->to], s.p, n);
		c->to += (uint32_t)n;
		s = span_sub(s, n, s.n);
	}
	return true;
}

struct span kept_peek(const struct mux_kept *k)
{
	const struct mux_chunk *c = head(k);

	return c ? span_of(&c->mem[c->from], c->to - c->from) : SPAN_NONE;
}

size_t kept_copy(const struct mux_kept *k, uint8_t *out, size_t n)
{
	size_t done = 0;

	n = num_min(n, k->n);
	for (const struct mux_chunk *c = head(k); c && done < n; c = c->next) {
		size_t part = num_min(n - done, c->to - c->from);

		memcpy(&out[done], &c->mem[c->from], part);
		done += part;
	}
	return done;
}

void kept_take(struct bounds *b, struct mux_kept *k, size_t n)
{
	ZT_ASSERT(n <= k->n);
	k->n -= (uint32_t)n;
	for (struct mux_chunk *c; n && (c = head(k)) != NULL;) {
		size_t part = num_min(n, c->to - c->from);

		c->from += (uint32_t)part;
		n -= part;
		if (c->from == c->to)
			drop_head(b, k);
	}
}
