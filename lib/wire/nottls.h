/*
 * nottls: what a peer speaks when it does not speak TLS, from its first bytes. Users meet this
 * whenever a port is mixed up, so the log shall name the mistake. Decides nothing else: whoever
 * asks has refused already.
 */
#ifndef ZT_NOTTLS_H
#define ZT_NOTTLS_H

#include "base/span.h"

/* s: the stream from its very first byte. A phrase for "the peer speaks %s, not TLS"; NULL with
 * *more = false: nothing known; NULL with *more = true: so far it could be, and a few bytes more
 * (at most NOTTLS_LONGEST in all) will tell. */
#define NOTTLS_LONGEST 12
const char *nottls(struct span s, bool *more);

#endif
