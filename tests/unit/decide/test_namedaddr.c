/* Where a name may lead: each kind of address, alone and carried by another one. */
#include "base/num.h"
#include "decide/namedaddr.h"
#include "tests/unit/unit.h"

static enum named_addr of(const char *text)
{
	struct addr a;

	CHECK_INT(addr_parse_ip(span_str(text), &a), 0);
	return named_addr(&a);
}

static void all_are(const char *const *text, size_t n, enum named_addr want)
{
	for (size_t i = 0; i < n; i++)
		if (of(text[i]) != want)
			unit_fail(__FILE__, __LINE__, "%s is %d", text[i], (int)of(text[i]));
}

TEST(what_anybody_may_be_called)
{
	static const char *const fine[] = {
		"10.0.0.1", "192.168.1.5", "172.16.0.1", "100.64.0.1", "100.100.100.100", "100.100.100.201", "168.63.129.17",
		"192.0.0.191", "169.253.255.255", "169.255.0.0", "128.0.0.1", "2001:db8::1", "fd00::1", "fd00:ec1::254", "fd00:ec3::254",
		"fd20:ce::253", "fd00:c1::a9fe:a9ff", "fd00:42::43", "fd00:a9fe:a9fe::2", "fd00:100::100:201", "fec0::1",
	};

	all_are(fine, ARRAY_LEN(fine), NAMED_FINE);
}

TEST(only_this_machine_says_loopback)
{
	static const char *const here[] = {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"};

	all_are(here, ARRAY_LEN(here), NAMED_LOOPBACK);
}

TEST(no_name_leads_to_credentials)
{
	static const char *const never[] = {
		"169.254.169.254", "169.254.0.0", "169.254.255.255", "169.254.42.42", "::ffff:169.254.169.254", "fe80::1", "febf::1",
		"fe80::a9fe:a9fe", "0.0.0.0", "::", "100.100.100.200", "::ffff:100.100.100.200", "168.63.129.16", "192.0.0.192",
		"fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23", "fd00:ec2:ffff::1", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
		"fd00:42::42", "fd00:a9fe:a9fe::1", "fd00:100::100:200",
	};

	all_are(never, ARRAY_LEN(never), NAMED_NEVER);
}

/* RFC 6052 section 2.4's layouts, of 169.254.169.254, 127.0.0.1, 100.100.100.200 and of harmless ones. */
TEST(translators_are_looked_through)
{
	static const char *const never[] = {
		"64:ff9b::169.254.169.254", "64:ff9b::100.100.100.200", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:fea9:fe:a9fe::",
		"64:ff9b:1:3a9:fe:a9fe::", "64:ff9b:1:ffff:a9:fea9:fe00:0", "64:ff9b:1::169.254.169.254", "64:ff9b:1:ab::169.254.169.254",
		"64:ff9b:1:fffe::100.100.100.200", "2002:a9fe:a9fe::", "2002:a9fe:a9fe:1::1", "2002:6464:64c8::1",
	};
	static const char *const here[] = {
		"64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1", "64:ff9b:1:7f00:0:100::", "2002:7f00:1::1",
	};
	static const char *const fine[] = {
		"64:ff9b::192.168.1.5", "64:ff9b::8.8.8.8", "64:ff9b:1::192.168.1.5", "64:ff9b:1:c0a8:1:500::", "64:ff9b:1:ab::10.0.0.1",
		"64:ff9b::0.0.0.0", "64:ff9c::169.254.169.254", "64:ff9b:0:1::169.254.169.254", "64:ff9b:2::169.254.169.254",
		"2002:c0a8:105::1", "2003:a9fe:a9fe::", "2001:db8::169.254.169.254",
	};

	all_are(never, ARRAY_LEN(never), NAMED_NEVER);
	all_are(here, ARRAY_LEN(here), NAMED_LOOPBACK);
	all_are(fine, ARRAY_LEN(fine), NAMED_FINE);
}

TEST(nobody_is_no_address_to_dial)
{
	const struct addr none = {0};

	CHECK(named_addr(&none) == NAMED_FINE); /* nor one that a resolver could answer */
}
