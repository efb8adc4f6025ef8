/* The extensions of a ClientHello: names, protocols, and everything odd about them. */
#include "tests/unit/wire/hello_kit.h"

TEST(no_extension_stands_twice)
{
	static const struct {
		uint16_t type;
		struct span value;
	} cases[] = {
		{0, SPAN_LIT("\0\4\0\0\1a")}, {1, SPAN_LIT("\1")}, {10, SPAN_LIT("\0\2\0\x17")},
		{16, SPAN_LIT("\0\3\2h2")}, {43, SPAN_LIT("\2\3\3")}, {0xff01, SPAN_LIT("\0")},
		{0x1234, SPAN_LIT("")}, {0x0a0a, SPAN_LIT("")}, /* two GREASE ones have two numbers */
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();

		kit_extension(&w, cases[i].type, cases[i].value);
		CHECK(read_with(&w, &h) > 0);
		kit_extension(&w, 0x4444, SPAN_NONE);
		kit_extension(&w, cases[i].type, cases[i].value);
		CHECK_INT(read_with(&w, &h), -ZT_E_DUP);
	}
}

TEST(extensions_are_counted)
{
	struct wr w = extensions();
	struct hello h;

	for (uint16_t i = 0; i < HELLO_EXTENSIONS; i++)
		kit_extension(&w, (uint16_t)(0x5000 + i), SPAN_NONE);
	CHECK(read_with(&w, &h) > 0);
	kit_extension(&w, 0x6000, SPAN_NONE);
	CHECK_INT(read_with(&w, &h), -ZT_E_TOOLONG);
}

static void label_name(char *out, size_t n) /* labels of 63 at most, n bytes in all */
{
	for (size_t i = 0; i < n; i++)
		out[i] = i % 64 == 63 ? '.' : 'a';
}

