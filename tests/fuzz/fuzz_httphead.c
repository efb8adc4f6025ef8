/* Heads of requests and responses. Invariants: where a head ends does not depend on how it came; no byte behind
 * it matters; no beginning of one is refused; a refusal stays; what was read lies inside the head and holds no
 * byte that ends a line for anybody; a length and a coding never pass together; what is read, written again in
 * the plainest way, is read as the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/httpreq.h"
#include "wire/httpresp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static int scan(struct span in, size_t step, struct httpscan *s)
{
	int rc = ZT_MORE;

	*s = (struct httpscan){0};
	for (size_t got = 0; rc == ZT_MORE && got < in.n;) {
		got = got + step < in.n ? got + step : in.n;
		rc = httpscan_more(s, span_sub(in, 0, got));
	}
	MUST((rc < 0) == (s->refusal != HTTP_FINE));
	return rc;
}

static void check_fields(const struct httpfields *fs, struct span head)
{
	MUST(fs->n <= HTTP_FIELDS);
	for (size_t i = 0; i < fs->n; i++) {
		MUST(inside(fs->f[i].name, head) && inside(fs->f[i].value, head) && fs->f[i].name.n);
		MUST(http_is_token(fs->f[i].name) && httpfield_value_ok(fs->f[i].value));
		MUST(fs->f[i].class == (httpfield_class(fs->f[i].name) |
					(fs->f[i].class & FIELD_LISTED ? FIELD_HOP | FIELD_LISTED : 0)));
		MUST(!(fs->f[i].class & FIELD_FRAMING) || !(fs->f[i].class & FIELD_LISTED));
	}
	MUST(httpfields_count(fs, FIELD_CONTENT_LENGTH) + httpfields_count(fs, FIELD_TRANSFER_ENCODING) <= 1);
}

static void put_fields(struct wr *w, const struct httpfields *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		wr_put(w, fs->f[i].name);
		wr_str(w, ":");
		wr_put(w, fs->f[i].value);
		wr_str(w, "\r\n");
	}
	wr_str(w, "\r\n");
}

static void check_request(struct span head)
{
	static struct httpreq q, again;
	static uint8_t mem[2 * HTTP_HEAD];
	struct wr w = wr_of(mem, sizeof mem);

	if (httpreq_read(head, &q) < 0) {
		MUST(q.refusal != HTTP_FINE && q.status >= 400 && q.fields.n == 0 && q.host.n == 0);
		MUST(inside(q.method_name, head) && inside(q.target, head));
		return;
	}
	check_fields(&q.fields, head);
	MUST(q.status == 0 && q.refusal == HTTP_FINE && q.host.kind != HTTPHOST_NONE && q.minor <= 1);
	MUST(inside(q.target, head) && inside(q.query, head) && inside(q.upgrade, head));
	MUST(q.asterisk ? q.path.n == 0 : q.path.p[0] == '/');
	MUST(q.target.n && memchr(q.target.p, ' ', q.target.n) == NULL);
	MUST(httpfields_count(&q.fields, FIELD_HOST) == 1);
	MUST(q.body.kind <= HTTPBODY_CHUNKED && (q.upgrade.n == 0 || q.body.kind == HTTPBODY_NONE));
	wr_put(&w, q.method_name);
	wr_str(&w, " ");
	wr_put(&w, q.target);
	wr_str(&w, q.minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
	put_fields(&w, &q.fields);
	MUST(httpreq_read(wr_span(&w), &again) == 0 && again.fields.n == q.fields.n && again.keep == q.keep);
	MUST(span_eq(again.path, q.path) && httphost_same(&again.host, &q.host) && again.body.length == q.body.length);
}

static void check_response(struct span head, struct httpbody_asked asked)
{
	static struct httpresp p;

	if (httpresp_read(head, asked, &p) < 0) {
		MUST(p.refusal != HTTP_FINE && p.fields.n == 0 && p.status == 0);
		return;
	}
	check_fields(&p.fields, head);
	MUST(p.status >= 100 && p.status <= 599 && inside(p.reason, head));
	MUST((p.body.kind == HTTPBODY_TUNNEL) == (p.status == 101) && (p.status != 101 || asked.upgrade));
	MUST(!asked.head || p.body.kind == HTTPBODY_NONE || p.status == 101);
	MUST(!p.keep || (p.minor == 1 && p.body.kind <= HTTPBODY_CHUNKED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	struct httpscan all, parts;
	int rc = scan(in, n, &all);

	MUST(scan(in, 1, &parts) == rc && parts.refusal == all.refusal);
	MUST(scan(in, 1 + (n ? data[n - 1] : 0u), &parts) == rc && parts.refusal == all.refusal);
	MUST(rc != ZT_MORE || n < HTTP_HEAD);
	if (rc > 0) {
		struct span head = span_sub(in, 0, (size_t)rc);

		MUST(head.n == (size_t)rc && rc <= HTTP_HEAD && span_ends(head, "\r\n\r\n"));
		MUST(scan(span_sub(head, 0, head.n - 1), 7, &parts) == ZT_MORE);
		in = head;
	}
	check_request(in);
	check_response(in, (struct httpbody_asked){0});
	check_response(in, (struct httpbody_asked){.head = true});
	check_response(in, (struct httpbody_asked){.upgrade = true});
	return 0;
}
