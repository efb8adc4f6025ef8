/*
 * sockduct: a connected socket as a duct, plain or TLS. An idle one is small and holds no buffer: both directions
 * borrow from one pool of the process while bytes flow, and wait in line when it is empty. TLS handshakes are over
 * before it begins (io/tls); it owns neither the struct tls nor the source's memory, but closes the source.
 *
 * Until the other side has been told our end, closing the socket resets it, also when it is the kernel that
 * closes because the process died: nobody takes what came so far for all there is.
 *
 * After duct_close() the source stays until what was put has left and the other side has closed too, or nothing
 * moves for SOCKDUCT_LINGER; then it is closed. The owner keeps socket, memory and the struct tls until its
 * source is reaped.
 */
#ifndef ZT_SOCKDUCT_H
#define ZT_SOCKDUCT_H

#include "bufs.h"
#include "duct.h"
#include "loop.h"
#include "tls.h"

#define SOCKDUCT_LINGER (5 * NS_PER_S)

struct sockduct_busy;
struct sockduct {
	struct duct d; /* first: the owner's CONTAINER_OF goes through it */
	struct source *src;
	struct tls *tls; /* open, or NULL: plain */
	struct bufs *bufs;
	struct sockduct_busy *busy; /* while bytes flow, are waited for in line, or the end is on its way */
	const char *words;          /* of RESET and BROKEN */
	uint8_t phase;
	bool choked : 1; /* its socket takes no more, and buffers are too short to wait with one in the hand */
	uint8_t partly : 2; /* of the next record only a part has come, and the kernel says when its head, or all of it, has */
	bool tell_deaf : 1; /* its user was not told yet */
	bool fin : 1;    /* our end is on its way, behind everything */
	bool told : 1;   /* the user, of a death */
};

/* *s is zero, or over. src is connected, in the loop, and its class is the owner's, which asks sockduct_wants() and
 * passes ready on. before: bytes that were read from the socket already (a PROXY header's rest, a hello that is
 * passed through), plain only, at most BUFS_BYTES; copied. -ZT_E_FULL: no buffer is free for them. */
int sockduct_start(struct sockduct *s, struct bufs *b, struct source *src, struct tls *tls, const struct duct_user *u,
		   struct span before);
unsigned sockduct_wants(const struct sockduct *s);
void sockduct_ready(struct sockduct *s, unsigned events);
bool sockduct_lingers(const struct sockduct *s); /* closed, and not over */
/* Bytes that the peer's kernel has taken, with what TLS puts around them; 0: d is another kind of duct. A call to the kernel. */
uint64_t sockduct_acked(const struct duct *d);
/* Closed tidily: what was put may wait for ns, instead of SOCKDUCT_LINGER, until the other side takes some of it. */
void sockduct_patience(struct sockduct *s, uint64_t ns);
void sockduct_stop(struct sockduct *s); /* at once, buffers back, the source closed; harmless when over, or never started */

#endif
