/*
 * healthd: see healthd.h. Owns its connections, each the text of one answer for as long as it is written. Never
 * keeps one longer than PATIENCE, whatever its peer does.
 */
#include "healthd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "wire/httpget.h"
#include "wire/ipc.h"

#define PATIENCE (5 * NS_PER_S) /* for all of it: monitors are near */
#define REQUEST 2048            /* what monitors send, and some more */

struct healthd_conn {
	struct source src;
	struct healthd *h;
	struct timer patience;
	struct healthd_conn *prev, *next;
	uint8_t *answer;      /* NULL: still reading */
	size_t have, sent, n; /* of the request; of the answer */
	uint8_t request[REQUEST];
};

/* ---- the end ------------------------------------------------------------------------------------------ */

static void conn_close(struct healthd_conn *c)
{
	if (loop_closed(&c->src))
		return;
	loop_timer_stop(c->h->child->loop, &c->patience);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->h->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c->answer);
	c->answer = NULL;
	loop_close(&c->src);
}

static void conn_reap(struct source *s)
{
	struct healthd_conn *c = CONTAINER_OF(s, struct healthd_conn, src);

	pool_put(&c->h->conns, c);
}

static void on_patience(struct timer *t, uint64_t now)
{
	(void)now;
	conn_close(CONTAINER_OF(t, struct healthd_conn, patience));
}

/* ---- what is answered ----------------------------------------------------------------------------------- */

static unsigned write_health(struct healthd *h, struct wr *w)
{
	const size_t ready = h->cls->ready(h->ctx);
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "status");
	jsonw_str(&j, ready ? "ok" : "unavailable");
	jsonw_key(&j, "connections");
	jsonw_u64(&j, ready);
	if (h->cls->more)
		h->cls->more(h->ctx, &j);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
	return ready ? 200 : 503;
}

/* cloudflared's names: what watches that one can watch this one. */
static unsigned write_ready(struct healthd *h, struct wr *w)
{
	const size_t ready = h->cls->ready(h->ctx);
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "status");
	jsonw_u64(&j, ready ? 200 : 503);
	jsonw_key(&j, "readyConnections");
	jsonw_u64(&j, ready);
	if (h->id) {
		jsonw_key(&j, "connectorId");
		jsonw_str(&j, h->id);
	}
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
	return ready ? 200 : 503;
}

void healthd_sample(struct wr *w, const char *name, const char *key, struct span value, uint64_t n)
{
	wr_str(w, "zt_");
	wr_str(w, name);
	wr_u8(w, '{');
	wr_str(w, key);
	wr_str(w, "=\"");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			wr_u8(w, '\\');
		wr_u8(w, value.p[i] < ' ' ? ' ' : value.p[i]);
	}
	wr_str(w, "\"} ");
	wr_u64dec(w, n);
	wr_u8(w, '\n');
}

static void plain_sample(struct wr *w, const char *role, struct span name, uint64_t n)
{
	wr_str(w, "zt_");
	wr_str(w, role);
	wr_u8(w, '_');
	wr_put(w, name);
	wr_u8(w, ' ');
	wr_u64dec(w, n);
	wr_u8(w, '\n');
}

static void write_counters(const struct child *c, struct wr *w)
{
	uint8_t mem[BOUND_CAP(BOUND_IPC_BYTES)];
	struct wr counters = wr_of(mem, sizeof mem);
	struct ipc_counter one;
	struct rd r;

	c->cls->counters((struct child *)(uintptr_t)c, &counters); /* asks, and changes nothing */
	r = rd_of(wr_span(&counters));
	while (ipc_read_counter(&r, &one) > 0)
		plain_sample(w, c->cls->role, one.name, one.value);
}

static unsigned write_metrics(struct healthd *h, struct wr *w)
{
	const struct bounds *b = &h->child->bounds;

	healthd_sample(w, "build_info", "version", span_str(ZT_VERSION), 1);
	plain_sample(w, h->child->cls->role, SPAN_LIT("ready_connections"), h->cls->ready(h->ctx));
	write_counters(h->child, w);
	if (h->cls->samples)
		h->cls->samples(h->ctx, w);
	for (size_t i = 0; i < BOUND_COUNT; i++) {
		if (b->row[i].peak == 0 && b->row[i].hits == 0)
			continue; /* not of this role */
		healthd_sample(w, "bound_used", "bound", span_str(bound_rows[i].name), b->row[i].used);
		healthd_sample(w, "bound_cap", "bound", span_str(bound_rows[i].name), b->row[i].cap);
		healthd_sample(w, "bound_hits_total", "bound", span_str(bound_rows[i].name), b->row[i].hits);
	}
	return 200;
}

