/*
 * pk: signatures and key pairs over BearSSL, without its types. Keys are bounded here before
 * anything of BearSSL sees them. ECDSA is deterministic (RFC 6979); signatures are ASN.1 DER.
 */
#ifndef ZT_PK_H
#define ZT_PK_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

enum pk_type { PK_NONE, PK_P256, PK_P384, PK_P521, PK_RSA };
enum pk_hash { PK_SHA256, PK_SHA384, PK_SHA512, PK_SHA1 /* only to say no to it in words */ };

#define PK_RSA_MIN_BITS 2048
#define PK_RSA_MAX_BITS 4096
#define PK_SIG_MAX 512 /* RSA 4096 */

/* Borrowed bytes. EC: the uncompressed point 04 x y. RSA: modulus and exponent, big-endian,
 * no leading zeros. */
struct pk_public {
	enum pk_type type;
	struct span point;
	struct span n, e;
};

/* Secret; borrowed bytes. EC: the scalar, exactly as long as the curve's order. RSA: the CRT
 * parts, big-endian, and the public half that goes with them. */
struct pk_private {
	enum pk_type type;
	struct span scalar;
	struct span p, q, dp, dq, iq;
	struct span n, e;
};

unsigned pk_bits(const struct pk_public *k); /* 256, 384, 521, or of the modulus; 0 = PK_NONE */
/* 0, or -ZT_E_KEY with nothing checked: point on the curve, scalar in range, modulus odd, its
 * size within the bounds above, exponent odd and >= 65537 and at most 4 bytes. */
int pk_check_public(const struct pk_public *k);
int pk_check_private(const struct pk_private *k);
/* EC: the point of a scalar; out has room for 133 bytes (P-521). Answers its length or -ZT_E_KEY.
 * RSA needs none: n and e are in the file. */
int pk_point(const struct pk_private *k, uint8_t *out, size_t cap);
/* Do they belong together? Signs and verifies; false also for different types. */
bool pk_pair(const struct pk_private *priv, const struct pk_public *pub);

/* Bytes of the signature or -ZT_E_KEY. EC: DER. RSA: PKCS#1 v1.5. sig holds PK_SIG_MAX. */
int pk_sign(const struct pk_private *k, enum pk_hash h, struct span message, uint8_t *sig);
/* 0 or -ZT_E_DENIED. PK_SHA1 is always denied. */
int pk_verify(const struct pk_public *k, enum pk_hash h, struct span message, struct span sig);
/* A fresh scalar for an EC type: 32, 48 or 66 bytes. */
int pk_generate(enum pk_type t, uint8_t *scalar, size_t cap);

#endif
