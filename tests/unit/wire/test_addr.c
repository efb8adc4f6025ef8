/* Addresses: what RFC 4291 allows, what RFC 5952 writes, and what is refused because programs
 * disagree about it (RFC 6943 3.1.1: "010.0.0.1", "10.1", "0x7f000001"). */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/addr.h"

static const char *ip_text(const struct addr *a)
{
	static char out[ADDR_TEXT];
	struct wr w = wr_of(out, sizeof out - 1);

	addr_write_ip(&w, a);
	out[w.n] = 0;
	return out;
}

TEST(ip_is_read_and_written_in_one_form)
{
	static const struct {
		const char *in, *out;
	} v[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"192.0.2.1", "192.0.2.1"},
		/* RFC 4291 2.2 */
		{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
		{"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
		{"FF01:0:0:0:0:0:0:101", "ff01::101"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"::", "::"},
		{"::1", "::1"},
		{"0:0:0:0:0:0:13.1.68.3", "::d01:4403"},
		{"::13.1.68.3", "::d01:4403"},
		/* RFC 5952 4.1 leading zeros, 4.2.2 one group is not shortened, 4.2.3 the longest
		 * run, the first of equals, 4.3 lower case */
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:DB8::AAAA:BbBb", "2001:db8::aaaa:bbbb"},
		{"1::", "1::"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"fe80::1", "fe80::1"},
		/* one peer, one spelling: mapped addresses are IPv4 */
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:c000:201", "192.0.2.1"},
		{"0:0:0:0:0:ffff:7f00:1", "127.0.0.1"},
		{"::fffe:192.0.2.1", "::fffe:c000:201"},
		{"2001:0DB8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 4.2.2: not for one group */
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"0:0:3:4:5:6:0:0", "::3:4:5:6:0:0"},
		{"1:0:0:4:5:6:7:0", "1::4:5:6:7:0"},
		{"fe80::ABCD", "fe80::abcd"},
		{"::FFFF:c000:0201", "192.0.2.1"},
		{"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
		{"64:ff9b::192.0.2.1", "64:ff9b::c000:201"}, /* NAT64 is not mapped */
		{"::192.0.2.1", "::c000:201"},
		{"::ffff:0:192.0.2.1", "::ffff:0:c000:201"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"1::1.2.3.4", "1::102:304"},
	};
	struct addr a, again;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(addr_parse_ip(span_str(v[i].in), &a), 0);
		CHECK_STR(ip_text(&a), v[i].out);
		CHECK(addr_parse_ip(span_str(v[i].out), &again) == 0 && addr_eq(&a, &again));
		CHECK_INT(a.family, strchr(v[i].out, ':') ? 6 : 4);
		CHECK(a.port == 0 && a.scope == 0);
	}
}

TEST(ambiguous_and_broken_ips_are_refused)
{
	static const char *const bad[] = {
		"", ".", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.256",
		/* what inet_aton() takes and others read differently */
		"010.0.0.1", "1.2.3.04", "00.0.0.0", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1",
		"10.65535", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "-1.2.3.4", "1.2.3.4\n", "1,2,3,4", "1.2.3.a",
		"١.2.3.4", /* an Arabic-Indic digit */
		":", ":::", "1:::2", "::1::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"::2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "1::2:3:4:5:6:7:8", "12345::", "g::", ":1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:", "::1:", ":1::", "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "1.2.3.4::",
		"1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::256.1.1.1", "::01.2.3.4", "::0x1",
		"[::1]", "fe80::1%eth0", "fe80::1%1", "::1/128", "1.2.3.4/32", "::1 ",
		"1.2.3.4.", ".1.2.3.4", "1..2.3", "256.1.1.1", "01.2.3.4", "0x1.2.3.4", "1.2.3.-4",
		"1.2.3.4/8", "1.2.3.4:80", "16909060", "0x01020304", "1.2.772", "1:2:3:4:5:6:7:8:",
		":1:2:3:4:5:6:7:8", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", ":::1", "::g", "::-1", "::+1",
		":: 1", "::1%eth0", "::1/64", "1.2.3.4:5:6:7:8:9:a", "::1.2.3.256", "::ffff:1.2.3.4.5",
		"1:2:3:4:5:6:7:8:1.2.3.4",
	};
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		a.family = 9;
		if (addr_parse_ip(span_str(bad[i]), &a) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "\"%s\" was read as %s", bad[i], ip_text(&a));
		CHECK(a.family == 0);
	}
	CHECK_INT(addr_parse_ip(SPAN_LIT("1.2.3.4\0"), &a), -ZT_E_SYNTAX); /* a NUL is a byte */
	CHECK_INT(addr_parse_ip(SPAN_LIT("::1\0"), &a), -ZT_E_SYNTAX);
	CHECK_INT(addr_parse_ip(SPAN_NONE, &a), -ZT_E_SYNTAX);
}

