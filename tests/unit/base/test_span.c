/* span: spans, the two cursors, UTF-8, at their edges. */
#include "base/span.h"

#include "../unit.h"
#include "base/err.h"

static const struct span none = {NULL, 0};

TEST(equality_is_by_length_and_bytes)
{
	CHECK(span_eq(none, SPAN_LIT("")));
	CHECK(!span_eq(none, SPAN_LIT("a")));
	CHECK(span_eq(SPAN_LIT("a\0b"), SPAN_LIT("a\0b")));
	CHECK(!span_eq(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
	CHECK(span_eq_str(SPAN_LIT("abc"), "abc"));
	CHECK(!span_eq_str(SPAN_LIT("abc\0"), "abc"));
	CHECK(span_eq_str(none, ""));
	CHECK(span_str(NULL).p == NULL && span_str(NULL).n == 0);
}

TEST(case_is_folded_for_ascii_letters_only)
{
	uint8_t a, b;

	CHECK(span_ieq(SPAN_LIT("Host-1"), SPAN_LIT("hOST-1")));
	CHECK(!span_ieq(SPAN_LIT("host"), SPAN_LIT("hosts")) && !span_ieq(SPAN_LIT("x"), none));
	for (unsigned i = 0; i < 256; i++)
		for (unsigned k = 0; k < 256; k++) {
			bool want = i == k || ((i ^ k) == 0x20 && (i | 0x20) >= 'a' && (i | 0x20) <= 'z');

			a = (uint8_t)i;
			b = (uint8_t)k;
			if (span_ieq(span_of(&a, 1), span_of(&b, 1)) != want)
				unit_fail(__FILE__, __LINE__, "bytes %u and %u", i, k);
		}
}

TEST(order_is_bytewise_and_shorter_first)
{
	CHECK(span_cmp(none, none) == 0);
	CHECK(span_cmp(none, SPAN_LIT("a")) < 0);
	CHECK(span_cmp(SPAN_LIT("a"), none) > 0);
	CHECK(span_cmp(SPAN_LIT("ab"), SPAN_LIT("abc")) < 0);
	CHECK(span_cmp(SPAN_LIT("b"), SPAN_LIT("abc")) > 0);
	CHECK(span_cmp(SPAN_LIT("\x80"), SPAN_LIT("\x7f")) > 0); /* bytes are unsigned */
}

TEST(prefixes_suffixes_and_parts)
{
	struct span s = SPAN_LIT("  a b\t ");

	CHECK(span_starts(SPAN_LIT("zt1_x"), "zt1_"));
	CHECK(!span_starts(SPAN_LIT("zt"), "zt1_") && !span_starts(SPAN_LIT("zt2_x"), "zt1_"));
	CHECK(span_starts(none, "") && span_ends(none, ""));
	CHECK(span_ends(SPAN_LIT("a.conf"), ".conf"));
	CHECK(!span_ends(SPAN_LIT("conf"), ".conf") && !span_ends(SPAN_LIT("a.cont"), ".conf"));
	CHECK(span_eq_str(span_trim(s), "a b"));
	CHECK(span_eq_str(span_trim(SPAN_LIT("a")), "a"));
	CHECK(span_trim(SPAN_LIT(" \t ")).n == 0);
	CHECK(span_trim(none).n == 0);
	CHECK(span_eq_str(span_sub(s, 2, 3), "a b"));
	CHECK_INT(span_sub(s, 0, SIZE_MAX).n, 7);
	CHECK_INT(span_sub(s, 6, SIZE_MAX).n, 1);
	CHECK_INT(span_sub(s, SIZE_MAX, SIZE_MAX).n, 0);
	CHECK(span_sub(none, 3, 4).p == NULL);
}

TEST(cut_takes_the_first_separator)
{
	struct span head, rest;

	CHECK(span_cut(SPAN_LIT("a=b=c"), '=', &head, &rest));
	CHECK(span_eq_str(head, "a") && span_eq_str(rest, "b=c"));
	CHECK(span_cut(SPAN_LIT("="), '=', &head, &rest));
	CHECK(head.n == 0 && rest.n == 0);
	CHECK(!span_cut(SPAN_LIT("abc"), '=', &head, &rest));
	CHECK(span_eq_str(head, "abc") && rest.n == 0);
	CHECK(!span_cut(none, '=', &head, &rest));
	CHECK(span_cut(SPAN_LIT("a\0b"), 0, &head, &rest));
	CHECK(span_eq_str(rest, "b"));
}

TEST(c_strings_are_whole_or_refused)
{
	char out[4];

	CHECK_INT(span_to_cstr(SPAN_LIT("abc"), out, sizeof out), 0);
	CHECK_STR(out, "abc");
	CHECK_INT(span_to_cstr(SPAN_LIT("abcd"), out, sizeof out), -ZT_E_TOOLONG);
	CHECK_INT(span_to_cstr(SPAN_LIT("a\0b"), out, sizeof out), -ZT_E_SYNTAX);
	CHECK_INT(span_to_cstr(none, out, sizeof out), 0);
	CHECK_STR(out, "");
	CHECK_INT(span_to_cstr(none, out, 0), -ZT_E_TOOLONG);
}

TEST(decimal_numbers_have_one_spelling)
{
	static const struct {
		const char *text;
		uint64_t max;
		int want;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0, 0},
		{"1", 0, -ZT_E_RANGE, 0},
		{"65535", 65535, 0, 65535},
		{"65536", 65535, -ZT_E_RANGE, 0},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ZT_E_RANGE, 0},
		{"18446744073709551620", UINT64_MAX, -ZT_E_RANGE, 0},
		{"99999999999999999999999999", UINT64_MAX, -ZT_E_RANGE, 0},
		{"", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"00", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"01", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"+1", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"-1", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{" 1", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"1 ", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"0x1", UINT64_MAX, -ZT_E_SYNTAX, 0},
		{"1.0", UINT64_MAX, -ZT_E_SYNTAX, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t v = 77;
		int rc = span_u64(span_str(cases[i].text), cases[i].max, &v);

		if (rc != cases[i].want || v != (rc == 0 ? cases[i].value : 77))
			unit_fail(__FILE__, __LINE__, "\"%s\" gave %d", cases[i].text, rc);
	}
}

TEST(utf8_is_what_rfc_3629_says)
{
	static const struct {
		const char *bytes;
		size_t n; /* the length of its first character, 0: malformed */
	} cases[] = {
		{"a", 1},                {"\x7f", 1},         {"\x80", 0},         {"\xbf", 0},
		{"\xc0\x80", 0},         {"\xc1\xbf", 0},     {"\xc2\x80", 2},     {"\xc2", 0},
		{"\xc2\x7f", 0},         {"\xc2\xc0", 0},     {"\xdf\xbf", 2},     {"\xe0\x9f\xbf", 0},
		{"\xe2\x82\x28", 0},     {"\xe2\x82\xc0", 0}, {"\xf0\x9f\x41\x80", 0},
		{"\xe0\xa0\x80", 3},     {"\xe0\xa0", 0},     {"\xed\x9f\xbf", 3}, {"\xed\xa0\x80", 0},
		{"\xed\xbf\xbf", 0},     {"\xee\x80\x80", 3}, {"\xef\xbf\xbf", 3}, {"\xf0\x8f\xbf\xbf", 0},
		{"\xf0\x90\x80\x80", 4}, {"\xf0\x90\x80", 0}, {"\xf0\x90\x80\xc0", 0},
		{"\xf4\x8f\xbf\xbf", 4}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0},
		{"\xf8\x88\x80\x80\x80", 0}, {"\xfe", 0},     {"\xff", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span s = span_str(cases[i].bytes);

		CHECK_INT(span_utf8(s, 0), cases[i].n);
		if (span_is_utf8(s) != (cases[i].n == s.n))
			unit_fail(__FILE__, __LINE__, "case %zu", i);
	}
	CHECK(span_is_utf8(none));
	CHECK(span_is_utf8(SPAN_LIT("a\0\xc3\xa9")));
	CHECK(!span_is_utf8(SPAN_LIT("a\xc3")));
	CHECK_INT(span_utf8(SPAN_LIT("a"), 1), 0);
	CHECK_INT(span_utf8(none, 0), 0);
}

TEST(reader_reads_both_byte_orders)
{
	static const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct rd r = rd_of(span_of(b, sizeof b));

	CHECK_INT(rd_be64(&r), 0x0102030405060708);
	r = rd_of(span_of(b, sizeof b));
	CHECK_INT(rd_le64(&r), 0x0807060504030201);
	r = rd_of(span_of(b, sizeof b));
	CHECK_INT(rd_be16(&r), 0x0102);
	CHECK_INT(rd_be32(&r), 0x03040506);
	CHECK_INT(rd_le16(&r), 0x0807);
	CHECK(rd_left(&r) == 0 && !r.bad);
	r = rd_of(span_of(b, sizeof b));
	CHECK_INT(rd_u8(&r), 1);
	CHECK_INT(rd_le32(&r), 0x05040302);
	CHECK_INT(rd_rest(&r).n, 3);
	CHECK(!r.bad);
}

TEST(reader_stays_bad_and_has_nothing_left)
{
	static const uint8_t b[] = {1, 2, 3, 4};
	struct rd r = rd_of(span_of(b, sizeof b));
	unsigned turns = 0;

	CHECK_INT(rd_u8(&r), 1);
	CHECK_INT(rd_be32(&r), 0); /* three are left */
	CHECK(r.bad);
	CHECK_INT(rd_left(&r), 0);
	CHECK_INT(rd_u8(&r), 0); /* a byte was there, but the reader is bad */
	CHECK(rd_bytes(&r, 0).p == NULL || rd_bytes(&r, 0).n == 0);
	CHECK_INT(rd_rest(&r).n, 0);
	CHECK(r.bad);

	/* How every list of records is read: it must end although the last one is torn. */
	r = rd_of(span_of(b, sizeof b));
	while (rd_left(&r) && turns++ < 100)
		rd_bytes(&r, rd_u8(&r) + 1u);
	CHECK(turns < 100 && r.bad);

	r = rd_of(none);
	CHECK(rd_left(&r) == 0 && !r.bad);
	CHECK(rd_bytes(&r, 0).n == 0 && !r.bad);
	CHECK_INT(rd_be64(&r), 0);
	CHECK(r.bad);
	r = rd_of(span_of(b, sizeof b));
	CHECK(rd_bytes(&r, SIZE_MAX).n == 0 && r.bad);
}

TEST(writer_keeps_what_fitted_and_stays_full)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be16(&w, 0x0102);
	wr_le16(&w, 0x0102);
	wr_be32(&w, 0x03040506);
	CHECK(span_eq(wr_span(&w), SPAN_LIT("\1\2\2\1\3\4\5\6")) && !w.full);
	wr_bytes(&w, NULL, 0);
	CHECK(!w.full);
	wr_u8(&w, 9);
	CHECK(w.full && w.n == 8);

	w = wr_of(mem, sizeof mem);
	wr_str(&w, "abcde");
	wr_be32(&w, 1);
	CHECK(w.full);
	wr_u8(&w, 'x'); /* would fit; a gap would be worse than nothing */
	CHECK(span_eq_str(wr_span(&w), "abcde"));
	wr_patch_be16(&w, 3, 0x4142);
	CHECK(span_eq_str(wr_span(&w), "abcAB"));
	wr_patch_le32(&w, 0, 0x64636261);
	CHECK(span_eq_str(wr_span(&w), "abcdB"));

	w = wr_of(NULL, 0);
	wr_put(&w, none);
	CHECK(!w.full);
	wr_u64dec(&w, 0);
	CHECK(w.full && wr_span(&w).n == 0);
	w = wr_of(mem, sizeof mem);
	wr_bytes(&w, mem, SIZE_MAX);
	CHECK(w.full && w.n == 0);
}

TEST(writer_writes_numbers_and_formats)
{
	char mem[1200];
	struct wr w = wr_of(mem, sizeof mem);

	wr_u64dec(&w, 0);
	wr_u8(&w, ' ');
	wr_u64dec(&w, UINT64_MAX);
	wr_fmt(&w, " %d", -5);
	CHECK(span_eq_str(wr_span(&w), "0 18446744073709551615 -5"));
	w = wr_of(mem, sizeof mem);
	wr_be64(&w, 0x0102030405060708);
	wr_le64(&w, 0x0102030405060708);
	wr_le32(&w, 0x01020304);
	CHECK(span_eq(wr_span(&w), SPAN_LIT("\1\2\3\4\5\6\7\x8\x8\7\6\5\4\3\2\1\4\3\2\1")));
	w = wr_of(mem, sizeof mem);
	wr_fmt(&w, "%s", "");
	CHECK(w.n == 0 && !w.full);
	wr_fmt(&w, "%511d", 1);
	CHECK(w.n == 511 && !w.full);
	wr_fmt(&w, "%512d", 1);
	CHECK(w.n == 511 && w.full);
}

TEST(text_runs_end_at_every_other_byte_wherever_it_stands)
{
	for (size_t n = 0; n <= 20; n++)
		for (size_t at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				bool text = c >= 0x20 && c <= 0x7e;
				uint8_t mem[20];

				memset(mem, 'x', sizeof mem);
				mem[at] = (uint8_t)c;
				CHECK_INT(span_text(span_of(mem, n), 0), text ? n : at);
				CHECK_INT(span_text(span_of(mem, n), at), text ? n - at : 0);
				CHECK_INT(span_text(span_of(mem, n), at + 1), n - at - 1);
			}
	CHECK_INT(span_text(SPAN_NONE, 0), 0);
}

TEST(writer_puts_every_length_and_nothing_behind_it)
{
	uint8_t from[64], to[70];

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (uint8_t)(i + 1);
	for (size_t n = 0; n <= sizeof from; n++) {
		struct wr w = wr_of(to, n + 3);

		memset(to, 0xee, sizeof to);
		wr_bytes(&w, "abc", 3);
		wr_bytes(&w, from, n);
		CHECK(!w.full && w.n == n + 3 && memcmp(to, "abc", 3) == 0);
		CHECK(n == 0 || memcmp(to + 3, from, n) == 0);
		CHECK(to[n + 3] == 0xee);
		wr_u8(&w, 1);
		CHECK(w.full && to[n + 3] == 0xee);
	}
}

TEST(writer_inserts)
{
	char mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_insert(&w, 0, SPAN_LIT("ef"));
	wr_insert(&w, 0, SPAN_LIT("ab"));
	wr_insert(&w, 2, SPAN_LIT("cd"));
	wr_insert(&w, 6, SPAN_LIT("g"));
	wr_insert(&w, 3, SPAN_NONE);
	CHECK(span_eq_str(wr_span(&w), "abcdefg") && !w.full);
	wr_insert(&w, 1, SPAN_LIT("xy")); /* one too many: nothing moves */
	CHECK(w.full && span_eq_str(wr_span(&w), "abcdefg"));
	wr_insert(&w, 1, SPAN_LIT("x"));
	CHECK(span_eq_str(wr_span(&w), "abcdefg"));
}

static void insert_outside(void)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be16(&w, 1);
	wr_insert(&w, 3, SPAN_LIT("x"));
}

static void patch_outside(void)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be16(&w, 1);
	wr_patch_be16(&w, 1, 2);
}

static void patch_overflow(void)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be64(&w, 1);
	wr_patch_le32(&w, SIZE_MAX - 1, 2);
}

TEST(patching_outside_what_was_written_aborts)
{
	CHECK(unit_dies(insert_outside));
	CHECK(unit_dies(patch_outside));
	CHECK(unit_dies(patch_overflow));
}
