/*
 * sockduct: a connected socket as a duct, plain or TLS. An idle one holds no buffer: both directions borrow
 * from one pool of the process while bytes flow, and wait in line when it is empty. TLS handshakes are over
 * before it begins (io/tls); it owns neither the struct tls nor the source's memory, but closes the source.
 */
#ifndef ZT_SOCKDUCT_H
#define ZT_SOCKDUCT_H

#include "bufs.h"
#include "duct.h"
#include "loop.h"
#include "tls.h"

struct sockduct {
	struct duct d; /* first: the owner's CONTAINER_OF goes through it */
	struct source *src;
	struct tls *tls; /* open, or NULL: plain */
	struct bufs *bufs;
	struct bufs_seat seat[2]; /* in and out: a buffer, or a place in line */
	struct tls_in in;
	struct tls_out out;
	size_t unsealed, have, taken; /* plain: [taken, have) of the in-buffer */
	uint8_t phase;
	bool readable_again;
};

/* src is connected, in the loop, and its class is the owner's, which asks sockduct_wants() and passes
 * ready on. before: bytes that were read from the socket already (a PROXY header's rest, a hello that is passed
 * through); copied into the in-buffer; -ZT_E_FULL when none is free. */
int sockduct_start(struct sockduct *s, struct bufs *b, struct source *src, struct tls *tls, const struct duct_user *u,
		   struct span before);
unsigned sockduct_wants(const struct sockduct *s);
void sockduct_ready(struct sockduct *s, unsigned events);
/* After duct_close(d, 0) what was put is still on its way: true while the owner must keep socket and memory.
 * It is over when sockduct_lingers() turns false; the owner is told by closed(). */
bool sockduct_lingers(const struct sockduct *s);
void sockduct_stop(struct sockduct *s); /* at once, buffers back; harmless when over */

#endif
