/* Cookies: how a field is cut, and that zt's own are found and never passed on (T-24). */
#include "wire/cookie.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static struct httpfields fields_of(const char *first, const char *second)
{
	static struct httpfields fs;

	fs = (struct httpfields){0};
	fs.f[fs.n++] = (struct httpfield){SPAN_LIT("Cookie"), span_str(first), FIELD_COOKIE, FIELD_SECRET};
	fs.f[fs.n++] = (struct httpfield){SPAN_LIT("X"), SPAN_LIT("zt_s=not"), FIELD_OTHER, 0};
	if (second)
		fs.f[fs.n++] = (struct httpfield){SPAN_LIT("Cookie"), span_str(second), FIELD_COOKIE, FIELD_SECRET};
	return fs;
}

TEST(cookies_are_cut_at_semicolons)
{
	static const char *const want[][2] = {{"a", "b"}, {"c", "\"d"}, {"e", "f=g"}, {"h", ""}, {"i", ""}, {"", "j"}};
	struct span rest = SPAN_LIT("a=b;c=\"d; e = f=g ;;\t; h=; i;=j;");
	struct cookie c;

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		CHECK(cookie_next(&rest, &c) && span_eq_str(c.name, want[i][0]) && span_eq_str(c.value, want[i][1]));
	CHECK(!cookie_next(&rest, &c));
}

TEST(ours_by_name)
{
	static const char *const ours[] = {"__Host-zt", "__Host-zt_session", "__HOST-ZT", "__Secure-zt-x", "zt_", "zt_a", "ZT_A"};
	static const char *const others[] = {"__Host-", "__Host-z", "__Host-session", "zt", "zta", "xzt_a", "", "z"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		CHECK(cookie_is_ours(span_str(ours[i])));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		CHECK(!cookie_is_ours(span_str(others[i])));
}

TEST(ours_are_taken_out)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"a=b; c=d", "a=b; c=d"},
		{"zt_s=secret", ""},
		{"a=b; __Host-zt=secret; c=d", "a=b; c=d"},
		{"__Host-zt=secret;a=b", "a=b"},
		{"a=b;ZT_S=secret", "a=b"},
		{"a=\"b; zt_s=secret; c=d\"", "a=\"b; c=d\""},
		{"a={\"x\":1, \"y\":2}; zt_s=secret", "a={\"x\":1, \"y\":2}"},
		{" \tzt_s =secret", ""},
		{"=zt_s=secret; ==zt_s=secret; = zt_s", ""},
		{"zt_s", ""},
		{"a=zt_s=1", "a=zt_s=1"},
		{"azt_s=1", "azt_s=1"},
		{"a", "a"},
		{"", ""},
		{";;", ""},
		{"$Version=1; a=b", "$Version=1; a=b"},
	};
	char mem[128];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "Cookie: ");
		CHECK(cookie_strip(span_str(rows[i].in), &w));
		if (!span_eq_str(span_sub(wr_span(&w), 8, w.n), rows[i].out))
			unit_fail(__FILE__, __LINE__, "row %zu: %.*s", i, SPAN_ARG(wr_span(&w)));
	}
	struct wr small = wr_of(mem, 5);
	CHECK(!cookie_strip(SPAN_LIT("a=b; c=d"), &small));
}

TEST(a_cookie_is_there_once_or_not_at_all)
{
	struct httpfields fs = fields_of("a=b; zt_s=x.Y-1_; c=d", NULL);
	struct span v;

	CHECK(cookie_find(&fs, "zt_s", &v) == 1 && span_eq_str(v, "x.Y-1_"));
	CHECK(cookie_find(&fs, "ZT_S", &v) == 0 && v.n == 0);
	fs = fields_of("zt_s=x", "a=b; zt_s=x");
	CHECK(cookie_find(&fs, "zt_s", &v) == -ZT_E_DUP && v.n == 0);
	CHECK(cookie_find(&fs, "a", &v) == 1 && span_eq_str(v, "b"));
	fs = fields_of("zt_s=x; zt_s=", NULL);
	CHECK(cookie_find(&fs, "zt_s", &v) == -ZT_E_DUP);
	fs = fields_of("zt_s=x; zt_s", NULL);
	CHECK(cookie_find(&fs, "zt_s", &v) == -ZT_E_DUP);
	fs = fields_of("zt_s=\"x\"", "a=\xc3\xa9");
	CHECK(cookie_find(&fs, "zt_s", &v) == -ZT_E_SYNTAX && v.n == 0);
	CHECK(cookie_find(&fs, "a", &v) == -ZT_E_SYNTAX);
}

TEST(no_origin_sets_ours)
{
	CHECK(cookie_sets_ours(SPAN_LIT("zt_s=1; Path=/; Secure")));
	CHECK(cookie_sets_ours(SPAN_LIT("__Host-zt=1")));
	CHECK(cookie_sets_ours(SPAN_LIT(" __host-ZT = 1; Secure")));
	CHECK(cookie_sets_ours(SPAN_LIT("zt_s")));
	CHECK(cookie_sets_ours(SPAN_LIT("=zt_s=1")));
	CHECK(!cookie_sets_ours(SPAN_LIT("a=zt_s; zt_s=1")));
	CHECK(!cookie_sets_ours(SPAN_LIT("")));
}
