/*
 * dns: the codec of dns.h. Owns nothing. Reads only the header, the question, the answers
 * and the SOA of a "no"; what a server adds beyond that is not looked at, so it cannot matter.
 */
#include "dns.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"

#define CLASS_IN 1
#define FLAG_REPLY 0x8000
#define FLAGS_OPCODE 0x7800
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSE 0x0100
#define FLAGS_RCODE 0x000f
#define RCODE_NXDOMAIN 3
#define LABEL_MAX 63
#define POINTER 0xc0

/* Every pointer leads to an earlier byte than the one before, so reading a name always ends;
 * the limit keeps a hostile message from making each name cost thousands of steps. A real
 * server needs one or two hops. */
#define HOPS_MAX 16

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Append one label with its length byte; the empty label ends the name. */
static int name_add(struct dns_name *name, struct span label)
{
	if (label.n > LABEL_MAX || label.n + 1 > sizeof name->wire - name->n)
		return -ZT_E_SYNTAX;
	name->wire[name->n++] = (uint8_t)label.n;
	for (size_t i = 0; i < label.n; i++)
		name->wire[name->n++] = lower(label.p[i]);
	return 0;
}

int dns_name_parse(struct span text, struct dns_name *out)
{
	struct span label, rest = text;
	bool more = true;

	*out = (struct dns_name){0};
	if (text.n && text.p[text.n - 1] == '.')
		rest = span_sub(text, 0, text.n - 1);
	if (!addr_is_hostname(rest))
		return -ZT_E_SYNTAX;
	while (more) {
		more = span_cut(rest, '.', &label, &rest);
		if (name_add(out, label) < 0)
			return -ZT_E_SYNTAX;
	}
	return name_add(out, SPAN_NONE);
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->n == b->n && memcmp(a->wire, b->wire, a->n) == 0;
}

int dns_name_cmp(const struct dns_name *a, const struct dns_name *b)
{
	return span_cmp(span_of(a->wire, a->n), span_of(b->wire, b->n));
}

bool dns_name_under(const struct dns_name *a, const struct dns_name *b)
{
	/* Walk label by label: bytes that merely look like b inside a label do not count. */
	for (size_t at = 0; at < a->n && (size_t)(a->n - at) >= b->n; at += 1 + (size_t)a->wire[at])
		if ((size_t)(a->n - at) == b->n)
			return memcmp(&a->wire[at], b->wire, b->n) == 0;
	return false;
}

void dns_query(struct wr *w, uint16_t id, const struct dns_name *name, enum dns_type type)
{
	wr_be16(w, id);
	wr_be16(w, FLAG_RECURSE);
	wr_be16(w, 1); /* one question, nothing else */
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_bytes(w, name->wire, name->n);
	wr_be16(w, (uint16_t)type);
	wr_be16(w, CLASS_IN);
}

bool dns_id(struct span msg, uint16_t *id)
{
	struct rd r = rd_of(msg);

	*id = rd_be16(&r);
	return !r.bad;
}

/* RFC 1035 4.1.4. Leaves r behind the name as it stands in the record. */
static int read_name(struct span msg, struct rd *r, struct dns_name *out)
{
	size_t before = msg.n - rd_left(r); /* pointers must lead to earlier than this */
	struct rd at = *r;
	bool jumped = false;
	unsigned hops = 0;

	*out = (struct dns_name){0};
	for (;;) {
		uint8_t len = rd_u8(&at);

		if ((len & POINTER) == POINTER) {
			size_t to = (size_t)(len & ~POINTER) << 8 | rd_u8(&at);

			if (at.bad || to >= before || ++hops > HOPS_MAX)
				return -ZT_E_SYNTAX;
			if (!jumped)
				*r = at;
			jumped = true;
			before = to;
			at = rd_of(span_sub(msg, to, msg.n));
			continue;
		}
		/* The two other markers, 01 and 10, come out as labels too long. */
		if (name_add(out, rd_bytes(&at, len)) < 0 || at.bad)
			return -ZT_E_SYNTAX;
		if (len == 0)
			break;
	}
	if (!jumped)
		*r = at;
	return 0;
}

struct record {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct rd data; /* over the rest of the message, for names that point back */
	size_t data_n;
};

