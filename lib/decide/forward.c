/*
 * forward: writes the heads of forward.h. Owns the order in which they are written and what is left out. Never
 * looks at what was not parsed, and never decides whether a request may go on.
 */
#include "forward.h"

#include "base/num.h"
#include "wire/cookie.h"

/* ---- bytes -------------------------------------------------------------------------------- */

struct head {
	struct wr *w;
	bool bad; /* something may not stand in a head */
};

/* What the parsers have promised is asked again for all that is written: a head that could be split would be
 * the worst fault of all, and this costs a look at each byte. */
static void put_checked(struct head *h, struct span s, bool ok)
{
	if (ok)
		wr_put(h->w, s);
	else
		h->bad = true;
}

static void put_field(struct head *h, struct span name, struct span value)
{
	put_checked(h, name, http_is_token(name));
	wr_str(h->w, ": ");
	put_checked(h, value, httpfield_value_ok(value));
	wr_str(h->w, "\r\n");
}

static void put_known(struct head *h, enum field_id id, struct span value)
{
	put_field(h, span_str(httpfield_name(id)), value);
}

static void put_length(struct head *h, uint64_t n)
{
	wr_str(h->w, "Content-Length: ");
	wr_u64dec(h->w, n);
	wr_str(h->w, "\r\n");
}

static bool is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* Some applications read '_' and '.' as '-': for what is taken out, they are the same. */
static uint8_t folded(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c + 'a' - 'A');
	return c == '_' || c == '.' ? '-' : c;
}

static bool same_name(struct span a, struct span b)
{
	size_t i = 0;

	while (a.n == b.n && i < a.n && folded(a.p[i]) == folded(b.p[i]))
		i++;
	return i == a.n && a.n == b.n;
}

static bool rule_has(const struct forward_rule *r, struct span name)
{
	for (size_t i = 0; r && i < r->removes; i++)
		if (same_name(r->remove[i], name))
			return true;
	for (size_t i = 0; r && i < r->sets; i++)
		if (same_name(r->set[i].name, name))
			return true;
	return false;
}

/* ---- to the origin ------------------------------------------------------------------------ */

static struct span without_slash(struct span s)
{
	return span_ends(s, "/") ? span_sub(s, 0, s.n - 1) : s;
}

void forward_path(const struct forward_rule *rule, struct span path, struct wr *w)
{
	struct span strip = rule ? without_slash(rule->strip_prefix) : SPAN_NONE;

	if (rule)
		wr_put(w, without_slash(rule->add_prefix));
	/* Whole segments: "/app" is no beginning of "/apple". */
	if (strip.n && span_eq(span_sub(path, 0, strip.n), strip) && (path.n == strip.n || path.p[strip.n] == '/'))
		path = span_sub(path, strip.n, path.n);
	wr_put(w, path.n ? path : SPAN_LIT("/"));
}

static void put_target(struct head *h, const struct forward_request *f)
{
	const struct httpreq *r = f->req;
	size_t from = h->w->n;

	if (r->asterisk) {
		wr_u8(h->w, '*');
		return;
	}
	forward_path(f->rule, f->path, h->w);
	if (r->has_query) {
		wr_u8(h->w, '?');
		wr_put(h->w, r->query);
	}
	if (!span_starts(f->path, "/") || !is_visible(span_sub(wr_span(h->w), from, h->w->n)))
		h->bad = true;
}

static void put_asked_host(struct head *h, const struct httphost *host)
{
	struct span text = httphost_span(host);
	size_t colon;
	bool v6 = span_find(text, ':', &colon);

	wr_str(h->w, v6 ? "[" : "");
	wr_put(h->w, text);
	wr_str(h->w, v6 ? "]" : "");
	if (host->port) {
		wr_u8(h->w, ':');
		wr_u64dec(h->w, host->port);
	}
}

static void put_host(struct head *h, const struct forward_request *f)
{
	if (f->rule && f->rule->host.n) {
		put_known(h, FIELD_HOST, f->rule->host);
		return;
	}
	wr_str(h->w, "Host: ");
	put_asked_host(h, &f->req->host);
	wr_str(h->w, "\r\n");
}

