/* Replies. First byte: the type asked for; the question is taken from the message itself, so
 * that the fuzzer gets past it. Invariants: an answer is well formed, asking is the inverse
 * of being asked, and nothing is believed that was not said. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "wire/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

/* The first name of the question as uncompressed labels, lower case; false when it has none. */
static bool question(struct span msg, struct dns_name *out)
{
	struct rd r = rd_of(span_sub(msg, DNS_HEADER, msg.n));
	uint8_t len;

	out->n = 0;
	do {
		struct span label;

		len = rd_u8(&r);
		label = rd_bytes(&r, len);
		if (r.bad || len > 63 || out->n + 1u + len > DNS_NAME_MAX)
			return false;
		out->wire[out->n++] = len;
		for (size_t i = 0; i < label.n; i++) {
			uint8_t c = label.p[i];

			out->wire[out->n++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
		}
	} while (len);
	return true;
}

static void check_answer(const struct dns_answer *a, int rc)
{
	MUST(rc == 0 || rc == -ZT_E_UNKNOWN || rc == -ZT_E_SYNTAX || rc == -ZT_E_DEPTH);
	MUST(a->n <= ARRAY_LEN(a->addr) && a->ttl <= INT32_MAX);
	MUST((a->n > 0) == (rc == 0 && a->kind == DNS_ADDRS));
	for (uint8_t i = 0; i < a->n; i++) {
		struct addr canon = a->addr[i];

		addr_canon(&canon);
		MUST(addr_eq(&canon, &a->addr[i]) && !addr_is_any(&canon) && canon.port == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span msg = span_sub(span_of(data, n), 1, n);
	enum dns_type type = n && (data[0] & 1) ? DNS_AAAA : DNS_A;
	uint8_t mem[DNS_QUERY_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct dns_name name, other;
	struct dns_answer a, b;
	uint16_t id;
	int rc;

	if (!question(msg, &name) || !dns_id(msg, &id))
		return 0;
	rc = dns_reply(msg, id, &name, type, &a);
	check_answer(&a, rc);
	MUST(dns_reply(msg, (uint16_t)(id + 1), &name, type, &b) == -ZT_E_UNKNOWN);
	MUST(dns_name_parse(SPAN_LIT("another.name.invalid"), &other) == 0);
	if (!dns_name_eq(&other, &name))
		MUST(dns_reply(msg, id, &other, type, &b) == -ZT_E_UNKNOWN);
	/* The same bytes minus the last: never more than before. */
	if (rc == 0 && a.kind != DNS_TRUNCATED && a.kind != DNS_FAILED) {
		int rc2 = dns_reply(span_sub(msg, 0, msg.n - 1), id, &name, type, &b);

		check_answer(&b, rc2);
		MUST(rc2 < 0 || (b.kind == a.kind && b.n == a.n)); /* it was in the additional part */
	}
	dns_query(&w, id, &name, type);
	MUST(!w.full);
	MUST(dns_reply(wr_span(&w), id, &name, type, &b) == -ZT_E_UNKNOWN); /* our own question */
	mem[2] |= 0x80;
	MUST(dns_reply(wr_span(&w), id, &name, type, &b) == 0 && b.kind == DNS_NODATA && b.ttl == 0);
	return 0;
}
