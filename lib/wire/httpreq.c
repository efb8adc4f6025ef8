/*
 * httpreq: the reader of httpreq.h. Owns the request line and the rules that hold between the fields of a
 * request; knows no host, no policy and no origin.
 */
#include "httpreq.h"

#include "base/num.h"

/* ---- the request line ---------------------------------------------------------------------- */

static enum http_refusal read_method(struct httpreq *q)
{
	static const char *const names[] = {"",
#define X(name) #name,
		HTTP_METHODS(X)
#undef X
	};

	/* RFC 9113 section 3.4 keeps PRI for this: HTTP/2 where it was not agreed on. */
	if (span_eq_str(q->method_name, "PRI"))
		return HTTPBAD_LINE;
	if (q->method_name.n > HTTP_METHOD_MAX || span_eq_str(q->method_name, "CONNECT") ||
	    span_eq_str(q->method_name, "TRACE"))
		return HTTPBAD_METHOD;
	for (size_t i = 0; i < q->method_name.n; i++)
		if (q->method_name.p[i] != '-' && (q->method_name.p[i] < 'A' || q->method_name.p[i] > 'Z'))
			return HTTPBAD_METHOD;
	for (size_t i = 1; i < ARRAY_LEN(names); i++)
		if (span_eq_str(q->method_name, names[i]))
			q->method = (uint8_t)i;
	return HTTP_FINE;
}

/* "http://authority" at the front, in any case; *rest: the path and query behind it. */
static bool cut_absolute(struct span target, struct span *authority, struct span *rest)
{
	static const struct span schemes[] = {SPAN_LIT("http://"), SPAN_LIT("https://")};
	size_t end = 0;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (!span_ieq(span_sub(target, 0, schemes[i].n), schemes[i]))
			continue;
		*authority = span_sub(target, schemes[i].n, target.n);
		while (end < authority->n && authority->p[end] != '/' && authority->p[end] != '?')
			end++;
		*rest = span_sub(*authority, end, authority->n);
		*authority = span_sub(*authority, 0, end);
		return true;
	}
	return false;
}

/* An absolute target's host is left in q->host for read_host(). */
static enum http_refusal read_target(struct httpreq *q)
{
	struct span rest = q->target, authority;

	for (size_t i = 0; i < q->target.n; i++)
		if (q->target.p[i] <= ' ' || q->target.p[i] > '~' || q->target.p[i] == '#')
			return HTTPBAD_TARGET;
	if (span_eq_str(rest, "*")) {
		q->asterisk = true;
		return q->method == HTTP_METHOD_OPTIONS ? HTTP_FINE : HTTPBAD_TARGET;
	}
	if (cut_absolute(q->target, &authority, &rest) && httphost_read(authority, &q->host) < 0)
		return HTTPBAD_HOST;
	q->has_query = span_cut(rest, '?', &q->path, &q->query);
	if (!q->has_query)
		q->query = SPAN_NONE;
	if (q->path.n == 0 && q->host.kind != HTTPHOST_NONE)
		q->path = SPAN_LIT("/"); /* RFC 9110 section 4.2.3: the same as no path */
	return span_starts(q->path, "/") ? HTTP_FINE : HTTPBAD_TARGET;
}

static enum http_refusal read_line(struct span line, struct httpreq *q)
{
	struct span rest, version;
	enum http_refusal r;

	if (!span_cut(line, ' ', &q->method_name, &rest) || !http_is_token(q->method_name)) {
		q->method_name = SPAN_NONE;
		return HTTPBAD_LINE;
	}
	if (!span_cut(rest, ' ', &q->target, &version) || q->target.n == 0) {
		q->target = SPAN_NONE;
		return HTTPBAD_LINE;
	}
	r = span_eq_str(q->method_name, "PRI") ? HTTPBAD_LINE : httphead_version(version, &q->minor);
	if (r == HTTP_FINE)
		r = read_method(q);
	return r == HTTP_FINE ? read_target(q) : r;
}

