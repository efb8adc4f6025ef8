/*
 * dnsask: one question put to one name server once, over UDP or over TCP.
 *
 * Against forged replies each ask has a socket of its own, connected to the server (the
 * kernel drops what other hosts send), on a port that the kernel draws at random (Linux does
 * so for a UDP socket that is connected without bind; choosing ports here would only risk
 * one that a service is about to need), and a random id. Replies that do not fit are not
 * answers: the ask keeps waiting. After DNSASK_STRAYS of them somebody is guessing, and the
 * ask ends as if truncated, so that the caller turns to TCP, where guessing is hopeless.
 */
#ifndef ZT_DNSASK_H
#define ZT_DNSASK_H

#include "loop.h"
#include "wire/dns.h"

#define DNSASK_STRAYS 16
#define DNSASK_TCP_MAX 16384 /* bytes of one reply; a thousand addresses */

struct dnsask;
struct dnsask_req {
	const struct dns_name *name;
	enum dns_type type;
	struct addr server;
	bool tcp;
	uint64_t timeout_ns;
};

/*
 * Begin. 0: done() is called exactly once, in a later callback of the loop, unless cancelled;
 * the ask is gone by then. Otherwise -ZT_E_…, and nothing is left to do.
 * done: rc 0 and the server's answer, or
 *   -ZT_E_TIMEOUT, -ZT_E_REFUSED, -ZT_E_CLOSED, …   the server cannot be talked to
 *   -ZT_E_SYNTAX, -ZT_E_DEPTH, -ZT_E_TOOLONG        it answered, but not properly
 *   -ZT_E_NOMEM                                     our own trouble
 */
int dnsask_start(struct dnsask **out, struct loop *l, const struct dnsask_req *req,
		 void (*done)(void *owner, int rc, const struct dns_answer *a), void *owner);
void dnsask_cancel(struct dnsask *a);

#endif