static const struct page {
	const char *path, *type;
	unsigned (*write)(struct healthd *h, struct wr *w);
} pages[] = {
	{"/healthcheck", "application/json", write_health},
	{"/ready", "application/json", write_ready},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
};

static const struct page *find(const struct httpget *g)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (span_eq_str(g->path, pages[i].path))
			return &pages[i];
	return NULL;
}

static void put_head(struct wr *w, unsigned status, const char *type, size_t body)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} rows[] = {{200, "OK"}, {404, "Not Found"}, {503, "Service Unavailable"}};
	const char *phrase = "Bad Request";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			phrase = rows[i].phrase;
	wr_fmt(w, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
		  "Connection: close\r\n\r\n", status, phrase, type, body);
}

#define HEAD_MOST 256 /* four lines of at most 60 bytes */

/* The body first: its status and length stand in the head. False: no memory. */
static bool answer(struct healthd_conn *c, const struct httpget *g)
{
	const struct page *p = g->status ? NULL : find(g);
	struct wr head, body;
	unsigned status = g->status ? g->status : 404;

	c->answer = malloc(HEAD_MOST + HEALTHD_MOST);
	if (c->answer == NULL)
		return false;
	body = wr_of(&c->answer[HEAD_MOST], HEALTHD_MOST);
	if (p)
		status = p->write(c->h, &body);
	else
		wr_str(&body, status == 404 ? "/healthcheck, /ready or /metrics\n" : "GET or HEAD, please\n");
	head = wr_of(c->answer, HEAD_MOST);
	put_head(&head, status, p ? p->type : "text/plain; charset=utf-8", body.n);
	memmove(&c->answer[head.n], body.p, body.n);
	c->n = head.n + (g->head ? 0 : body.n);
	return true;
}

/* ---- the connection ------------------------------------------------------------------------------------ */

static void conn_write(struct healthd_conn *c)
{
	ssize_t n = send(c->src.fd, &c->answer[c->sent], c->n - c->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->sent += n > 0 ? (size_t)n : 0;
	if (n < 0 || c->sent == c->n)
		conn_close(c);
}

static void conn_read(struct healthd_conn *c)
{
	ssize_t n = recv(c->src.fd, &c->request[c->have], sizeof c->request - c->have, 0);
	struct httpget g;
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->have += (size_t)n;
	rc = httpget_read(span_of(c->request, c->have), &g);
	if (rc == ZT_MORE && c->have < sizeof c->request)
		return;
	if (rc == ZT_MORE)
		g = (struct httpget){.status = 431};
	if (answer(c, &g))
		conn_write(c);
	else
		conn_close(c);
}

static unsigned conn_wants(const struct source *s)
{
	return CONTAINER_OF(s, const struct healthd_conn, src)->answer ? LOOP_OUT : LOOP_IN;
}

static void conn_ready(struct source *s, unsigned events)
{
	struct healthd_conn *c = CONTAINER_OF(s, struct healthd_conn, src);

	if (c->answer && (events & (LOOP_OUT | LOOP_HUP)))
		conn_write(c);
	else if (c->answer == NULL)
		conn_read(c);
}

static const struct source_class conn_class = {"monitor", conn_wants, conn_ready, conn_reap};

void healthd_accepted(struct healthd *h, int fd)
{
	struct healthd_conn *c = pool_get(&h->conns);

	if (c == NULL) { /* health_conns is full; its metric counts this */
		close(fd);
		return;
	}
	c->src = (struct source){.cls = &conn_class, .fd = fd};
	c->h = h;
	c->patience.fire = on_patience;
	if (loop_add(h->child->loop, &c->src) < 0) {
		pool_put(&h->conns, c);
		close(fd);
		return;
	}
	c->next = h->first;
	if (c->next)
		c->next->prev = c;
	h->first = c;
	if (!loop_timer(h->child->loop, &c->patience, PATIENCE))
		conn_close(c);
}

/* ---- begin and end -------------------------------------------------------------------------------------- */

void healthd_init(struct healthd *h, struct child *c, const struct healthd_class *cls, void *ctx)
{
	*h = (struct healthd){.cls = cls, .ctx = ctx, .child = c};
	pool_init(&h->conns, &c->bounds, BOUND_HEALTH_CONNS, sizeof(struct healthd_conn));
}

void healthd_end(struct healthd *h)
{
	while (h->first)
		conn_close(h->first);
}

void healthd_free(struct healthd *h)
{
	if (h->conns.bounds)
		pool_free(&h->conns);
}
