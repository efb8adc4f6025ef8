/*
 * dns: questions to and answers from a recursive name server (RFC 1035), bytes <-> structs.
 * Pure: no descriptor, clock, randomness or memory of its own.
 *
 * Left out on purpose:
 *   EDNS0 (RFC 6891): addresses of one name fit 512 bytes nearly always, TCP carries the
 *     rest, and the routers at home that drop or misread OPT records are spared.
 *   0x20 letter case as extra randomness: the same routers fold case in the question. A reply
 *     has to hit a random port on a connected socket and a random id instead.
 */
#ifndef ZT_DNS_H
#define ZT_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "base/bounds.h"
#include "base/span.h"

#define DNS_NAME_MAX 255 /* RFC 1035 2.3.4: octets on the wire, length bytes and root included */
#define DNS_HEADER 12
#define DNS_QUERY_MAX (DNS_HEADER + DNS_NAME_MAX + 4) /* + type and class */
#define DNS_UDP_MAX 512                               /* RFC 1035 2.3.4 */
#define DNS_PORT 53

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_AAAA = 28 };

/* A name as labels with length bytes, uncompressed, ASCII lower case: equal names are equal
 * bytes. The root is one zero byte. */
struct dns_name {
	uint8_t n;
	uint8_t wire[DNS_NAME_MAX];
};

/* From "nas.example.com", with or without the final dot. -ZT_E_SYNTAX when it is no host name
 * (addr_is_hostname). */
int dns_name_parse(struct span text, struct dns_name *out);
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
int dns_name_cmp(const struct dns_name *a, const struct dns_name *b); /* some total order */
/* a is b or lies under it; everything lies under the root. */
bool dns_name_under(const struct dns_name *a, const struct dns_name *b);

/* One recursive question of class IN; DNS_QUERY_MAX bytes of room are always enough. */
void dns_query(struct wr *w, uint16_t id, const struct dns_name *name, enum dns_type type);

enum dns_kind {
	DNS_ADDRS,     /* addr[0..n), n >= 1 */
	DNS_NODATA,    /* the name exists and has no such record */
	DNS_NXDOMAIN,  /* the name does not exist */
	DNS_TRUNCATED, /* ask again over TCP; nothing else is filled in */
	DNS_FAILED     /* SERVFAIL, REFUSED, …: this server will not tell, see rcode */
};

struct dns_answer {
	enum dns_kind kind;
	uint8_t rcode;
	/* Seconds this may be believed: the least of the records used (RFC 2181 8), or of the SOA
	 * that came with a "no" (RFC 2308 5); 0 = use once. */
	uint32_t ttl;
	uint8_t n;
	struct addr addr[BOUND_CAP(BOUND_DNS_ADDRS)]; /* port 0; further ones are left out */
};

/*
 * Read what came back. 0: it answers the question, see out->kind. Otherwise out is zeroed:
 *   -ZT_E_UNKNOWN  not a reply to this id, name, type and class: forget it, keep waiting
 *   -ZT_E_SYNTAX   a reply to it, but malformed
 *   -ZT_E_DEPTH    CNAME chain longer than BOUND_DNS_CHAIN, or a loop
 * type is DNS_A or DNS_AAAA. 0.0.0.0 and :: are never answered: they mean "here" to
 * connect(2) and "no" to every blocking resolver, so a name with nothing else is DNS_NODATA.
 */
int dns_reply(struct span msg, uint16_t id, const struct dns_name *name, enum dns_type type,
	      struct dns_answer *out);

/* The id of a message, for telling replies apart; false when it is too short. */
bool dns_id(struct span msg, uint16_t *id);

#endif