TEST(with_port)
{
	static const struct {
		const char *in;
		bool zero_ok;
		const char *out;
	} v[] = {
		{"192.0.2.1:443", false, "192.0.2.1:443"},
		{"192.0.2.1:65535", false, "192.0.2.1:65535"},
		{"[2001:db8::1]:443", false, "[2001:db8::1]:443"},
		{"[::ffff:192.0.2.1]:1", false, "192.0.2.1:1"},
		{"127.0.0.1:0", true, "127.0.0.1:0"},
		{"127.0.0.1:0", false, NULL},
		{"127.0.0.1:65536", true, NULL},
		{"127.0.0.1:080", true, NULL},
		{"127.0.0.1:", true, NULL},
		{"127.0.0.1", true, NULL},
		{"127.0.0.1: 80", true, NULL},
		{"127.0.0.1:80:81", true, NULL},
		{":80", true, NULL},
		{"::1:80", true, NULL}, /* port 80, or the address ::1:80? */
		{"2001:db8::1", true, NULL},
		{"[::1]", true, NULL},
		{"[::1]80", true, NULL},
		{"[::1]:", true, NULL},
		{"[::1:80", true, NULL},
		{"[192.0.2.1]:80", true, NULL},
		{"[]:80", true, NULL},
		{"[fe80::1%eth0]:80", true, NULL},
		{"example.com:80", true, NULL},
		{"", true, NULL},
		{"[2001:db8::1]:1", false, "[2001:db8::1]:1"}, {"0.0.0.0:65535", false, "0.0.0.0:65535"},
		{"[::]:8080", false, "[::]:8080"}, {"[::ffff:127.0.0.1]:7", true, "127.0.0.1:7"},
		{"192.0.2.1", false, NULL}, {"192.0.2.1:", false, NULL}, {"192.0.2.1:0", false, NULL},
		{"192.0.2.1:65536", false, NULL}, {"192.0.2.1:080", false, NULL},
		{"192.0.2.1:+80", false, NULL}, {"192.0.2.1:80 ", false, NULL}, {"192.0.2.1:80:", false, NULL},
		{"[::1]:0", false, NULL}, {"[::1]]:80", false, NULL}, {"[[::1]]:80", false, NULL},
		{"localhost:80", false, NULL},
	};
	char text[ADDR_TEXT];
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		int rc = addr_parse(span_str(v[i].in), v[i].zero_ok, &a);

		CHECK_INT(rc, v[i].out ? 0 : -ZT_E_SYNTAX);
		CHECK_STR(addr_text(&a, text), v[i].out ? v[i].out : "-");
		CHECK(v[i].out || a.port == 0);
	}
}

