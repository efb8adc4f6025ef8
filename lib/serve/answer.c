/*
 * answer: writes the answers of answer.h. Owns their words and their escaping; sends nothing.
 */
#include "answer.h"

#include "base/jsonw.h"
#include "base/num.h"
#include "wire/frame.h"
#include "wire/httpfield.h"

static const struct {
	uint16_t status;
	const char *phrase;
} phrases[] = {
	{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {301, "Moved Permanently"}, {302, "Found"},
	{303, "See Other"}, {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
	{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
	{408, "Request Timeout"}, {410, "Gone"}, {413, "Content Too Large"}, {414, "URI Too Long"},
	{417, "Expectation Failed"}, {418, "I'm a teapot"}, {421, "Misdirected Request"}, {429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"}, {451, "Unavailable For Legal Reasons"}, {500, "Internal Server Error"},
	{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *answer_phrase(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}

#define RETRY_S 5 /* a connector is back within seconds, or somebody has to look */

void answer_of_reset(unsigned code, struct answer *out)
{
	static const struct {
		uint16_t status;
		uint8_t retry;
		const char *words;
	} rows[] = {
		[RESET_CANCEL] = {502, 0, "the connector gave the request up"},
		[RESET_REFUSED] = {502, 0, "the application refused the connection: is it running, on this port?"},
		[RESET_TIMEOUT] = {504, 0, "the application did not answer in time"},
		[RESET_NONAME] = {502, 0, "the name of the application's machine has no address"},
		[RESET_UNREACHABLE] = {502, 0, "the application's machine cannot be reached"},
		[RESET_TLS] = {502, 0, "the application's certificate is not the expected one"},
		[RESET_ORIGIN] = {502, 0, "the application broke the connection off"},
		[RESET_RULE] = {503, RETRY_S, "the connector has just changed its rules"},
		[RESET_POLICY] = {403, 0, "the connector does not allow it"},
		[RESET_FULL] = {503, RETRY_S, "the tunnel is full"},
		[RESET_STALLED] = {504, 0, "the transfer stood still for too long"},
		/* Not 503: whoever repeats those by himself might do it twice. */
		[RESET_GONE] = {502, 0, "the connection to the connector was lost meanwhile: it may have been done, or not"},
		[RESET_DOWN] = {503, RETRY_S, "the application is down"},
		[RESET_LEAVING] = {503, RETRY_S, "the connector is being stopped"},
	};
	size_t i = code < ARRAY_LEN(rows) && rows[code].words ? code : RESET_CANCEL;

	out->status = rows[i].status;
	out->retry_s = rows[i].retry;
	out->words = rows[i].words;
	out->reason = frame_reset_name((unsigned)i);
}

/* ---- the body ------------------------------------------------------------------------------ */

#define TEXT_MOST 500 /* of what came from elsewhere, as written */

static void put_html(struct wr *w, struct span s)
{
	static const struct {
		char c;
		const char *text;
	} marks[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
	size_t from = w->n, step;

	for (size_t at = 0; at < s.n && w->n - from < TEXT_MOST; at += step) {
		const char *instead = NULL;

		step = span_utf8(s, at);
		if (step == 0 || s.p[at] < ' ' || s.p[at] == 0x7f)
			instead = "?";
		for (size_t i = 0; i < ARRAY_LEN(marks) && !instead; i++)
			if (s.p[at] == (uint8_t)marks[i].c)
				instead = marks[i].text;
		step = step ? step : 1;
		wr_put(w, instead ? span_str(instead) : span_sub(s, at, step));
	}
}

static void put_row(struct wr *w, const char *name, struct span value)
{
	if (value.n == 0)
		return;
	wr_str(w, "<dt>");
	wr_str(w, name);
	wr_str(w, "</dt><dd>");
	put_html(w, value);
	wr_str(w, "</dd>\n");
}

/* The one style that the head lets a browser apply, by its digest. */
#define STYLE "body{font:1rem/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1rem}dt{opacity:.6}" \
	      "dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
#define STYLE_SHA256 "ZZaWrwyeeDsSyWOiB6hqt9qBYpfNkRF0spD051cZRvM="

static void put_sentence(struct wr *w, struct span s)
{
	bool small = s.n && s.p[0] >= 'a' && s.p[0] <= 'z';

	if (small)
		wr_u8(w, (uint8_t)(s.p[0] - 'a' + 'A'));
	put_html(w, span_sub(s, small, s.n));
	if (!span_ends(s, "?"))
		wr_u8(w, '.');
}

static void put_page(struct wr *w, unsigned status, const char *title, const struct answer *a)
{
	wr_str(w, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		  "<meta name=\"viewport\" content=\"width=device-width\">"
		  "<meta name=\"color-scheme\" content=\"light dark\"><style>" STYLE "</style><title>");
	wr_u64dec(w, status);
	wr_u8(w, ' ');
	wr_str(w, title);
	wr_str(w, "</title></head>\n<body><main><h1>");
	wr_str(w, title);
	wr_str(w, "</h1>\n<p>");
	put_sentence(w, span_str(a->words));
	wr_str(w, "</p>\n<dl>\n");
	put_row(w, "Detail", a->detail);
	put_row(w, "Host", a->host);
	put_row(w, "Reason", span_str(a->reason));
	put_row(w, "Request, for whoever reads the log", a->id);
	wr_str(w, "</dl>\n</main></body></html>\n");
}

static void put_member(struct jsonw *j, const char *key, struct span value)
{
	if (value.n == 0)
		return;
	jsonw_key(j, key);
	jsonw_cut(j, value, TEXT_MOST);
}

static void put_json(struct wr *w, const struct answer *a)
{
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "status");
	jsonw_u64(&j, a->status);
	put_member(&j, "error", span_str(answer_phrase(a->status)));
	put_member(&j, "reason", span_str(a->reason));
	put_member(&j, "message", span_str(a->words));
	put_member(&j, "detail", a->detail);
	put_member(&j, "host", a->host);
	put_member(&j, "request_id", a->id);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

/* ---- the head ------------------------------------------------------------------------------ */

static bool wants_page(struct span accept)
{
	struct span one, kind, rest = accept;

	while (httpfield_next(&rest, &one)) {
		span_cut(one, ';', &kind, &one);
		if (span_ieq(span_trim(kind), SPAN_LIT("text/html")))
			return true;
	}
	return false;
}

static void put_line(struct wr *w, const char *name, struct span value)
{
	wr_str(w, name);
	wr_str(w, ": ");
	wr_put(w, value);
	wr_str(w, "\r\n");
}

static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

static void put_head(struct wr *w, const struct answer *a, unsigned status, const char *type, size_t body)
{
	wr_str(w, "HTTP/1.1 ");
	wr_u64dec(w, status);
	wr_u8(w, ' ');
	wr_str(w, answer_phrase(status));
	wr_str(w, "\r\nCache-Control: no-store\r\n");
	if (type) {
		put_line(w, "Content-Type", span_str(type));
		wr_str(w, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
			  "Content-Security-Policy: default-src 'none'; style-src 'sha256-" STYLE_SHA256 "'; base-uri 'none'; form-action 'none'; "
			  "frame-ancestors 'none'\r\n");
	}
	if (a->retry_s) {
		wr_str(w, "Retry-After: ");
		wr_u64dec(w, a->retry_s);
		wr_str(w, "\r\n");
	}
	if (is_plain(a->id))
		put_line(w, "X-Request-Id", span_sub(a->id, 0, 64));
	if (status != 204 && status != 304) {
		wr_str(w, "Content-Length: ");
		wr_u64dec(w, body);
		wr_str(w, "\r\n");
	}
	if (!a->keep || a->minor == 0)
		put_line(w, "Connection", span_str(a->keep ? "keep-alive" : "close"));
}

static int finished(struct wr *w, size_t from)
{
	if (!w->full)
		return 0;
	w->full = false;
	w->n = from;
	return -ZT_E_TOOLONG;
}

/* The body is made first, for its length, in the same room. */
static int with_body(const struct answer *a, unsigned status, const char *type, struct wr *w, size_t from)
{
	uint8_t mem[1024];
	struct wr head = wr_of(mem, sizeof mem);

	put_head(&head, a, status, type, w->n - from);
	wr_str(&head, "\r\n");
	if (a->head)
		w->n = from; /* the length is said, and nothing follows */
	wr_insert(w, from, wr_span(&head));
	w->full = w->full || head.full;
	return finished(w, from);
}

static const char type_html[] = "text/html; charset=utf-8", type_json[] = "application/json";

int answer_write(const struct answer *a, struct wr *w)
{
	size_t from = w->n;
	bool page = wants_page(a->accept);

	if (w->full)
		return -ZT_E_TOOLONG;
	if (page)
		put_page(w, a->status, answer_phrase(a->status), a);
	else
		put_json(w, a);
	return with_body(a, a->status, page ? type_html : type_json, w, from);
}

int answer_status(const struct answer *a, struct wr *w)
{
	unsigned status = a->status < 200 || a->status > 599 ? 502 : a->status;

	return w->full ? -ZT_E_TOOLONG : with_body(a, status, NULL, w, w->n);
}

int answer_hello(const struct answer *a, struct wr *w)
{
	size_t from = w->n;
	struct answer hello = *a;

	if (w->full)
		return -ZT_E_TOOLONG;
	hello.words = "The tunnel works: this page comes from zt itself, asked for with service = hello_world";
	hello.reason = "hello_world";
	put_page(w, 200, "Hello, world", &hello);
	return with_body(&hello, 200, type_html, w, from);
}

int answer_https(const struct answer *a, struct span target, bool safe_method, struct wr *w)
{
	size_t from = w->n;

	/* "//evil" behind a host is still that host: the host stands before it. */
	if (!is_plain(a->host) || !span_starts(target, "/") || !is_plain(target))
		return -ZT_E_SYNTAX;
	if (w->full)
		return -ZT_E_TOOLONG;
	put_head(w, a, safe_method ? 301 : 308, NULL, 0);
	wr_str(w, "Location: https://");
	wr_put(w, a->host);
	wr_put(w, target);
	wr_str(w, "\r\n\r\n");
	return finished(w, from);
}
