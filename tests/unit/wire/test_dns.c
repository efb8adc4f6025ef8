/* The codec against messages written out by hand, byte by byte. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/dns.h"

#define ID 0x12, 0x34
#define OK_FLAGS 0x81, 0x80     /* reply, recursion desired and available */
#define NX_FLAGS 0x81, 0x83     /* … NXDOMAIN */
#define ONE_QUESTION 0x00, 0x01 /* QDCOUNT */
#define NAS 3, 'n', 'a', 's', 2, 'e', 'x', 0 /* nas.ex, at offset 12: "ex" is at 16 */
#define TYPE_A 0x00, 0x01
#define TYPE_AAAA 0x00, 0x1c
#define TYPE_CNAME 0x00, 0x05
#define TYPE_SOA 0x00, 0x06
#define IN 0x00, 0x01
#define TO_QUESTION 0xc0, 12
#define TTL(s) 0, 0, (uint8_t)((s) >> 8), (uint8_t)(s)
/* 12 header + 8 name + 4 type and class: the answers begin at 24 */
#define Q_A NAS, TYPE_A, IN
#define Q_AAAA NAS, TYPE_AAAA, IN
#define COUNTS(an, ns) ONE_QUESTION, 0, an, 0, ns, 0, 0
/* owner: the offset of its name */
#define RR_A(owner, ttl, a, b, c, d) 0xc0, owner, TYPE_A, IN, TTL(ttl), 0, 4, a, b, c, d

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	CHECK_INT(dns_name_parse(span_str(text), &n), 0);
	return n;
}

static int read_as(struct span msg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct dns_name n = name_of(name);

	return dns_reply(msg, 0x1234, &n, type, out);
}

#define READ(bytes, type, out) read_as(span_of(bytes, sizeof bytes), "nas.ex", type, out)

static bool is_v4(const struct addr *a, uint8_t b0, uint8_t b1, uint8_t b2, uint8_t b3)
{
	const uint8_t want[4] = {b0, b1, b2, b3};

	return a->family == 4 && memcmp(a->ip, want, 4) == 0 && a->port == 0 && a->scope == 0;
}

TEST(question_bytes)
{
	static const uint8_t want[] = {
		ID, 0x01, 0x00, /* a query, recursion desired */
		0, 1, 0, 0, 0, 0, 0, 0, NAS, TYPE_AAAA, IN,
	};
	uint8_t mem[DNS_QUERY_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct dns_name n = name_of("NAS.ex.");

	dns_query(&w, 0x1234, &n, DNS_AAAA);
	CHECK(!w.full);
	CHECK(span_eq(wr_span(&w), span_of(want, sizeof want)));
}

TEST(names)
{
	char label[64], text[260];
	struct dns_name a, b, root = {.n = 1};
	uint8_t mem[DNS_QUERY_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	uint16_t id;

	a = name_of("NaS.Example.COM");
	b = name_of("nas.example.com.");
	CHECK(dns_name_eq(&a, &b) && dns_name_cmp(&a, &b) == 0);
	b = name_of("example.com");
	CHECK(dns_name_under(&a, &b) && !dns_name_under(&b, &a) && dns_name_under(&b, &b));
	b = name_of("s.example.com"); /* a tail of the text, not of the labels */
	CHECK(!dns_name_under(&a, &b));
	CHECK(dns_name_under(&a, &root) && dns_name_under(&root, &root) && !dns_name_under(&root, &a));
	/* The longest name: 253 letters and dots are 255 bytes on the wire. */
	memset(label, 'x', 63);
	label[63] = 0;
	snprintf(text, sizeof text, "%s.%s.%s.%.61s", label, label, label, label);
	a = name_of(text);
	CHECK_INT(strlen(text), 253);
	CHECK_INT(a.n, 255);
	dns_query(&w, 1, &a, DNS_A);
	CHECK(!w.full && w.n == DNS_QUERY_MAX);
	CHECK(dns_id(wr_span(&w), &id) && id == 1);
	CHECK(!dns_id(span_of(mem, 1), &id));
	snprintf(text, sizeof text, "%s.%s.%s.%.62s", label, label, label, label);
	CHECK_INT(dns_name_parse(span_str(text), &a), -ZT_E_SYNTAX);
	CHECK_INT(dns_name_parse(SPAN_LIT(""), &a), -ZT_E_SYNTAX);
	CHECK_INT(dns_name_parse(SPAN_LIT("."), &a), -ZT_E_SYNTAX);
	CHECK_INT(dns_name_parse(SPAN_LIT("a..b"), &a), -ZT_E_SYNTAX);
	CHECK_INT(dns_name_parse(SPAN_LIT("a.."), &a), -ZT_E_SYNTAX);
	CHECK_INT(dns_name_parse(SPAN_LIT("10.0.0.1"), &a), -ZT_E_SYNTAX);
}

TEST(addresses_and_their_least_ttl)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(3, 0), Q_A,
		RR_A(12, 300, 192, 0, 2, 1),
		RR_A(12, 60, 192, 0, 2, 2),
		RR_A(16, 5, 9, 9, 9, 9), /* of "ex": not ours, not even its TTL */
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_ADDRS);
	CHECK_INT(a.n, 2);
	CHECK_INT(a.ttl, 60);
	CHECK(is_v4(&a.addr[0], 192, 0, 2, 1) && is_v4(&a.addr[1], 192, 0, 2, 2));
}

