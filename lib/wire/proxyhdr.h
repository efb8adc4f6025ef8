/*
 * proxyhdr: the PROXY protocol, versions 1 and 2: who the peer of a connection really is, said by a proxy
 * before the first byte of it. Pure. There is no guessing: whoever calls this was configured to expect a
 * header on this listener, from this peer, and a connection without one is refused.
 */
#ifndef ZT_PROXYHDR_H
#define ZT_PROXYHDR_H

#include "addr.h"
#include "base/err.h"
#include "base/span.h"

#define PROXYHDR_V1 107   /* of the line, CRLF counted: the longest that the specification can make */
#define PROXYHDR_MOST 4096 /* of version 2, what follows the addresses counted */
#define PROXYHDR_WRITE PROXYHDR_V1 /* at most so many bytes are written */

struct proxyhdr {
	uint8_t version;       /* 1 or 2 */
	bool local;            /* of the proxy's own accord (LOCAL, UNKNOWN, a family that is no network's): the
				* socket's addresses count; both below have family 0 */
	struct addr from, to;  /* canonical; of one family unless one was an IPv4-mapped IPv6 address */
};

/*
 * in: the stream from its very first byte. > 0: bytes of the header, what follows is the connection's;
 * ZT_MORE; refused as soon as it is known: -ZT_E_SYNTAX, -ZT_E_TOOLONG (a line without an end, version 2
 * over PROXYHDR_MOST), -ZT_E_VERSION (a version 2 header of another version, command or of datagrams).
 */
int proxyhdr_read(struct span in, struct proxyhdr *out);

/* from.family 0 or local: LOCAL, in version 1 UNKNOWN. Two families: both as IPv6, one of them mapped. */
void proxyhdr_write(struct wr *w, const struct proxyhdr *h);

#endif
