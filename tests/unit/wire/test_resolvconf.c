/* resolv.conf(5): servers, scopes, the two options, and all that is skipped. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "wire/resolvconf.h"

static unsigned parse(const char *text, struct resolvconf *c)
{
	return resolvconf_parse(span_str(text), c);
}

static const char *server(const struct resolvconf *c, size_t i)
{
	static char out[ADDR_TEXT];

	return addr_text(&c->server[i], out);
}

TEST(a_usual_file)
{
	struct resolvconf c;

	CHECK_INT(parse("# made by somebody\n; and somebody else\n"
			"search home.arpa example.com\n"
			"nameserver 192.168.1.1\n"
			"nameserver\t2001:db8::53  \n"
			"  nameserver fe80::1%eth0\r\n"
			"options edns0 timeout:3 trust-ad attempts:4 ndots:9\n", &c), 0);
	CHECK_INT(c.n, 3);
	CHECK_STR(server(&c, 0), "192.168.1.1:53");
	CHECK_STR(server(&c, 1), "[2001:db8::53]:53");
	CHECK_STR(server(&c, 2), "[fe80::1]:53");
	CHECK_STR(c.zone[0], "");
	CHECK_STR(c.zone[2], "eth0");
	CHECK_INT(c.timeout_s, 3);
	CHECK_INT(c.attempts, 4);
}

TEST(without_a_server_it_is_this_machine)
{
	static const char *const empty[] = {"", "\n", "# nameserver 10.0.0.1\n", ";nameserver 10.0.0.1",
					    "search example.com\n", "namserver 10.0.0.1\n", "nameservers 10.0.0.1"};
	struct resolvconf c;

	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		CHECK_INT(parse(empty[i], &c), 0);
		CHECK_INT(c.n, 1);
		CHECK_STR(server(&c, 0), "127.0.0.1:53");
		CHECK_INT(c.timeout_s, RESOLVCONF_TIMEOUT_S);
		CHECK_INT(c.attempts, RESOLVCONF_ATTEMPTS);
	}
}

TEST(servers_that_cannot_be_read_are_counted)
{
	static const char *const bad[] = {"nameserver", "nameserver ", "nameserver dns.example.com",
					  "nameserver 10.0.0.256", "nameserver 10.0.0.1:53", "nameserver [::1]",
					  "nameserver 10.0.0.1%eth0", "nameserver fe80::1%",
					  "nameserver fe80::1%interface-name-too-long"};
	struct resolvconf c;
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "%s\nnameserver 10.0.0.2\n", bad[i]);
		if (parse(text, &c) != 1 || c.n != 1)
			unit_fail(__FILE__, __LINE__, "\"%s\" was taken", bad[i]);
		CHECK_STR(server(&c, 0), "10.0.0.2:53");
		CHECK_STR(c.zone[0], "");
	}
}

TEST(the_fourth_server_is_one_too_many)
{
	struct resolvconf c;

	CHECK_INT(parse("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
			"nameserver 10.0.0.4\nnameserver 10.0.0.5\n", &c), 2);
	CHECK_INT(c.n, 3);
	CHECK_STR(server(&c, 2), "10.0.0.3:53");
}

TEST(scopes)
{
	struct resolvconf c;

	CHECK_INT(parse("nameserver fe80::1%2\nnameserver fe80::2%012345678901234\nnameserver fe80::3%0", &c), 0);
	CHECK_STR(server(&c, 0), "[fe80::1%2]:53");
	CHECK_STR(c.zone[0], "");
	CHECK_STR(c.zone[1], "012345678901234"); /* 15 letters fit; a number with zeros is a name */
	CHECK_STR(c.zone[2], "0");               /* no interface has index 0 */
	CHECK_INT(c.server[2].scope, 0);
}

TEST(options_are_held_to_their_range)
{
	static const struct {
		const char *text;
		unsigned timeout, attempts;
	} v[] = {
		{"options timeout:0 attempts:0", 1, 1},
		{"options timeout:31 attempts:6", 30, 5},
		{"options timeout:4294967295 attempts:255", 30, 5},
		{"options timeout:99999999999 attempts:-1", RESOLVCONF_TIMEOUT_S, RESOLVCONF_ATTEMPTS},
		{"options timeout: attempts:x timeouts:9 attempts", RESOLVCONF_TIMEOUT_S, RESOLVCONF_ATTEMPTS},
		{"options timeout:5\noptions timeout:7", 7, RESOLVCONF_ATTEMPTS}, /* the last one counts */
	};
	struct resolvconf c;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(parse(v[i].text, &c), 0);
		CHECK_INT(c.timeout_s, v[i].timeout);
		CHECK_INT(c.attempts, v[i].attempts);
	}
}