/* What zt says about the visitor, and nobody else. */
enum ours { OURS_FOR, OURS_PROTO, OURS_HOST, OURS_IP, OURS_ID, OURS };
static const struct span our_names[OURS] = {SPAN_LIT("X-Forwarded-For"), SPAN_LIT("X-Forwarded-Proto"),
					    SPAN_LIT("X-Forwarded-Host"), SPAN_LIT("X-Real-IP"), SPAN_LIT("X-Request-Id")};

static bool is_ours(struct span name)
{
	for (size_t i = 0; i < OURS; i++)
		if (same_name(name, our_names[i]))
			return true;
	return false;
}

static void put_our_value(struct head *h, const struct forward_request *f, enum ours which)
{
	struct addr user = *f->user;

	user.scope = 0;
	if (which == OURS_PROTO)
		wr_str(h->w, f->tls ? "https" : "http");
	else if (which == OURS_HOST)
		put_asked_host(h, &f->req->host);
	else if (which == OURS_ID)
		put_checked(h, f->id, is_visible(f->id));
	else
		addr_write_ip(h->w, &user);
}

static void put_ours(struct head *h, const struct forward_request *f)
{
	for (unsigned i = 0; i < OURS; i++) {
		if (rule_has(f->rule, our_names[i]) || (i == OURS_ID && f->id.n == 0) ||
		    ((i == OURS_FOR || i == OURS_IP) && f->user->family == 0))
			continue;
		wr_put(h->w, our_names[i]);
		wr_str(h->w, ": ");
		put_our_value(h, f, (enum ours)i);
		wr_str(h->w, "\r\n");
	}
	for (size_t i = 0; f->rule && i < f->rule->sets; i++) {
		const struct forward_field *s = &f->rule->set[i];

		if (httpfield_class(s->name) & (FIELD_HOP | FIELD_FRAMING))
			h->bad = true;
		put_field(h, s->name, s->value);
	}
}

static void put_cookie(struct head *h, struct span value)
{
	size_t before = h->w->n, empty;

	wr_str(h->w, "Cookie: ");
	empty = h->w->n;
	if (!httpfield_value_ok(value))
		h->bad = true;
	else if (!cookie_strip(value, h->w))
		h->w->full = true;
	else if (h->w->n == empty)
		h->w->n = before; /* all of them were ours */
	else
		wr_str(h->w, "\r\n");
}

static void put_visitors(struct head *h, const struct forward_request *f)
{
	const struct httpfields *fs = &f->req->fields;

	for (size_t i = 0; i < fs->n; i++) {
		const struct httpfield *one = &fs->f[i];

		if (one->class & (FIELD_HOP | FIELD_FRAMING | FIELD_IDENTITY | FIELD_LISTED) || is_ours(one->name) ||
		    rule_has(f->rule, one->name))
			continue;
		if (one->id == FIELD_COOKIE)
			put_cookie(h, one->value);
		else
			put_field(h, one->name, one->value);
	}
}

static void put_request_framing(struct head *h, const struct httpreq *r)
{
	static const bool has_meaning[] = {[HTTP_METHOD_POST] = true, [HTTP_METHOD_PUT] = true, [HTTP_METHOD_PATCH] = true};

	if (r->body.kind == HTTPBODY_LENGTH)
		put_length(h, r->body.length);
	else if (r->body.kind == HTTPBODY_CHUNKED)
		put_known(h, FIELD_TRANSFER_ENCODING, SPAN_LIT("chunked"));
	else if (r->body.has_length || (r->method < ARRAY_LEN(has_meaning) && has_meaning[r->method]))
		put_length(h, 0); /* RFC 9110 section 8.6: said where a body could be expected */
}

static void put_upgrade(struct head *h, struct span protocol)
{
	put_known(h, FIELD_CONNECTION, SPAN_LIT("Upgrade"));
	put_known(h, FIELD_UPGRADE, protocol);
}

/* All or nothing. */
static int ended(const struct head *h, size_t from)
{
	int rc = h->bad ? -ZT_E_SYNTAX : h->w->full ? -ZT_E_TOOLONG : 0;

	if (rc < 0) {
		h->w->n = from;
		h->w->full = false;
	}
	return rc;
}

