/*
 * dertext: DER written by hand for tests. Hex digits are bytes, '...' is ASCII, and { ... } are
 * contents with their length in front: "30{ 02{05} 0c{'zt'} }". Lengths that are to be wrong are
 * written as bytes. And a certificate of such parts, each of which a test can replace.
 */
#ifndef ZT_TEST_DERTEXT_H
#define ZT_TEST_DERTEXT_H

#include <stdlib.h>

#include "tests/unit/unit.h"
#include "wire/der.h"

#define DERTEXT_TURNS 4

static inline void dertext_fail(const char *text)
{
	fprintf(stderr, "not DER text: %s\n", text);
	abort();
}

/* Valid until the fourth later call. */
static inline struct span dertext(const char *text)
{
	static uint8_t mem[DERTEXT_TURNS][20000];
	static unsigned turn;
	struct wr w = wr_of(mem[turn++ % DERTEXT_TURNS], sizeof mem[0]);
	size_t mark[32], depth = 0;
	unsigned half = 0, digits = 0;

	for (const char *c = text; *c; c++) {
		static const char hex[] = "0123456789abcdef";
		const char *at = strchr(hex, *c);

		if (at) {
			half = half << 4 | (unsigned)(at - hex);
			if (++digits % 2 == 0)
				wr_u8(&w, (uint8_t)half);
		} else if (*c == '{' && depth < 32) {
			mark[depth++] = w.n;
		} else if (*c == '}' && depth > 0) {
			der_close(&w, mark[--depth]);
		} else if (*c == '\'') {
			for (c++; *c && *c != '\''; c++)
				wr_u8(&w, (uint8_t)*c);
			if (*c == 0)
				dertext_fail(text);
		} else if (*c != ' ') {
			dertext_fail(text);
		}
	}
	if (depth || digits % 2 || w.full)
		dertext_fail(text);
	return wr_span(&w);
}

#define V3 "a0{ 02{02} } "
#define SERIAL "02{05} "
#define ECDSA_SHA256 "30{ 06{2a8648ce3d040302} } "
#define RSA_SHA256 "30{ 06{2a864886f70d01010b} 05{} } "
#define NAME_CA "30{ 31{ 30{ 06{550403} 0c{'ca'} } } } "
#define NAME_LEAF "30{ 31{ 30{ 06{550403} 0c{'leaf'} } } } "
/* 1704067200 and 2019686400 */
#define DATES "30{ 17{'240101000000Z'} 17{'340101000000Z'} } "
/* The generator of P-256, SEC 2 section 2.4.2: a point that is surely on the curve. */
#define P256_POINT                                                                                 \
	"04 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                      \
	"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5 "
#define SPKI_P256 "30{ 30{ 06{2a8648ce3d0201} 06{2a8648ce3d030107} } 03{ 00 " P256_POINT "} } "
#define SIGNATURE "03{ 00 30{ 02{01} 02{01} } } "
#define EXT(oid, value) "30{ 06{" oid "} 04{" value "} } "
#define EXT_CRITICAL(oid, value) "30{ 06{" oid "} 01{ff} 04{" value "} } "
#define EXTS(list) "a3{ 30{ " list "} } "

/* The parts of a TBSCertificate in order, as one text. */
#define TBS(version, serial, alg, issuer, dates, subject, spki, tail)                              \
	"30{ " version serial alg issuer dates subject spki tail "} "
#define CERT_OF(tbs) "30{ " tbs ECDSA_SHA256 SIGNATURE "}"
#define CERT(tail) CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, tail))

#endif
