/* span: the checked cursors of span.h. With buf.c the only place that moves raw pointers. */
#include "span.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

struct span span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}

struct span span_str(const char *s)
{
	return s ? span_of(s, strlen(s)) : SPAN_NONE;
}

bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_eq_str(struct span a, const char *b)
{
	return span_eq(a, span_str(b));
}

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool span_ieq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	return true;
}

bool span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.n >= n && span_eq_str(span_sub(a, 0, n), prefix);
}

bool span_ends(struct span a, const char *suffix)
{
	size_t n = strlen(suffix);
	return a.n >= n && span_eq_str(span_sub(a, a.n - n, n), suffix);
}

int span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

struct span span_sub(struct span a, size_t from, size_t n)
{
	if (from > a.n)
		from = a.n;
	if (n > a.n - from)
		n = a.n - from;
	return n ? span_of(a.p + from, n) : SPAN_NONE;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span span_trim(struct span a)
{
	size_t from = 0, to = a.n;

	while (from < to && blank(a.p[from]))
		from++;
	while (to > from && blank(a.p[to - 1]))
		to--;
	return span_sub(a, from, to - from);
}

bool span_find(struct span a, uint8_t c, size_t *at)
{
	const uint8_t *hit = a.n ? memchr(a.p, c, a.n) : NULL;

	if (hit == NULL)
		return false;
	*at = (size_t)(hit - a.p);
	return true;
}

bool span_cut(struct span a, uint8_t c, struct span *head, struct span *rest)
{
	size_t at;

	if (!span_find(a, c, &at)) {
		*head = a;
		*rest = SPAN_NONE;
		return false;
	}
	*head = span_sub(a, 0, at);
	*rest = span_sub(a, at + 1, a.n);
	return true;
}

int span_to_cstr(struct span a, char *out, size_t cap)
{
	size_t at;

	if (a.n >= cap)
		return -ZT_E_TOOLONG;
	if (span_find(a, 0, &at))
		return -ZT_E_SYNTAX;
	if (a.n)
		memcpy(out, a.p, a.n);
	out[a.n] = 0;
	return 0;
}

int span_u64(struct span a, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (a.n == 0 || (a.n > 1 && a.p[0] == '0'))
		return -ZT_E_SYNTAX;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return -ZT_E_SYNTAX;
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(a.p[i] - '0'), &v) || v > max)
			return -ZT_E_RANGE;
	}
	*out = v;
	return 0;
}