TEST(names)
{
	char longest[254] = "";
	struct {
		struct span name;
		int want;
	} cases[] = {
		{SPAN_LIT("a"), 1},
		{SPAN_LIT("nas.home.arpa"), 1},
		{SPAN_LIT("xn--bcher-kva.example"), 1},
		{SPAN_LIT("my_service.lan"), 1}, /* homes have them, and configuration allows them */
		{span_of(longest, 253), 1},
		{span_of(longest, 254), -ZT_E_SYNTAX},
		{SPAN_LIT(""), -ZT_E_SYNTAX},
		{SPAN_LIT("nas.example.com."), -ZT_E_SYNTAX},
		{SPAN_LIT("."), -ZT_E_SYNTAX},
		{SPAN_LIT("a..b"), -ZT_E_SYNTAX},
		{SPAN_LIT(".a"), -ZT_E_SYNTAX},
		{SPAN_LIT("192.0.2.1"), -ZT_E_SYNTAX},
		{SPAN_LIT("10.0.0.256"), -ZT_E_SYNTAX},
		{SPAN_LIT("2001:db8::1"), -ZT_E_SYNTAX},
		{SPAN_LIT("[2001:db8::1]"), -ZT_E_SYNTAX},
		{SPAN_LIT("nas.example.com:443"), -ZT_E_SYNTAX},
		{SPAN_LIT("nas.example.com\0.evil.com"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0"), -ZT_E_SYNTAX},
		{SPAN_LIT("b\xc3\xbc" "cher.example"), -ZT_E_SYNTAX},
		{SPAN_LIT("nas example"), -ZT_E_SYNTAX},
		{SPAN_LIT("*.example.com"), -ZT_E_SYNTAX},
		{SPAN_LIT("-a.example"), -ZT_E_SYNTAX},
		{SPAN_LIT("a/../b"), -ZT_E_SYNTAX},
		{SPAN_LIT("nas.example.com\n"), -ZT_E_SYNTAX},
	};
	struct hello h;

	label_name(longest, sizeof longest);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();
		int rc;

		kit_name(&w, 0, cases[i].name);
		rc = read_with(&w, &h);
		CHECK_INT(rc > 0 ? 1 : rc, cases[i].want);
		CHECK(rc > 0 ? span_eq_str(cases[i].name, h.name) : h.name[0] == 0);
		CHECK((strstr(kit_why.text, "ends with a dot") != NULL) == span_ends(cases[i].name, "."));
	}
}

TEST(exactly_one_name_of_type_host)
{
	static const struct {
		struct span value;
		int want;
	} cases[] = {
		{SPAN_LIT("\0\4\0\0\1a"), 1},
		{SPAN_LIT(""), -ZT_E_SYNTAX},                       /* a server's answer, not a client's */
		{SPAN_LIT("\0\0"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\x08\0\0\1a\0\0\1b"), -ZT_E_DUP},      /* BearSSL would take b, others a */
		{SPAN_LIT("\0\x08\0\0\1a\0\0\1a"), -ZT_E_DUP},
		{SPAN_LIT("\0\x08\0\0\1a\1\0\1b"), -ZT_E_DUP},      /* behind it one of another type */
		{SPAN_LIT("\0\x08\1\0\1b\0\0\1a"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\4\1\0\1a"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\5\0\0\1a"), -ZT_E_SYNTAX},            /* the list is longer than its extension */
		{SPAN_LIT("\0\4\0\0\1a\0"), -ZT_E_SYNTAX},          /* and shorter */
		{SPAN_LIT("\0\4\0\0\2a"), -ZT_E_SYNTAX},            /* the name is longer than its list */
		{SPAN_LIT("\0\3\0\0\0"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0"), -ZT_E_SYNTAX},
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();
		int rc;

		kit_extension(&w, 0, cases[i].value);
		rc = read_with(&w, &h);
		CHECK_INT(rc > 0 ? 1 : rc, cases[i].want);
	}
}

TEST(protocols)
{
	static const struct {
		struct span value;
		int want; /* how many, or a refusal */
	} cases[] = {
		{SPAN_LIT("\0\3\2h2"), 1},
		{SPAN_LIT("\0\x06\2\x3a\x3a\2h2"), 1},                       /* GREASE */
		{SPAN_LIT("\0\3\2\x3a\x3a"), 0},
		{SPAN_LIT("\0\4\2h2\0"), -ZT_E_SYNTAX},                      /* an empty one */
		{SPAN_LIT("\0\0"), -ZT_E_SYNTAX},
		{SPAN_LIT(""), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\3\3h2"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\2\2h2"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\4\2h2"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\3\2h2x"), -ZT_E_SYNTAX},
		{SPAN_LIT("\0\x20\1a\1b\1c\1d\1e\1f\1g\1h\1i\1j\1k\1l\1m\1n\1o\1p"), 16},
		{SPAN_LIT("\0\x22\1a\1b\1c\1d\1e\1f\1g\1h\1i\1j\1k\1l\1m\1n\1o\1p\1q"), -ZT_E_TOOLONG},
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();
		int rc;

		kit_extension(&w, 16, cases[i].value);
		rc = read_with(&w, &h);
		CHECK_INT(rc > 0 ? (int)h.alpn_n : rc, cases[i].want);
	}
}

TEST(renegotiation_and_fragment)
{
	static const struct {
		uint16_t type;
		struct span value;
		int want; /* fragment, or a refusal */
	} cases[] = {
		{0xff01, SPAN_LIT("\0"), 0},
		{0xff01, SPAN_LIT(""), -ZT_E_SYNTAX},
		{0xff01, SPAN_LIT("\x0c" "123456789abc"), -ZT_E_SYNTAX},
		{0xff01, SPAN_LIT("\0\0"), -ZT_E_SYNTAX},
		{1, SPAN_LIT("\1"), 512},
		{1, SPAN_LIT("\2"), 1024},
		{1, SPAN_LIT("\3"), 2048},
		{1, SPAN_LIT("\4"), 4096},
		{1, SPAN_LIT("\0"), -ZT_E_SYNTAX},
		{1, SPAN_LIT("\5"), -ZT_E_SYNTAX},
		{1, SPAN_LIT(""), -ZT_E_SYNTAX},
		{1, SPAN_LIT("\1\1"), -ZT_E_SYNTAX},
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();
		int rc;

		kit_extension(&w, cases[i].type, cases[i].value);
		rc = read_with(&w, &h);
		CHECK_INT(rc > 0 ? h.fragment : rc, cases[i].want);
	}
}

/* As a browser sends it: GREASE wherever RFC 8701 puts it. */
TEST(a_browsers_hello_with_grease)
{
	struct wr w = extensions();
	struct making m = {.session = 32, .suites = SPAN_LIT("\x7a\x7a\x13\x01\x13\x02\xc0\x2b\xcc\xa9\x56\x00\x00\xff")};
	struct hello h;

	kit_extension(&w, 0x2a2a, SPAN_NONE);
	kit_name(&w, 0, SPAN_LIT("nas.example.com"));
	kit_extension(&w, 0x0017, SPAN_NONE);
	kit_extension(&w, 0xff01, SPAN_LIT("\0"));
	kit_extension(&w, 10, SPAN_LIT("\0\6\x4a\x4a\0\x1d\0\x17"));
	kit_alpn(&w, SPAN_LIT("\2\x8a\x8a\2h2\x08http/1.1"));
	kit_extension(&w, 43, SPAN_LIT("\6\x1a\x1a\3\4\3\3"));
	kit_extension(&w, 0xdada, SPAN_LIT("\0"));
	m.extensions = wr_span(&w);
	CHECK(kit_read(&m, &h) > 0);
	CHECK(h.offers_tls12 && h.offers_tls13);
	CHECK_STR(h.name, "nas.example.com");
	CHECK_INT(h.alpn_n, 2);
	CHECK(hello_offers(&h, 0xcca9));
}
