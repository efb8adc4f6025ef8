/*
 * resolvconf: which name servers to ask (resolv.conf(5)). Pure.
 *
 * Read: nameserver (the first three, as every libc), options timeout:N attempts:N.
 * Not read, on purpose:
 *   search, domain, ndots: zt looks up complete names from its own configuration. A search
 *     list would let the network zt happens to sit in decide what "nas.example.com" means,
 *     and would send the names of a home to strangers' servers.
 *   rotate, edns0, use-vc, sortlist and the rest: nothing to gain for a look-up per dial.
 * Unknown lines are skipped, as every libc does: this file belongs to the machine, not to zt.
 */
#ifndef ZT_RESOLVCONF_H
#define ZT_RESOLVCONF_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "base/span.h"

#define RESOLVCONF_SERVERS 3
#define RESOLVCONF_ZONE 16 /* IFNAMSIZ: 15 letters and the NUL */

struct resolvconf {
	uint8_t n; /* 1..RESOLVCONF_SERVERS */
	struct addr server[RESOLVCONF_SERVERS]; /* with port 53 */
	/* The "eth0" of fe80::1%eth0, else "". A number is in server[].scope already; a name has
	 * to be looked up by whoever may ask the kernel: net_resolvconf(). */
	char zone[RESOLVCONF_SERVERS][RESOLVCONF_ZONE];
	uint8_t timeout_s; /* 1..30 for each try */
	uint8_t attempts;  /* 1..5 rounds through the servers */
};

#define RESOLVCONF_TIMEOUT_S 2 /* not 5: a dial that waits for a dead first server wastes less */
#define RESOLVCONF_ATTEMPTS 2

/* Always gives something to ask: without a usable nameserver line that is 127.0.0.1, as
 * resolv.conf(5) says. Answers how many nameserver lines could not be read or were too many. */
unsigned resolvconf_parse(struct span text, struct resolvconf *out);

#endif
