/*
 * look: see look.h. The only place of a connector that reads HTTP: the head of the answer to its own question, as
 * strictly as the edge would read it. It never decides whether an origin is used.
 */
#include "look.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "wire/httpresp.h"

struct look {
	struct connector *c;
	struct look_ask ask;
	struct reach reach;
	struct timer limit;     /* from the question to its answer */
	struct httpscan scan;
	bool over;              /* done() was called, or must not be */
	uint8_t interim;
	size_t n;
	uint8_t head[HTTP_HEAD];
};

static void finish(struct look *l, bool good, const char *words)
{
	if (l->over)
		return;
	l->over = true;
	loop_timer_stop(l->c->child.loop, &l->limit);
	l->ask.done(l->ask.owner, good, words);
	if (reach_is_open(&l->reach))
		duct_close(&l->reach.duct.d, ZT_OK);
}

static void forget(struct look *l)
{
	struct connector *c = l->c;
	const struct look_ask ask = l->ask;

	pool_put(&c->looks, l);
	if (ask.gone)
		ask.gone(ask.owner);
	ways_drop(ask.ways);
}

/* ---- the question ------------------------------------------------------------------------ */

/* "host" or "host:port", as a browser would say it. */
static void write_host(const struct look *l, struct wr *w)
{
	const struct ingress_way *way = reach_way(&l->reach);
	const struct service *s = &way->origin[l->ask.origin].at;
	size_t colon;

	if (way->conf->host_header[0] || s->is_unix) {
		wr_str(w, way->conf->host_header[0] ? way->conf->host_header : "localhost");
		return;
	}
	if (span_find(s->host, ':', &colon))
		wr_fmt(w, "[%.*s]", SPAN_ARG(s->host));
	else
		wr_put(w, s->host);
	if (s->port != (s->tls ? 443 : 80))
		wr_fmt(w, ":%u", s->port);
}

static bool ask_it(struct look *l)
{
	uint8_t mem[1024]; /* path and host have at most 255 bytes each */
	struct wr w = wr_of(mem, sizeof mem);

	wr_str(&w, "GET ");
	wr_str(&w, reach_way(&l->reach)->conf->health_path);
	wr_str(&w, " HTTP/1.1\r\nHost: ");
	write_host(l, &w);
	wr_str(&w, "\r\nUser-Agent: zt-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	return !w.full && duct_put_all(&l->reach.duct.d, wr_span(&w));
}

/* ---- the answer -------------------------------------------------------------------------- */

static void judge(struct look *l, size_t head)
{
	const struct httpbody_asked asked = {.head = false};
	struct httpresp h;
	char words[64];

	if (httpresp_read(span_of(l->head, head), asked, &h) < 0) {
		finish(l, false, http_refusal_text((enum http_refusal)h.refusal));
		return;
	}
	if (h.interim && ++l->interim <= HTTPRESP_INTERIM) {
		l->n -= head;
		memmove(l->head, &l->head[head], l->n);
		l->scan = (struct httpscan){0};
		return;
	}
	snprintf(words, sizeof words, "it answered %u", h.status);
	finish(l, h.status >= 200 && h.status < 400, words);
}

static void read_some(struct look *l, struct duct *d)
{
	struct span s = span_sub(duct_peek(d), 0, sizeof l->head - l->n);
	int rc;

	memcpy(&l->head[l->n], s.p, s.n);
	l->n += s.n;
	duct_take(d, s.n);
	while (!l->over && (rc = httpscan_more(&l->scan, span_of(l->head, l->n))) != ZT_MORE) {
		if (rc < 0)
			finish(l, false, http_refusal_text((enum http_refusal)l->scan.refusal));
		else
			judge(l, (size_t)rc);
	}
}

static void duct_event(struct duct *d, unsigned events)
{
	struct reach *r = CONTAINER_OF(CONTAINER_OF(d, struct sockduct, d), struct reach, duct);
	struct look *l = CONTAINER_OF(r, struct look, reach);

	(void)events;
	while (!l->over && duct_peek(d).n)
		read_some(l, d);
	if (!l->over && (duct_dead(d) || duct_ended(d)))
		finish(l, false, duct_dead(d) ? duct_why(d) : "it closed the connection and gave no answer");
}
static const struct duct_user user = {duct_event};

static void limit_fire(struct timer *t, uint64_t now)
{
	(void)now;
	finish(CONTAINER_OF(t, struct look, limit), false, "it gave no answer in time");
}

/* ---- the connection ---------------------------------------------------------------------- */

static void on_opened(struct reach *r)
{
	struct look *l = CONTAINER_OF(r, struct look, reach);
	const struct ingress_way *way = reach_way(r);

	if (way->conf->health_path[0] == 0 || way->origin[0].at.kind != RULE_HTTP) {
		finish(l, true, "it accepts connections");
		return;
	}
	l->limit.fire = limit_fire;
	if (!ask_it(l) || !loop_timer(l->c->child.loop, &l->limit, way->connect_ms * NS_PER_MS)) {
		finish(l, false, "zt has no memory to ask it");
		return;
	}
	duct_want(&r->duct.d, DUCT_IN);
	duct_flush(&r->duct.d);
}

static void on_failed(struct reach *r)
{
	struct look *l = CONTAINER_OF(r, struct look, reach);

	l->over |= !reach_tells(r);
	finish(l, false, r->way.words);
	forget(l);
}

static void on_gone(struct reach *r)
{
	forget(CONTAINER_OF(r, struct look, reach));
}

static const struct reach_class reach_class = {&user, on_opened, on_failed, on_gone, NULL};

void looks_init(struct connector *c)
{
	pool_init(&c->looks, &c->child.bounds, BOUND_LOOKS, sizeof(struct look));
}

struct look *look_start(struct connector *c, const struct look_ask *ask)
{
	struct look *l = pool_get(&c->looks);

	if (l == NULL)
		return NULL;
	l->c = c;
	l->ask = *ask;
	l->ask.ways = ways_hold(ask->ways);
	l->reach.cls = &reach_class;
	l->reach.c = c;
	l->reach.ways = ask->ways;
	l->reach.rule = ask->rule;
	l->reach.origin = ask->origin;
	l->reach.way.name = "";
	if (reach_start(&l->reach) == 0)
		return l;
	l->ask.gone = NULL;
	forget(l);
	return NULL;
}

void look_stop(struct look *l)
{
	l->over = true;
	l->ask.gone = NULL;
	loop_timer_stop(l->c->child.loop, &l->limit);
	if (reach_stop(&l->reach))
		forget(l);
}
