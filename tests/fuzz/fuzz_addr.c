/* Every parser of addr over the same text. Invariants: what was read, written and read again
 * is the same value, its text is already in the one form, and no text is two things. */
#include <stdlib.h>
#include <string.h>

#include "wire/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static struct span write_ip(const struct addr *a, char mem[static ADDR_TEXT])
{
	struct wr w = wr_of(mem, ADDR_TEXT);

	addr_write_ip(&w, a);
	MUST(!w.full);
	return wr_span(&w);
}

static void check_value(const struct addr *a)
{
	struct addr canon = *a;

	addr_canon(&canon);
	MUST(addr_eq(&canon, a) && (a->family == 4 || a->family == 6) && a->scope == 0);
	if (a->family == 4)
		for (size_t i = 4; i < sizeof a->ip; i++)
			MUST(a->ip[i] == 0);
}

static void check_ip(struct span s)
{
	char t1[ADDR_TEXT], t2[ADDR_TEXT];
	struct addr a, b;
	struct cidr c;

	if (addr_parse_ip(s, &a) < 0) {
		MUST(a.family == 0);
		return;
	}
	check_value(&a);
	MUST(addr_parse_ip(write_ip(&a, t1), &b) == 0 && addr_eq(&a, &b));
	MUST(span_eq(write_ip(&a, t1), write_ip(&b, t2)));
	MUST(!addr_is_hostname(s)); /* a text is an address or a name, never both */
	MUST(cidr_parse(s, &c) == 0 && cidr_has(&c, &a));
}

static void check_ip_port(struct span s)
{
	char t[ADDR_TEXT];
	struct addr a, b;

	if (addr_parse(s, true, &a) < 0)
		return;
	check_value(&a);
	MUST(addr_parse(span_str(addr_text(&a, t)), true, &b) == 0 && addr_eq(&a, &b));
	MUST((addr_parse(s, false, &b) == 0) == (a.port != 0));
}

static void check_hostport(struct span s)
{
	struct addr ip, whole;
	struct span host;
	uint16_t port;

	if (addr_parse_hostport(s, &host, &port) < 0)
		return;
	MUST(port && host.n && host.p >= s.p && host.p + host.n <= s.p + s.n);
	if (addr_parse_ip(host, &ip) == 0) {
		MUST(addr_parse(s, false, &whole) == 0 && addr_same_ip(&ip, &whole) && whole.port == port);
	} else {
		MUST(addr_is_hostname(host));
		MUST(addr_parse(s, false, &whole) < 0);
	}
}

static void check_cidr(struct span s)
{
	char mem[ADDR_TEXT + 4];
	struct wr w = wr_of(mem, sizeof mem);
	struct cidr c, d;

	if (cidr_parse(s, &c) < 0)
		return;
	MUST(c.bits <= (c.base.family == 4 ? 32 : 128) && cidr_has(&c, &c.base));
	addr_write_ip(&w, &c.base);
	wr_fmt(&w, "/%u", c.bits);
	MUST(!w.full && cidr_parse(wr_span(&w), &d) == 0);
	MUST(addr_eq(&c.base, &d.base) && c.bits == d.bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span s = span_of(data, n);

	check_ip(s);
	check_ip_port(s);
	check_hostport(s);
	check_cidr(s);
	return 0;
}
