/* json: the vectors of tests/vectors/json, and the questions a caller asks. */
#include "wire/json.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/ct.h"
#include "base/num.h"

static struct json_tok tok[BOUND_CAP(BOUND_JSON_TOKENS) + 10];
static uint8_t mem[4096];
static struct json j;

static int parse(const char *text)
{
	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	return json_parse(&j, span_str(text));
}

/* ---- tests/vectors/json/cases.txt ------------------------------------------------------ */

struct vector {
	char name[80], want[80], doc[200];
	size_t doc_n;
	bool has_doc, has_want, has_why;
};

/* \xNN is one byte, everything else stands for itself. */
static size_t unescape(char *s)
{
	size_t n = 0;

	for (const char *p = s; *p;) {
		uint8_t b;

		if (p[0] == '\\' && p[1] == 'x' && ct_hex_decode(span_of(p + 2, 2), &b) == 0) {
			s[n++] = (char)b;
			p += 4;
		} else {
			s[n++] = *p++;
		}
	}
	return n;
}

/* What json.c makes of it, in the words of the file. */
static void verdict(const struct vector *v, char *out, size_t n)
{
	char *exact = malloc(v->doc_n + 1); /* so that a sanitizer sees one byte too many */
	int rc;

	if (exact == NULL)
		return;
	memcpy(exact, v->doc, v->doc_n);
	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	rc = json_parse(&j, span_of(exact, v->doc_n));
	if (rc == 0)
		snprintf(out, n, "accept");
	else
		snprintf(out, n, "refuse %s %zu", err_name(j.err), j.at);
	CHECK_INT(rc, -(int)j.err);
	free(exact);
}

static void judge(const struct vector *v)
{
	const char *want = strncmp(v->want, "either-", 7) == 0 ? v->want + 7 : v->want;
	char got[80] = "";

	if (!v->has_doc || !v->has_want || !v->has_why) {
		unit_fail(__FILE__, __LINE__, "[%s] lacks doc, want or why", v->name);
		return;
	}
	verdict(v, got, sizeof got);
	if (strcmp(got, want) != 0)
		unit_fail(__FILE__, __LINE__, "[%s] gave %s, want %s", v->name, got, want);
}

static bool field(const char *line, const char *key, char *out, size_t n)
{
	size_t k = strlen(key);

	if (strncmp(line, key, k) != 0 || strncmp(line + k, " =", 2) != 0)
		return false;
	snprintf(out, n, "%s", line[k + 2] == ' ' ? line + k + 3 : "");
	return true;
}

TEST(every_vector_is_judged_as_written)
{
	FILE *f = fopen("tests/vectors/json/cases.txt", "r"); /* run from the top of the tree */
	struct vector v = {0};
	char line[400], why[200];
	unsigned cases = 0;

	NEED(f != NULL);
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '[') {
			if (cases++)
				judge(&v);
			v = (struct vector){0};
			snprintf(v.name, sizeof v.name, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
		} else if (field(line, "doc", v.doc, sizeof v.doc)) {
			v.has_doc = true;
			v.doc_n = unescape(v.doc);
		} else if (field(line, "want", v.want, sizeof v.want)) {
			v.has_want = true;
		} else if (field(line, "why", why, sizeof why)) {
			v.has_why = why[0] != 0;
		} else if (line[0] != '#' && line[0] != 0) {
			unit_fail(__FILE__, __LINE__, "not a line of a vector: %s", line);
		}
	}
	judge(&v);
	fclose(f);
	CHECK(cases > 150);
	printf("%u vectors\n", cases);
}

/* ---- reading ---------------------------------------------------------------------------- */

