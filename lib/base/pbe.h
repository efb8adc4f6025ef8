/*
 * pbe: what password-based encryption needs: PBKDF2 and AES-CBC (3DES-CBC to read old files),
 * over BearSSL. Iterations are bounded by the caller's parser before they come here.
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
/* In place; n is a multiple of the block. Encrypt adds nothing: pad first. */
void pbe_cbc(enum pbe_cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *data, size_t n);
/* Length without PKCS#7 padding, or -ZT_E_KEY; n > 0 is a multiple of the block. Constant-time:
 * which of the two the answer is becomes public with ct_public(), by the caller. */
int pbe_unpad(const uint8_t *data, size_t n, size_t block);

#endif
