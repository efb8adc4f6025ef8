/* jsonw: commas, escaping for JSON and for terminals, cutting, and a writer that is full. */
#include "base/jsonw.h"

#include "../unit.h"

static char mem[4096];
static struct wr w;

static const char *text(void)
{
	static char out[4097];

	CHECK(!w.full);
	memcpy(out, mem, w.n);
	out[w.n] = 0;
	return out;
}

static const char *quoted(struct span s)
{
	w = wr_of(mem, sizeof mem);
	jsonw_quote(&w, s);
	return text();
}

TEST(commas_stand_between_and_nowhere_else)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "a"), jsonw_open(&j, '[');
	jsonw_close(&j, ']');
	jsonw_key(&j, "b"), jsonw_open(&j, '[');
	jsonw_u64(&j, 1);
	jsonw_open(&j, '{');
	jsonw_close(&j, '}');
	jsonw_open(&j, '[');
	jsonw_null(&j);
	jsonw_close(&j, ']');
	jsonw_bool(&j, false);
	jsonw_close(&j, ']');
	jsonw_key(&j, "c"), jsonw_str(&j, "x");
	jsonw_key(&j, "d"), jsonw_str(&j, NULL);
	jsonw_key(&j, "e"), jsonw_bool(&j, true);
	jsonw_key_span(&j, SPAN_LIT("f\0")), jsonw_raw(&j, SPAN_LIT("-1.5e3"));
	jsonw_raw(&j, SPAN_LIT("\"g\":2"));
	jsonw_close(&j, '}');
	CHECK_STR(text(), "{\"a\":[],\"b\":[1,{},[null],false],\"c\":\"x\",\"d\":null,\"e\":true,"
			  "\"f\\u0000\":-1.5e3,\"g\":2}");
}

TEST(a_container_beside_a_full_one_begins_empty)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	jsonw_open(&j, '[');
	for (int i = 0; i < 2; i++) {
		jsonw_open(&j, '{');
		jsonw_key(&j, "a"), jsonw_open(&j, '[');
		jsonw_u64(&j, 1);
		jsonw_u64(&j, 2);
		jsonw_close(&j, ']');
		jsonw_close(&j, '}');
	}
	jsonw_close(&j, ']');
	CHECK_STR(text(), "[{\"a\":[1,2]},{\"a\":[1,2]}]");
}

TEST(numbers_at_their_ends)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	jsonw_open(&j, '[');
	jsonw_u64(&j, 0);
	jsonw_u64(&j, UINT64_MAX);
	jsonw_i64(&j, 0);
	jsonw_i64(&j, -1);
	jsonw_i64(&j, INT64_MAX);
	jsonw_i64(&j, INT64_MIN);
	jsonw_close(&j, ']');
	CHECK_STR(text(), "[0,18446744073709551615,0,-1,9223372036854775807,-9223372036854775808]");
}

TEST(every_ascii_byte_is_plain_or_escaped)
{
	for (unsigned c = 0; c < 128; c++) {
		uint8_t b = (uint8_t)c;
		char want[16];

		if (c == '"' || c == '\\')
			snprintf(want, sizeof want, "\"\\%c\"", (int)c);
		else if (c == '\n' || c == '\r' || c == '\t')
			snprintf(want, sizeof want, "\"\\%c\"", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (c < 0x20 || c == 0x7f)
			snprintf(want, sizeof want, "\"\\u%04x\"", c);
		else
			snprintf(want, sizeof want, "\"%c\"", (int)c);
		CHECK_STR(quoted(span_of(&b, 1)), want);
	}
}

TEST(what_drives_a_terminal_or_turns_text_is_escaped)
{
	CHECK_STR(quoted(SPAN_LIT("\x1b]0;title\a")), "\"\\u001b]0;title\\u0007\"");
	CHECK_STR(quoted(SPAN_LIT("\xc2\x9b"
				  "31m")),
		  "\"\\u009b31m\""); /* CSI as one character of 8 bits */
	CHECK_STR(quoted(SPAN_LIT("\xc2\x80\xc2\x9f\xc2\xa0")), "\"\\u0080\\u009f\xc2\xa0\"");
	CHECK_STR(quoted(SPAN_LIT("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf")), "\"\\u2028\\u2029\xe2\x80\xaf\"");
	CHECK_STR(quoted(SPAN_LIT("a\xe2\x80\xae"
				  "b\xe2\x81\xa6"
				  "c\xe2\x80\x8f"
				  "d\xd8\x9c")),
		  "\"a\\u202eb\\u2066c\\u200fd\\u061c\"");
	CHECK_STR(quoted(SPAN_LIT("\xe2\x80\x8d\xe2\x81\xaa\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")),
		  "\"\xe2\x80\x8d\xe2\x81\xaa\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

TEST(the_escaped_ranges_end_where_they_should)
{
	static const uint16_t ends[] = {0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x202e, 0x2066, 0x2069};
	static const uint16_t plain[] = {0xa0, 0x61b, 0x61d, 0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x206a};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0] + sizeof plain / sizeof plain[0]; i++) {
		bool escaped = i < sizeof ends / sizeof ends[0];
		unsigned c = escaped ? ends[i] : plain[i - sizeof ends / sizeof ends[0]];
		uint8_t three[] = {(uint8_t)(0xe0 | c >> 12), (uint8_t)(0x80 | (c >> 6 & 63)), (uint8_t)(0x80 | (c & 63))};
		uint8_t two[] = {(uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 63))};
		const char *out = quoted(c < 0x800 ? span_of(two, 2) : span_of(three, 3));

		if ((strstr(out, "\\u") != NULL) != escaped)
			unit_fail(__FILE__, __LINE__, "U+%04x", c);
	}
}