TEST(ten_fields_and_one_look_at_the_error)
{
	size_t keys, v, n = 0;

	NEED(parse("{\"iss\":\"home\",\"sub\":\"a\\u0062c\",\"exp\":1795230746,\"off\":-3600,"
		   "\"admin\":true,\"off?\":false,\"ratio\":1.50,\"none\":null,\"keys\":[\"k1\",\"k2\",\"k3\"],"
		   "\"o\":{\"x\":1,\"y\\n\":2}}") == 0);
	CHECK(span_eq_str(json_str(&j, json_get(&j, JSON_ROOT, "iss")), "home"));
	CHECK(span_eq_str(json_str(&j, json_get(&j, JSON_ROOT, "sub")), "abc"));
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "exp"), UINT64_MAX), 1795230746);
	CHECK_INT(json_i64(&j, json_get(&j, JSON_ROOT, "off"), -43200, 43200), -3600);
	CHECK(json_bool(&j, json_get(&j, JSON_ROOT, "admin")));
	CHECK(!json_bool(&j, json_get(&j, JSON_ROOT, "off?")));
	CHECK(!json_bool(&j, json_find(&j, JSON_ROOT, "absent")));
	CHECK(span_eq_str(json_number(&j, json_get(&j, JSON_ROOT, "ratio")), "1.50"));
	CHECK(json_is(&j, json_get(&j, JSON_ROOT, "none"), JSON_NULL));
	CHECK(json_eq(&j, json_get(&j, JSON_ROOT, "iss"), "home"));
	keys = json_get(&j, JSON_ROOT, "keys");
	for (v = json_first(&j, keys, JSON_ARRAY); v != JSON_NONE; v = json_next(&j, keys, v), n++)
		CHECK(json_str(&j, v).p[1] == '1' + n);
	CHECK_INT(n, 3);
	keys = json_get(&j, JSON_ROOT, "o");
	v = json_first(&j, keys, JSON_OBJECT);
	CHECK(span_eq_str(json_key(&j, v), "x") && json_u64(&j, v, 9) == 1);
	v = json_next(&j, keys, v);
	CHECK(span_eq_str(json_key(&j, v), "y\n") && json_u64(&j, v, 9) == 2);
	CHECK(json_next(&j, keys, v) == JSON_NONE);
	CHECK_INT(j.err, ZT_OK);
	CHECK_INT(json_why(&j, NULL, "x"), 0);
}

TEST(no_value_gives_nothing_and_no_error)
{
	NEED(parse("{\"a\":1}") == 0);
	CHECK(json_find(&j, JSON_ROOT, "b") == JSON_NONE);
	CHECK(json_find(&j, JSON_NONE, "b") == JSON_NONE);
	CHECK(json_get(&j, JSON_NONE, "b") == JSON_NONE);
	CHECK(json_first(&j, JSON_NONE, JSON_ARRAY) == JSON_NONE);
	CHECK(json_next(&j, JSON_NONE, JSON_NONE) == JSON_NONE);
	CHECK(json_next(&j, JSON_ROOT, JSON_NONE) == JSON_NONE);
	CHECK(!json_is(&j, JSON_NONE, JSON_NULL) && !json_bool(&j, JSON_NONE));
	CHECK(json_u64(&j, JSON_NONE, 5) == 0 && json_i64(&j, JSON_NONE, 1, 5) == 0);
	CHECK(json_number(&j, JSON_NONE).n == 0 && json_str(&j, JSON_NONE).n == 0);
	CHECK(json_key(&j, JSON_NONE).n == 0 && !json_eq(&j, JSON_NONE, ""));
	/* One behind the last is no value either; an earlier document left a token there. */
	CHECK(!json_is(&j, j.n, (enum json_kind)tok[j.n].kind) && json_str(&j, j.n).n == 0);
	CHECK(json_i64(&j, j.n, 1, 5) == 0 && json_get(&j, j.n, "a") == JSON_NONE);
	CHECK(json_next(&j, j.n, 1) == JSON_NONE && json_next(&j, JSON_ROOT, j.n) == JSON_NONE);
	CHECK(json_key(&j, j.n).n == 0 && json_key(&j, JSON_ROOT).n == 0);
	CHECK_INT(j.err, ZT_OK);
}

static void why_is(const char *want)
{
	struct why w = {0};

	CHECK_INT(json_why(&j, &w, "the token"), -(int)j.err);
	CHECK_STR(w.text, want);
}

