/* iniline: every answer and every refusal, the bounds to the byte, and recovery after one. */
#include "wire/iniline.h"

#include "base/err.h"
#include "tests/unit/unit.h"

static struct iniline got;
static struct iniline_ctx ctx;

static int judge(const char *line)
{
	return iniline_judge(&ctx, span_str(line), &got);
}

static void in_section(void)
{
	ctx = (struct iniline_ctx){.in_section = true};
}

static struct span many(char c, size_t n)
{
	static char mem[1024];

	memset(mem, c, sizeof mem);
	return span_of(mem, n);
}

#define REFUSED(line, err, words)                                                                         \
	do {                                                                                              \
		CHECK_INT(judge(line), -(int)(err));                                                      \
		CHECK(got.reason != NULL && strstr(got.reason, words) != NULL);                           \
	} while (0)

TEST(blank_lines_and_comments)
{
	static const char *const blanks[] = {"", " ", "\t \t"}, *const comments[] = {"#", ";", "# x = 1", "  # in a list", "\t;x"};

	ctx = (struct iniline_ctx){0};
	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(judge(blanks[i]), 0);
		CHECK_INT(got.kind, INILINE_BLANK);
	}
	for (size_t i = 0; i < 5; i++) {
		CHECK_INT(judge(comments[i]), 0);
		CHECK_INT(got.kind, INILINE_COMMENT);
	}
}

TEST(a_section_header_has_one_or_two_words)
{
	ctx = (struct iniline_ctx){0};
	CHECK_INT(judge("[log]"), 0);
	CHECK_INT(got.kind, INILINE_SECTION);
	CHECK(span_eq_str(got.section, "log") && got.name.n == 0);
	CHECK_INT(judge("[host web-1] \t"), 0);
	CHECK(span_eq_str(got.section, "host") && span_eq_str(got.name, "web-1"));
	CHECK_INT(judge("[auth-gate]"), 0);
	CHECK(ctx.in_section);
}

TEST(section_bounds_are_exact)
{
	static const char longest[] = "[aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]"; /* 16 and 32 */

	ctx = (struct iniline_ctx){0};
	CHECK_INT(sizeof longest - 1, INILINE_HEADER_MAX + 2);
	CHECK_INT(judge(longest), 0);
	CHECK_INT(got.section.n, 16);
	CHECK_INT(got.name.n, 32);
	REFUSED("[aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]", ZT_E_TOOLONG, "49 bytes");
	REFUSED("[a bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]", ZT_E_TOOLONG, "32 bytes");
	REFUSED("[aaaaaaaaaaaaaaaaa]", ZT_E_SYNTAX, "1 to 16");
	REFUSED("[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", ZT_E_TOOLONG, "49 bytes"); /* 50 */
}

