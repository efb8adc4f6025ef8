/*
 * gcm_x86: AES-GCM on the AES and carry-less multiplication units of x86-64 processors. The AES
 * of one chunk and the GHASH of another run side by side: 7.1 GB/s, one after the other 5.3
 * (docs/benchmarks.md, "Records"). Only aead.c calls this; elsewhere than on x86-64 it answers that
 * it cannot.
 *
 * Constant-time by construction: no table, no branch and no address depends on a key, a plaintext
 * or a tag.
 */
#ifndef ZT_GCM_X86_H
#define ZT_GCM_X86_H

#include "aead.h"

#define GCM_BLOCK 16

struct gcm_x86 {
	uint8_t round_key[15][GCM_BLOCK]; /* AES-128 uses 11 of them */
	uint8_t h[GCM_BLOCK]; /* the key of GHASH, as gcm_body.h wants it */
	uint32_t rounds;
};

/* What is crypted in place. sealed: it is ciphertext that shall become plaintext. */
struct gcm_text {
	uint8_t *p;
	size_t n;
	bool sealed;
};

enum aead_way gcm_x86_best(void); /* AEAD_PORTABLE: this processor has neither */
void gcm_x86_init(struct gcm_x86 *g, const uint8_t *key, size_t key_len);
/* Crypts and computes the tag. way: one that gcm_x86_best() reaches. */
void gcm_x86_run(const struct gcm_x86 *g, enum aead_way way, const uint8_t nonce[static AEAD_NONCE],
		 struct span aad, struct gcm_text text, uint8_t tag[static AEAD_TAG]);

/* The two makes of it, from one source: gcm_body.h. */
void gcm_aesni_run(const struct gcm_x86 *g, const uint8_t nonce[static AEAD_NONCE], struct span aad,
		   struct gcm_text text, uint8_t tag[static AEAD_TAG]);
void gcm_vaes_run(const struct gcm_x86 *g, const uint8_t nonce[static AEAD_NONCE], struct span aad,
		  struct gcm_text text, uint8_t tag[static AEAD_TAG]);

#endif
