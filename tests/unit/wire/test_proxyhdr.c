/* PROXY headers: both versions, refusals as early as they are known. Vectors by hand from the specification of
 * the protocol (haproxy's doc/proxy-protocol.txt, sections 2.1 and 2.2). */
#include "wire/proxyhdr.h"

#include "base/num.h"
#include "tests/unit/unit.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"

static const char *text_of(const struct addr *a)
{
	static char mem[4][ADDR_TEXT];
	static unsigned turn;

	return addr_text(a, mem[turn++ % 4]);
}

TEST(version_1)
{
	static const struct {
		const char *line, *from, *to; /* NULL: local */
	} rows[] = {
		{"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n", "192.0.2.1:4711", "198.51.100.2:443"},
		{"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535"},
		{"PROXY TCP6 2001:db8::1 ::1 1 0\r\n", "[2001:db8::1]:1", "[::1]:0"},
		{"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
		{"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 5 6\r\n", "192.0.2.1:5", "[2001:db8::2]:6"}, /* one spelling */
		{"PROXY UNKNOWN\r\n", NULL, NULL},
		{"PROXY UNKNOWN ffff::1 whatever 65535 65535\r\n", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t mem[160];
		struct wr w = wr_of(mem, sizeof mem);
		size_t n = strlen(rows[i].line);
		struct proxyhdr h;

		wr_str(&w, rows[i].line);
		wr_str(&w, "GET /");
		CHECK_INT(proxyhdr_read(wr_span(&w), &h), n);
		CHECK(h.version == 1 && h.local == (rows[i].from == NULL));
		CHECK_STR(text_of(&h.from), rows[i].from ? rows[i].from : "-");
		CHECK_STR(text_of(&h.to), rows[i].to ? rows[i].to : "-");
		for (size_t cut = 0; cut < n; cut++)
			CHECK_INT(proxyhdr_read(span_of(mem, cut), &h), ZT_MORE);
	}
}

TEST(version_1_refused)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 1\r\n",
		"PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
		"PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n",
		"PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n", "PROXY TCP4 ::1 ::1 1 1\r\n",
		"PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", "PROXY TCP6 [::1] [::1] 1 1\r\n",
		"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY UNKNOWNX\r\n", "PROXY \r\n", "PROXY TCP4\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX\n", "PROXY UNKNOWN\rX", "PROXY UNKNOWN \x01", "PROXY UNKNOWN \xc3\xa9\r\n",
		"\r\nPROXY", "\x16\x03\x01",
	};
	struct proxyhdr h;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (proxyhdr_read(span_str(rows[i]), &h) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "row %zu: %s", i, rows[i]);
		CHECK(h.version == 0 && h.from.family == 0);
	}
	CHECK_INT(proxyhdr_read(SPAN_LIT("PROXY UNKNOWN \0\r\n"), &h), -ZT_E_SYNTAX);
}

TEST(a_line_has_a_limit)
{
	uint8_t mem[PROXYHDR_V1 + 8];
	struct proxyhdr h;

	for (size_t n = PROXYHDR_V1; n <= PROXYHDR_V1 + 1; n++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "PROXY UNKNOWN ");
		while (w.n < n - 2)
			wr_u8(&w, 'x');
		wr_str(&w, "\r\n");
		CHECK_INT(proxyhdr_read(wr_span(&w), &h), n == PROXYHDR_V1 ? PROXYHDR_V1 : -ZT_E_TOOLONG);
		CHECK_INT(proxyhdr_read(span_of(mem, PROXYHDR_V1 - 1), &h), ZT_MORE);
	}
	CHECK_INT(proxyhdr_read(span_of(mem, PROXYHDR_V1), &h), -ZT_E_TOOLONG);
}

