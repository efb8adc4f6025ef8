/* monitor: see monitor.h. Owns nothing: it asks, and writes what it was told. */
#include "monitor.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/num.h"
#include "wire/ipc.h"

static unsigned code_of(const struct monitor *m)
{
	return m->cls->works(m->ctx) ? 200 : 503;
}

static void begin(struct jsonw *j, struct wr *w)
{
	jsonw_init(j, w);
	jsonw_open(j, '{');
	jsonw_key(j, "status");
}

static unsigned end(struct jsonw *j, struct wr *w, unsigned code)
{
	jsonw_close(j, '}');
	wr_u8(w, '\n');
	return code;
}

static unsigned write_health(const struct monitor *m, struct wr *w)
{
	const unsigned code = code_of(m);
	struct jsonw j;

	begin(&j, w);
	jsonw_str(&j, code == 200 ? "ok" : "unavailable");
	jsonw_key(&j, "tunnels");
	jsonw_u64(&j, m->cls->tunnels(m->ctx));
	if (m->cls->more)
		m->cls->more(m->ctx, &j);
	return end(&j, w, code);
}

/* As RFC 9562 writes random ones: 8-4-4-4-12 digits. */
static void put_instance(struct jsonw *j, const uint8_t *id)
{
	char text[37];
	struct wr w = wr_of(text, sizeof text);

	for (size_t i = 0; i < 16; i++)
		wr_fmt(&w, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
	jsonw_key(j, "connectorId");
	jsonw_span(j, wr_span(&w));
}

/* cloudflared's names: what watches that one can watch this one. */
static unsigned write_ready(const struct monitor *m, struct wr *w)
{
	const unsigned code = code_of(m);
	struct jsonw j;

	begin(&j, w);
	jsonw_u64(&j, code);
	jsonw_key(&j, "readyConnections");
	jsonw_u64(&j, m->cls->tunnels(m->ctx));
	if (m->instance)
		put_instance(&j, m->instance);
	return end(&j, w, code);
}

/* ---- metrics -------------------------------------------------------------------------------------------- */

void monitor_sample(struct wr *w, const char *name, const char *key, struct span value, uint64_t n)
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

void monitor_pack(struct child *c, struct wr *w)
{
	uint8_t mem[BOUND_CAP(BOUND_IPC_BYTES)];
	struct wr counters = wr_of(mem, sizeof mem);
	const struct bounds *b = &c->bounds;

	c->cls->counters(c, &counters);
	wr_le16(w, (uint16_t)counters.n);
	wr_put(w, wr_span(&counters));
	for (size_t i = 0; i < BOUND_COUNT; i++) {
		if (b->row[i].peak == 0 && b->row[i].hits == 0)
			continue; /* not of this role, or not yet */
		wr_u8(w, (uint8_t)i);
		wr_le64(w, b->row[i].used);
		wr_le64(w, b->row[i].cap);
		wr_le64(w, b->row[i].hits);
	}
}

/* label: worker="N", or nothing. */
static void write_counters(const char *role, const char *label, struct span counters, struct wr *w)
{
	struct rd r = rd_of(counters);
	struct ipc_counter one;

	while (ipc_read_counter(&r, &one) > 0) {
		wr_str(w, "zt_");
		wr_str(w, role);
		wr_u8(w, '_');
		wr_put(w, one.name);
		if (one.of.n || label[0])
			wr_u8(w, '{');
		if (one.of.n) {
			wr_str(w, "of=\"");
			wr_put(w, one.of); /* nothing in it needs an escape: wire/ipc */
			wr_str(w, label[0] ? "\"," : "\"");
		}
		wr_str(w, label);
		if (one.of.n || label[0])
			wr_u8(w, '}');
		wr_u8(w, ' ');
		wr_u64dec(w, one.value);
		wr_u8(w, '\n');
	}
}

static void write_bounds(const char *label, struct span rows, struct wr *w)
{
	static const char *const names[] = {"bound_used", "bound_cap", "bound_hits_total"};
	struct rd r = rd_of(rows);

	while (rd_left(&r)) {
		size_t row = rd_u8(&r);

		for (size_t i = 0; i < ARRAY_LEN(names) && row < BOUND_COUNT; i++)
			wr_fmt(w, "zt_%s{bound=\"%s\"%s%s} %llu\n", names[i], bound_rows[row].name, label[0] ? "," : "", label,
			       (unsigned long long)rd_le64(&r));
		if (r.bad || row >= BOUND_COUNT)
			return;
	}
}

static void write_part(const char *role, const char *label, struct span packed, struct wr *w)
{
	struct rd r = rd_of(packed);
	struct span counters = rd_bytes(&r, rd_le16(&r));

	if (r.bad) /* another process has said it */
		return;
	write_counters(role, label, counters, w);
	write_bounds(label, rd_rest(&r), w);
}

static void write_parts(const struct monitor *m, struct wr *w)
{
	const char *role = m->child->cls->role;
	uint8_t mem[MONITOR_PACKED];
	struct wr own = wr_of(mem, sizeof mem);
	char label[32] = "";

	monitor_pack(m->child, &own);
	if (m->several)
		snprintf(label, sizeof label, "worker=\"%u\"", m->child->index);
	write_part(role, label, wr_span(&own), w);
	for (size_t i = 0; i < m->parts; i++) {
		snprintf(label, sizeof label, "worker=\"%u\"", m->part[i].worker);
		write_part(role, label, m->part[i].packed, w);
	}
}

/* Whoever watches would take what is missing for what is not there. */
#define CUT "zt_metrics_cut "
#define CUT_LINE (sizeof CUT - 1 + 2)

static unsigned write_metrics(const struct monitor *m, struct wr *w)
{
	bool cut;

	w->cap -= num_min(CUT_LINE, w->cap);
	monitor_sample(w, "build_info", "version", span_str(ZT_VERSION), 1);
	write_parts(m, w);
	if (m->cls->samples)
		m->cls->samples(m->ctx, w);
	while (w->full && w->n && w->p[w->n - 1] != '\n')
		w->n--;
	cut = w->full;
	w->full = false;
	w->cap += CUT_LINE;
	wr_str(w, cut ? CUT "1\n" : CUT "0\n");
	return 200;
}

/* ---- which ------------------------------------------------------------------------------------------------ */

static const struct page {
	const char *path, *type;
	unsigned (*write)(const struct monitor *m, struct wr *w);
} pages[] = {
	{"/healthcheck", "application/json", write_health},
	{"/ready", "application/json", write_ready},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
};

static const struct page *page_of(const struct httpreq *q)
{
	const bool reads = q->method == HTTP_METHOD_GET || q->method == HTTP_METHOD_HEAD;

	for (size_t i = 0; i < ARRAY_LEN(pages) && reads && q->refusal == HTTP_FINE; i++)
		if (span_eq_str(q->path, pages[i].path))
			return &pages[i];
	return NULL;
}

#define HEAD_MOST 256 /* four lines of at most 60 bytes */

static void refuse(const struct httpreq *q, unsigned status, const char *words, struct wr *w)
{
	const enum http_refusal r = (enum http_refusal)q->refusal;
	const struct answer a = {.status = r == HTTP_FINE ? status : http_refusal_status(r), .minor = 1,
				 .reason = r == HTTP_FINE ? "not-found" : http_refusal_name(r),
				 .words = r == HTTP_FINE ? words : http_refusal_text(r), .head = q->method == HTTP_METHOD_HEAD};

	answer_write(&a, w);
}

/* The body is written where it will be sent from, behind room for the head that has its length. */
void monitor_answer(const struct monitor *m, const struct httpreq *q, struct wr *w)
{
	const struct page *p = page_of(q);
	char head_mem[HEAD_MOST];
	struct wr head = wr_of(head_mem, sizeof head_mem), body = *w;
	unsigned status;

	if (p == NULL) {
		refuse(q, 404, "there is /healthcheck, /ready and /metrics", w);
		return;
	}
	body.cap -= HEAD_MOST;
	status = p->write(m, &body);
	if (body.full) {
		refuse(q, 500, "there is more to say than room for it", w);
		return;
	}
	wr_fmt(&head, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
		      "Connection: close\r\n\r\n", status, answer_phrase(status), p->type, body.n - w->n);
	body.cap += HEAD_MOST;
	if (q->method == HTTP_METHOD_HEAD)
		body.n = w->n;
	wr_insert(&body, w->n, wr_span(&head));
	*w = body;
}
