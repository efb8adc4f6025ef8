/*
 * pbe: PBKDF2 (RFC 8018 section 5.2), CBC and its padding over BearSSL's constant-time
 * ciphers. Owns nothing; every context that held key bytes is wiped.
 */
#include "pbe.h"

#include <string.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"
#include "num.h"

#define HASH_MAX 64 /* SHA-512 */

static const struct {
	const br_hash_class *class;
	size_t len;
} prfs[] = {
	[PBE_HMAC_SHA1] = {&br_sha1_vtable, 20},
	[PBE_HMAC_SHA256] = {&br_sha256_vtable, 32},
	[PBE_HMAC_SHA384] = {&br_sha384_vtable, 48},
	[PBE_HMAC_SHA512] = {&br_sha512_vtable, HASH_MAX},
};

static const struct {
	size_t key, block; /* the initial vector is one block */
	const br_block_cbcenc_class *enc;
	const br_block_cbcdec_class *dec;
} ciphers[] = {
	[PBE_AES128_CBC] = {16, 16, &br_aes_ct64_cbcenc_vtable, &br_aes_ct64_cbcdec_vtable},
	[PBE_AES192_CBC] = {24, 16, &br_aes_ct64_cbcenc_vtable, &br_aes_ct64_cbcdec_vtable},
	[PBE_AES256_CBC] = {32, 16, &br_aes_ct64_cbcenc_vtable, &br_aes_ct64_cbcdec_vtable},
	[PBE_DES3_CBC] = {24, 8, &br_des_ct_cbcenc_vtable, &br_des_ct_cbcdec_vtable},
};

size_t pbe_key_len(enum pbe_cipher c) { return ciphers[c].key; }
size_t pbe_iv_len(enum pbe_cipher c) { return ciphers[c].block; }

/* One block of the key: the exclusive or of all rounds, U1 = PRF(salt || number), then
 * Ui = PRF(Ui-1). */
static void pbkdf2_block(const br_hmac_key_context *k, struct span salt, uint32_t number, uint32_t iterations,
			 uint8_t sum[static HASH_MAX])
{
	uint8_t u[HASH_MAX], count[4];
	struct wr w = wr_of(count, sizeof count);
	br_hmac_context c;
	size_t n;

	wr_be32(&w, number);
	br_hmac_init(&c, k, 0);
	br_hmac_update(&c, salt.p, salt.n);
	br_hmac_update(&c, count, sizeof count);
	n = br_hmac_out(&c, u);
	memcpy(sum, u, n);
	for (uint32_t i = 1; i < iterations; i++) {
		br_hmac_init(&c, k, 0);
		br_hmac_update(&c, u, n);
		br_hmac_out(&c, u);
		for (size_t j = 0; j < n; j++)
			sum[j] ^= u[j];
	}
	wipe(u, sizeof u);
	wipe(&c, sizeof c);
}

void pbkdf2(enum pbe_prf prf, struct span password, struct span salt, uint32_t iterations, uint8_t *out, size_t n)
{
	struct wr w = wr_of(out, n);
	br_hmac_key_context k;
	uint8_t sum[HASH_MAX];

	ZT_ASSERT(iterations > 0);
	br_hmac_key_init(&k, prfs[prf].class, password.p, password.n);
	for (uint32_t number = 1; w.n < n; number++) {
		pbkdf2_block(&k, salt, number, iterations, sum);
		wr_bytes(&w, sum, num_min(prfs[prf].len, n - w.n));
	}
	wipe(sum, sizeof sum);
	wipe(&k, sizeof k);
}

void pbe_cbc(enum pbe_cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *data, size_t n)
{
	union {
		const br_block_cbcenc_class *enc;
		const br_block_cbcdec_class *dec;
		br_aes_gen_cbcenc_keys aes_enc;
		br_aes_gen_cbcdec_keys aes_dec;
		br_des_gen_cbcenc_keys des_enc;
		br_des_gen_cbcdec_keys des_dec;
	} k;
	uint8_t chain[16];

	ZT_ASSERT(n % ciphers[c].block == 0);
	memcpy(chain, iv, ciphers[c].block);
	if (encrypt) {
		ciphers[c].enc->init(&k.enc, key, ciphers[c].key);
		ciphers[c].enc->run(&k.enc, chain, data, n);
	} else {
		ciphers[c].dec->init(&k.dec, key, ciphers[c].key);
		ciphers[c].dec->run(&k.dec, chain, data, n);
	}
	wipe(&k, sizeof k);
}

int pbe_unpad(const uint8_t *data, size_t n, size_t block)
{
	uint32_t pad, bad;

	ZT_ASSERT(n > 0 && n % block == 0 && n <= INT32_MAX && block <= 255);
	pad = data[n - 1];
	bad = (pad - 1) >> 31 | ((uint32_t)block - pad) >> 31; /* 1 <= pad <= block */
	/* All of the last block is looked at; bytes that are not of the padding count for nothing. */
	for (uint32_t i = 0; i < block; i++) {
		uint32_t is_pad = 0 - ((i - pad) >> 31);

		bad |= is_pad & (data[n - 1 - i] ^ pad);
	}
	bad = 0 - ((0 - bad) >> 31); /* all ones, or 0: bad < 2^31 */
	__asm__ volatile("" : "+r"(bad)); /* no branch shall be made of it */
	return (int)(((uint32_t)n - pad) & ~bad) - (int)(ZT_E_KEY & bad);
}
