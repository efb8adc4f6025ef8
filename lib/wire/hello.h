/*
 * hello: the ClientHello (RFC 5246 section 7.4.1.2, RFC 6066, RFC 7301), read before any TLS
 * library sees it: the name and the protocols wanted decide which certificate, which rules
 * and whether a client certificate is asked for. Strict: what two readers could read in two
 * ways (a name twice, an extension twice, lengths that do not add up, a NUL in a name) is
 * refused, so that what was decided here is what the library behind serves.
 */
#ifndef ZT_HELLO_H
#define ZT_HELLO_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/span.h"

#define HELLO_NAME 254      /* 253 and a NUL */
#define HELLO_ALPN 16       /* protocols a client may offer; browsers offer two */
#define HELLO_EXTENSIONS 64 /* a browser sends about 18 */
#define HELLO_RECORDS 64    /* that the message may be cut into */
#define TLS12 0x0303

/*
 * GREASE (RFC 8701) is not reported, and not counted among the protocols. Left out on purpose:
 *   TLS_FALLBACK_SCSV (RFC 7507): it asks that nothing below our best is served. We serve only our
 *     best, TLS 1.2; a client that fell back further is refused for its version.
 *   pre_shared_key and its order (RFC 8446): TLS 1.3's own.
 */
struct hello {
	uint16_t version;           /* legacy_version of the hello */
	struct span random, session_id;
	struct span suites;         /* pairs of bytes */
	char name[HELLO_NAME];      /* SNI: lower case, no trailing dot; "" = none */
	struct span alpn[HELLO_ALPN];
	size_t alpn_n;
	/* Both readers must agree: version is at least 1.2, and supported_versions, when it is there
	 * (RFC 8446 section 4.2.1), lists 1.2 too. BearSSL goes by the former alone. */
	bool offers_tls12;
	bool offers_tls13;
	uint16_t fragment;          /* the most a record to this client may hold (RFC 6066 section 4:
	                             * 512 to 4096), which BearSSL agrees to in its answer; 0: 16384 */
	size_t message;             /* bytes of the handshake message */
};

/*
 * bytes: the stream from its very first byte. The message may lie in several records: it is put
 * together in scratch (BOUND_HELLO_BYTES), into which the spans of *out point.
 *
 * > 0: bytes of all the records that carry it, at most 16,704 (TLSMSG_RECORDS); what is behind them
 * is not looked at. ZT_MORE: of a hello that is cut anywhere, nothing else. Otherwise with the cause
 * in words, and *out is zeroed:
 *   -ZT_E_VERSION  not TLS at all, an SSL 2 hello, SSL 3
 *   -ZT_E_SYNTAX   malformed, or a name that is none: an address, a trailing dot, a NUL
 *   -ZT_E_DUP      an extension or a name twice
 *   -ZT_E_TOOLONG  over BOUND_HELLO_BYTES, HELLO_RECORDS, HELLO_EXTENSIONS or HELLO_ALPN
 * TLS 1.0 and 1.1 are no error here: offers_tls12 is false.
 */
int hello_read(struct span bytes, uint8_t scratch[static BOUND_CAP(BOUND_HELLO_BYTES)], struct hello *out,
	       struct why *w);
bool hello_offers(const struct hello *h, uint16_t suite);
bool hello_wants(const struct hello *h, struct span alpn);

#endif
