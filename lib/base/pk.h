/*
 * pk: signatures and key pairs over BearSSL, without its types. Keys are bounded here before
 * anything of BearSSL sees them. ECDSA is deterministic (RFC 6979); signatures are ASN.1 DER,
 * read strictly. An RSA signature leaves only after it was verified: a wrong one, made with a
 * damaged key, would betray the factors.
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
#define PK_SIG_MAX 512   /* RSA 4096 */
#define PK_HASH_MAX 64   /* SHA-512 */
#define PK_SCALAR_MAX 66 /* P-521 */
#define PK_POINT_MAX 133 /* P-521: 04 x y */

/* Borrowed bytes. EC: the uncompressed point 04 x y. RSA: modulus and exponent, big-endian,
 * no leading zeros. */
struct pk_public {
	enum pk_type type;
	struct span point;
	struct span n, e;
};

/* Secret; borrowed bytes. EC: the scalar, exactly as long as the curve's order. RSA: the CRT
 * parts, big-endian, no leading zeros, and the public half that goes with them. */
struct pk_private {
	enum pk_type type;
	struct span scalar;
	struct span p, q, dp, dq, iq;
	struct span n, e;
};

unsigned pk_bits(const struct pk_public *k); /* 256, 384, 521, or of the modulus; 0 = PK_NONE */
size_t pk_scalar_len(enum pk_type t);        /* 32, 48, 66; 0 for RSA and PK_NONE */
/* 0, or -ZT_E_KEY: point on the curve, scalar in range, modulus odd, its size within the
 * bounds above, exponent odd and >= 65537 and at most 4 bytes; p * q is the modulus. */
int pk_check_public(const struct pk_public *k);
int pk_check_private(const struct pk_private *k);
/* EC: the point of a scalar; out has room for PK_POINT_MAX. Answers its length, -ZT_E_KEY or
 * -ZT_E_TOOLONG. RSA needs none: n and e are in the file. */
int pk_point(const struct pk_private *k, uint8_t *out, size_t cap);
/* Do they belong together? EC: the same point. RSA: the same n and e, and a signature made with
 * the one is verified with the other. false also for different types. */
bool pk_pair(const struct pk_private *priv, const struct pk_public *pub);

size_t pk_hash_len(enum pk_hash h);
/* The digest of the message, PK_HASH_MAX bytes at most; answers its length. */
size_t pk_digest(enum pk_hash h, struct span message, uint8_t out[static PK_HASH_MAX]);
/* Bytes of the signature or -ZT_E_KEY. EC: DER. RSA: PKCS#1 v1.5. sig holds PK_SIG_MAX. SHA-1
 * is never signed. The digest form is for handshakes, which hash as they go. */
int pk_sign(const struct pk_private *k, enum pk_hash h, struct span message, uint8_t sig[static PK_SIG_MAX]);
int pk_sign_digest(const struct pk_private *k, enum pk_hash h, struct span digest, uint8_t sig[static PK_SIG_MAX]);
/* 0 or -ZT_E_DENIED. PK_SHA1 is always denied. */
int pk_verify(const struct pk_public *k, enum pk_hash h, struct span message, struct span sig);
int pk_verify_digest(const struct pk_public *k, enum pk_hash h, struct span digest, struct span sig);
/* A fresh scalar for an EC type: pk_scalar_len() bytes, which is the answer. -ZT_E_KEY for
 * another type, -ZT_E_TOOLONG. */
int pk_generate(enum pk_type t, uint8_t *scalar, size_t cap);

#endif
