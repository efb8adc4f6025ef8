/*
 * redirect: the plain port: one request, one answer, closed. The same thing by https for a host that is served;
 * for anything else the same refusal. Nothing that comes is passed on to anybody.
 *
 * Bounded by BOUND_EDGE_REDIRECTS: with one more, the oldest goes, so that slow ones hold nobody out. A head that
 * comes in pieces is gathered in memory of its own, HTTP_HEAD bytes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "edge.h"
#include "io/sockduct.h"
#include "serve/answer.h"
#include "wire/httpreq.h"

struct redirect {
	struct source src;
	struct sockduct sock;
	struct timer limit;
	struct edge *e;
	struct redirect *prev, *next;
	struct addr user;
	uint8_t *head;            /* NULL: nothing came in pieces */
	size_t n;
	struct httpscan scan;
	bool over;
};

/* ---- the end --------------------------------------------------------------------------------- */

/* What was put leaves; whoever does not take it, or does not go, is cut by the socket's own patience. */
static void redirect_close(struct redirect *r)
{
	if (r->over)
		return;
	r->over = true;
	loop_timer_stop(r->e->child.loop, &r->limit);
	duct_close(&r->sock.d, ZT_OK);
}

static void redirect_reap(struct source *s)
{
	struct redirect *r = CONTAINER_OF(s, struct redirect, src);
	struct edge *e = r->e;

	*(r->prev ? &r->prev->next : &e->redirects_in.first) = r->next;
	*(r->next ? &r->next->prev : &e->redirects_in.last) = r->prev;
	free(r->head);
	pool_put(&e->redirects, r);
	edge_one_less(e);
}

static void on_limit(struct timer *t, uint64_t now)
{
	(void)now;
	redirect_close(CONTAINER_OF(t, struct redirect, limit));
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void refuse(struct answer *a, unsigned status, const char *reason, const char *words, struct wr *w)
{
	a->status = status;
	a->reason = reason;
	a->words = words;
	answer_write(a, w);
}

/* head: whole, or refused already. */
static void write_answer(struct redirect *r, struct span head, struct wr *w)
{
	char id[EDGE_ID];
	struct httpreq q = {.refusal = r->scan.refusal};
	struct answer a = {.minor = 1, .id = span_of(id, EDGE_ID - 1)};
	const struct httpfield *accept;
	bool safe;

	edge_request_id(r->e, id);
	if (q.refusal || httpreq_read(head, &q) < 0) {
		refuse(&a, http_refusal_status((enum http_refusal)q.refusal), http_refusal_name((enum http_refusal)q.refusal),
		       http_refusal_text((enum http_refusal)q.refusal), w);
		return;
	}
	accept = httpfields_named(&q.fields, "Accept");
	a.accept = accept ? accept->value : SPAN_NONE;
	a.minor = q.minor;
	a.head = q.method == HTTP_METHOD_HEAD;
	a.host = httphost_span(&q.host);
	safe = q.method == HTTP_METHOD_GET || a.head;
	if (policy_host_of(&r->e->site->rules, a.host) < 0)
		refuse(&a, policy_status(POLICY_NO_HOST), policy_name(POLICY_NO_HOST), policy_text(POLICY_NO_HOST), w);
	else if (q.path.n == 0 || answer_https(&a, q.has_query ? span_of(q.path.p, q.path.n + 1 + q.query.n) : q.path, safe, w) < 0)
		refuse(&a, 400, http_refusal_name(HTTPBAD_TARGET), http_refusal_text(HTTPBAD_TARGET), w);
	else
		r->e->n.redirected++;
}

static void answer(struct redirect *r, struct span head)
{
	uint8_t mem[ANSWER_MOST];
	struct wr w = wr_of(mem, sizeof mem);

	write_answer(r, head, &w);
	duct_take(&r->sock.d, duct_peek(&r->sock.d).n);
	duct_put_all(&r->sock.d, wr_span(&w)); /* without a buffer free it is closed without an answer */
	redirect_close(r);
}

/* ---- the head -------------------------------------------------------------------------------- */

/* All of the head that is there. */
static struct span gather(struct redirect *r)
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
static void keep_rest(struct redirect *r, struct span all)
{
	if (r->head)
		return;
	r->head = malloc(HTTP_HEAD);
	if (r->head == NULL || all.n > HTTP_HEAD) {
		redirect_close(r);
		return;
	}
	memcpy(r->head, all.p, all.n);
	r->n = all.n;
	duct_take(&r->sock.d, all.n);
}

static void on_event(struct duct *d, unsigned events)
{
	struct redirect *r = CONTAINER_OF(d, struct redirect, sock.d);
	struct span all;
	int n;

	(void)events;
	if (duct_dead(d) || duct_ended(d)) {
		redirect_close(r);
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

static unsigned redirect_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct redirect, src)->sock);
}

static void redirect_ready(struct source *s, unsigned events)
{
	sockduct_ready(&CONTAINER_OF(s, struct redirect, src)->sock, events);
}

static const struct source_class redirect_class = {"plain visitor", redirect_wants, redirect_ready, redirect_reap};

static void stop(struct redirect *r)
{
	redirect_close(r);
	sockduct_stop(&r->sock);
}

/* The oldest of those that are not stopped already: one goes for one that comes. Places are free a turn later, so
 * some are kept for those who come in one. */
#define SPARE (2 * LOOP_ACCEPTS)

static void make_room(struct edge *e)
{
	const struct bounds *b = &e->child.bounds;
	struct redirect *r = e->redirects_in.first;

	if (b->row[BOUND_EDGE_REDIRECTS].used + SPARE < b->row[BOUND_EDGE_REDIRECTS].cap)
		return;
	while (r && loop_closed(&r->src))
		r = r->next;
	if (r)
		stop(r);
}

void redirect_accepted(struct edge *e, int fd, const struct addr *peer)
{
	struct redirect *r;

	if (e->redirects.bounds == NULL)
		pool_init(&e->redirects, &e->child.bounds, BOUND_EDGE_REDIRECTS, sizeof *r);
	make_room(e);
	r = pool_get(&e->redirects);
	if (r == NULL) {
		close(fd);
		return;
	}
	r->e = e;
	r->user = *peer;
	r->limit.fire = on_limit;
	r->src = (struct source){.cls = &redirect_class, .fd = fd};
	if (loop_add(e->child.loop, &r->src) < 0) {
		close(fd);
		pool_put(&e->redirects, r);
		return;
	}
	r->prev = e->redirects_in.last;
	*(r->prev ? &r->prev->next : &e->redirects_in.first) = r;
	e->redirects_in.last = r;
	sockduct_start(&r->sock, e->bufs, &r->src, NULL, &user, SPAN_NONE); /* without bytes before it cannot fail */
	if (!loop_timer(e->child.loop, &r->limit, e->site->conf->edge.head_ms * NS_PER_MS))
		redirect_close(r);
	else
		duct_want(&r->sock.d, DUCT_IN);
}

void redirects_end(struct edge *e)
{
	for (struct redirect *r = e->redirects_in.first; r; r = r->next)
		stop(r);
}