TEST(the_first_error_stays_and_silences_the_rest)
{
	NEED(parse("{\"a\":\"x\",\"b\":2,\"c\":[]}") == 0);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "a"), 9), 0);
	CHECK_INT(j.err, ZT_E_SYNTAX);
	CHECK(json_get(&j, JSON_ROOT, "b") == JSON_NONE);
	CHECK(json_get(&j, JSON_ROOT, "zzz") == JSON_NONE);
	CHECK_INT(json_u64(&j, 4, 9), 0);
	CHECK(json_first(&j, JSON_ROOT, JSON_OBJECT) == JSON_NONE);
	CHECK(!json_is(&j, JSON_ROOT, JSON_OBJECT));
	why_is("the token: byte 6: \"a\": a number is expected");

	NEED(parse("{\"a\":{\"b\":2}}") == 0);
	CHECK(json_get(&j, json_get(&j, JSON_ROOT, "a"), "exp") == JSON_NONE);
	CHECK_INT(j.err, ZT_E_MISSING);
	why_is("the token: byte 5: \"exp\": is missing");

	CHECK_INT(parse("{\"a\":1,}"), -ZT_E_SYNTAX);
	CHECK(json_get(&j, JSON_ROOT, "a") == JSON_NONE);
	CHECK(json_find(&j, JSON_ROOT, "a") == JSON_NONE);
	why_is("the token: byte 7: a key in quotes is expected");
	NEED(parse("[1]") == 0); /* parsing again begins anew */
	CHECK(json_find(&j, JSON_ROOT, "a") == JSON_NONE);
	why_is("the token: byte 0: \"a\": an object is expected");
}

TEST(each_kind_is_asked_for_by_its_own_question)
{
	static const char *const docs[] = {"null", "true", "7", "\"s\"", "[1]", "{\"k\":1}"};

	for (enum json_kind has = JSON_NULL; has <= JSON_OBJECT; has++)
		for (enum json_kind ask = JSON_BOOL; ask <= JSON_OBJECT; ask++) {
			NEED(parse(docs[has]) == 0);
			if (ask == JSON_BOOL)
				json_bool(&j, JSON_ROOT);
			else if (ask == JSON_NUMBER)
				json_u64(&j, JSON_ROOT, 9);
			else if (ask == JSON_STRING)
				json_str(&j, JSON_ROOT);
			else
				json_first(&j, JSON_ROOT, ask);
			CHECK_INT(j.err, has == ask ? ZT_OK : ZT_E_SYNTAX);
			CHECK(has != ask || json_is(&j, JSON_ROOT, has));
		}
	NEED(parse("7") == 0);
	json_i64(&j, JSON_ROOT, 0, 6);
	CHECK_INT(j.err, ZT_E_RANGE);
	NEED(parse("null") == 0);
	CHECK(!json_eq(&j, JSON_ROOT, "null"));
	CHECK_INT(j.err, ZT_E_SYNTAX);
}

static const struct {
	const char *text;
	int64_t min, max;
	enum zt_err err;
	int64_t value;
} signed_cases[] = {
	{"0", 0, 0, ZT_OK, 0},
	{"-0", 0, 0, ZT_OK, 0},
	{"9223372036854775807", INT64_MIN, INT64_MAX, ZT_OK, INT64_MAX},
	{"9223372036854775808", INT64_MIN, INT64_MAX, ZT_E_RANGE, 0},
	{"-9223372036854775808", INT64_MIN, INT64_MAX, ZT_OK, INT64_MIN},
	{"-9223372036854775809", INT64_MIN, INT64_MAX, ZT_E_RANGE, 0},
	{"18446744073709551615", INT64_MIN, INT64_MAX, ZT_E_RANGE, 0},
	{"-18446744073709551615", INT64_MIN, INT64_MAX, ZT_E_RANGE, 0},
	{"18446744073709551616", INT64_MIN, INT64_MAX, ZT_E_RANGE, 0},
	{"-5", -5, 5, ZT_OK, -5},
	{"-6", -5, 5, ZT_E_RANGE, 0},
	{"6", -5, 5, ZT_E_RANGE, 0},
	{"1.0", -5, 5, ZT_E_SYNTAX, 0},
	{"1e0", -5, 5, ZT_E_SYNTAX, 0},
	{"-0.0", -5, 5, ZT_E_SYNTAX, 0},
};

