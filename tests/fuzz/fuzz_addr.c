<<<<<<< HEAD
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
=======
/*
 * fuzz_addr: what is accepted is read again from its own canonical text as the same address,
 * agrees with the C library's parser, and lies in its own network; what is refused leaves
 * nothing that matches.
 */
#include "wire/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define NEED(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void one_ip(struct span s)
{
	struct addr a, again;
	uint8_t lib[16];
	char text[ADDR_TEXT], in[64];
	struct wr w = wr_of(text, sizeof text - 1);
	bool v6 = memchr(s.p, ':', s.n) != NULL;
	int rc = addr_parse_ip(s, &a);

	if (span_to_cstr(s, in, sizeof in) == 0 && (rc == 0) != (inet_pton(v6 ? AF_INET6 : AF_INET, in, lib) == 1))
		NEED(!v6 && rc < 0); /* some C libraries take leading zeros; we never do */
	if (rc < 0) {
		NEED(a.family == 0 && rc == -ZT_E_SYNTAX);
		return;
	}
	NEED(a.family == 4 ? memcmp(a.ip, v6 ? lib + 12 : lib, 4) == 0 : memcmp(a.ip, lib, 16) == 0);
	addr_write_ip(&w, &a);
	text[w.n] = 0;
	NEED(addr_parse_ip(wr_span(&w), &again) == 0 && addr_eq(&a, &again));
	inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.ip, in, sizeof in);
	/* The C library writes dotted quads into some IPv6 texts, which RFC 5952 leaves open. */
	NEED(strchr(in, '.') || strcmp(in, text) == 0);
}

static void one_cidr(struct span s)
{
	struct cidr c;
	struct addr a;

	if (cidr_parse(s, &c) < 0) {
		memset(&a, 0, sizeof a);
		for (a.family = 0; a.family <= 6; a.family++)
			NEED(!cidr_has(&c, &a));
		return;
	}
	NEED(c.bits <= (c.base.family == 4 ? 32 : 128));
	a = c.base;
	NEED(cidr_has(&c, &a));
	if (c.bits) {
		a.ip[(c.bits - 1) / 8] ^= (uint8_t)(0x80 >> (c.bits - 1) % 8);
		NEED(!cidr_has(&c, &a)); /* the last bit that counts */
	}
	a = c.base;
	if (c.bits < (c.base.family == 4 ? 32 : 128)) {
		a.ip[c.bits / 8] ^= (uint8_t)(0x80 >> c.bits % 8);
		NEED(cidr_has(&c, &a)); /* the first that does not */
	}
}

static void with_port(struct span s)
{
	struct addr a, again;
	struct span host;
	uint16_t port;
	char text[ADDR_TEXT];

	if (addr_parse(s, false, &a) == 0) {
		NEED(a.port != 0);
		addr_text(&a, text);
		NEED(addr_parse(span_str(text), false, &again) == 0 && addr_eq(&a, &again));
		NEED(addr_parse_hostport(s, &host, &port) == 0 && port == a.port);
	}
	if (addr_parse_hostport(s, &host, &port) == 0) {
		NEED(port != 0 && host.n > 0 && host.n < s.n);
		NEED(host.p >= s.p && host.p + host.n <= s.p + s.n);
		NEED(addr_is_hostname(host) || addr_parse_ip(host, &a) == 0);
	}
>>>>>>> base-json
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span s = span_of(data, n);

<<<<<<< HEAD
	check_ip(s);
	check_ip_port(s);
	check_hostport(s);
	check_cidr(s);
=======
	if (n == 0 || n > 300)
		return 0;
	one_ip(s);
	one_cidr(s);
	with_port(s);
>>>>>>> base-json
	return 0;
}