TEST(malformed_headers)
{
	static const struct {
		const char *line;
		enum zt_err err;
		const char *words;
	} bad[] = {
		{"[log", ZT_E_MISSING, "no ']'"},
		{"[", ZT_E_MISSING, "no ']'"},
		{"[]", ZT_E_MISSING, "empty"},
		{"[log] x", ZT_E_SYNTAX, "follows ']'"},
		{"[log]]", ZT_E_SYNTAX, "follows ']'"},
		{"[log] # here", ZT_E_SYNTAX, "own line"},
		{"[log];", ZT_E_SYNTAX, "own line"},
		{"[ log]", ZT_E_SYNTAX, "inside the brackets"},
		{"[log ]", ZT_E_SYNTAX, "inside the brackets"},
		{"[ ]", ZT_E_SYNTAX, "inside the brackets"},
		{"[host  web]", ZT_E_SYNTAX, "one blank"},
		{"[host\tweb]", ZT_E_SYNTAX, "word"},
		{"[host a b]", ZT_E_SYNTAX, "one blank"},
		{"[host Web]", ZT_E_SYNTAX, "a-z"},
		{"[host w_b]", ZT_E_SYNTAX, "a-z"},
		{"[host -x]", ZT_E_SYNTAX, "a-z"},
		{"[Log]", ZT_E_SYNTAX, "a-z"},
		{"[-log]", ZT_E_SYNTAX, "a-z"},
		{"[log ;x]", ZT_E_SYNTAX, "a-z"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ctx = (struct iniline_ctx){0};
		REFUSED(bad[i].line, bad[i].err, bad[i].words);
		CHECK(ctx.lost_section);
	}
}

TEST(pairs_are_split_at_the_first_equals_and_trimmed)
{
	in_section();
	CHECK_INT(judge("max_conns=1"), 0);
	CHECK_INT(got.kind, INILINE_PAIR);
	CHECK(span_eq_str(got.key, "max_conns") && span_eq_str(got.value, "1"));
	CHECK_INT(judge("a2 \t = \t b = c:d \t"), 0);
	CHECK(span_eq_str(got.key, "a2") && span_eq_str(got.value, "b = c:d"));
	CHECK_INT(judge("a ="), 0);
	CHECK(got.kind == INILINE_PAIR && got.value.n == 0);
	CHECK_INT(judge("a = x#y;z"), 0);
	CHECK(span_eq_str(got.value, "x#y;z"));
	CHECK_INT(judge("a = gr\xc3\xbc\xc3\x9f" "e"), 0);
	CHECK_INT(judge("a = [::1]:1"), 0);
	CHECK(span_eq_str(got.value, "[::1]:1"));
}

TEST(malformed_pairs)
{
	static const struct {
		const char *line;
		enum zt_err err;
		const char *words;
	} bad[] = {
		{"listen", ZT_E_MISSING, "no '='"},
		{"listen 127.0.0.1", ZT_E_MISSING, "no '='"},
		{"listen: x", ZT_E_SYNTAX, "':'"},
		{"a:b = c", ZT_E_SYNTAX, "':'"},
		{": = c", ZT_E_SYNTAX, "':'"},
		{"= x", ZT_E_MISSING, "no key"},
		{"=", ZT_E_MISSING, "no key"},
		{"Level = x", ZT_E_SYNTAX, "a-z"},
		{"max-conns = 1", ZT_E_SYNTAX, "a-z"},
		{"a b = 1", ZT_E_SYNTAX, "a-z"},
		{"a ;b = 1", ZT_E_SYNTAX, "a-z"},
		{"1a = 1", ZT_E_SYNTAX, "letter"},
		{"_a = 1", ZT_E_SYNTAX, "letter"},
		{"\xc3\xa4 = 1", ZT_E_SYNTAX, "a-z"},
		{"]x = 1", ZT_E_SYNTAX, "a-z"},
		{"a = b ;c", ZT_E_SYNTAX, "own line"},
		{"a = b #c", ZT_E_SYNTAX, "own line"},
		{"a = b\t;c", ZT_E_SYNTAX, "own line"},
		{"a = ;c", ZT_E_SYNTAX, "own line"},
		{"a =#c", ZT_E_SYNTAX, "own line"},
		{"a = b ;", ZT_E_SYNTAX, "own line"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		in_section();
		REFUSED(bad[i].line, bad[i].err, bad[i].words);
	}
	ctx = (struct iniline_ctx){0};
	REFUSED("a = b", ZT_E_SYNTAX, "before any section");
}

/* FLOODS(BOUND_CONF_LINE) */
TEST(a_line_of_196_bytes_is_the_longest)
{
	in_section();
	CHECK_INT(iniline_judge(&ctx, many('#', 196), &got), 0);
	CHECK_INT(got.kind, INILINE_COMMENT);
	CHECK_INT(iniline_judge(&ctx, many('#', 197), &got), -ZT_E_TOOLONG); /* comments too: the library cuts them */
	CHECK_INT(iniline_judge(&ctx, many(' ', 197), &got), -ZT_E_TOOLONG);
	CHECK_INT(iniline_judge(&ctx, many('#', 1000), &got), -ZT_E_TOOLONG);
	CHECK(strstr(got.reason, "196") != NULL);
}

TEST(a_key_of_49_bytes_is_the_longest)
{
	char line[64];

	in_section();
	snprintf(line, sizeof line, "%.*s=1", 49, (const char *)many('k', 49).p);
	CHECK_INT(judge(line), 0);
	CHECK_INT(got.key.n, 49);
	snprintf(line, sizeof line, "%.*s=1", 50, (const char *)many('k', 50).p);
	REFUSED(line, ZT_E_TOOLONG, "49");
}

TEST(bytes_that_are_not_text)
{
	static const uint8_t nul[] = "a = b\0c", overlong[] = "a = \xc0\xaf", half[] = "a = \xe2\x82";

	in_section();
	CHECK_INT(iniline_judge(&ctx, span_of(nul, 7), &got), -ZT_E_SYNTAX);
	CHECK(strstr(got.reason, "NUL") != NULL);
	CHECK_INT(iniline_judge(&ctx, span_of(overlong, 6), &got), -ZT_E_UTF8);
	CHECK_INT(iniline_judge(&ctx, span_of(half, 6), &got), -ZT_E_UTF8);
	REFUSED("a = \x1b[2J", ZT_E_SYNTAX, "control");
	REFUSED("# \x7f", ZT_E_SYNTAX, "control");
	REFUSED("a = \xc2\x9b" "31m", ZT_E_SYNTAX, "control"); /* C1 CSI */
	REFUSED("a = b\vc", ZT_E_SYNTAX, "control");
	REFUSED("a = b\rc", ZT_E_SYNTAX, "control");
	REFUSED("a = b\r", ZT_E_SYNTAX, "CR LF");
	CHECK_INT(judge("a = \xc2\xa0"), 0); /* the first character after C1 */
}

TEST(every_byte_value_alone_has_a_defined_answer)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t one = (uint8_t)c;
		int rc;

		in_section();
		rc = iniline_judge(&ctx, span_of(&one, 1), &got);
		CHECK(rc < 0 || c == ' ' || c == '\t' || c == '#' || c == ';');
		CHECK((rc < 0) == (got.reason != NULL));
	}
}

