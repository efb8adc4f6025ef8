/* addr: one spelling for one address, and nothing that another parser would take differently. */
#include "wire/addr.h"

#include "../unit.h"
#include "base/err.h"
#include "base/num.h"

static const char *ip_text(const struct addr *a)
{
	static char out[64];
	struct wr w = wr_of(out, sizeof out - 1);

	addr_write_ip(&w, a);
	out[w.n] = 0;
	return out;
}

TEST(ip_addresses_and_their_canonical_text)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"192.0.2.1", "192.0.2.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:0DB8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 4.2.2: not for one group */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* 4.2.3: the longest run */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* the first of equals */
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"0:0:3:4:5:6:0:0", "::3:4:5:6:0:0"},
		{"1:0:0:4:5:6:7:0", "1::4:5:6:7:0"},
		{"fe80::ABCD", "fe80::abcd"},
		{"::ffff:192.0.2.1", "192.0.2.1"}, /* mapped IS IPv4 */
		{"::FFFF:c000:0201", "192.0.2.1"},
		{"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
		{"64:ff9b::192.0.2.1", "64:ff9b::c000:201"}, /* NAT64 is not mapped */
		{"::192.0.2.1", "::c000:201"},
		{"::ffff:0:192.0.2.1", "::ffff:0:c000:201"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"1::1.2.3.4", "1::102:304"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a, again;

		if (addr_parse_ip(span_str(cases[i].in), &a) < 0) {
			unit_fail(__FILE__, __LINE__, "%s was refused", cases[i].in);
			continue;
		}
		CHECK_STR(ip_text(&a), cases[i].out);
		CHECK(addr_parse_ip(span_str(cases[i].out), &again) == 0 && addr_eq(&a, &again));
		CHECK(a.port == 0 && a.scope == 0);
	}
}

TEST(what_is_no_ip_address)
{
	static const char *const bad[] = {
		"", ".", ":", ":::", "1.2.3", "1.2.3.4.5", "1.2.3.4.", ".1.2.3.4", "1..2.3", "256.1.1.1",
		"1.2.3.256", "01.2.3.4", "1.2.3.04", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4",
		"1.2.3.-4", "1.2.3.4/8", "1.2.3.4:80", "16909060", "0x01020304", "1.2.772", "1.2.3.4\n",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1::2::3",
		"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", ":::1", "1:::2", "::1:", ":1::",
		"12345::", "::g", "::-1", "::+1", ":: 1", "::1 ", "::1%eth0", "fe80::1%1", "[::1]", "::1/64",
		"1.2.3.4::", "1.2.3.4:5:6:7:8:9:a", "::1.2.3.4:5", "::1.2.3", "::1.2.3.256", "::01.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::ffff:1.2.3.4.5", "1:2:3:4:5:6:7:8:1.2.3.4",
	};
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		a.family = 9;
		if (addr_parse_ip(span_str(bad[i]), &a) != -ZT_E_SYNTAX || a.family != 0)
			unit_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
	}
	CHECK_INT(addr_parse_ip(SPAN_LIT("1.2.3.4\0"), &a), -ZT_E_SYNTAX);
	CHECK_INT(addr_parse_ip(SPAN_LIT("::1\0"), &a), -ZT_E_SYNTAX);
	CHECK_INT(addr_parse_ip(SPAN_NONE, &a), -ZT_E_SYNTAX);
}

