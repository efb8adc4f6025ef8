/*
 * resolve: names to addresses, for everybody in a process. A stub resolver: literal
 * addresses, special names, the hosts file, the cache, and then the configured recursive
 * servers, IPv6 and IPv4 at the same time.
 *
 * It opens no file: what /etc/resolv.conf and /etc/hosts say is handed in by whoever may
 * read them, at the start and again at every reload.
 *
 * Servers are asked in order, each with its own time limit, in `attempts` rounds; one that
 * did not answer goes to the back of the queue for RESOLVE_SICK. A server that answers
 * "SERVFAIL", "REFUSED" or nonsense is not asked again in that look-up. Look-ups of one name
 * and type that overlap share one query: twenty streams opening at once to one origin cost
 * one question, and a flood of them cannot eat the BOUND_DNS_QUERIES.
 */
#ifndef ZT_RESOLVE_H
#define ZT_RESOLVE_H

#include "loop.h"
#include "wire/dns.h"
#include "wire/resolvconf.h"

#define RESOLVE_SICK (30 * NS_PER_S)
#define RESOLVE_HOSTS_BYTES 262144 /* of the hosts file are kept; see resolver_configure() */

struct resolver;
struct query;

int resolver_new(struct resolver **out, struct loop *l, struct bounds *b); /* 0 or -ZT_E_NOMEM */
/* conf->n may be 0: then only hosts and literals resolve. Both are copied. Forgets the cache;
 * running look-ups end with the servers they began with. 0; 1: the hosts file is longer than
 * its bounds and its end is ignored; -ZT_E_NOMEM: nothing has changed. */
int resolver_configure(struct resolver *r, const struct resolvconf *conf, struct span hosts);
/* Before the loop is freed, and not from inside an update(). Running look-ups are dropped. */
void resolver_free(struct resolver *r);

enum { RESOLVE_V6, RESOLVE_V4, RESOLVE_FAMILIES };

struct resolve_part {
	bool done;
	/* When done: 0 with n >= 1; -ZT_E_NONAME no such name; -ZT_E_NOADDR it has no address of
	 * this family; -ZT_E_TIMEOUT no server answered in time; -ZT_E_DNSFAIL no server gave a
	 * usable answer; -ZT_E_FULL, -ZT_E_NOMEM, -ZT_E_NOFILES our own limits. */
	int rc;
	uint8_t n;
	struct addr addr[BOUND_CAP(BOUND_DNS_ADDRS)]; /* port 0, in the server's order */
	/* the resolver's own */
	struct query *query;
	struct resolve *owner;
	struct resolve_part *prev, *next;
};

/* One look-up. Embed it, zeroed; the caller keeps it in place until it has finished or is
 * cancelled. */
struct resolve {
	/* A part is done; called once for each that was not done when resolve_start() came back,
	 * never from inside resolve_start(). It may cancel, free or reuse this struct. */
	void (*update)(struct resolve *q);
	struct resolve_part part[RESOLVE_FAMILIES];
};

/* 0: look at the parts that are done; update() follows for the others, if any. What q was
 * still looking up is cancelled.
 * -ZT_E_SYNTAX: neither an address nor a host name. -ZT_E_FULL, -ZT_E_NOMEM: no look-up. */
int resolve_start(struct resolver *r, struct resolve *q, struct span name);
void resolve_cancel(struct resolve *q); /* harmless when finished or never started (zeroed) */
/* Does this machine itself say where that is ("localhost", the hosts file), and no server? */
bool resolver_knows(const struct resolver *r, struct span name);
bool resolve_finished(const struct resolve *q);
/* Of a finished look-up: 0 when there is any address, else the error that says most. */
int resolve_verdict(const struct resolve *q);

struct resolver_stats {
	uint64_t asked;     /* questions sent, each try counted */
	uint64_t tcp;       /* of those, over TCP */
	uint64_t cached;    /* parts answered from the cache */
	uint64_t joined;    /* parts that joined a running query */
	uint64_t timeouts;  /* tries without an answer */
	uint64_t failed;    /* queries that ended without a usable answer */
};
struct resolver_stats resolver_stats(const struct resolver *r);

#endif
