/*
 * Heads in, heads out. The input: one byte of switches, then a request head or (bit 1) a response head. Invariants:
 * what is written is read by the same strict reader as one head of the same length, method, host, query and body;
 * nothing of the hop, of the identity family but ours, and none of zt's cookies is in it; each field in it that
 * is not ours was in what came.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/forward.h"
#include "wire/cookie.h"
#include "wire/urlpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static uint8_t out[FORWARD_HEAD], canon[3 * HTTP_LINE];

static bool is_one_of(struct span name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieq(name, span_str(list[i])))
			return true;
	return false;
}

static bool came(const struct httpfields *fs, const struct httpfield *f)
{
	for (size_t i = 0; i < fs->n; i++)
		if (span_ieq(fs->f[i].name, f->name) && (f->id == FIELD_COOKIE || span_eq(fs->f[i].value, f->value)))
			return !(fs->f[i].class & FIELD_LISTED);
	return false;
}

static void check_request_fields(const struct httpreq *in, const struct httpreq *back)
{
	static const char *const ours[] = {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP",
					   "X-Request-Id", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade"};

	for (size_t i = 0; i < back->fields.n; i++) {
		const struct httpfield *f = &back->fields.f[i];
		struct span rest = f->value;
		struct cookie c;

		if (is_one_of(f->name, ours, sizeof ours / sizeof ours[0])) {
			for (size_t k = 0; k < i; k++)
				MUST(!span_ieq(f->name, back->fields.f[k].name));
			continue;
		}
		MUST(!(f->class & (FIELD_HOP | FIELD_FRAMING | FIELD_IDENTITY)) && came(&in->fields, f));
		while (f->id == FIELD_COOKIE && cookie_next(&rest, &c))
			MUST(!cookie_is_ours(c.name));
	}
}

static void request(struct span head, unsigned flags)
{
	static struct httpreq in, back;
	struct addr user = {.family = 4, .ip = {192, 0, 2, 7}};
	struct wr path = wr_of(canon, sizeof canon), w = wr_of(out, sizeof out);
	struct httpscan scan = {0};
	enum http_refusal why;
	struct forward_request f = {.req = &in, .user = &user, .tls = true, .id = SPAN_LIT("id"), .close = flags & 2};
	int rc;

	if (httpreq_read(head, &in) < 0)
		return;
	if (!in.asterisk && urlpath_canon(in.path, flags & 4 ? URLPATH_KEEP : 0, &path, &why) < 0)
		return;
	f.path = in.asterisk ? SPAN_LIT("/") : wr_span(&path);
	rc = forward_request(&f, &w);
	MUST(rc == 0 || rc == -ZT_E_MISSING || rc == -ZT_E_TOOLONG);
	if (rc < 0 || w.n > HTTP_HEAD || in.fields.n > HTTP_FIELDS - 10 || path.n + in.query.n + 64 > HTTP_LINE)
		return;
	MUST(httpscan_more(&scan, wr_span(&w)) == (int)w.n && httpreq_read(wr_span(&w), &back) == 0);
	MUST(span_eq(back.method_name, in.method_name) && httphost_same(&back.host, &in.host) && back.host.port == in.host.port);
	MUST(back.asterisk == in.asterisk && (in.asterisk || span_eq(back.path, f.path)) && span_eq(back.query, in.query));
	MUST(back.body.kind == in.body.kind || (in.body.kind == HTTPBODY_NONE && back.body.length == 0));
	MUST(back.body.length == in.body.length && back.websocket == in.websocket && !back.expects_continue);
	check_request_fields(&in, &back);
}

static void reply(struct span head, unsigned flags)
{
	static struct httpresp in, back;
	struct httpbody_asked asked = {.head = flags & 2, .upgrade = flags & 4};
	struct wr w = wr_of(out, sizeof out);
	struct httpscan scan = {0};
	struct forward_reply f = {.resp = &in, .minor = flags & 8 ? 0 : 1, .keep = flags & 16, .id = SPAN_LIT("id")};
	struct forward_sent sent;

	if (asked.upgrade)
		f.upgrade = SPAN_LIT("websocket");
	if (httpresp_read(head, asked, &in) < 0 || forward_reply(&f, &w, &sent) < 0 || w.n > HTTP_HEAD ||
	    in.fields.n > HTTP_FIELDS - 4)
		return;
	MUST(httpscan_more(&scan, wr_span(&w)) == (int)w.n && httpresp_read(wr_span(&w), asked, &back) == 0);
	MUST(back.status == in.status && back.interim == in.interim && back.body.kind == sent.body);
	/* What 1xx and 204 say about a length means nothing, and goes no further. */
	MUST(back.body.length == (in.status < 200 || in.status == 204 ? 0 : in.body.length) && (in.interim || sent.body == HTTPBODY_TUNNEL || back.keep == sent.keep));
	for (size_t i = 0; i < back.fields.n; i++) {
		const struct httpfield *o = &back.fields.f[i];

		if (span_ieq(o->name, SPAN_LIT("X-Request-Id"))) {
			MUST(span_eq_str(o->value, "id"));
			continue;
		}
		MUST(!(o->class & (FIELD_IDENTITY | FIELD_EDGE)) && !(o->id == FIELD_SET_COOKIE && cookie_sets_ours(o->value)));
		MUST(o->class & (FIELD_HOP | FIELD_FRAMING) || came(&in.fields, o));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n), head;
	struct httpscan scan = {0};
	int rc;

	if (n < 2)
		return 0;
	head = span_sub(in, 1, n);
	rc = httpscan_more(&scan, head);
	if (rc <= 0)
		return 0;
	(data[0] & 1 ? reply : request)(span_sub(head, 0, (size_t)rc), data[0]);
	return 0;
}
