/* Armour as it is met, armour that is refused, and what we write read back. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "wire/pem.h"

static struct pem block;
static struct why why;

/* The first block of the text. */
static int first(const char *text)
{
	struct span t = span_str(text);
	unsigned line = 1;

	why = (struct why){0};
	return pem_next(&t, &line, &block, &why);
}

static int decode(uint8_t *out, size_t cap)
{
	why = (struct why){0};
	return pem_decode(&block, out, cap, &why);
}

TEST(blocks_follow_each_other)
{
	struct span t = SPAN_LIT("subject=/CN=x\n"
				 "-----BEGIN CERTIFICATE-----\nZm9v\nYmFy\n-----END CERTIFICATE-----\n"
				 "some text -----BEGIN here\n\n"
				 "-----BEGIN EC PRIVATE KEY-----\nZg==\n-----END EC PRIVATE KEY-----\ntail");
	unsigned line = 1;
	uint8_t out[16];

	CHECK_INT(pem_next(&t, &line, &block, NULL), 1);
	CHECK(span_eq_str(block.label, "CERTIFICATE"));
	CHECK(span_eq_str(block.body, "Zm9v\nYmFy\n"));
	CHECK_INT(block.line, 2);
	CHECK_INT(block.headers.n, 0);
	CHECK_INT(decode(out, sizeof out), 6);
	CHECK(memcmp(out, "foobar", 6) == 0);
	CHECK_INT(decode(out, 6), 6);
	CHECK_INT(decode(out, 5), -ZT_E_TOOLONG);
	CHECK_INT(pem_next(&t, &line, &block, NULL), 1);
	CHECK(span_eq_str(block.label, "EC PRIVATE KEY"));
	CHECK_INT(block.line, 8);
	CHECK_INT(decode(out, sizeof out), 1);
	CHECK_INT(line, 11);
	CHECK_INT(pem_next(&t, &line, &block, NULL), 0);
	CHECK_INT(t.n, 0);
	CHECK_INT(pem_next(&t, &line, &block, NULL), 0);
}

TEST(files_differ_and_are_read)
{
	static const char *const good[] = {
		"-----BEGIN A-----\nZm9v\n-----END A-----\n",
		"-----BEGIN A-----\nZm9v\n-----END A-----",               /* no newline at the end */
		"-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\n",
		"-----BEGIN A----- \t\nZm9v  \n-----END A-----  ",         /* blanks at line ends */
		"-----BEGIN A-----\nZ\nm\n9\nv\n-----END A-----",          /* odd line lengths */
		"-----BEGIN A-----\n\nZm9v\n\n-----END A-----",            /* empty lines */
		"-----BEGIN A-----\n Zm9v\n-----END A-----",
		"\xef\xbb\xbf-----BEGIN A-----\nZm9v\n-----END A-----",    /* byte order mark */
		"\n\n junk \x01\xff\n----- \n----BEGIN A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\njunk",
		"-----BEGIN A-----\nX-Y: z\n more\n\nZm9v\n-----END A-----",
	};
	uint8_t out[8];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_INT(first(good[i]), 1);
		CHECK(span_eq_str(block.label, "A"));
		CHECK_INT(decode(out, sizeof out), 3);
		CHECK(memcmp(out, "foo", 3) == 0);
	}
}

