/*
 * flight: which bytes of a peer belong to the handshake. The process that holds the keys is
 * handed whole records, and none behind Finished: after the peer's ChangeCipherSpec exactly one
 * encrypted handshake record follows, then application data begins. Refuses application data
 * too early, unknown types, foreign versions, empty and oversized records, a second
 * ChangeCipherSpec, too many records, too many bytes.
 */
#ifndef ZT_FLIGHT_H
#define ZT_FLIGHT_H

#include "base/err.h"
#include "base/span.h"

#define FLIGHT_RECORD (5 + 16384)      /* a plaintext handshake record; RFC 5246 section 6.2.1 */
#define FLIGHT_RECORDS 64              /* a chain of ten certificates in small records */
#define FLIGHT_BYTES 65536
#define FLIGHT_ALERTS 4                /* warnings a peer may send on its way */
#define FLIGHT_FINISHED (5 + 8 + 16 + 16) /* header, explicit nonce, Finished, tag: the most it can be */

enum flight_state { FLIGHT_PLAIN, FLIGHT_CCS, FLIGHT_DONE };

struct flight { /* zero-initialise */
	enum flight_state state;
	unsigned records, alerts;
	size_t bytes;
	uint8_t head[4];  /* of the handshake message under way, as far as it is known */
	uint8_t headed;
	uint32_t body;    /* bytes of it that are still to come */
};

/*
 * s: bytes not handed over yet. > 0: so many bytes are one record for the key process; ZT_MORE:
 * incomplete, at most FLIGHT_RECORD bytes will be. 0 also in FLIGHT_DONE, when all that comes
 * belongs to the record layer: ask f->state.
 *
 * A server begins with what stands behind the ClientHello, which hello_read() has read and which
 * is not counted here. A ClientHello in the flight, from either side, is refused: a second one, or
 * a renegotiation, is never seen by the library.
 *
 * < 0: close, with the cause in words. -ZT_E_UNKNOWN: not TLS at all; -ZT_E_VERSION: another
 * version of it; -ZT_E_SYNTAX: a malformed record; -ZT_E_DENIED: a record that has no place there;
 * -ZT_E_TOOLONG: too many records, bytes or alerts.
 */
int flight_next(struct flight *f, struct span s, struct why *w);

#endif
