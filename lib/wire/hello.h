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

#define HELLO_NAME 254 /* 253 and a NUL */
#define HELLO_ALPN 16
#define TLS12 0x0303

struct hello {
	uint16_t version;           /* legacy_version of the hello */
	struct span random, session_id;
	struct span suites;         /* pairs of bytes */
	char name[HELLO_NAME];      /* SNI: lower case, no trailing dot; "" = none */
	struct span alpn[HELLO_ALPN];
	size_t alpn_n;
	bool offers_tls12;          /* by version, or by supported_versions when that is there */
	bool offers_tls13;
	size_t message;             /* bytes of the handshake message */
};

/* bytes: the stream from its very first byte. The message may lie in several records: it is put
 * together in scratch (BOUND_HELLO_BYTES), into which the spans of *out then point.
 * > 0: bytes of all the records that carry it; ZT_MORE; -ZT_E_SYNTAX, -ZT_E_TOOLONG, -ZT_E_DUP,
 * -ZT_E_VERSION (not TLS at all, SSLv2 hello, SSLv3) with the cause in words. */
int hello_read(struct span bytes, uint8_t scratch[static BOUND_CAP(BOUND_HELLO_BYTES)], struct hello *out,
	       struct why *w);
bool hello_offers(const struct hello *h, uint16_t suite);
bool hello_wants(const struct hello *h, struct span alpn);

#endif
