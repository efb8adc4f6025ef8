/* Paths: every case of tests/vectors/http/paths.txt, and that the canonical path is its own canonical path. */
#include "wire/urlpath.h"

#include "base/num.h"
#include "tests/unit/httpvec.h"

static void check_with(struct httpvec *v, unsigned flags)
{
	uint8_t mem[400], second[400];
	struct wr w = wr_of(mem, sizeof mem), again = wr_of(second, sizeof second);
	enum http_refusal why, other;
	int rc = urlpath_canon(v->text, flags, &w, &why);
	char got[64];

	CHECK((rc == 0) == (why == HTTP_FINE) && (rc == 0 || w.n == 0));
	if (rc == 0)
		snprintf(got, sizeof got, "%.*s", SPAN_ARG(wr_span(&w)));
	else
		snprintf(got, sizeof got, "%u/%s", http_refusal_status(why), http_refusal_name(why));
	if (strcmp(got, v->want) != 0)
		httpvec_fail(v, got);
	if (rc < 0)
		return;
	CHECK_INT(urlpath_canon(wr_span(&w), flags, &again, &other), 0);
	CHECK(span_eq(wr_span(&w), wr_span(&again)));
}

static void check_case(struct httpvec *v)
{
	if (strcmp(v->id, "keep") != 0)
		check_with(v, 0);
	if (strcmp(v->id, "T-17") != 0)
		check_with(v, URLPATH_KEEP);
}

TEST(every_case_is_read_as_it_says)
{
	unsigned n = httpvec_each("tests/vectors/http/paths.txt", check_case);

	CHECK(n >= 110);
	printf("%u cases\n", n);
}

/* Every byte, as it stands and escaped, in both cases of digits: the one spelling is the same for all that pass. */
TEST(one_byte_has_one_spelling)
{
	for (unsigned c = 0; c < 0x80; c++) {
		char text[3][8] = {{'/', 'x', (char)c, 'x'}};
		uint8_t mem[3][16];
		struct span out[3];
		enum http_refusal why;

		snprintf(text[1], sizeof text[1], "/x%%%02xx", c);
		snprintf(text[2], sizeof text[2], "/x%%%02Xx", c);
		for (size_t i = 0; i < 3; i++) {
			struct wr w = wr_of(mem[i], sizeof mem[i]);
			struct span raw = span_of(text[i], i ? 6 : 4);

			out[i] = urlpath_canon(raw, 0, &w, &why) == 0 ? wr_span(&w) : SPAN_NONE;
		}
		CHECK(span_eq(out[1], out[2]));
		CHECK(out[0].n == 0 || out[1].n == 0 || c == '/' || span_eq(out[0], out[1]));
		CHECK((out[1].n == 0) == (c < ' ' || c == 0x7f || c == '/' || c == '\\' || c == ';'));
	}
}

TEST(it_is_appended_or_nothing_is)
{
	uint8_t mem[16];
	struct wr w = wr_of(mem, sizeof mem);
	enum http_refusal why;

	wr_str(&w, "ab/");
	CHECK_INT(urlpath_canon(SPAN_LIT("/../../x"), 0, &w, &why), 0);
	CHECK(span_eq_str(wr_span(&w), "ab//x"));
	CHECK_INT(urlpath_canon(SPAN_LIT("/0123456789a"), 0, &w, &why), -ZT_E_TOOLONG);
	CHECK(why == HTTPBAD_LONG_LINE && w.n == 5 && !w.full);
	CHECK_INT(urlpath_canon(SPAN_LIT("/123/a\x01"), 0, &w, &why), -ZT_E_SYNTAX);
	CHECK(span_eq_str(wr_span(&w), "ab//x"));
	CHECK_INT(urlpath_canon(SPAN_LIT("/0123456789"), 0, &w, &why), 0);
	CHECK(w.n == 16 && !w.full);
}