static void put_request(struct head *h, const struct forward_request *f)
{
	put_checked(h, f->req->method_name, http_is_token(f->req->method_name));
	wr_u8(h->w, ' ');
	put_target(h, f);
	wr_str(h->w, " HTTP/1.1\r\n");
	put_host(h, f);
	put_ours(h, f);
	put_visitors(h, f);
	put_request_framing(h, f->req);
	/* No other protocol goes on: behind an h2c of the origin's there would be requests that nobody decided
	 * about. RFC 9110 section 7.8: an Upgrade may always be passed over. */
	if (f->req->websocket)
		put_upgrade(h, SPAN_LIT("websocket"));
	else if (f->close)
		put_known(h, FIELD_CONNECTION, SPAN_LIT("close"));
	wr_str(h->w, "\r\n");
}

int forward_request(const struct forward_request *f, struct wr *w)
{
	struct head h = {.w = w};
	size_t from = w->n;

	if (f->req->host.kind == HTTPHOST_NONE)
		return -ZT_E_MISSING;
	if (w->full)
		return -ZT_E_TOOLONG;
	put_request(&h, f);
	return ended(&h, from);
}

/* ---- to the visitor ----------------------------------------------------------------------- */

static bool goes_on(const struct httpfield *one)
{
	if (one->class & (FIELD_HOP | FIELD_FRAMING | FIELD_IDENTITY | FIELD_EDGE | FIELD_LISTED))
		return false;
	if (one->id == FIELD_SET_COOKIE && cookie_sets_ours(one->value))
		return false;
	return !same_name(one->name, our_names[OURS_ID]);
}

/* How the body must be framed for this visitor: what has no length ends with the connection for HTTP/1.0, which
 * knows no chunks. */
static void put_reply_framing(struct head *h, const struct forward_reply *f, struct forward_sent *sent)
{
	const struct httpresp *r = f->resp;

	/* of HEAD and 304: the length it would have had */
	bool would_have = r->body.has_length && r->status >= 200 && r->status != 204;

	sent->body = r->body.kind;
	if (r->body.kind == HTTPBODY_CHUNKED || r->body.kind == HTTPBODY_CLOSE) {
		sent->body = f->minor ? HTTPBODY_CHUNKED : HTTPBODY_CLOSE;
		if (f->minor)
			put_known(h, FIELD_TRANSFER_ENCODING, SPAN_LIT("chunked"));
	} else if (r->body.kind == HTTPBODY_LENGTH || would_have) {
		put_length(h, r->body.length);
	}
	sent->keep = f->keep && sent->body != HTTPBODY_CLOSE && sent->body != HTTPBODY_TUNNEL;
}

static void put_reply_connection(struct head *h, const struct forward_reply *f, const struct forward_sent *sent)
{
	if (f->resp->status == 101)
		put_upgrade(h, f->upgrade);
	else if (!sent->keep)
		put_known(h, FIELD_CONNECTION, SPAN_LIT("close"));
	else if (f->minor == 0)
		put_known(h, FIELD_CONNECTION, SPAN_LIT("keep-alive"));
}

static void put_reply(struct head *h, const struct forward_reply *f, struct forward_sent *sent)
{
	const struct httpresp *r = f->resp;

	/* Ours, whatever the origin speaks: RFC 9110 section 2.5. */
	wr_str(h->w, "HTTP/1.1 ");
	wr_u64dec(h->w, r->status);
	wr_u8(h->w, ' ');
	put_checked(h, r->reason, httpfield_value_ok(r->reason));
	wr_str(h->w, "\r\n");
	for (size_t i = 0; i < r->fields.n; i++)
		if (goes_on(&r->fields.f[i]))
			put_field(h, r->fields.f[i].name, r->fields.f[i].value);
	if (r->interim) {
		*sent = (struct forward_sent){.body = HTTPBODY_NONE, .keep = f->keep};
	} else {
		if (f->id.n)
			put_field(h, our_names[OURS_ID], f->id);
		put_reply_framing(h, f, sent);
		put_reply_connection(h, f, sent);
	}
	wr_str(h->w, "\r\n");
}

int forward_reply(const struct forward_reply *f, struct wr *w, struct forward_sent *sent)
{
	struct head h = {.w = w};
	size_t from = w->n;

	*sent = (struct forward_sent){0};
	if (f->resp->interim && f->minor == 0)
		return -ZT_E_SYNTAX;
	if (f->resp->status == 101 && (f->upgrade.n == 0 || !span_ieq(f->upgrade, f->resp->upgrade)))
		return -ZT_E_SYNTAX;
	if (w->full)
		return -ZT_E_TOOLONG;
	put_reply(&h, f, sent);
	return ended(&h, from);
}
