/*
 * json_text: the characters of a string, as they stand in the text and as what they mean, and the
 * order of two strings. Owns no memory, and looks at nothing but strings.
 */
#include "json_int.h"

#include <string.h>

static int hex4(struct span s, size_t at)
{
	struct span digits = span_sub(s, at, 4);
	int v = 0;

	for (size_t i = 0; i < digits.n; i++) {
		int c = digits.p[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return digits.n == 4 ? v : -1;
}

static const char escape_letters[] = "\"\\/bfnrt", escape_values[] = "\"\\/\b\f\n\r\t";

int32_t json_escape(struct span s, size_t at, size_t *n)
{
	const char *simple;
	int hi, lo;

	*n = 2;
	if (s.n - at < 2)
		return -1;
	simple = s.p[at + 1] ? strchr(escape_letters, s.p[at + 1]) : NULL;
	if (simple)
		return escape_values[simple - escape_letters];
	if (s.p[at + 1] != 'u' || (hi = hex4(s, at + 2)) < 0)
		return -1;
	*n = 6;
	if (hi < 0xd800 || hi > 0xdfff)
		return hi;
	/* RFC 8259 section 7: U+10000 and above are a pair of surrogates, high then low. */
	if (hi > 0xdbff || s.n - at < 12 || s.p[at + 6] != '\\' || s.p[at + 7] != 'u')
		return -1;
	lo = hex4(s, at + 8);
	if (lo < 0xdc00 || lo > 0xdfff)
		return -1;
	*n = 12;
	return 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
}

static void put_utf8(struct wr *w, uint32_t c)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	wr_u8(w, (uint8_t)(lead[more ? more + 1 : 0] | c >> 6 * more));
	while (more--)
		wr_u8(w, (uint8_t)(0x80 | (c >> 6 * more & 0x3f)));
}

struct span json_char(struct span s, size_t *at, uint8_t mem[static 4])
{
	struct wr w = wr_of(mem, 4);
	size_t n;

	if (s.p[*at] == '\\')
		put_utf8(&w, (uint32_t)json_escape(s, *at, &n));
	else
		wr_put(&w, span_sub(s, *at, n = span_utf8(s, *at)));
	*at += n;
	return wr_span(&w);
}

struct span json_raw(const struct json *j, size_t v)
{
	return span_sub(j->text, j->tok[v].at, j->tok[v].n);
}

int json_compare(const struct json *j, size_t a, size_t b)
{
	struct span x = json_raw(j, a), y = json_raw(j, b);
	size_t i = 0, k = 0;

	if (!j->tok[a].escaped && !j->tok[b].escaped)
		return span_cmp(x, y);
	while (i < x.n && k < y.n) {
		uint8_t xm[4], ym[4];
		struct span xc = json_char(x, &i, xm), yc = json_char(y, &k, ym);
		int c = span_cmp(xc, yc);

		if (c != 0)
			return c;
	}
	return (i < x.n) - (k < y.n);
}

bool json_same(const struct json *j, size_t v, struct span want)
{
	struct span s = json_raw(j, v);
	size_t i = 0, k = 0;

	if (!j->tok[v].escaped)
		return span_eq(s, want);
	while (i < s.n) {
		uint8_t mem[4];
		struct span c = json_char(s, &i, mem);

		if (!span_eq(c, span_sub(want, k, c.n)))
			return false;
		k += c.n;
	}
	return k == want.n;
}
