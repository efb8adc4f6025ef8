/*
 * pbe: PBKDF2 (RFC 8018 section 5.2), PKCS#12's own derivation (RFC 7292 appendix B), CBC and its
 * padding over BearSSL's constant-time ciphers. Owns nothing; every context that held key bytes is wiped.
 */
#include "pbe.h"

#include <string.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"
#include "num.h"

static const struct {
	const br_hash_class *class;
	size_t len;
} prfs[] = {
	[PBE_HMAC_SHA1] = {&br_sha1_vtable, 20},
	[PBE_HMAC_SHA256] = {&br_sha256_vtable, 32},
	[PBE_HMAC_SHA384] = {&br_sha384_vtable, 48},
	[PBE_HMAC_SHA512] = {&br_sha512_vtable, PBE_HASH_MAX},
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
			 uint8_t sum[static PBE_HASH_MAX])
{
	uint8_t u[PBE_HASH_MAX], count[4];
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
	uint8_t sum[PBE_HASH_MAX];

	ZT_ASSERT(iterations > 0);
	br_hmac_key_init(&k, prfs[prf].class, password.p, password.n);
	for (uint32_t number = 1; w.n < n; number++) {
		pbkdf2_block(&k, salt, number, iterations, sum);
		wr_bytes(&w, sum, num_min(prfs[prf].len, n - w.n));
	}
	wipe(sum, sizeof sum);
	wipe(&k, sizeof k);
}

/* ---- PKCS#12, in the letters of the appendix: u bytes of hash, blocks of v ---- */

#define V 64 /* of SHA-1 and of SHA-256 */
#define I_MAX (P12_KDF_SALT_MAX + P12_KDF_PASSWORD_MAX)

/* s again and again, up to whole blocks; of nothing, nothing. */
static void wr_repeated(struct wr *w, struct span s)
{
	size_t end = w->n + (s.n + V - 1) / V * V;

	while (w->n < end)
		wr_put(w, span_sub(s, 0, end - w->n));
}

/* Each block of i becomes (block + b + 1) mod 2^(8 v), big-endian. */
static void add_to_blocks(uint8_t *i, size_t n, const uint8_t b[static V])
{
	for (size_t block = 0; block < n; block += V) {
		uint32_t carry = 1;

		for (size_t j = V; j-- > 0;) {
			carry += (uint32_t)i[block + j] + b[j];
			i[block + j] = (uint8_t)carry;
			carry >>= 8;
		}
	}
}

/* A = H^iterations(D || I), where D is v bytes of the use. */
static void p12_hash(const struct p12_kdf *k, enum p12_use use, struct span i, uint8_t a[static PBE_HASH_MAX])
{
	const br_hash_class *h = prfs[k->prf].class;
	br_hash_compat_context c;
	uint8_t d[V];

	memset(d, (int)use, sizeof d);
	h->init(&c.vtable);
	h->update(&c.vtable, d, sizeof d);
	h->update(&c.vtable, i.p, i.n);
	h->out(&c.vtable, a);
	for (uint32_t r = 1; r < k->iterations; r++) {
		h->init(&c.vtable);
		h->update(&c.vtable, a, prfs[k->prf].len);
		h->out(&c.vtable, a);
	}
	wipe(&c, sizeof c);
}

void p12_kdf(const struct p12_kdf *k, enum p12_use use, uint8_t *out, size_t n)
{
	uint8_t mem[I_MAX], a[PBE_HASH_MAX], b[V];
	struct wr i = wr_of(mem, sizeof mem), w = wr_of(out, n);
	size_t u = prfs[k->prf].len;

	ZT_ASSERT(k->prf <= PBE_HMAC_SHA256 && k->iterations > 0);
	ZT_ASSERT(k->salt.n <= P12_KDF_SALT_MAX && k->password.n <= P12_KDF_PASSWORD_MAX);
	wr_repeated(&i, k->salt);
	wr_repeated(&i, k->password);
	while (w.n < n) {
		struct wr rep = wr_of(b, sizeof b);

		p12_hash(k, use, wr_span(&i), a);
		wr_bytes(&w, a, num_min(u, n - w.n));
		while (rep.n < V)
			wr_bytes(&rep, a, num_min(u, V - rep.n));
		add_to_blocks(mem, i.n, b);
	}
	wipe(mem, sizeof mem);
	wipe(a, sizeof a);
	wipe(b, sizeof b);
}

size_t pbe_hmac(enum pbe_prf prf, struct span key, struct span in, uint8_t out[static PBE_HASH_MAX])
{
	br_hmac_key_context k;
	br_hmac_context c;
	size_t n;

	br_hmac_key_init(&k, prfs[prf].class, key.p, key.n);
	br_hmac_init(&c, &k, 0);
	br_hmac_update(&c, in.p, in.n);
	n = br_hmac_out(&c, out);
	wipe(&k, sizeof k);
	wipe(&c, sizeof c);
	return n;
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
