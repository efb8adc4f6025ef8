/*
 * demoapp: the sample app of `zt demo`: says what reached it, as a page for people and as JSON for programs, so that
 * everybody sees what an origin is told: who asked, by which host and path, with which fields. One thread, some
 * connections, HTTP/1.1 with keep-alive; bodies are counted and dropped. It is read by the tests too.
 */
#include "demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/num.h"
#include "io/net.h"
#include "wire/httpreq.h"

#define CONNS 64
#define ANSWER 40960 /* a head of 16 KiB, each byte of it twice at most, and the page around it */

struct conn {
	struct source src;
	bool used, head_done, keep, want_page, is_head;
	struct httpscan scan;
	struct httpbody body;
	size_t have, sent, n; /* in `in`; of `out` */
	uint64_t got;         /* of the body */
	uint8_t in[HTTP_HEAD], out[ANSWER + 256], page[ANSWER];
	struct wr text;       /* into page: what is said of the head */
};

struct app {
	struct loop *loop;
	struct listener door;
	struct conn *conn;    /* CONNS of them */
};

static struct app *app_of(struct listener *l)
{
	return CONTAINER_OF(l, struct app, door);
}

static void put_html(struct wr *w, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *mark = s.p[i] == '<' ? "&lt;" : s.p[i] == '&' ? "&amp;" : NULL;

		if (mark)
			wr_str(w, mark);
		else
			wr_u8(w, s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i]);
	}
}

static void describe_page(struct wr *w, const struct httpreq *r)
{
	wr_str(w, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		  "content=\"width=device-width\"><title>It works</title><style>body{font:1rem/1.5 system-ui;margin:2rem auto;"
		  "max-width:46rem;padding:0 1rem}td{padding:.1rem .8rem .1rem 0;vertical-align:top;overflow-wrap:anywhere}td:first-child{white-space:nowrap}"
		  "</style></head><body><h1>It works</h1><p>This page comes from an app that has no port open to the outside. "
		  "What reached it:</p><p><code>");
	put_html(w, r->method_name);
	wr_u8(w, ' ');
	put_html(w, r->target);
	wr_str(w, "</code></p><table>");
	for (size_t i = 0; i < r->fields.n; i++) {
		wr_str(w, "<tr><td>");
		put_html(w, r->fields.f[i].name);
		wr_str(w, "</td><td>");
		put_html(w, r->fields.f[i].value);
		wr_str(w, "</td></tr>\n");
	}
	wr_str(w, "</table></body></html>\n");
}

static void describe_json(struct wr *w, const struct httpreq *r)
{
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "method");
	jsonw_span(&j, r->method_name);
	jsonw_key(&j, "target");
	jsonw_span(&j, r->target);
	jsonw_key(&j, "fields");
	jsonw_open(&j, '[');
	for (size_t i = 0; i < r->fields.n; i++) {
		jsonw_open(&j, '[');
		jsonw_span(&j, r->fields.f[i].name);
		jsonw_span(&j, r->fields.f[i].value);
		jsonw_close(&j, ']');
	}
	jsonw_close(&j, ']');
}

static void answer(struct conn *c, unsigned status)
{
	struct wr w = wr_of(c->out, sizeof c->out);

	if (status == 200 && !c->want_page) {
		wr_str(&c->text, ",\"body\":");
		wr_u64dec(&c->text, c->got);
		wr_str(&c->text, "}\n");
	}
	if (c->text.full)
		c->text.n = 0;
	wr_fmt(&w, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n", status,
	       status == 200 ? "OK" : "Bad Request", c->want_page ? "text/html; charset=utf-8" : "application/json", c->text.n,
	       c->keep ? "keep-alive" : "close");
	if (!c->is_head)
		wr_put(&w, wr_span(&c->text));
	c->n = w.n;
	c->sent = 0;
}

static void drop_front(struct conn *c, size_t n)
{
	memmove(c->in, &c->in[n], c->have - n);
	c->have -= n;
}

