/*
 * aead: the three ciphers of TLS 1.2 that zt speaks, in place, one key for one direction.
 * AES-GCM is ours where the processor has AES (gcm_x86.h); all else is made of BearSSL's
 * constant-time primitives, whose types stay in aead.c.
 */
#ifndef ZT_AEAD_H
#define ZT_AEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

enum aead_kind { AEAD_NONE, AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20 };

/* How AES-GCM is computed: each needs more of the processor than the one before. */
enum aead_way { AEAD_PORTABLE, AEAD_AESNI, AEAD_VAES };

#define AEAD_TAG 16
#define AEAD_NONCE 12

/* One key, ready to use. Holds no pointer to itself: it may be moved. */
struct aead {
	_Alignas(8) uint8_t state[280];
};

size_t aead_key_len(enum aead_kind k);
/* k: not AEAD_NONE. key: aead_key_len(k) bytes. */
void aead_init(struct aead *a, enum aead_kind k, const uint8_t *key);
/* For tests: a way below the best. false, and nothing done: this processor cannot. */
bool aead_init_way(struct aead *a, enum aead_kind k, const uint8_t *key, enum aead_way way);
void aead_wipe(struct aead *a);
/* data[n] becomes ciphertext, the tag goes behind it: tag may be data + n. */
void aead_seal(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data,
	       size_t n, uint8_t tag[static AEAD_TAG]);
/* false: not authentic; data is all zeros then. Constant-time compare. */
bool aead_open(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data,
	       size_t n, const uint8_t tag[static AEAD_TAG]);
/* Does this processor do AES in hardware? Decides the order of suites. */
bool aead_fast_aes(void);

#endif
