/*
 * dial: a TCP connection to a name, over whichever address answers first (Happy Eyeballs v2,
 * RFC 8305), and a record of what was tried, so that the caller can say it in words.
 *
 * IPv6 and IPv4 are looked up together; IPv6 goes first, IPv4 waits DIAL_RESOLUTION_DELAY for
 * it. The families take turns; the next address is tried when the one before has failed or
 * DIAL_ATTEMPT_DELAY after it began. The first connection wins, the others are closed. Within
 * a family the name server's order is kept (no RFC 6724 sorting: an address without a route
 * fails at once and costs no delay).
 */
#ifndef ZT_DIAL_H
#define ZT_DIAL_H

#include "loop.h"
#include "net.h"
#include "resolve.h"

#define DIAL_RESOLUTION_DELAY (50 * NS_PER_MS) /* RFC 8305 section 3 */
#define DIAL_ATTEMPT_DELAY (250 * NS_PER_MS)   /* RFC 8305 section 5 */
#define DIAL_ATTEMPTS BOUND_CAP(BOUND_DNS_ADDRS)

struct dialer; /* what all dials of a process share */
struct dial;

struct dial_attempt {
	struct addr to;
	/* 0: it won. -ZT_E_CANCELLED: another address won, or the caller gave up, before this one
	 * was decided. -ZT_E_TIMEOUT: the deadline (or the kernel) ended it. -ZT_E_DENIED: allow()
	 * said no, it was never dialled. Else why it failed. */
	int err;
	uint64_t began_ns, took_ns; /* began: after dial_start() */
};

struct dial_result {
	/* 0; the look-up's error when it gave no address; -ZT_E_TIMEOUT at the deadline; else the
	 * error of the first attempt that had a route. */
	int rc;
	int fd;  /* connected, non-blocking; the callee's. -1 unless rc is 0 */
	struct addr peer;
	uint64_t dns_ns, took_ns; /* until the first address was known; until the end */
	size_t n;
	const struct dial_attempt *tried; /* in the order they began; valid during the callback */
};

struct dial_req {
	struct span host; /* name or literal address; not needed after dial_start() */
	uint16_t port;
	uint64_t timeout_ns; /* for everything together, > 0 */
	/* Where nothing answers, another attempt at each address in turn so often: the kernel asks again after 1, 3 and 7 s,
	 * and who waits for a network to come back would wait for that. Then tried[] has the last DIAL_ATTEMPTS only, the
	 * oldest undecided ones given up for new ones. 0: never. */
	uint64_t again_ns;
	const struct net_tune *tune; /* may be NULL; must outlive the dial */
	/* May this address be dialled? Asked for each address before it is; NULL: any. This is
	 * where "the name suddenly points into my own network" is caught. */
	bool (*allow)(void *owner, const struct addr *to);
	/* Called exactly once, in a later turn, unless cancelled. The dial is gone when it returns. */
	void (*done)(void *owner, const struct dial_result *r);
	void *owner;
};

int dialer_new(struct dialer **out, struct loop *l, struct resolver *r, struct bounds *b);
/* Cancels what runs. Before the resolver is freed; not from inside done() or allow(). */
void dialer_free(struct dialer *d);

/* 0, or -ZT_E_SYNTAX (the host), -ZT_E_FULL (BOUND_DIALS or BOUND_DNS_QUERIES), -ZT_E_NOMEM. */
int dial_start(struct dialer *d, const struct dial_req *req, struct dial **out);
void dial_cancel(struct dial *d); /* no callback follows; not after done() */

#endif