/* ---- between the fields -------------------------------------------------------------------- */

static enum http_refusal read_host(struct httpreq *q)
{
	const struct httpfield *f = httpfields_first(&q->fields, FIELD_HOST);
	struct httphost asked = q->host;

	if (f == NULL || httpfields_count(&q->fields, FIELD_HOST) > 1 || httphost_read(f->value, &q->host) < 0)
		return HTTPBAD_HOST;
	if (asked.kind == HTTPHOST_NONE)
		return HTTP_FINE;
	if (!httphost_same(&asked, &q->host) || (asked.port && q->host.port && asked.port != q->host.port))
		return HTTPBAD_HOSTS;
	return HTTP_FINE;
}

/* Fields of which programs take the first, the last or a list, each its own way. */
static enum http_refusal read_once(const struct httpreq *q)
{
	static const uint8_t once[] = {FIELD_AUTHORIZATION, FIELD_PROXY_AUTHORIZATION, FIELD_ORIGIN,
				       FIELD_CONTENT_TYPE, FIELD_UPGRADE};

	for (size_t i = 0; i < ARRAY_LEN(once); i++)
		if (httpfields_count(&q->fields, once[i]) > 1)
			return HTTPBAD_TWICE;
	return HTTP_FINE;
}

static enum http_refusal read_expect(struct httpreq *q)
{
	const struct httpfield *f = httpfields_first(&q->fields, FIELD_EXPECT);

	if (f == NULL)
		return HTTP_FINE;
	if (httpfields_count(&q->fields, FIELD_EXPECT) > 1 || !span_ieq(f->value, SPAN_LIT("100-continue")))
		return HTTPBAD_EXPECT;
	/* RFC 9110 section 10.1.1: not to be answered to 1.0, nor when no body follows. */
	q->expects_continue = q->minor == 1 && q->body.kind != HTTPBODY_NONE && !(q->body.kind == HTTPBODY_LENGTH &&
			      q->body.length == 0);
	return HTTP_FINE;
}

/* Never refused: a server may answer as if no other protocol had been asked for, RFC 9110 section 7.8. */
static void read_upgrade(struct httpreq *q)
{
	const struct httpfield *f = httpfields_first(&q->fields, FIELD_UPGRADE);
	struct span name, version;

	if (f == NULL || q->minor == 0 || q->body.kind != HTTPBODY_NONE ||
	    !httpfields_list(&q->fields, FIELD_CONNECTION, "upgrade"))
		return;
	if (!http_is_token(f->value) &&
	    !(span_cut(f->value, '/', &name, &version) && http_is_token(name) && http_is_token(version)))
		return;
	q->upgrade = f->value;
	q->websocket = q->method == HTTP_METHOD_GET && span_ieq(f->value, SPAN_LIT("websocket"));
}

static enum http_refusal read_all(struct span head, struct httpreq *q)
{
	struct span line;
	enum http_refusal r = httphead_first(&head, &line);

	if (r == HTTP_FINE)
		r = read_line(line, q);
	if (r == HTTP_FINE)
		r = httpfields_read(&q->fields, head, false);
	if (r == HTTP_FINE)
		r = read_host(q);
	if (r == HTTP_FINE)
		r = httpbody_of_request(&q->fields, q->minor, &q->body);
	if (r == HTTP_FINE)
		r = read_once(q);
	if (r == HTTP_FINE)
		r = read_expect(q);
	return r;
}

int httpreq_read(struct span head, struct httpreq *out)
{
	enum http_refusal r;

	*out = (struct httpreq){0};
	r = read_all(head, out);
	if (r != HTTP_FINE) {
		*out = (struct httpreq){.method_name = out->method_name, .target = out->target,
					.refusal = (uint8_t)r, .status = (uint16_t)http_refusal_status(r)};
		return http_refusal_err(r);
	}
	read_upgrade(out);
	out->keep = out->minor == 1 && !httpfields_list(&out->fields, FIELD_CONNECTION, "close");
	return 0;
}