TEST(aaaa_and_mapped_addresses)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(2, 0), Q_AAAA,
		TO_QUESTION, TYPE_AAAA, IN, TTL(7), 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
		TO_QUESTION, TYPE_AAAA, IN, TTL(9), 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1,
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_AAAA, &a), 0);
	CHECK_INT(a.n, 2);
	CHECK(a.addr[0].family == 6 && a.addr[0].ip[0] == 0x20 && a.addr[0].ip[15] == 5);
	CHECK(is_v4(&a.addr[1], 10, 0, 0, 1)); /* what it is, however it was smuggled in */
	CHECK_INT(a.ttl, 7);
}

TEST(question_may_come_back_in_any_case_and_uncompressed_owners_do)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(1, 0), 3, 'N', 'a', 'S', 2, 'E', 'X', 0, TYPE_A, IN,
		3, 'n', 'A', 's', 2, 'e', 'x', 0, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_A, &a), 0);
	CHECK_INT(a.n, 1);
}

TEST(ttl_with_the_top_bit_is_zero)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, TO_QUESTION, TYPE_A, IN, 0x80, 0, 0, 1, 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t top[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, TO_QUESTION, TYPE_A, IN, 0x7f, 0xff, 0xff, 0xff, 0, 4, 1, 2, 3, 4,
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_A, &a), 0);
	CHECK_INT(a.ttl, 0);
	CHECK_INT(READ(top, DNS_A, &a), 0);
	CHECK_INT(a.ttl, INT32_MAX);
}

TEST(cname_chain_in_any_order)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(3, 0), Q_A,
		/* 24: the address of b.ex */ 1, 'b', 0xc0, 16, TYPE_A, IN, TTL(100), 0, 4, 10, 0, 0, 2,
		/* a.ex is b.ex */ 1, 'a', 0xc0, 16, TYPE_CNAME, IN, TTL(40), 0, 2, 0xc0, 24,
		/* nas.ex is a.ex */ TO_QUESTION, TYPE_CNAME, IN, TTL(70), 0, 4, 1, 'a', 0xc0, 16,
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_ADDRS);
	CHECK_INT(a.n, 1);
	CHECK(is_v4(&a.addr[0], 10, 0, 0, 2));
	CHECK_INT(a.ttl, 40); /* the weakest link */
}