TEST(addresses_with_a_port)
{
	static const char *const good[] = {"192.0.2.1:443", "[2001:db8::1]:1", "0.0.0.0:65535", "[::]:8080"};
	static const char *const bad[] = {
		"192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:080", "192.0.2.1:+80",
		"192.0.2.1:80 ", "192.0.2.1:80:", "[::1]", "[::1]:", "[::1]80", "[::1]:0", "[::1:80", "::1:80",
		"[192.0.2.1]:80", "[]:80", "[::1]]:80", "[[::1]]:80", "localhost:80", ":80", "",
		"[fe80::1%eth0]:80",
	};
	struct addr a;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_INT(addr_parse(span_str(good[i]), false, &a), 0);
		CHECK_STR(addr_text(&a, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse(span_str(bad[i]), false, &a) != -ZT_E_SYNTAX || a.family != 0 || a.port != 0)
			unit_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
	CHECK_INT(addr_parse(SPAN_LIT("127.0.0.1:0"), true, &a), 0);
	CHECK_INT(addr_parse(SPAN_LIT("[::ffff:127.0.0.1]:7"), true, &a), 0);
	CHECK_STR(addr_text(&a, text), "127.0.0.1:7");
}

TEST(a_host_with_a_port)
{
	static const struct {
		const char *in, *host;
		uint16_t port;
	} good[] = {
		{"example.com:443", "example.com", 443}, {"localhost:1", "localhost", 1},
		{"192.0.2.1:80", "192.0.2.1", 80},       {"[::1]:80", "::1", 80},
		{"_srv.a-b.c1:65535", "_srv.a-b.c1", 65535},
	};
	static const char *const bad[] = {
		"example.com", "example.com:", "example.com:0", "example.com:99999", ":80", "[example.com]:80",
		"[192.0.2.1]:80", "::1:80", "fe80::1:443", "exa mple.com:80", "example.com.:80", "-a.com:80",
		"a-.com:80", "a..b:80", "10.0.0.256:80", "123:80", "1.2.3:80", "a.b.7:80", "a.0:80", "a.9:80", "a.90:80", "a.com:65536", "a/b:80", "a@b:80",
		"\xc3\xa9.com:80", "*.example.com:80", "[::1]:80x", "[::1]x:80",
	};
	struct span host;
	uint16_t port;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_INT(addr_parse_hostport(span_str(good[i].in), &host, &port), 0);
		CHECK(span_eq_str(host, good[i].host) && port == good[i].port);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse_hostport(span_str(bad[i]), &host, &port) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
}

TEST(host_names_have_their_lengths)
{
	char name[300];

	memset(name, 'a', sizeof name);
	CHECK(addr_is_hostname(span_of(name, 1)));
	CHECK(addr_is_hostname(span_of(name, 63)));
	CHECK(!addr_is_hostname(span_of(name, 64)));
	for (size_t i = 63; i < sizeof name; i += 64)
		name[i] = '.';
	CHECK(addr_is_hostname(span_of(name, 253)));
	CHECK(!addr_is_hostname(span_of(name, 254)));
	CHECK(!addr_is_hostname(SPAN_NONE));
	CHECK(!addr_is_hostname(SPAN_LIT("a\0b")));
	for (unsigned c = 0; c < 256; c++) {
		uint8_t b[] = {'a', (uint8_t)c, 'b'};
		bool want = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    c == '-' || c == '_' || c == '.';

		if (addr_is_hostname(span_of(b, 3)) != want)
			unit_fail(__FILE__, __LINE__, "byte %u", c);
	}
}

static struct addr ip(const char *text)
{
	struct addr a;

	CHECK_INT(addr_parse_ip(span_str(text), &a), 0);
	return a;
}

TEST(kinds_of_addresses)
{
	static const struct {
		const char *text;
		bool loopback, linklocal, any;
	} cases[] = {
		{"127.0.0.1", true, false, false},      {"127.255.255.255", true, false, false},
		{"128.0.0.1", false, false, false},     {"::1", true, false, false},
		{"::2", false, false, false},           {"::ffff:127.0.0.1", true, false, false},
		{"169.254.1.1", false, true, false},    {"169.253.1.1", false, false, false},
		{"fe80::1", false, true, false},        {"febf::1", false, true, false},
		{"fec0::1", false, false, false},       {"0.0.0.0", false, false, true},
		{"::", false, false, true},             {"::ffff:0.0.0.0", false, false, true},
		{"7f00::1", false, false, false},       {"a9fe::1", false, false, false},
	};
	const struct addr none = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = ip(cases[i].text);

		if (addr_is_loopback(&a) != cases[i].loopback || addr_is_linklocal(&a) != cases[i].linklocal ||
		    addr_is_any(&a) != cases[i].any)
			unit_fail(__FILE__, __LINE__, "%s", cases[i].text);
	}
	CHECK(!addr_is_loopback(&none) && !addr_is_linklocal(&none) && !addr_is_any(&none));
	CHECK_STR(ip_text(&none), "-");
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
	};
	static const char *const bad[] = {
		"10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "",
		"10.0.0.0/ 8", "10.0.0/8", "::/129", "::1/64", "2001:db8::1/32", "::ffff:10.0.0.0/8",
		"::ffff:0:0/95", "::ffff:10.0.0.1/104", "example.com/8",
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