/* False: it is no request. */
static bool take_head(struct conn *c)
{
	int n = httpscan_more(&c->scan, span_of(c->in, c->have));
	struct httpreq r;
	const struct httpfield *accept;

	if (n == ZT_MORE)
		return true;
	c->text = wr_of(c->page, sizeof c->page);
	if (n < 0 || httpreq_read(span_of(c->in, (size_t)n), &r) < 0 || httpbody_begin(&c->body, &r.body, UINT64_MAX) < 0)
		return false;
	accept = httpfields_first(&r.fields, FIELD_ACCEPT);
	c->want_page = accept && httpfield_lists(accept->value, "text/html");
	c->is_head = r.method == HTTP_METHOD_HEAD;
	c->keep = r.keep;
	c->got = 0;
	(c->want_page ? describe_page : describe_json)(&c->text, &r);
	drop_front(c, (size_t)n);
	c->head_done = true;
	return true;
}

static bool take_body(struct conn *c)
{
	struct span data;
	int n = 0;

	while (!c->body.done && c->have && (n = httpbody_next(&c->body, span_of(c->in, c->have), &data)) > 0) {
		c->got += data.n;
		drop_front(c, (size_t)n);
	}
	return n >= 0;
}

static void step(struct conn *c)
{
	bool good = true;

	if (!c->head_done && c->have)
		good = take_head(c);
	if (good && c->head_done)
		good = take_body(c);
	if (good && c->head_done && c->body.done)
		answer(c, 200);
	if (good)
		return;
	c->text.n = 0;
	c->keep = c->want_page = false;
	answer(c, 400);
}

static void conn_write(struct conn *c)
{
	ssize_t n = send(c->src.fd, &c->out[c->sent], c->n - c->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->sent += n > 0 ? (size_t)n : 0;
	if (n < 0 || (c->sent == c->n && !c->keep)) {
		loop_close(&c->src);
		return;
	}
	if (c->sent < c->n)
		return;
	c->n = 0;
	c->head_done = false;
	c->scan = (struct httpscan){0};
	if (c->have)
		loop_again(&c->src); /* the next one is here already */
}

static void conn_read(struct conn *c)
{
	ssize_t n = recv(c->src.fd, &c->in[c->have], sizeof c->in - c->have, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		loop_close(&c->src);
		return;
	}
	c->have += n > 0 ? (size_t)n : 0;
	step(c);
	if (c->n)
		conn_write(c);
}

static unsigned conn_wants(const struct source *s)
{
	return CONTAINER_OF(s, const struct conn, src)->n ? LOOP_OUT : LOOP_IN;
}

static void conn_ready(struct source *s, unsigned events)
{
	struct conn *c = CONTAINER_OF(s, struct conn, src);

	(void)events;
	if (c->n)
		conn_write(c);
	else
		conn_read(c);
}

static void conn_reap(struct source *s)
{
	CONTAINER_OF(s, struct conn, src)->used = false;
}

static const struct source_class conn_class = {"visitor of the sample app", conn_wants, conn_ready, conn_reap};

static void on_accepted(struct listener *l, int fd, const struct addr *peer)
{
	struct app *a = app_of(l);
	struct conn *c = NULL;

	(void)peer;
	for (size_t i = 0; i < CONNS && c == NULL; i++)
		if (!a->conn[i].used)
			c = &a->conn[i];
	if (c == NULL) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct conn, in));
	c->src = (struct source){.cls = &conn_class, .fd = fd};
	c->used = loop_add(a->loop, &c->src) == 0;
	if (!c->used)
		close(fd);
}

static const struct listener_class door_class = {on_accepted, NULL};

int demo_app(unsigned port)
{
	const struct net_listen o = {.at = {.family = 4, .ip = {127, 0, 0, 1}, .port = (uint16_t)port}};
	struct app a = {.conn = calloc(CONNS, sizeof(struct conn))};
	struct why why = {0};
	int fd = net_listen(&o, &why);

	if (fd < 0 || a.conn == NULL || loop_open(&a.loop, LOOP_BEST, &clock_real) < 0 ||
	    listener_start(&a.door, a.loop, fd, &door_class) < 0) {
		fprintf(stderr, "zt demo: the sample app cannot start: %s\n", why.text);
		free(a.conn);
		return EXIT_ZT_FAILED;
	}
	return loop_run(a.loop) < 0 ? EXIT_ZT_FAILED : EXIT_ZT_OK; /* its end is a signal */
}