TEST(hostport)
{
	static const struct {
		const char *in, *host;
		uint16_t port;
	} v[] = {
		{"nas.example.com:5001", "nas.example.com", 5001},
		{"nas:1", "nas", 1},
		{"_dmarc.example:53", "_dmarc.example", 53},
		{"192.0.2.1:443", "192.0.2.1", 443},
		{"[2001:db8::1]:443", "2001:db8::1", 443},
		{"nas:0", NULL, 0},
		{"nas", NULL, 0},
		{"nas:", NULL, 0},
		{":80", NULL, 0},
		{"2001:db8::1:443", NULL, 0},
		{"[nas]:80", NULL, 0},
		{"[192.0.2.1]:80", NULL, 0},
		{"10.0.0.256:80", NULL, 0},
		{"nas.:80", NULL, 0},
		{"-nas:80", NULL, 0},
		{"n as:80", NULL, 0},
		{"http://nas:80", NULL, 0},
		{"user@nas:80", NULL, 0},
		{"example.com:443", "example.com", 443}, {"localhost:1", "localhost", 1},
		{"192.0.2.1:80", "192.0.2.1", 80}, {"[::1]:80", "::1", 80},
		{"_srv.a-b.c1:65535", "_srv.a-b.c1", 65535}, {"example.com", NULL, 0},
		{"example.com:", NULL, 0}, {"example.com:0", NULL, 0}, {"example.com:99999", NULL, 0},
		{"[example.com]:80", NULL, 0}, {"::1:80", NULL, 0}, {"fe80::1:443", NULL, 0},
		{"exa mple.com:80", NULL, 0}, {"example.com.:80", NULL, 0}, {"-a.com:80", NULL, 0},
		{"a-.com:80", NULL, 0}, {"a..b:80", NULL, 0}, {"123:80", NULL, 0}, {"1.2.3:80", NULL, 0},
		{"a.b.7:80", NULL, 0}, {"a.0:80", NULL, 0}, {"a.9:80", NULL, 0}, {"a.90:80", NULL, 0},
		{"a.com:65536", NULL, 0}, {"a/b:80", NULL, 0}, {"a@b:80", NULL, 0},
		{"\xc3\xa9.com:80", NULL, 0}, {"*.example.com:80", NULL, 0}, {"[::1]:80x", NULL, 0},
		{"[::1]x:80", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct span host = SPAN_NONE;
		uint16_t port = 0;

		CHECK_INT(addr_parse_hostport(span_str(v[i].in), &host, &port), v[i].host ? 0 : -ZT_E_SYNTAX);
		if (v[i].host) {
			CHECK(span_eq_str(host, v[i].host));
			CHECK_INT(port, v[i].port);
		}
	}
}

TEST(hostnames)
{
	char label63[64], name253[254], name254[255];

	memset(label63, 'a', 63);
	label63[63] = 0;
	for (size_t i = 0; i < 253; i++)
		name253[i] = i % 64 == 63 ? '.' : 'b'; /* 63.63.63.61 */
	name253[253] = 0;
	memcpy(name254, name253, 253);
	name254[253] = 'b';
	name254[254] = 0;
	CHECK(addr_is_hostname(span_str(label63)));
	CHECK(addr_is_hostname(span_str(name253)));
	CHECK(!addr_is_hostname(span_str(name254)));
	CHECK(!addr_is_hostname(SPAN_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* 64 */
	CHECK(addr_is_hostname(SPAN_LIT("a")));
	CHECK(addr_is_hostname(SPAN_LIT("1.a")));
	CHECK(addr_is_hostname(SPAN_LIT("a.1a")));
	CHECK(!addr_is_hostname(SPAN_LIT("1")));
	CHECK(!addr_is_hostname(SPAN_LIT("a.1")));
	CHECK(!addr_is_hostname(SPAN_LIT("1.2.3.4")));
	CHECK(!addr_is_hostname(SPAN_LIT("a..b")));
	CHECK(!addr_is_hostname(SPAN_LIT("a.")));
	CHECK(!addr_is_hostname(SPAN_LIT("a-.b")));
	CHECK(!addr_is_hostname(SPAN_LIT("a\0b")));
	CHECK(!addr_is_hostname(SPAN_LIT("b\xc3\xbc" "cher.example")));
	CHECK(!addr_is_hostname(SPAN_NONE));
	for (unsigned c = 0; c < 256; c++) {
		uint8_t b[] = {'a', (uint8_t)c, 'b'};
		bool want = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    c == '-' || c == '_' || c == '.';

		if (addr_is_hostname(span_of(b, 3)) != want)
			unit_fail(__FILE__, __LINE__, "byte %u", c);
	}
}

TEST(kinds_of_address)
{
	static const struct {
		const char *ip;
		bool loop, link, any;
	} v[] = {
		{"127.0.0.1", true, false, false},   {"127.255.255.255", true, false, false},
		{"128.0.0.1", false, false, false},  {"::1", true, false, false},
		{"::2", false, false, false},        {"::ffff:127.0.0.1", true, false, false},
		{"169.254.1.1", false, true, false}, {"169.253.1.1", false, false, false},
		{"fe80::1", false, true, false},     {"febf::1", false, true, false},
		{"fec0::1", false, false, false},    {"0.0.0.0", false, false, true},
		{"::", false, false, true},          {"0.0.0.1", false, false, false},
		{"::ffff:0.0.0.0", false, false, true}, {"7f00::1", false, false, false},
		{"a9fe::1", false, false, false},
	};
	struct addr a, none = {0};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(addr_parse_ip(span_str(v[i].ip), &a), 0);
		CHECK_INT(addr_is_loopback(&a), v[i].loop);
		CHECK_INT(addr_is_linklocal(&a), v[i].link);
		CHECK_INT(addr_is_any(&a), v[i].any);
	}
	CHECK(!addr_is_any(&none) && !addr_is_loopback(&none) && !addr_is_linklocal(&none));
	CHECK_STR(ip_text(&none), "-");
}

static struct addr ip(const char *text)
{
	struct addr a;

	CHECK_INT(addr_parse_ip(span_str(text), &a), 0);
	return a;
}

TEST(networks_hold_what_they_should)
{
	static const struct {
		const char *net, *ip;
		bool has;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255", true},       {"10.0.0.0/8", "11.0.0.0", false},
		{"192.168.1.128/25", "192.168.1.128", true},  {"192.168.1.128/25", "192.168.1.127", false},
		{"192.168.1.7/32", "192.168.1.7", true},      {"192.168.1.7", "192.168.1.6", false},
		{"192.168.1.6/31", "192.168.1.7", true},      {"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "::1", false},                  {"::/0", "::1", true},
		{"::/0", "1.2.3.4", false},                   {"2001:db8::/32", "2001:db8:ffff::", true},
		{"2001:db8::/32", "2001:db9::", false},       {"2001:db8::/33", "2001:db8:8000::", false},
		{"::1/128", "::1", true},                     {"::1", "::2", false},
		{"::ffff:10.0.0.0/104", "10.1.2.3", true},    {"::ffff:10.0.0.0/104", "11.1.2.3", false},
		{"10.0.0.0/8", "::ffff:10.9.9.9", true},      {"::ffff:0:0/96", "9.9.9.9", true},
		{"::ffff:10.0.0.1", "10.0.0.1", true},        {"::ffff:10.0.0.1", "10.0.0.2", false},
		{"192.0.2.128/25", "192.0.2.128", true}, {"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.7", "192.0.2.7", true}, {"192.0.2.7", "192.0.2.6", false},
		{"::/0", "2001:db8::1", true}, {"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::1/128", "2001:db8::1", true}, {"2001:db8::1/128", "2001:db8::", false},
		{"::ffff:10.0.0.0/104", "10.9.9.9", true}, {"::ffff:10.0.0.0/104", "11.0.0.0", false},
		{"10.0.0.0/8", "::ffff:10.1.2.3", true}, {"10.0.0.0/8", "::a01:203", false},
	};
	static const char *const bad[] = {
		"10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "",
		"10.0.0.0/ 8", "10.0.0/8", "::/129", "::1/64", "2001:db8::1/32", "::ffff:10.0.0.0/8",
		"::ffff:0:0/95", "::ffff:0.0.0.0/95", "::ffff:10.0.0.1/104", "example.com/8",
	};
	const struct addr none = {0};
	struct cidr c = {0};

	CHECK(!cidr_has(&c, &none));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = ip(cases[i].ip);

		CHECK_INT(cidr_parse(span_str(cases[i].net), &c), 0);
		if (cidr_has(&c, &a) != cases[i].has)
			unit_fail(__FILE__, __LINE__, "%s in %s", cases[i].ip, cases[i].net);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct addr any = ip("0.0.0.0");

		if (cidr_parse(span_str(bad[i]), &c) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
		if (cidr_has(&c, &any))
			unit_fail(__FILE__, __LINE__, "what is left of \"%s\" holds an address", bad[i]);
	}
}

TEST(equality_with_and_without_the_port)
{
	struct addr a = ip("192.0.2.1"), b = ip("::ffff:192.0.2.1"), c = ip("::c000:201"), d;
	char text[ADDR_TEXT];

	CHECK(addr_eq(&a, &b) && addr_same_ip(&a, &b));
	CHECK(!addr_same_ip(&a, &c));
	c = ip("192.0.2.2");
	CHECK(!addr_same_ip(&a, &c) && !addr_eq(&a, &c));
	c = ip("0.0.0.0");
	d = ip("::");
	CHECK(!addr_same_ip(&c, &d) && !addr_same_ip(&d, &c)); /* equal bytes, other family */
	c = ip("2001:db8::1");
	d = ip("2001:db8::2");
	CHECK(!addr_same_ip(&c, &d));
	b.port = 1;
	CHECK(!addr_eq(&a, &b) && addr_same_ip(&a, &b));
	c = ip("fe80::1");
	c.scope = 4294967295;
	c.port = 65535;
	CHECK_STR(addr_text(&c, text), "[fe80::1%4294967295]:65535");
	a = c;
	a.scope = 1;
	CHECK(!addr_eq(&a, &c));
	a = (struct addr){.family = 6, .ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .scope = 7};
	addr_canon(&a); /* as accept() hands it out */
	CHECK(a.family == 4 && a.scope == 0);
	CHECK_STR(ip_text(&a), "10.0.0.1");
	memset(&a, 0xff, sizeof a);
	a.family = 6;
	a.ip[0] = 0xfd;
	a.scope = a.port = 0;
	CHECK_STR(ip_text(&a), "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(equality_knows_port_and_scope)
{
	struct addr a, b;

	CHECK_INT(addr_parse(SPAN_LIT("[fe80::1]:80"), false, &a), 0);
	b = a;
	CHECK(addr_eq(&a, &b));
	b.scope = 2;
	CHECK(!addr_eq(&a, &b));
	CHECK(addr_same_ip(&a, &b));
	b = a;
	b.port = 81;
	CHECK(!addr_eq(&a, &b));
	a.scope = 7;
	char text[ADDR_TEXT];
	CHECK_STR(addr_text(&a, text), "[fe80::1%7]:80");
}

TEST(the_longest_text_fits)
{
	struct addr a = {.family = 6, .port = 65535, .scope = UINT32_MAX};
	char text[ADDR_TEXT];

	memset(a.ip, 0xff, 16);
	CHECK_STR(addr_text(&a, text), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}