/* q -> a0 -> a1 … with `hops` CNAMEs and an address at the end; loop: the last points to q. */
static struct span chain(uint8_t *mem, size_t cap, unsigned hops, bool loop)
{
	static const uint8_t head[] = {ID, OK_FLAGS, COUNTS(0, 0), Q_A};
	struct wr w = wr_of(mem, cap);

	wr_bytes(&w, head, sizeof head);
	for (unsigned i = 0; i < hops; i++) {
		if (i == 0)
			wr_be16(&w, 0xc00c);
		else
			wr_bytes(&w, (const uint8_t[]){2, 'a', (uint8_t)('0' + i - 1), 0}, 4);
		wr_bytes(&w, (const uint8_t[]){TYPE_CNAME, IN, TTL(9), 0}, 9);
		if (loop && i + 1 == hops)
			wr_bytes(&w, (const uint8_t[]){2, 0xc0, 12}, 3);
		else
			wr_bytes(&w, (const uint8_t[]){4, 2, 'a', (uint8_t)('0' + i), 0}, 5);
	}
	if (!loop) {
		wr_bytes(&w, (const uint8_t[]){2, 'a', (uint8_t)('0' + hops - 1), 0}, 4);
		wr_bytes(&w, (const uint8_t[]){TYPE_A, IN, TTL(9), 0, 4, 1, 2, 3, 4}, 14);
	}
	wr_patch_be16(&w, 6, (uint16_t)(hops + !loop));
	CHECK(!w.full);
	return wr_span(&w);
}

FLOODS(BOUND_DNS_CHAIN) /* and loops */
{
	uint8_t mem[512];
	struct dns_answer a;

	CHECK_INT(read_as(chain(mem, sizeof mem, 1, false), "nas.ex", DNS_A, &a), 0);
	CHECK_INT(a.n, 1);
	CHECK_INT(read_as(chain(mem, sizeof mem, BOUND_CAP(BOUND_DNS_CHAIN), false), "nas.ex", DNS_A, &a), 0);
	CHECK_INT(a.n, 1);
	CHECK_INT(read_as(chain(mem, sizeof mem, BOUND_CAP(BOUND_DNS_CHAIN) + 1, false), "nas.ex", DNS_A, &a),
		  -ZT_E_DEPTH);
	CHECK_INT(read_as(chain(mem, sizeof mem, 1, true), "nas.ex", DNS_A, &a), -ZT_E_DEPTH);
	CHECK_INT(read_as(chain(mem, sizeof mem, 3, true), "nas.ex", DNS_A, &a), -ZT_E_DEPTH);
	CHECK_INT(a.n, 0);
}

/* "ex" SOA, ns.ex, h.ex, five numbers; from `at` on everything is spelt out. */
#define SOA_EX(ttl, minimum) \
	0xc0, 16, TYPE_SOA, IN, TTL(ttl), 0, 29, 2, 'n', 's', 0xc0, 16, 1, 'h', 0xc0, 16, \
	0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, TTL(minimum)