TEST(indented_lines_continue_the_value_just_above)
{
	in_section();
	CHECK_INT(judge("list = a"), 0);
	CHECK_INT(judge("  b = c"), 0);
	CHECK_INT(got.kind, INILINE_MORE);
	CHECK(span_eq_str(got.value, "b = c"));
	CHECK_INT(judge("\t[::1]:7007"), 0);
	CHECK_INT(got.kind, INILINE_MORE);
	CHECK_INT(judge(" # a comment may stand between"), 0);
	CHECK_INT(got.kind, INILINE_COMMENT);
	CHECK_INT(judge(" c"), 0);
	CHECK_INT(got.kind, INILINE_MORE);
	REFUSED(" d ;e", ZT_E_SYNTAX, "own line");
	CHECK_INT(judge(""), 0);
	REFUSED(" e", ZT_E_SYNTAX, "there is none"); /* a blank line ends the value */
	CHECK_INT(judge("[log]"), 0);
	REFUSED(" f", ZT_E_SYNTAX, "there is none");
	ctx = (struct iniline_ctx){0};
	REFUSED(" [log]", ZT_E_SYNTAX, "there is none");
}

TEST(a_refused_line_takes_what_belongs_to_it_along)
{
	in_section();
	REFUSED("bad key = 1", ZT_E_SYNTAX, "a-z");
	CHECK_INT(judge("  more"), 0);
	CHECK_INT(got.kind, INILINE_LOST);
	CHECK_INT(judge("good = 1"), 0);
	CHECK_INT(got.kind, INILINE_PAIR);
	CHECK_INT(judge("  more"), 0);
	CHECK_INT(got.kind, INILINE_MORE);
	REFUSED("[bad", ZT_E_MISSING, "no ']'");
	CHECK_INT(judge("good = 1"), 0);
	CHECK_INT(got.kind, INILINE_LOST);
	CHECK_INT(judge("  more"), 0);
	CHECK_INT(got.kind, INILINE_LOST);
	REFUSED("no separator", ZT_E_MISSING, "no '='"); /* its own mistakes are still named */
	CHECK_INT(judge("[log]"), 0);
	CHECK_INT(judge("good = 1"), 0);
	CHECK_INT(got.kind, INILINE_PAIR);
}

TEST(words)
{
	CHECK(iniline_is_word(SPAN_LIT("a"), 1) && iniline_is_word(SPAN_LIT("0-a"), 3));
	CHECK(!iniline_is_word(SPAN_LIT(""), 3) && !iniline_is_word(SPAN_LIT("ab"), 1));
	CHECK(!iniline_is_word(SPAN_LIT("a b"), 3) && !iniline_is_word(SPAN_LIT("A"), 3));
}
