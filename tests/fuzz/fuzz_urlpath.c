/* Paths. Invariants: a canonical path is its own canonical path; it holds plain ASCII, no dot segment, no empty
 * segment, no '#', '?' or '\', and unless they are kept no border in disguise; decoded once as an origin does,
 * it holds no control byte, is UTF-8, and has the segments that policy saw. */
#include <stdlib.h>
#include <string.h>

#include "wire/urlpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define MAX 8192

static unsigned digit(uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	MUST(at != NULL); /* upper case, always two */
	return (unsigned)(at - digits);
}

/* What an origin makes of it. */
static size_t decode(struct span s, uint8_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			MUST(i + 2 < s.n);
			c = (uint8_t)(digit(s.p[i + 1]) << 4 | digit(s.p[i + 2]));
			i += 2;
		}
		to[n++] = c;
	}
	return n;
}

static void check_segments(struct span path, bool slash_at_end)
{
	struct span rest = span_sub(path, 1, path.n), seg;
	bool more = true;

	while (more) {
		more = span_cut(rest, '/', &seg, &rest);
		MUST(!span_eq_str(seg, ".") && !span_eq_str(seg, ".."));
		MUST(seg.n || (!more && slash_at_end));
	}
}

static void check_path(struct span raw, unsigned flags)
{
	static uint8_t first[4 * MAX], second[4 * MAX], plain[4 * MAX];
	struct wr w = wr_of(first, sizeof first), again = wr_of(second, sizeof second);
	enum http_refusal why;
	struct span out, seen;

	if (urlpath_canon(raw, flags, &w, &why) < 0) {
		MUST(why != HTTP_FINE && w.n == 0 && !w.full);
		return;
	}
	out = wr_span(&w);
	MUST(why == HTTP_FINE && out.n <= 3 * raw.n && out.p[0] == '/');
	for (size_t i = 0; i < out.n; i++)
		MUST(out.p[i] > ' ' && out.p[i] < 0x7f && !strchr("#?\\\"<>", out.p[i]));
	MUST(urlpath_canon(out, flags, &again, &why) == 0 && span_eq(out, wr_span(&again)));
	check_segments(out, out.p[out.n - 1] == '/');
	seen = span_of(plain, decode(out, plain));
	MUST(span_is_utf8(seen));
	for (size_t i = 0; i < seen.n; i++)
		MUST(seen.p[i] >= ' ' && seen.p[i] != 0x7f);
	if (!(flags & URLPATH_KEEP)) {
		MUST(memchr(seen.p, '\\', seen.n) == NULL && memchr(seen.p, ';', seen.n) == NULL);
		check_segments(seen, seen.p[seen.n - 1] == '/');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > MAX)
		return 0;
	check_path(span_of(data, n), 0);
	check_path(span_of(data, n), URLPATH_KEEP);
	return 0;
}
