/* plainport: see plainport.h. Owns sockets, heads and patience; says nothing itself. */
#include "plainport.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "io/sockduct.h"

struct plain {
	struct source src;
	struct sockduct sock;
	struct timer limit;
	struct plainport *port;
	struct plain *prev, *next;
	unsigned tag;
	uint8_t *head;            /* NULL: nothing came in pieces */
	size_t n;
	struct httpscan scan;
	bool over;
};

/* ---- the end --------------------------------------------------------------------------------- */

/* What was put leaves; whoever does not take it, or does not go, is cut by the socket's own patience. */
static void plain_close(struct plain *r)
{
	if (r->over)
		return;
	r->over = true;
	loop_timer_stop(r->port->loop, &r->limit);
	duct_close(&r->sock.d, ZT_OK);
}

static void plain_reap(struct source *s)
{
	struct plain *r = CONTAINER_OF(s, struct plain, src);
	struct plainport *p = r->port;

	*(r->prev ? &r->prev->next : &p->first) = r->next;
	*(r->next ? &r->next->prev : &p->last) = r->prev;
	free(r->head);
	pool_put(&p->pool, r);
	if (p->gone)
		p->gone(p);
}

static void on_limit(struct timer *t, uint64_t now)
{
	(void)now;
	plain_close(CONTAINER_OF(t, struct plain, limit));
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* head: whole, or refused already. */
static void answer(struct plain *r, struct span head)
{
	uint8_t mem[PLAINPORT_ANSWER];
	struct wr w = wr_of(mem, sizeof mem);
	struct httpreq q = {.refusal = r->scan.refusal};

	if (q.refusal == HTTP_FINE)
		httpreq_read(head, &q);
	r->port->answer(r->port, r->tag, &q, &w);
	duct_take(&r->sock.d, duct_peek(&r->sock.d).n);
	duct_put_all(&r->sock.d, wr_span(&w)); /* without a buffer free it is closed without an answer */
	plain_close(r);
}

/* ---- the head -------------------------------------------------------------------------------- */

/* All of the head that is there. */
static struct span gather(struct plain *r)
{
	struct span now = duct_peek(&r->sock.d);

	if (r->head == NULL)
		return now;
	now = span_sub(now, 0, num_min(now.n, HTTP_HEAD - r->n));
	memcpy(&r->head[r->n], now.p, now.n);
	duct_take(&r->sock.d, now.n);
	r->n += now.n;
	return span_of(r->head, r->n);
}

/* No buffer of the process is held while the rest is on its way. */
static void keep_rest(struct plain *r, struct span all)
{
	if (r->head)
		return;
	r->head = malloc(HTTP_HEAD);
	if (r->head == NULL || all.n > HTTP_HEAD) {
		plain_close(r);
		return;
	}
	memcpy(r->head, all.p, all.n);
	r->n = all.n;
	duct_take(&r->sock.d, all.n);
}

static void on_event(struct duct *d, unsigned events)
{
	struct plain *r = CONTAINER_OF(d, struct plain, sock.d);
	struct span all;
	int n;

	(void)events;
	if (duct_dead(d) || duct_ended(d)) {
		plain_close(r);
		return;
	}
	all = gather(r);
	n = httpscan_more(&r->scan, all);
	if (n == ZT_MORE)
		keep_rest(r, all);
	else
		answer(r, span_sub(all, 0, n > 0 ? (size_t)n : 0));
}

static const struct duct_user user = {on_event};

/* ---- on the loop ----------------------------------------------------------------------------- */

static unsigned plain_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct plain, src)->sock);
}

static void plain_ready(struct source *s, unsigned events)
{
	sockduct_ready(&CONTAINER_OF(s, struct plain, src)->sock, events);
}

static const struct source_class plain_class = {"plain visitor", plain_wants, plain_ready, plain_reap};

static void stop(struct plain *r)
{
	plain_close(r);
	sockduct_stop(&r->sock);
}

/* The oldest of those that are not stopped already: one goes for one that comes. Places are free a turn later, so
 * some are kept for those who come in one. */
#define SPARE (2 * LOOP_ACCEPTS)

static void make_room(struct plainport *p)
{
	const struct bounds *b = p->pool.bounds;
	struct plain *r = p->first;

	if (b->row[BOUND_PLAIN_CONNS].used + SPARE < b->row[BOUND_PLAIN_CONNS].cap)
		return;
	while (r && loop_closed(&r->src))
		r = r->next;
	if (r)
		stop(r);
}

void plainport_init(struct plainport *p, struct bounds *b)
{
	pool_init(&p->pool, b, BOUND_PLAIN_CONNS, sizeof(struct plain));
}

void plainport_accepted(struct plainport *p, int fd, unsigned tag, uint64_t patience_ns)
{
	struct plain *r;

	make_room(p);
	r = pool_get(&p->pool);
	if (r == NULL) {
		close(fd);
		return;
	}
	r->port = p;
	r->tag = tag;
	r->limit.fire = on_limit;
	r->src = (struct source){.cls = &plain_class, .fd = fd};
	if (loop_add(p->loop, &r->src) < 0) {
		close(fd);
		pool_put(&p->pool, r);
		return;
	}
	r->prev = p->last;
	*(r->prev ? &r->prev->next : &p->first) = r;
	p->last = r;
	sockduct_start(&r->sock, p->bufs, &r->src, NULL, &user, SPAN_NONE); /* without bytes before it cannot fail */
	if (!loop_timer(p->loop, &r->limit, patience_ns))
		plain_close(r);
	else
		duct_want(&r->sock.d, DUCT_IN);
}

void plainport_end(struct plainport *p)
{
	for (struct plain *r = p->first; r; r = r->next)
		stop(r);
}

void plainport_free(struct plainport *p)
{
	if (p->pool.bounds)
		pool_free(&p->pool);
}