TEST(no_such_name_lasts_as_long_as_its_soa)
{
	static const uint8_t low_minimum[] = {ID, NX_FLAGS, COUNTS(0, 1), Q_A, SOA_EX(900, 30)};
	static const uint8_t low_ttl[] = {ID, NX_FLAGS, COUNTS(0, 1), Q_A, SOA_EX(20, 3600)};
	static const uint8_t none[] = {ID, NX_FLAGS, COUNTS(0, 0), Q_A};
	struct dns_answer a;

	CHECK_INT(READ(low_minimum, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_NXDOMAIN);
	CHECK_INT(a.rcode, 3);
	CHECK_INT(a.ttl, 30);
	CHECK_INT(READ(low_ttl, DNS_A, &a), 0);
	CHECK_INT(a.ttl, 20);
	CHECK_INT(READ(none, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_NXDOMAIN);
	CHECK_INT(a.ttl, 0); /* RFC 2308 5: without SOA not to be cached */
}

TEST(no_data)
{
	static const uint8_t soa[] = {ID, OK_FLAGS, COUNTS(0, 1), Q_AAAA, SOA_EX(900, 60)};
	static const uint8_t foreign_soa[] = {
		ID, OK_FLAGS, COUNTS(0, 1), Q_AAAA, /* "org" is not above nas.ex */
		3, 'o', 'r', 'g', 0, TYPE_SOA, IN, TTL(900), 0, 22, 0, 0,
		0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, TTL(900),
	};
	static const uint8_t only_cname[] = {
		ID, OK_FLAGS, COUNTS(1, 1), Q_AAAA, TO_QUESTION, TYPE_CNAME, IN, TTL(5), 0, 4, 1, 'a', 0xc0, 16,
		SOA_EX(900, 60),
	};
	struct dns_answer a;

	CHECK_INT(READ(soa, DNS_AAAA, &a), 0);
	CHECK_INT(a.kind, DNS_NODATA);
	CHECK_INT(a.ttl, 60);
	CHECK_INT(READ(foreign_soa, DNS_AAAA, &a), 0);
	CHECK_INT(a.kind, DNS_NODATA);
	CHECK_INT(a.ttl, 0);
	CHECK_INT(READ(only_cname, DNS_AAAA, &a), 0);
	CHECK_INT(a.kind, DNS_NODATA);
	CHECK_INT(a.ttl, 5); /* the alias may change sooner than the "no" */
}

TEST(the_unspecified_address_is_no_address)
{
	static const uint8_t zero[] = {ID, OK_FLAGS, COUNTS(1, 0), Q_A, RR_A(12, 2, 0, 0, 0, 0)};
	static const uint8_t both[] = {
		ID, OK_FLAGS, COUNTS(2, 0), Q_A, RR_A(12, 2, 0, 0, 0, 0), RR_A(12, 9, 10, 0, 0, 1),
	};
	static const uint8_t six[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_AAAA, TO_QUESTION, TYPE_AAAA, IN, TTL(7), 0, 16,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, /* ::ffff:0.0.0.0 */
	};
	struct dns_answer a;

	CHECK_INT(READ(zero, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_NODATA);
	CHECK_INT(a.ttl, 2);
	CHECK_INT(READ(both, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_ADDRS);
	CHECK_INT(a.n, 1);
	CHECK_INT(READ(six, DNS_AAAA, &a), 0);
	CHECK_INT(a.kind, DNS_NODATA);
}

TEST(truncated_and_failed)
{
	static const uint8_t tc[] = {ID, 0x83, 0x80, COUNTS(9, 0), Q_A, 0xff}; /* the rest is not looked at */
	static const uint8_t servfail[] = {ID, 0x81, 0x82, COUNTS(0, 0), Q_A};
	static const uint8_t refused[] = {ID, 0x81, 0x85, COUNTS(0, 0), Q_A};
	struct dns_answer a;

	CHECK_INT(READ(tc, DNS_A, &a), 0);
	CHECK_INT(a.kind, DNS_TRUNCATED);
	CHECK_INT(READ(servfail, DNS_A, &a), 0);
	CHECK(a.kind == DNS_FAILED && a.rcode == 2);
	CHECK_INT(READ(refused, DNS_A, &a), 0);
	CHECK(a.kind == DNS_FAILED && a.rcode == 5);
}

TEST(not_our_reply)
{
	static const uint8_t good[] = {ID, OK_FLAGS, COUNTS(1, 0), Q_A, RR_A(12, 300, 192, 0, 2, 1)};
	static const struct {
		const char *what;
		size_t at;
		uint8_t byte;
	} change[] = {
		{"id, high", 0, 0x13},  {"id, low", 1, 0x35},     {"a question", 2, 0x01},
		{"opcode", 2, 0x89},    {"no question", 5, 0},    {"two questions", 5, 2},
		{"other name", 13, 'm'}, {"shorter name", 12, 2}, {"AAAA", 21, 28},
		{"ANY", 21, 255},        {"class CH", 23, 3},     {"question name is a pointer ahead", 12, 0xc0},
	};
	uint8_t msg[sizeof good];
	struct dns_answer a;

	CHECK_INT(READ(good, DNS_A, &a), 0);
	for (size_t i = 0; i < ARRAY_LEN(change); i++) {
		memcpy(msg, good, sizeof good);
		msg[change[i].at] = change[i].byte;
		if (READ(msg, DNS_A, &a) != -ZT_E_UNKNOWN)
			unit_fail(__FILE__, __LINE__, "%s: taken", change[i].what);
		CHECK_INT(a.n, 0);
	}
	CHECK_INT(READ(good, DNS_AAAA, &a), -ZT_E_UNKNOWN);
	CHECK_INT(read_as(span_of(good, sizeof good), "other.ex", DNS_A, &a), -ZT_E_UNKNOWN);
	CHECK_INT(read_as(SPAN_NONE, "nas.ex", DNS_A, &a), -ZT_E_UNKNOWN);
}

TEST(every_cut_is_noticed)
{
	static const uint8_t msg[] = {
		ID, OK_FLAGS, COUNTS(2, 0), Q_A, TO_QUESTION, TYPE_CNAME, IN, TTL(5), 0, 4, 1, 'a', 0xc0, 16,
		1, 'a', 0xc0, 16, TYPE_A, IN, TTL(300), 0, 4, 192, 0, 2, 1,
	};
	struct dns_answer a;

	CHECK_INT(READ(msg, DNS_A, &a), 0);
	CHECK_INT(a.n, 1);
	for (size_t n = 0; n < sizeof msg; n++) {
		int rc = read_as(span_of(msg, n), "nas.ex", DNS_A, &a);

		CHECK_INT(rc, n < 24 ? -ZT_E_UNKNOWN : -ZT_E_SYNTAX);
		CHECK_INT(a.n, 0);
	}
}

TEST(malformed)
{
	static const uint8_t forward[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, 0xc0, 26, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t itself[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, 0xc0, 24, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t back_and_in[] = { /* "a" then back to itself: each round one label more */
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, 1, 'a', 0xc0, 24, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t reserved[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, 0x41, 'a', 0, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t short_a[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, TO_QUESTION, TYPE_A, IN, TTL(1), 0, 3, 1, 2, 3,
	};
	static const uint8_t long_a[] = {
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, TO_QUESTION, TYPE_A, IN, TTL(1), 0, 5, 1, 2, 3, 4, 5,
	};
	static const uint8_t cname_rest[] = { /* the target ends before the data do */
		ID, OK_FLAGS, COUNTS(1, 0), Q_A, TO_QUESTION, TYPE_CNAME, IN, TTL(1), 0, 5, 1, 'a', 0xc0, 16, 0,
	};
	static const uint8_t cname_over[] = { /* the target runs out of the data into the next record */
		ID, OK_FLAGS, COUNTS(2, 0), Q_A, TO_QUESTION, TYPE_CNAME, IN, TTL(1), 0, 2, 1, 'a',
		0xc0, 16, TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4,
	};
	static const uint8_t soa_short[] = {
		ID, NX_FLAGS, COUNTS(0, 1), Q_A, 0xc0, 16, TYPE_SOA, IN, TTL(9), 0, 21, 0, 0,
		0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 1,
	};
	static const uint8_t nx_with_address[] = {
		ID, NX_FLAGS, COUNTS(1, 0), Q_A, RR_A(12, 300, 192, 0, 2, 1),
	};
	static const uint8_t missing[] = {ID, OK_FLAGS, COUNTS(2, 0), Q_A, RR_A(12, 300, 192, 0, 2, 1)};
	static const uint8_t no_authority[] = {ID, NX_FLAGS, COUNTS(0, 1), Q_A};
	static const struct {
		const char *what;
		struct span msg;
	} v[] = {
#define V(x) {#x, {x, sizeof x}}
		V(forward), V(itself), V(back_and_in), V(reserved), V(short_a), V(long_a), V(cname_rest),
		V(cname_over), V(soa_short), V(nx_with_address), V(missing), V(no_authority),
	};
	struct dns_answer a;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		int rc = read_as(v[i].msg, "nas.ex", DNS_A, &a);

		if (rc != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "%s: %d", v[i].what, rc);
		CHECK_INT(a.n, 0);
	}
}

/* A ladder of pointers, each one step back: rungs of them, then an address record owned by
 * the last. 16 hops are read, 17 are not. */
static int ladder(unsigned rungs, struct dns_answer *a)
{
	static const uint8_t head[] = {ID, OK_FLAGS, COUNTS(2, 0), Q_A};
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	uint16_t to = 12;

	wr_bytes(&w, head, sizeof head);
	/* the rungs are the data of a record nobody asked for: TXT, 16 */
	wr_bytes(&w, (const uint8_t[]){0, 0, 16, IN, TTL(1)}, 9);
	wr_be16(&w, (uint16_t)(2 * rungs));
	for (unsigned i = 0; i < rungs; i++) {
		uint16_t here = (uint16_t)w.n;

		wr_be16(&w, (uint16_t)(0xc000 | to));
		to = here;
	}
	wr_be16(&w, (uint16_t)(0xc000 | to));
	wr_bytes(&w, (const uint8_t[]){TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4}, 14);
	return read_as(wr_span(&w), "nas.ex", DNS_A, a);
}

TEST(pointer_hops_are_bounded)
{
	struct dns_answer a;

	CHECK_INT(ladder(0, &a), 0);
	CHECK_INT(a.n, 1);
	CHECK_INT(ladder(15, &a), 0); /* and one of the record itself */
	CHECK_INT(a.n, 1);
	CHECK_INT(ladder(16, &a), -ZT_E_SYNTAX);
}

TEST(names_over_255_are_refused)
{
	static const uint8_t head[] = {ID, OK_FLAGS, COUNTS(2, 0), Q_A};
	uint8_t mem[800], label[64] = {63};
	struct dns_answer a;

	for (unsigned labels = 2; labels <= 4; labels++) {
		struct wr w = wr_of(mem, sizeof mem);

		memset(label + 1, 'x', 63);
		wr_bytes(&w, head, sizeof head);
		for (unsigned i = 0; i < labels; i++)
			wr_bytes(&w, label, sizeof label);
		/* labels of 64 bytes and "nas.ex" of 8 by pointer: 136, 200, 264 */
		wr_be16(&w, 0xc00c);
		wr_bytes(&w, (const uint8_t[]){TYPE_A, IN, TTL(1), 0, 4, 1, 2, 3, 4}, 14);
		wr_bytes(&w, (const uint8_t[]){RR_A(12, 1, 1, 2, 3, 4)}, 16);
		CHECK(!w.full);
		CHECK_INT(read_as(wr_span(&w), "nas.ex", DNS_A, &a), labels < 4 ? 0 : -ZT_E_SYNTAX);
	}
}

FLOODS(BOUND_DNS_ADDRS) /* further addresses are left out */
{
	static const uint8_t head[] = {ID, OK_FLAGS, COUNTS(40, 0), Q_A};
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct dns_answer a;

	wr_bytes(&w, head, sizeof head);
	for (uint8_t i = 0; i < 40; i++)
		wr_bytes(&w, (const uint8_t[]){RR_A(12, (100 - i), 10, 0, 0, i)}, 16);
	CHECK_INT(read_as(wr_span(&w), "nas.ex", DNS_A, &a), 0);
	CHECK_INT(a.n, BOUND_CAP(BOUND_DNS_ADDRS));
	CHECK(is_v4(&a.addr[a.n - 1], 10, 0, 0, BOUND_CAP(BOUND_DNS_ADDRS) - 1));
	CHECK_INT(a.ttl, 61); /* the whole set expires together */
}
