/*
 * urlpath: the writer of canonical paths. Owns the one way zt spells a path; never looks at a query, and never
 * guesses: what may be read in two ways is refused.
 *
 * The path is built in its place, segment by segment: the bytes of a segment are decoded and written, and when
 * it is whole it is kept, dropped, or takes the one before it away.
 */
#include "urlpath.h"

struct walk {
	struct wr *w;
	size_t base, seg;  /* where the path and its last segment begin in w */
	unsigned flags;
	uint8_t utf8[4];   /* of a character that is not whole yet */
	uint8_t nutf8;
};

static int hex_of(uint8_t c)
{
	uint8_t low = c | 0x20;

	if (c >= '0' && c <= '9')
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The byte that s[at], '%', begins an escape of; -1: none. */
static int escaped(struct span s, size_t at)
{
	int hi, lo;

	if (at + 2 >= s.n)
		return -1;
	hi = hex_of(s.p[at + 1]);
	lo = hex_of(s.p[at + 2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* pchar of RFC 3986 section 3.3 without '%' and ';'. */
static bool stands_plain(uint8_t c)
{
	static const struct span marks = SPAN_LIT("-._~!$&'()*+,=:@");
	size_t at;

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || span_find(marks, c, &at);
}

static bool is_border(uint8_t c)
{
	return c == '/' || c == '\\' || c == ';';
}

static void put_escaped(struct wr *w, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	wr_u8(w, '%');
	wr_u8(w, (uint8_t)digits[c >> 4]);
	wr_u8(w, (uint8_t)digits[c & 15]);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* Escapes above ASCII must be characters: a decoder that takes overlong forms would read "/" in C0 AF. */
static enum http_refusal check_utf8(struct walk *k, uint8_t c)
{
	if (c < 0x80)
		return k->nutf8 ? HTTPBAD_PATH : HTTP_FINE;
	k->utf8[k->nutf8++] = c;
	if (span_utf8(span_of(k->utf8, k->nutf8), 0) == k->nutf8)
		k->nutf8 = 0;
	return k->nutf8 == sizeof k->utf8 ? HTTPBAD_PATH : HTTP_FINE;
}

static enum http_refusal put_byte(struct walk *k, uint8_t c, bool was_escaped)
{
	enum http_refusal r = check_utf8(k, c);

	if (r != HTTP_FINE)
		return r;
	if (c < ' ' || c == 0x7f || (!was_escaped && (c == ' ' || c > '~' || c == '#' || c == '?' || c == '\\')))
		return HTTPBAD_PATH;
	if (is_border(c) && !(k->flags & URLPATH_KEEP))
		return HTTPBAD_PATH_TWO;
	if (stands_plain(c) || (c == ';' && !was_escaped))
		wr_u8(k->w, c);
	else
		put_escaped(k->w, c);
	return HTTP_FINE;
}

/* ---- segments ------------------------------------------------------------------------------ */

static bool is_dots(struct span s)
{
	return span_eq_str(s, ".") || span_eq_str(s, "..");
}

/* A canonical segment, read by somebody who cuts it at ';' and at escaped borders, has dots for a part. */
static bool hides_dots(struct span seg)
{
	size_t from = 0, i = 0;

	while (i < seg.n) {
		size_t wide = seg.p[i] == '%' ? 3 : 1;
		int c = wide == 3 ? escaped(seg, i) : seg.p[i];

		if (c >= 0 && is_border((uint8_t)c)) {
			if (is_dots(span_sub(seg, from, i - from)))
				return true;
			from = i + wide;
		}
		i += wide;
	}
	return from > 0 && is_dots(span_sub(seg, from, seg.n));
}

/* An escape that was escaped again ("%252e"), of something that would have been refused or resolved. */
static bool escaped_twice(struct span seg)
{
	for (size_t i = 0; i < seg.n; i++) {
		/* The last digit of "%25" stands where the '%' of the inner escape will. */
		bool percent = seg.p[i] == '%' && escaped(seg, i) == '%';
		int c = percent ? escaped(seg, i + 2) : -1;

		if (c >= 0 && (c < ' ' || c == 0x7f || c == '.' || c == '%' || is_border((uint8_t)c)))
			return true;
	}
	return false;
}

/* The segment at k->seg is whole. */
static enum http_refusal end_segment(struct walk *k, bool last)
{
	struct span seg = span_sub(wr_span(k->w), k->seg, k->w->n);

	if (k->nutf8)
		return HTTPBAD_PATH;
	if (hides_dots(seg) || (!(k->flags & URLPATH_KEEP) && escaped_twice(seg)))
		return HTTPBAD_PATH_TWO;
	if (is_dots(seg)) {
		k->w->n = k->seg;
		if (seg.n == 2) /* above the root is the root, RFC 3986 section 5.2.4 */
			while (k->w->n > k->base + 1 && k->w->p[--k->w->n - 1] != '/')
				;
	} else if (seg.n && !last) {
		wr_u8(k->w, '/');
	}
	k->seg = k->w->n;
	return HTTP_FINE;
}

static enum http_refusal walk(struct walk *k, struct span raw)
{
	enum http_refusal r = HTTP_FINE;

	if (raw.n == 0 || raw.p[0] != '/')
		return HTTPBAD_PATH;
	wr_u8(k->w, '/');
	k->seg = k->w->n;
	for (size_t i = 1; i < raw.n && r == HTTP_FINE; i++) {
		int c = raw.p[i] == '%' ? escaped(raw, i) : -1;

		if (raw.p[i] == '%' && c < 0)
			r = HTTPBAD_PATH;
		else if (raw.p[i] == '/')
			r = end_segment(k, false);
		else
			r = put_byte(k, c < 0 ? raw.p[i] : (uint8_t)c, c >= 0);
		i += c < 0 ? 0 : 2;
	}
	if (r == HTTP_FINE)
		r = end_segment(k, true);
	return r == HTTP_FINE && k->w->full ? HTTPBAD_LONG_LINE : r;
}

int urlpath_canon(struct span raw, unsigned flags, struct wr *w, enum http_refusal *why)
{
	struct wr before = *w;
	struct walk k = {.w = w, .base = w->n, .flags = flags};

	*why = walk(&k, raw);
	if (*why != HTTP_FINE)
		*w = before;
	return http_refusal_err(*why);
}
