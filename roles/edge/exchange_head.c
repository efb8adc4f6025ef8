/*
 * exchange_head: heads as they come in, of visitors and of origins, and the request that a visitor's makes. Owns
 * nothing: a head that comes in parts is gathered in the arena of its exchange. Decides nothing about what it read.
 */
#include <string.h>

#include "exchange_int.h"

#define GATHER_FIRST 2048 /* nearly every head that comes in several parts */

/* Doubled in an arena: what is wasted is less than what is used. */
static bool room_for(struct exchange *x, struct gather *g, size_t n)
{
	size_t cap = g->cap ? g->cap : GATHER_FIRST;
	uint8_t *p;

	if (n <= g->cap)
		return true;
	while (cap < n)
		cap *= 2;
	p = arena_get(&x->p.mem, cap);
	if (p == NULL)
		return false;
	if (g->n)
		memcpy(p, g->p, g->n);
	g->p = p;
	g->cap = (uint16_t)cap;
	return true;
}

int exchange_gather(struct exchange *x, unsigned side, struct span *head, size_t *untaken)
{
	struct gather *g = &x->p.head[side];
	struct duct *d = side == NEAR ? x->near : x->far;
	struct span in;
	int end;

	*untaken = 0;
	while ((in = duct_peek(d)).n) {
		size_t before = g->n;

		end = before ? ZT_MORE : httpscan_more(&g->scan, in);
		if (end != ZT_MORE) { /* in one piece, as nearly always */
			*untaken = end > 0 ? (size_t)end : 0;
			*head = span_sub(in, 0, *untaken);
			return end;
		}
		in = span_sub(in, 0, HTTP_HEAD - before); /* so many without an end are refused */
		if (!room_for(x, g, before + in.n))
			return -ZT_E_NOMEM;
		memcpy(&g->p[before], in.p, in.n);
		g->n = (uint16_t)(before + in.n);
		end = httpscan_more(&g->scan, span_of(g->p, g->n));
		duct_take(d, end > 0 ? (size_t)end - before : in.n);
		if (end != ZT_MORE) {
			*head = span_of(g->p, end > 0 ? (size_t)end : 0);
			return end;
		}
	}
	return ZT_MORE;
}

/* Of a hundred fields a request has a dozen: no more of them is kept. */
static bool keep_request(struct exchange *x, const struct httpreq *r)
{
	size_t n = offsetof(struct httpreq, fields.f) + r->fields.n * sizeof r->fields.f[0];

	x->p.req = (const void *)arena_span(&x->p.mem, span_of(r, n)).p;
	return x->p.req != NULL;
}

static enum http_refusal read_path(struct exchange *x, const struct httpreq *r)
{
	struct desk *k = x->e->desk;
	struct wr w = wr_of(k->path, sizeof k->path);
	enum http_refusal why = HTTP_FINE;

	if (r->asterisk) {
		wr_u8(&w, '/');
	} else if (urlpath_canon(r->path, 0, &w, &why) < 0) {
		x->ambiguous = why == HTTPBAD_PATH_TWO;
		if (!x->ambiguous || urlpath_canon(r->path, URLPATH_KEEP, &w, &why) < 0)
			return why;
	}
	x->p.path = arena_span(&x->p.mem, wr_span(&w));
	return x->p.path.p ? HTTP_FINE : HTTPBAD_LONG_LINE;
}

static void on_head(struct exchange *x, struct span head)
{
	struct httpreq *r = &x->e->desk->req;
	bool bad = httpreq_read(head, r) < 0;
	enum http_refusal why;

	x->e->n.requests++;
	if (!keep_request(x, r)) {
		exchange_full(x);
		return;
	}
	why = bad ? (enum http_refusal)r->refusal : read_path(x, r);
	if (why != HTTP_FINE)
		exchange_malformed(x, why);
	else
		exchange_decide(x);
}

void exchange_read(struct exchange *x)
{
	struct span head;
	size_t untaken;
	int end = exchange_gather(x, NEAR, &head, &untaken);

	if (end == ZT_MORE) {
		if (duct_dead(x->near) || duct_ended(x->near)) {
			x->fault = "visitor-gone";
			exchange_over(x, false);
		}
		return;
	}
	if (end > 0 && untaken) {
		head = arena_span(&x->p.mem, head);
		duct_take(x->near, untaken);
	}
	if (end == -ZT_E_NOMEM || (end > 0 && head.p == NULL))
		exchange_full(x);
	else if (end < 0)
		exchange_malformed(x, (enum http_refusal)x->p.head[NEAR].scan.refusal);
	else
		on_head(x, head);
}
