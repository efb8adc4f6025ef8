/*
 * dnscache: what name servers said, for as long as they said it holds. Monotonic time comes
 * in as an argument. At most BOUND_DNS_CACHE entries, kept sorted by name: whoever chooses
 * the names cannot make a look-up slower than log2(cap) comparisons.
 */
#ifndef ZT_DNSCACHE_H
#define ZT_DNSCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"
#include "wire/dns.h"

#define DNSCACHE_TTL_MAX 3600    /* s; a longer TTL is believed for an hour */
#define DNSCACHE_TTL_MAX_NO 300  /* s; and a "no" for five minutes (RFC 2308 5 says 1-3 h at most) */

struct dnscache;

int dnscache_new(struct dnscache **out, struct bounds *b); /* 0 or -ZT_E_NOMEM */
void dnscache_free(struct dnscache *c);                    /* NULL is allowed */
void dnscache_clear(struct dnscache *c);
/* true: *out is what is known and still holds, its ttl what is left of it in seconds. */
bool dnscache_get(struct dnscache *c, const struct dns_name *name, enum dns_type type,
		  uint64_t now_ns, struct dns_answer *out);
/* Remember DNS_ADDRS, DNS_NODATA and DNS_NXDOMAIN with ttl > 0; everything else only makes it
 * forget. Full: the entry nearest to its expiry makes room. No memory: nothing is kept. */
void dnscache_put(struct dnscache *c, const struct dns_name *name, enum dns_type type,
		  uint64_t now_ns, const struct dns_answer *a);

#endif