TEST(version_2)
{
	static const struct {
		struct span bytes;
		const char *from, *to;
	} rows[] = {
		{SPAN_LIT(SIG "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb"), "192.0.2.1:4711",
		 "198.51.100.2:443"},
		{SPAN_LIT(SIG "\x21\x21\x00\x24 \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x05\x00\x06"),
		 "[2001:db8::1]:5", "[::1]:6"},
		{SPAN_LIT(SIG "\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x05\x00\x06"),
		 "192.0.2.1:5", "[::1]:6"}, /* mapped: one spelling */
		/* with a TLV behind the addresses, which is passed over */
		{SPAN_LIT(SIG "\x21\x11\x00\x11\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb\x02\x00\x02hi"), "192.0.2.1:4711",
		 "198.51.100.2:443"},
		{SPAN_LIT(SIG "\x20\x00\x00\x00"), NULL, NULL},
		{SPAN_LIT(SIG "\x20\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb"), NULL, NULL}, /* LOCAL */
		{SPAN_LIT(SIG "\x20\x99\x00\x01x"), NULL, NULL},
		{SPAN_LIT(SIG "\x21\x00\x00\x03xyz"), NULL, NULL},
		{SPAN_LIT(SIG "\x21\x31\x00\x02xy"), NULL, NULL}, /* a unix socket */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t mem[160];
		struct wr w = wr_of(mem, sizeof mem);
		struct proxyhdr h;

		wr_put(&w, rows[i].bytes);
		wr_str(&w, "GET /");
		CHECK_INT(proxyhdr_read(wr_span(&w), &h), rows[i].bytes.n);
		CHECK(h.version == 2 && h.local == (rows[i].from == NULL));
		CHECK_STR(text_of(&h.from), rows[i].from ? rows[i].from : "-");
		CHECK_STR(text_of(&h.to), rows[i].to ? rows[i].to : "-");
		for (size_t cut = 0; cut < rows[i].bytes.n; cut++)
			CHECK_INT(proxyhdr_read(span_of(mem, cut), &h), ZT_MORE);
	}
}

TEST(version_2_refused)
{
	static const struct {
		struct span bytes;
		enum zt_err want;
	} rows[] = {
		{SPAN_LIT("\r\n\r\n\0\r\nQUIX"), ZT_E_SYNTAX},
		{SPAN_LIT(SIG "\x11"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x22"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x31"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x21\x12"), ZT_E_VERSION}, /* datagrams */
		{SPAN_LIT(SIG "\x21\x22"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x21\x32"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x21\x41"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x21\x01"), ZT_E_VERSION},
		{SPAN_LIT(SIG "\x21\x11\x00\x0b"), ZT_E_SYNTAX}, /* shorter than its addresses */
		{SPAN_LIT(SIG "\x21\x21\x00\x23"), ZT_E_SYNTAX},
		{SPAN_LIT(SIG "\x21\x11\x0f\xf1"), ZT_E_TOOLONG}, /* 16 + 4,081 */
		{SPAN_LIT(SIG "\x20\x00\xff\xff"), ZT_E_TOOLONG},
	};
	struct proxyhdr h;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (proxyhdr_read(rows[i].bytes, &h) != -(int)rows[i].want || h.version)
			unit_fail(__FILE__, __LINE__, "row %zu", i);
	CHECK_INT(proxyhdr_read(SPAN_LIT(SIG "\x20\x00\x0f\xf0"), &h), ZT_MORE); /* 16 + 4,080 */
}

static struct addr ip_port(const char *s)
{
	struct addr a;

	CHECK_INT(addr_parse(span_str(s), true, &a), 0);
	return a;
}

TEST(what_is_written)
{
	static const struct {
		const char *from, *to, *v1;
		struct span v2;
	} rows[] = {
		{"192.0.2.1:4711", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n",
		 SPAN_LIT(SIG "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb")},
		{"[2001:db8::1]:5", "[::1]:6", "PROXY TCP6 2001:db8::1 ::1 5 6\r\n",
		 SPAN_LIT(SIG "\x21\x21\x00\x24 \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x05\x00\x06")},
		{"192.0.2.1:5", "[::1]:6", "PROXY TCP6 ::ffff:192.0.2.1 ::1 5 6\r\n",
		 SPAN_LIT(SIG "\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x05\x00\x06")},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proxyhdr h = {.version = 1, .from = ip_port(rows[i].from), .to = ip_port(rows[i].to)};
		uint8_t mem[PROXYHDR_WRITE];
		struct wr w = wr_of(mem, sizeof mem);

		proxyhdr_write(&w, &h);
		CHECK(!w.full && span_eq_str(wr_span(&w), rows[i].v1));
		w = wr_of(mem, sizeof mem);
		h.version = 2;
		proxyhdr_write(&w, &h);
		CHECK(!w.full && span_eq(wr_span(&w), rows[i].v2));
		h.from.scope = 3; /* means something on this machine only */
		w = wr_of(mem, sizeof mem);
		h.version = 1;
		proxyhdr_write(&w, &h);
		CHECK(span_eq_str(wr_span(&w), rows[i].v1));
		h.local = true;
		w = wr_of(mem, sizeof mem);
		proxyhdr_write(&w, &h);
		CHECK(span_eq_str(wr_span(&w), "PROXY UNKNOWN\r\n"));
		h.version = 2;
		w = wr_of(mem, sizeof mem);
		proxyhdr_write(&w, &h);
		CHECK(span_eq(wr_span(&w), SPAN_LIT(SIG "\x20\x00\x00\x00")));
	}
}
