/*
 * addr: IP addresses, host:port and CIDR as values. Pure. There is one canonical form: an
 * IPv4-mapped IPv6 address IS its IPv4 address from the moment it is parsed or accepted, so
 * no counter, rule or log ever sees two spellings of one peer.
 */
#ifndef ZT_ADDR_H
#define ZT_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct addr {
	uint8_t family; /* 4, 6, or 0 = none */
	uint8_t ip[16]; /* IPv4 in the first four */
	uint16_t port;
	uint32_t scope; /* IPv6 interface index, 0 = none */
};

#define ADDR_TEXT 80 /* "[" 45 "%" 10 "]:" 5 NUL, rounded up */

/* Strict: dotted quad without leading zeros; RFC 4291 IPv6; no zone, no brackets.
 * 0 or -ZT_E_SYNTAX. */
int addr_parse_ip(struct span s, struct addr *out);
/* "192.0.2.1:443", "[2001:db8::1]:443". Port 1..65535, or 0 where zero_ok. */
int addr_parse(struct span s, bool zero_ok, struct addr *out);
/* "name:443", "192.0.2.1:443", "[::1]:443": host without brackets, borrowed from s. The host
 * is an IP address or an LDH name (letters, digits, '-', '_', dots; labels 1..63; total <= 253). */
int addr_parse_hostport(struct span s, struct span *host, uint16_t *port);
bool addr_is_hostname(struct span s);
bool addr_eq(const struct addr *a, const struct addr *b);     /* port and scope too */
bool addr_same_ip(const struct addr *a, const struct addr *b);
void addr_canon(struct addr *a);                              /* ::ffff:a.b.c.d -> a.b.c.d */
/* One address (IPv4) or one /64 (IPv6): whoever has one of the latter has all of it. */
bool addr_same_net(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *a);
bool addr_is_linklocal(const struct addr *a);                 /* 169.254/16, fe80::/10 */
bool addr_is_any(const struct addr *a);                       /* 0.0.0.0, :: */
struct addr addr_from_here(const struct addr *listens);       /* what is dialled on the same machine: 127.0.0.1 for 0.0.0.0 */
void addr_write_ip(struct wr *w, const struct addr *a);       /* RFC 5952 */
void addr_write(struct wr *w, const struct addr *a);          /* with port */
/* Into a C string, "-" for family 0; answers out. */
const char *addr_text(const struct addr *a, char out[static ADDR_TEXT]);

struct cidr {
	struct addr base; /* host bits are zero */
	uint8_t bits;
};
/* "10.0.0.0/8", "2001:db8::/32", or a bare address. Host bits that are set: -ZT_E_SYNTAX.
 * What was refused leaves a network that holds no address. */
int cidr_parse(struct span s, struct cidr *out);
bool cidr_has(const struct cidr *c, const struct addr *a);

#endif