/* RFC 3629 section 4: length of the well-formed sequence at p, 0 when there is none. */
static size_t utf8_one(const uint8_t *p, size_t left)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0; /* overlong */
	if (p[0] == 0xed)
		hi = 0x9f; /* surrogates */
	if (p[0] == 0xf0)
		lo = 0x90; /* overlong */
	if (p[0] == 0xf4)
		hi = 0x8f; /* above U+10FFFF */
	if (n > left || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

size_t span_utf8(struct span a, size_t at)
{
	return at < a.n ? utf8_one(a.p + at, a.n - at) : 0;
}

bool span_is_utf8(struct span a)
{
	for (size_t i = 0, n; i < a.n; i += n) {
		n = span_utf8(a, i);
		if (n == 0)
			return false;
	}
	return true;
}

/* Eight at a time. The lower seven bits of a byte plus 0x60 reach bit 7 from 0x20 on, plus 1 at 0x7f alone. */
size_t span_text(struct span a, size_t at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t v, low;
	size_t n = at;

	for (; n < a.n && a.n - n >= sizeof v; n += sizeof v) {
		memcpy(&v, a.p + n, sizeof v);
		low = v & ~high;
		if ((v | ~(low + ones * 0x60) | (low + ones)) & high)
			break;
	}
	while (n < a.n && a.p[n] >= ' ' && a.p[n] <= '~')
		n++;
	return n - at;
}

struct rd rd_of(struct span s)
{
	return (struct rd){s.p, s.n ? s.p + s.n : s.p, false};
}

size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

struct span rd_bytes(struct rd *r, size_t n)
{
	struct span s;

	if (n > rd_left(r)) {
		r->bad = true;
		r->p = r->end; /* "while bytes are left" has to end at the first bad step */
		return SPAN_NONE;
	}
	s = span_of(r->p, n);
	if (n)
		r->p += n;
	return s;
}

struct span rd_rest(struct rd *r)
{
	return rd_bytes(r, rd_left(r));
}

/* Both byte orders in one place: n <= 8 bytes, most significant first unless little. */
static uint64_t rd_uint(struct rd *r, size_t n, bool little)
{
	struct span s = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[little ? s.n - 1 - i : i];
	return v;
}

uint8_t rd_u8(struct rd *r) { return (uint8_t)rd_uint(r, 1, false); }
uint16_t rd_be16(struct rd *r) { return (uint16_t)rd_uint(r, 2, false); }
uint32_t rd_be32(struct rd *r) { return (uint32_t)rd_uint(r, 4, false); }
uint64_t rd_be64(struct rd *r) { return rd_uint(r, 8, false); }
uint16_t rd_le16(struct rd *r) { return (uint16_t)rd_uint(r, 2, true); }
uint32_t rd_le32(struct rd *r) { return (uint32_t)rd_uint(r, 4, true); }
uint64_t rd_le64(struct rd *r) { return rd_uint(r, 8, true); }

struct wr wr_of(void *mem, size_t cap)
{
	return (struct wr){mem, 0, cap, false};
}

struct span wr_span(const struct wr *w)
{
	return span_of(w->p, w->n);
}

/* A head or a log line is a hundred and more of these, a few bytes each: both ends of such a piece, which may
 * overlap, are there before libc's copy has begun. */
static void put_few(uint8_t *to, const uint8_t *from, size_t n)
{
	uint64_t head8, tail8;
	uint32_t head4, tail4;

	if (n >= 8) {
		memcpy(&head8, from, 8);
		memcpy(&tail8, from + n - 8, 8);
		memcpy(to, &head8, 8);
		memcpy(to + n - 8, &tail8, 8);
	} else if (n >= 4) {
		memcpy(&head4, from, 4);
		memcpy(&tail4, from + n - 4, 4);
		memcpy(to, &head4, 4);
		memcpy(to + n - 4, &tail4, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
	}
}

void wr_bytes(struct wr *w, const void *p, size_t n)
{
	if (w->full || n > w->cap - w->n) {
		w->full = true;
		return;
	}
	if (n > 16)
		memcpy(w->p + w->n, p, n);
	else if (n)
		put_few(w->p + w->n, p, n);
	w->n += n;
}

static void put_uint(uint8_t *out, uint64_t v, size_t n, bool little)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> 8 * (little ? i : n - 1 - i));
}

static void wr_uint(struct wr *w, uint64_t v, size_t n, bool little)
{
	uint8_t b[8];

	put_uint(b, v, n, little);
	wr_bytes(w, b, n);
}

void wr_u8(struct wr *w, uint8_t v) { wr_uint(w, v, 1, false); }
void wr_be16(struct wr *w, uint16_t v) { wr_uint(w, v, 2, false); }
void wr_be32(struct wr *w, uint32_t v) { wr_uint(w, v, 4, false); }
void wr_be64(struct wr *w, uint64_t v) { wr_uint(w, v, 8, false); }
void wr_le16(struct wr *w, uint16_t v) { wr_uint(w, v, 2, true); }
void wr_le32(struct wr *w, uint32_t v) { wr_uint(w, v, 4, true); }
void wr_le64(struct wr *w, uint64_t v) { wr_uint(w, v, 8, true); }
void wr_put(struct wr *w, struct span s) { wr_bytes(w, s.p, s.n); }
void wr_str(struct wr *w, const char *s) { wr_bytes(w, s, strlen(s)); }

void wr_insert(struct wr *w, size_t at, struct span s)
{
	size_t behind;

	ZT_ASSERT(at <= w->n);
	behind = w->n - at;
	wr_put(w, s); /* makes the room, or finds that there is none */
	if (w->full || s.n == 0)
		return;
	memmove(w->p + at + s.n, w->p + at, behind);
	memcpy(w->p + at, s.p, s.n);
}

void wr_u64dec(struct wr *w, uint64_t v)
{
	uint8_t b[20]; /* 2^64-1 has 20 digits */
	size_t at = sizeof b;

	do {
		b[--at] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v);
	wr_bytes(w, b + at, sizeof b - at);
}

void wr_fmt(struct wr *w, const char *fmt, ...)
{
	char tmp[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(tmp, sizeof tmp, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof tmp)
		w->full = true;
	else
		wr_bytes(w, tmp, (size_t)n);
}

void wr_patch_be16(struct wr *w, size_t at, uint16_t v)
{
	ZT_ASSERT(at <= w->n && w->n - at >= 2);
	put_uint(w->p + at, v, 2, false);
}

void wr_patch_le32(struct wr *w, size_t at, uint32_t v)
{
	ZT_ASSERT(at <= w->n && w->n - at >= 4);
	put_uint(w->p + at, v, 4, true);
}
