/*
 * pbe: what password-based encryption needs: PBKDF2, the older derivation of PKCS#12, HMAC, AES-CBC,
 * and 3DES-CBC for old files and old devices, over BearSSL. Iterations are bounded by the caller
 * before they come here.
 */
#ifndef ZT_PBE_H
#define ZT_PBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum pbe_prf { PBE_HMAC_SHA1, PBE_HMAC_SHA256, PBE_HMAC_SHA384, PBE_HMAC_SHA512 };
enum pbe_cipher { PBE_AES128_CBC, PBE_AES192_CBC, PBE_AES256_CBC, PBE_DES3_CBC };

size_t pbe_key_len(enum pbe_cipher c); /* at most PBE_KEY_MAX */
size_t pbe_iv_len(enum pbe_cipher c);  /* of the initial vector, and of the block */
#define PBE_KEY_MAX 32
#define PBE_BLOCK_MAX 16
/* iterations > 0; out is the key, n bytes. */
void pbkdf2(enum pbe_prf prf, struct span password, struct span salt, uint32_t iterations, uint8_t *out, size_t n);

/* RFC 7292 appendix B.2, with the hash under the prf: SHA-1 or SHA-256. */
enum p12_use { P12_FOR_KEY = 1, P12_FOR_IV = 2, P12_FOR_MAC = 3 };
#define P12_KDF_SALT_MAX 64
#define P12_KDF_PASSWORD_MAX 320 /* 128 characters and their NUL in UTF-16, up to whole blocks of the hash */
struct p12_kdf {
	enum pbe_prf prf;
	struct span password; /* as the appendix wants it: big-endian UTF-16 with its two NUL bytes */
	struct span salt;
	uint32_t iterations;
};
void p12_kdf(const struct p12_kdf *k, enum p12_use use, uint8_t *out, size_t n);

#define PBE_HASH_MAX 64
/* Answers its length. */
size_t pbe_hmac(enum pbe_prf prf, struct span key, struct span in, uint8_t out[static PBE_HASH_MAX]);
/* In place; n is a multiple of the block. Encrypt adds nothing: pad first. */
void pbe_cbc(enum pbe_cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *data, size_t n);
/* Length without PKCS#7 padding, or -ZT_E_KEY; n > 0 is a multiple of the block. Constant-time:
 * which of the two the answer is becomes public with ct_public(), by the caller. */
int pbe_unpad(const uint8_t *data, size_t n, size_t block);

#endif