TEST(headers_are_set_apart)
{
	CHECK_INT(first("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nZm9v\n"
			"-----END RSA PRIVATE KEY-----\n"), 1);
	CHECK(span_eq_str(block.headers, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n"));
	CHECK(span_eq_str(block.body, "Zm9v\n"));
	CHECK_INT(first("-----BEGIN A-----\nX: y\n-----END A-----\n"), -ZT_E_SYNTAX);
	CHECK_INT(first("-----BEGIN A-----\nX: y\nZm9v"), -ZT_E_SYNTAX);
	CHECK_INT(first("-----BEGIN A-----\nX: y"), -ZT_E_SYNTAX);
	/* only directly behind BEGIN */
	CHECK_INT(first("-----BEGIN A-----\nZm9v\nX: y\n\nZm9v\n-----END A-----\n"), 1);
	CHECK_INT(decode((uint8_t[8]){0}, 8), -ZT_E_SYNTAX);
}

TEST(what_is_no_armour_is_refused_with_its_line)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
		{"-----BEGIN A-----\nZm9v\n", "line 1: this block (A) has no END line"},
		{"-----BEGIN A-----", "line 1: this block (A) has no END line"},
		{"x\n-----BEGIN A-----\nZm9v\n-----END B-----\n", "line 4: not the END line of the block that begins on line 2 (A)"},
		{"-----BEGIN A-----\nZm9v\n-----BEGIN A-----\nZm9v\n-----END A-----\n", "line 3: not the END line"},
		{"-----BEGIN A-----\nZm9v\n-----END A----\n", "line 3: not the END line"},
		{"-----BEGIN A-----\nZm9v\n-----END  A-----\n", "line 3: not the END line"},
		{"-----BEGIN A-----\nZm9v\n-----END a-----\n", "line 3: not the END line"},
		{"-----BEGIN A-----\nZm9v\n------\n-----END A-----\n", "line 3: not the END line"},
		{"-----BEGIN A\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN A----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN -----\nZm9v\n-----END -----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN  A-----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN A -----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN A------\nZm9v\n-----END A------\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN -A-----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN A--B-----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN A\x01-----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN \xc3\x84-----\nZm9v\n-----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN -----END A-----\n", "line 1: a malformed BEGIN line"},
		{"-----BEGIN ----", "line 1: a malformed BEGIN line"},
		{"-----BEGIN AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-----\n", "line 1: a malformed BEGIN"},
		{"\n-----END A-----\n", "line 2: an END line without its BEGIN"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int rc = first(bad[i].text);

		if (rc != -ZT_E_SYNTAX || !span_starts(span_str(why.text), bad[i].said))
			unit_fail(__FILE__, __LINE__, "%zu: %d, '%s'", i, rc, why.text);
	}
	CHECK_INT(first(""), 0);
	CHECK_INT(first("no block\n ----- BEGIN A-----\n -----BEGIN A-----\n"), 0); /* indented: text */
	CHECK_INT(first("-----BEGIN X509 CRL-B C-----\nZm9v\n-----END X509 CRL-B C-----"), 1);
}

TEST(contents_are_base64_and_nothing_else)
{
	static const char *const bad[] = {"Zm9", "Zm9v=", "Zg=", "Zh==", "Zm9vZg==Zm9v", "Zm-v", "Zm.v", "Z*9v", "Zm9v\n=", "====",
					  "Zg==\n="};
	char text[128];
	uint8_t out[32];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "-----BEGIN A-----\n%s\n-----END A-----\n", bad[i]);
		CHECK_INT(first(text), 1);
		memset(out, 0, sizeof out);
		CHECK_INT(decode(out, sizeof out), -ZT_E_SYNTAX);
		CHECK_STR(why.text, "line 1: this block (A) is not base64");
		for (size_t j = 0; j < sizeof out; j++)
			NEED(out[j] == 0);
	}
	/* with the room that always suffices nothing is too long: these lack their padding */
	CHECK_INT(first("-----BEGIN A-----\nZg\n-----END A-----\n"), 1);
	CHECK_INT(decode(out, 0), -ZT_E_SYNTAX);
	CHECK_INT(first("-----BEGIN A-----\nZm9vZg\n-----END A-----\n"), 1);
	CHECK_INT(decode(out, 3), -ZT_E_SYNTAX);
	CHECK_STR(why.text, "line 1: this block (A) is not base64");
	CHECK_INT(first("-----BEGIN A-----\n-----END A-----\n"), 1);
	CHECK_INT(decode(out, sizeof out), 0);
	CHECK_INT(first("-----BEGIN A-----\nZm9vZm9vZm9v\n-----END A-----\n"), 1);
	memset(out, 0, sizeof out);
	CHECK_INT(decode(out, 8), -ZT_E_TOOLONG);
	CHECK_STR(why.text, "line 1: this block (A) is longer than 8 bytes");
	CHECK(out[0] == 0 && out[7] == 0);
}

TEST(what_is_written_is_read)
{
	uint8_t der[200], back[200], mem[512];

	for (size_t i = 0; i < sizeof der; i++)
		der[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof der; n++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct span text;
		unsigned line = 1;

		pem_write(&w, "ZT TEST", span_of(der, n));
		CHECK(!w.full);
		text = wr_span(&w);
		CHECK_INT(pem_next(&text, &line, &block, NULL), 1);
		CHECK_INT(text.n, 0);
		CHECK_INT(decode(back, sizeof back), n);
		CHECK(memcmp(back, der, n) == 0);
		CHECK_INT(line - 3, (n + 47) / 48); /* lines of 64 columns between the two marks */
	}
	struct wr w = wr_of(mem, sizeof mem);

	pem_write(&w, "X", SPAN_LIT("foob"));
	CHECK(span_eq_str(wr_span(&w), "-----BEGIN X-----\nZm9vYg==\n-----END X-----\n"));
}
