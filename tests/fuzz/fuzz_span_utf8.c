/*
 * fuzz_span_utf8: span_utf8() and span_is_utf8() against a decoder that works the other way
 * round: it decodes first and judges the code point. And what jsonw makes of any bytes is
 * UTF-8, of printable characters, of the promised length.
 */
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/span.h"

#define NEED(cond) ((cond) ? (void)0 : abort())
#define MOST 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t slow_length(const uint8_t *p, size_t left, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t ones = 0;

	while (ones < 8 && p[0] << ones & 0x80)
		ones++;
	if (ones == 0) {
		*c = p[0];
		return 1;
	}
	if (ones == 1 || ones > 4 || ones > left)
		return 0;
	*c = p[0] & (0xffu >> (ones + 1));
	for (size_t i = 1; i < ones; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c * 64 + (p[i] & 0x3f);
	}
	if (*c < least[ones] || *c > 0x10ffff || *c / 0x800 == 0x1b)
		return 0;
	return ones;
}

static void quoted_is_safe(struct span s, size_t max)
{
	static uint8_t mem[6 * MOST + 8];
	struct wr w = wr_of(mem, sizeof mem);
	size_t taken = jsonw_escape(&w, s, max), n;
	uint32_t c = 0;

	NEED(!w.full && w.n <= max && taken <= s.n);
	NEED(taken == s.n || w.n + 6 > max); /* cut only when the next would not have fitted */
	for (size_t i = 0; i < w.n; i += n) {
		n = slow_length(mem + i, w.n - i, &c);
		NEED(n > 0 && c >= 0x20 && c != '"' && (c < 0x7f || c > 0x9f));
		NEED(c != 0x2028 && c != 0x2029 && (c < 0x202a || c > 0x202e) && (c < 0x2066 || c > 0x2069));
		if (c == '\\')
			n += mem[i + 1] == 'u' ? 5 : 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span s = span_of(data, n);
	bool whole = true;
	uint32_t c;

	if (n > MOST)
		return 0;
	for (size_t i = 0; i < n; i++)
		NEED(span_utf8(s, i) == slow_length(data + i, n - i, &c));
	for (size_t i = 0, step; whole && i < n; i += step) {
		step = slow_length(data + i, n - i, &c);
		whole = step > 0;
	}
	NEED(span_is_utf8(s) == whole);
	NEED(span_utf8(s, n) == 0 && span_utf8(s, SIZE_MAX) == 0);
	quoted_is_safe(s, SIZE_MAX);
	quoted_is_safe(s, n / 2);
	return 0;
}