TEST(integers_are_exact_at_their_ends)
{
	static const struct {
		const char *text;
		uint64_t max;
		enum zt_err err;
		uint64_t value;
	} cases[] = {
		{"0", 0, ZT_OK, 0},
		{"-0", 0, ZT_OK, 0},
		{"1", 0, ZT_E_RANGE, 0},
		{"-1", UINT64_MAX, ZT_E_RANGE, 0},
		{"18446744073709551615", UINT64_MAX, ZT_OK, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, ZT_E_RANGE, 0},
		{"100000000000000000000000000000000000000000", UINT64_MAX, ZT_E_RANGE, 0},
		{"9007199254740993", UINT64_MAX, ZT_OK, UINT64_C(9007199254740993)}, /* no double holds it */
		{"1e2", UINT64_MAX, ZT_E_SYNTAX, 0},
		{"1.5", UINT64_MAX, ZT_E_SYNTAX, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		NEED(parse(cases[i].text) == 0);
		CHECK(json_u64(&j, JSON_ROOT, cases[i].max) == cases[i].value);
		if (j.err != cases[i].err)
			unit_fail(__FILE__, __LINE__, "%s: %s", cases[i].text, err_name(j.err));
	}
	for (size_t i = 0; i < ARRAY_LEN(signed_cases); i++) {
		NEED(parse(signed_cases[i].text) == 0);
		CHECK(json_i64(&j, JSON_ROOT, signed_cases[i].min, signed_cases[i].max) == signed_cases[i].value);
		if (j.err != signed_cases[i].err)
			unit_fail(__FILE__, __LINE__, "%s: %s", signed_cases[i].text, err_name(j.err));
	}
}

TEST(strings_are_unescaped_into_the_callers_memory)
{
	static const char doc[] = "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\u0000!\",\"plain\"]";
	struct span s;
	size_t v;

	NEED(parse(doc) == 0);
	v = json_first(&j, JSON_ROOT, JSON_ARRAY);
	CHECK(span_eq_str(json_str(&j, v), "\"\\/\b\f\n\r\t"));
	v = json_next(&j, JSON_ROOT, v);
	s = json_str(&j, v);
	CHECK(span_eq(s, SPAN_LIT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0!")));
	CHECK(s.p > mem && s.p < mem + sizeof mem); /* behind the first one, which still stands */
	CHECK_INT(mem[0], '"');
	v = json_next(&j, JSON_ROOT, v);
	CHECK(json_str(&j, v).p == (const uint8_t *)strstr(doc, "plain")); /* borrowed, not copied */

	/* The first and last character of each length in UTF-8. */
	NEED(parse("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\"") == 0);
	CHECK(span_eq_str(json_str(&j, JSON_ROOT),
			  "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));

	json_init(&j, tok, ARRAY_LEN(tok), mem, 3);
	NEED(json_parse(&j, SPAN_LIT("[\"\\n123\",\"\\n12\"]")) == 0);
	CHECK_INT(json_str(&j, 2).n, 3);
	CHECK_INT(json_str(&j, 1).n, 0); /* no room is left */
	CHECK_INT(j.err, ZT_E_TOOLONG);
	CHECK_INT(j.mem.n, 3);
	json_init(&j, tok, ARRAY_LEN(tok), NULL, 0);
	NEED(json_parse(&j, SPAN_LIT("[\"ab\",\"\\n\"]")) == 0);
	CHECK(span_eq_str(json_str(&j, 1), "ab"));
	CHECK_INT(json_str(&j, 2).n, 0);
	CHECK_INT(j.err, ZT_E_TOOLONG);
}

TEST(names_are_found_by_what_they_mean)
{
	NEED(parse("{\"\\u0061b\":1,\"a\\u0000\":2,\"a\":3,\"\":4,\"\\u00e9\":5,\"abc\":6}") == 0);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "ab"), 9), 1);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "a"), 9), 3);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, ""), 9), 4);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "\xc3\xa9"), 9), 5);
	CHECK_INT(json_u64(&j, json_get(&j, JSON_ROOT, "abc"), 9), 6);
	CHECK(json_find(&j, JSON_ROOT, "abcd") == JSON_NONE);
	CHECK(json_find(&j, JSON_ROOT, "\xc3") == JSON_NONE);
	CHECK(json_find(&j, JSON_ROOT, "\xc3\xa9x") == JSON_NONE);
	NEED(parse("[\"\\u0061\",\"a\"]") == 0);
	CHECK(json_eq(&j, 1, "a") && json_eq(&j, 2, "a"));
	CHECK(!json_eq(&j, 1, "ab") && !json_eq(&j, 1, "") && !json_eq(&j, 2, "A"));
	CHECK_INT(j.err, ZT_OK);
	/* A member's value is never taken for a name. */
	NEED(parse("{\"a\":\"b\",\"c\":{\"b\":1}}") == 0);
	CHECK(json_find(&j, JSON_ROOT, "b") == JSON_NONE);
}

/* ---- bounds ------------------------------------------------------------------------------ */

static char big[BOUND_CAP(BOUND_JSON_TOKENS) * 24];

