/* Cookie fields and lists. Invariants: what is left after stripping holds none of zt's, and
 * stripping it again changes nothing; a cookie that is found is there once. */
#include <stdlib.h>
#include <string.h>

#include "wire/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define MAX 8192

static unsigned count(struct span in, const char *name)
{
	unsigned found = 0;
	struct cookie c;

	while (cookie_next(&in, &c)) {
		MUST(c.whole.n && c.name.n + c.value.n <= c.whole.n);
		MUST(memchr(c.whole.p, ';', c.whole.n) == NULL);
		found += span_eq_str(c.name, name);
	}
	return found;
}

static void check_strip(struct span in)
{
	static uint8_t first[2 * MAX], second[2 * MAX];
	struct wr w = wr_of(first, sizeof first), again = wr_of(second, sizeof second);
	struct span rest;
	struct cookie c;

	MUST(cookie_strip(in, &w) && w.n <= 2 * in.n);
	rest = wr_span(&w);
	while (cookie_next(&rest, &c))
		MUST(!cookie_is_ours(c.name) && !cookie_sets_ours(c.whole));
	MUST(cookie_strip(wr_span(&w), &again) && span_eq(wr_span(&w), wr_span(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct httpfields fs;
	struct span in = span_of(data, n), v, one;
	unsigned there;
	int rc;

	if (n > MAX)
		return 0;
	check_strip(in);
	fs.n = 1;
	fs.f[0] = (struct httpfield){SPAN_LIT("Cookie"), in, FIELD_COOKIE, FIELD_SECRET};
	there = count(in, "zt_s");
	rc = cookie_find(&fs, "zt_s", &v);
	MUST(there == 0 ? rc == 0 : there == 1 ? rc == 1 || rc == -ZT_E_SYNTAX : rc == -ZT_E_DUP);
	MUST(rc == 1 || v.n == 0);
	for (size_t guard = 0; httpfield_next(&in, &one); guard++)
		MUST(one.n && guard < n);
	return 0;
}