static int read_record(struct span msg, struct rd *r, struct record *out)
{
	size_t at;

	if (read_name(msg, r, &out->owner) < 0)
		return -ZT_E_SYNTAX;
	out->type = rd_be16(r);
	out->class = rd_be16(r);
	out->ttl = rd_be32(r);
	if (out->ttl > INT32_MAX) /* RFC 2181 8: the top bit set means 0 */
		out->ttl = 0;
	out->data_n = rd_be16(r);
	at = msg.n - rd_left(r);
	rd_bytes(r, out->data_n);
	if (r->bad)
		return -ZT_E_SYNTAX;
	/* Ends where the data end, begins where the message begins for read_name's arithmetic. */
	out->data = rd_of(span_sub(msg, at, msg.n));
	return 0;
}

/* True when r has read the record's data to the last byte and no further. */
static bool data_spent(const struct record *rec, const struct rd *r)
{
	return !r->bad && rd_left(&rec->data) - rd_left(r) == rec->data_n;
}

static int cname_target(struct span msg, const struct record *rec, struct dns_name *out)
{
	struct rd r = rec->data;

	return read_name(msg, &r, out) < 0 || !data_spent(rec, &r) ? -ZT_E_SYNTAX : 0;
}

static int soa_minimum(struct span msg, const struct record *rec, uint32_t *minimum)
{
	struct rd r = rec->data;
	struct dns_name mname, rname;

	if (read_name(msg, &r, &mname) < 0 || read_name(msg, &r, &rname) < 0)
		return -ZT_E_SYNTAX;
	rd_bytes(&r, 16); /* serial, refresh, retry, expire: four bytes each */
	*minimum = rd_be32(&r);
	return data_spent(rec, &r) ? 0 : -ZT_E_SYNTAX;
}

static void note_ttl(struct dns_answer *out, uint32_t ttl)
{
	if (ttl < out->ttl)
		out->ttl = ttl;
}

static int take_addr(const struct record *rec, enum dns_type type, struct dns_answer *out)
{
	struct addr a = {.family = type == DNS_A ? 4 : 6};
	struct rd r = rec->data;
	struct span ip;

	if (rec->data_n != (type == DNS_A ? 4u : 16u))
		return -ZT_E_SYNTAX;
	ip = rd_bytes(&r, rec->data_n);
	memcpy(a.ip, ip.p, ip.n);
	addr_canon(&a);
	note_ttl(out, rec->ttl);
	if (!addr_is_any(&a) && out->n < ARRAY_LEN(out->addr))
		out->addr[out->n++] = a;
	return 0;
}

struct section {
	struct span msg;
	struct rd at; /* its first record */
	uint16_t count;
};

enum { FOUND_NOTHING, FOUND_ADDRS, FOUND_CNAME };

/* What the answers say about *name: addresses into out, or the name it stands for into *name.
 * Records may come in any order (RFC 1034 3.6), so each hop looks at all of them. */
static int follow(const struct section *s, enum dns_type type, struct dns_name *name,
		  struct dns_answer *out)
{
	struct dns_name target = {0};
	uint32_t target_ttl = 0;
	struct rd r = s->at;
	int found = FOUND_NOTHING;
	struct record rec;

	for (uint16_t i = 0; i < s->count; i++) {
		if (read_record(s->msg, &r, &rec) < 0)
			return -ZT_E_SYNTAX;
		if (rec.class != CLASS_IN || !dns_name_eq(&rec.owner, name))
			continue;
		if (rec.type == (uint16_t)type) {
			if (take_addr(&rec, type, out) < 0)
				return -ZT_E_SYNTAX;
			found = FOUND_ADDRS;
		} else if (rec.type == DNS_CNAME && found == FOUND_NOTHING) {
			if (cname_target(s->msg, &rec, &target) < 0)
				return -ZT_E_SYNTAX;
			target_ttl = rec.ttl;
			found = FOUND_CNAME;
		}
	}
	if (found == FOUND_CNAME) {
		note_ttl(out, target_ttl);
		*name = target;
	}
	return found;
}

static int walk_chain(const struct section *s, enum dns_type type, struct dns_name *name,
		      struct dns_answer *out)
{
	for (unsigned hops = 0;; hops++) {
		int found = follow(s, type, name, out);

		if (found != FOUND_CNAME)
			return found;
		if (hops == BOUND_CAP(BOUND_DNS_CHAIN))
			return -ZT_E_DEPTH;
	}
}