TEST(bytes_that_are_not_utf8_become_replacement_characters)
{
#define R "\xef\xbf\xbd"
	CHECK_STR(quoted(SPAN_LIT("a\x9b"
				  "b")),
		  "\"a" R "b\"");
	CHECK_STR(quoted(SPAN_LIT("\xc3")), "\"" R "\"");
	CHECK_STR(quoted(SPAN_LIT("\xc3\n")), "\"" R "\\n\"");
	CHECK_STR(quoted(SPAN_LIT("\xc0\x8a")), "\"" R R "\""); /* an overlong newline */
	CHECK_STR(quoted(SPAN_LIT("\xed\xa0\x80")), "\"" R R R "\"");
	CHECK_STR(quoted(SPAN_LIT("\xf0\x9f\x98")), "\"" R R R "\"");
	CHECK_STR(quoted(SPAN_LIT("\xff\xfe\"")), "\"" R R "\\\"\"");
	CHECK_STR(quoted(SPAN_NONE), "\"\"");
}

static size_t cut(struct span s, size_t max)
{
	w = wr_of(mem, sizeof mem);
	return jsonw_escape(&w, s, max);
}

TEST(cutting_keeps_whole_characters_and_counts_what_is_written)
{
	struct jsonw j;

	CHECK_INT(cut(SPAN_LIT("abc"), 2), 2);
	CHECK_STR(text(), "ab");
	CHECK_INT(cut(SPAN_LIT("a\xe2\x82\xac"), 3), 1); /* never half a euro */
	CHECK_STR(text(), "a");
	CHECK_INT(cut(SPAN_LIT("a\xe2\x82\xac"), 4), 4);
	CHECK_INT(cut(SPAN_LIT("\x01\x02"), 11), 1); /* six bytes each */
	CHECK_STR(text(), "\\u0001");
	CHECK_INT(cut(SPAN_LIT("\x01\x02"), 12), 2);
	CHECK_INT(cut(SPAN_LIT("x"), 0), 0);
	CHECK_INT(cut(SPAN_NONE, 0), 0);

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	jsonw_open(&j, '[');
	CHECK(!jsonw_cut(&j, SPAN_LIT("abc"), 2));
	CHECK(jsonw_cut(&j, SPAN_LIT("abc"), 3));
	jsonw_close(&j, ']');
	CHECK_STR(text(), "[\"ab\",\"abc\"]");
}

TEST(a_document_that_does_not_fit_is_marked_full)
{
	for (size_t cap = 0; cap < 12; cap++) {
		struct jsonw j;

		w = wr_of(mem, cap);
		jsonw_init(&j, &w);
		jsonw_open(&j, '[');
		jsonw_str(&j, "\n\x01"); /* [ "\n\u0001" ]: 12 bytes */
		jsonw_close(&j, ']');
		CHECK(w.full && w.n <= cap);
	}
}

static void too_deep(void)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	for (int i = 0; i <= JSONW_DEPTH; i++)
		jsonw_open(&j, '[');
}

static void closed_too_often(void)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	jsonw_open(&j, '[');
	jsonw_close(&j, ']');
	jsonw_close(&j, ']');
}

TEST(depth_is_an_invariant_of_the_caller)
{
	struct jsonw j;

	w = wr_of(mem, sizeof mem);
	jsonw_init(&j, &w);
	for (int i = 0; i < JSONW_DEPTH; i++)
		jsonw_open(&j, '[');
	jsonw_u64(&j, 1);
	jsonw_u64(&j, 2);
	for (int i = 0; i < JSONW_DEPTH; i++)
		jsonw_close(&j, ']');
	CHECK(strstr(text(), "[1,2]") != NULL);
	CHECK(unit_dies(too_deep));
	CHECK(unit_dies(closed_too_often));
}