static void nest(size_t depth, bool objects)
{
	struct wr w = wr_of(big, sizeof big - 1);

	for (size_t i = 0; i < depth; i++)
		wr_str(&w, objects ? "{\"a\":" : "[");
	wr_str(&w, "0");
	for (size_t i = 0; i < depth; i++)
		wr_str(&w, objects ? "}" : "]");
	big[w.n] = 0;
}

FLOODS(BOUND_JSON_DEPTH)
{
	for (int objects = 0; objects <= 1; objects++) {
		nest(BOUND_CAP(BOUND_JSON_DEPTH), objects);
		CHECK_INT(parse(big), 0);
		nest(BOUND_CAP(BOUND_JSON_DEPTH) + 1, objects);
		CHECK_INT(parse(big), -ZT_E_DEPTH);
		CHECK_INT(j.at, BOUND_CAP(BOUND_JSON_DEPTH) * (objects ? 5 : 1));
		nest(4000, objects);
		CHECK_INT(parse(big), -ZT_E_DEPTH);
	}
	/* Beside each other is not inside each other. */
	snprintf(big, sizeof big, "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]");
	CHECK_INT(parse(big), 0);
}

static void array_of(size_t n)
{
	struct wr w = wr_of(big, sizeof big - 1);

	wr_str(&w, "[");
	for (size_t i = 0; i < n; i++)
		wr_str(&w, i ? ",0" : "0");
	wr_str(&w, "]");
	big[w.n] = 0;
}

FLOODS(BOUND_JSON_TOKENS)
{
	array_of(BOUND_CAP(BOUND_JSON_TOKENS) - 1); /* the array itself is one */
	CHECK_INT(parse(big), 0);
	CHECK_INT(j.n, BOUND_CAP(BOUND_JSON_TOKENS));
	array_of(BOUND_CAP(BOUND_JSON_TOKENS)); /* tok[] has room for more: the row decides */
	CHECK_INT(parse(big), -ZT_E_TOOLONG);
	CHECK_INT(j.at, BOUND_CAP(BOUND_JSON_TOKENS) * 2 - 1);
	for (size_t cap = 0; cap < 6; cap++) { /* and the caller's own array before it */
		json_init(&j, tok, cap, NULL, 0);
		CHECK_INT(json_parse(&j, SPAN_LIT("{\"a\":[1],\"b\":2}")), -ZT_E_TOOLONG);
		CHECK_INT(j.n, cap);
	}
	json_init(&j, tok, 6, NULL, 0);
	CHECK_INT(json_parse(&j, SPAN_LIT("{\"a\":[1],\"b\":2}")), 0);
}

TEST(a_text_of_four_gibibytes_is_refused_unread)
{
	json_init(&j, tok, ARRAY_LEN(tok), NULL, 0);
	CHECK_INT(json_parse(&j, span_of(big, UINT32_MAX)), -ZT_E_TOOLONG);
	CHECK_INT(json_parse(&j, SPAN_NONE), -ZT_E_SYNTAX);
}

/* Keys in an order that a naive tree or a quick sort hates, one pair of twins anywhere. */
static void object_of(size_t n, size_t twin_a, size_t twin_b, int order)
{
	struct wr w = wr_of(big, sizeof big - 1);

	wr_str(&w, "{");
	for (size_t i = 0; i < n; i++) {
		size_t k = order == 0 ? i : order == 1 ? n - i : i * 7919 % n;

		if (i == twin_b)
			k = order == 0 ? twin_a : order == 1 ? n - twin_a : twin_a * 7919 % n;
		wr_fmt(&w, "%s\"%s%06zu\":0", i ? "," : "", i % 3 ? "a" : "\\u0061", k);
	}
	wr_str(&w, "}");
	CHECK(!w.full);
	big[w.n] = 0;
}

TEST(twins_are_found_wherever_they_stand)
{
	const size_t many = BOUND_CAP(BOUND_JSON_TOKENS) / 2 - 1;

	for (int order = 0; order < 3; order++) {
		for (size_t n = 2; n < 20; n++)
			for (size_t a = 0; a < n; a++)
				for (size_t b = a + 1; b < n; b++) {
					object_of(n, a, b, order);
					CHECK_INT(parse(big), -ZT_E_DUP);
					CHECK(j.at > 0 && big[j.at - 1] == '"');
				}
		object_of(many, many, many, order); /* no twins */
		CHECK_INT(parse(big), 0);
		object_of(many, 1, many - 1, order);
		CHECK_INT(parse(big), -ZT_E_DUP);
	}
}