static int skip_records(struct section *s)
{
	struct record rec;

	for (; s->count; s->count--)
		if (read_record(s->msg, &s->at, &rec) < 0)
			return -ZT_E_SYNTAX;
	return 0;
}

/* RFC 2308 5: a "no" lasts min(TTL of the SOA, its MINIMUM field); without an SOA of the
 * name's own zone it is not to be remembered at all. */
static int negative_ttl(const struct section *authority, const struct dns_name *name,
			struct dns_answer *out)
{
	struct rd r = authority->at;
	struct record rec;
	bool found = false;
	uint32_t minimum;

	for (uint16_t i = 0; i < authority->count; i++) {
		if (read_record(authority->msg, &r, &rec) < 0)
			return -ZT_E_SYNTAX;
		if (rec.type != DNS_SOA || rec.class != CLASS_IN || !dns_name_under(name, &rec.owner))
			continue;
		if (soa_minimum(authority->msg, &rec, &minimum) < 0)
			return -ZT_E_SYNTAX;
		note_ttl(out, rec.ttl);
		note_ttl(out, minimum > INT32_MAX ? 0 : minimum);
		found = true;
	}
	if (!found)
		out->ttl = 0;
	return 0;
}

static bool is_our_question(struct span msg, struct rd *r, const struct dns_name *name,
			    enum dns_type type)
{
	struct dns_name asked;

	return read_name(msg, r, &asked) == 0 && dns_name_eq(&asked, name) &&
	       rd_be16(r) == (uint16_t)type && rd_be16(r) == CLASS_IN && !r->bad;
}

static int read_body(struct section *s, uint16_t authority, const struct dns_name *name,
		     enum dns_type type, struct dns_answer *out)
{
	struct dns_name last = *name;
	int rc = walk_chain(s, type, &last, out);

	if (rc < 0)
		return rc;
	if (rc == FOUND_ADDRS && out->rcode == RCODE_NXDOMAIN) /* there is no such name, at this address */
		return -ZT_E_SYNTAX;
	if (out->n) {
		out->kind = DNS_ADDRS;
		return 0;
	}
	out->kind = out->rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
	if (rc == FOUND_ADDRS) /* only 0.0.0.0 or ::, which last as long as they say */
		return 0;
	if (skip_records(s) < 0)
		return -ZT_E_SYNTAX;
	s->count = authority;
	return negative_ttl(s, &last, out);
}

static int reply_into(struct span msg, uint16_t id, const struct dns_name *name, enum dns_type type,
		      struct dns_answer *out)
{
	struct rd r = rd_of(msg);
	struct section answers;
	uint16_t flags, questions, authority;

	if (rd_be16(&r) != id)
		return -ZT_E_UNKNOWN;
	flags = rd_be16(&r);
	questions = rd_be16(&r);
	answers.count = rd_be16(&r);
	authority = rd_be16(&r);
	rd_be16(&r); /* additional records: not looked at */
	if (r.bad || !(flags & FLAG_REPLY) || (flags & FLAGS_OPCODE) || questions != 1 ||
	    !is_our_question(msg, &r, name, type))
		return -ZT_E_UNKNOWN;
	out->rcode = flags & FLAGS_RCODE;
	if (flags & FLAG_TRUNCATED) {
		out->kind = DNS_TRUNCATED;
		return 0;
	}
	if (out->rcode != 0 && out->rcode != RCODE_NXDOMAIN) {
		out->kind = DNS_FAILED;
		return 0;
	}
	out->ttl = INT32_MAX; /* note_ttl() lowers it */
	answers.msg = msg;
	answers.at = r;
	return read_body(&answers, authority, name, type, out);
}

int dns_reply(struct span msg, uint16_t id, const struct dns_name *name, enum dns_type type,
	      struct dns_answer *out)
{
	int rc;

	ZT_ASSERT(type == DNS_A || type == DNS_AAAA);
	*out = (struct dns_answer){0};
	rc = reply_into(msg, id, name, type, out);
	if (rc < 0)
		*out = (struct dns_answer){0};
	return rc;
}
