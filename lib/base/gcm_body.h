/*
 * gcm_body: AES-GCM once, for vectors of any number of 16-byte blocks. A file that includes this
 * defines before: TARGET, LANES, vec and the v_ operations on it. It gets gcm_run().
 *
 * GHASH is computed as POLYVAL (RFC 8452 appendix A): with every block's bytes turned round and
 * the key multiplied by x once, no product has to be shifted by a bit, and reducing one takes
 * two more multiplications (Montgomery). Eight vectors are multiplied by falling powers of the
 * key and summed before they are reduced, so that is paid once a chunk.
 */
#ifndef ZT_GCM_BODY_H
#define ZT_GCM_BODY_H

#include <string.h>

#include "ct.h"
#include "err.h"
#include "gcm_x86.h"

#define VECS 8
#define BLOCKS (VECS * LANES)
#define CHUNK (BLOCKS * GCM_BLOCK)
#define VEC (LANES * GCM_BLOCK)
#define INLINE TARGET static inline __attribute__((always_inline))
/* Written out instead of looped: the vectors have to live in registers in every compiler. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* An unreduced product or a sum of such, after Karatsuba: low, high, and the product of the
 * halves' sums, from which both are subtracted only when all is summed up. Three
 * multiplications instead of four: 7.1 instead of 6.3 GB/s (AES-128, 16 KiB, one-block
 * vectors), 13.6 instead of 12.2 (two-block vectors). */
struct product {
	vec low, mid, high;
};

/* Powers of the key: the highest first, [BLOCKS - k] is the k-th. A part of m blocks is multiplied
 * by what begins at [BLOCKS - m]; what lies behind the part is zeros and meets the zeros that
 * follow the first power. */
struct powers {
	_Alignas(VEC) uint8_t at[2 * BLOCKS][GCM_BLOCK];
};

INLINE __m128i load128(const uint8_t *p)
{
	return _mm_loadu_si128((const void *)p);
}

INLINE __m128i turn128(__m128i x)
{
	return _mm_shuffle_epi8(x, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

INLINE vec key_of(const struct gcm_x86 *g, size_t round)
{
	return v_spread(load128(g->round_key[round]));
}

INLINE struct product multiply(vec a, vec b)
{
	return (struct product){
		.low = v_clmul(a, b, 0x00),
		.mid = v_clmul(v_xor(a, v_swap64(a)), v_xor(b, v_swap64(b)), 0x00),
		.high = v_clmul(a, b, 0x11),
	};
}

INLINE struct product sum(struct product a, struct product b)
{
	return (struct product){v_xor(a.low, b.low), v_xor(a.mid, b.mid), v_xor(a.high, b.high)};
}

/* Divided by x^128 modulo x^128 + x^127 + x^126 + x^121 + 1, 64 bits at a time. */
INLINE vec reduce(struct product p)
{
	const vec poly = v_spread(_mm_set1_epi64x((long long)0xc200000000000000));
	vec mid = v_xor(p.mid, v_xor(p.low, p.high));
	vec low = v_xor(p.low, v_up64(mid)), high = v_xor(p.high, v_down64(mid));

	low = v_xor(v_swap64(low), v_clmul(low, poly, 0x00));
	low = v_xor(v_swap64(low), v_clmul(low, poly, 0x00));
	return v_xor(low, high);
}

INLINE vec times(vec a, vec b)
{
	return reduce(multiply(a, b));
}

/* Not kept with the key: that would be 256 bytes or more of every idle connection. */
INLINE void make_powers(const struct gcm_x86 *g, struct powers *out)
{
	vec v[VECS], by;

	v[0] = v_first_powers(load128(g->h)); /* LANES … 1 */
	by = v_spread_first(v[0]);
	v[1] = times(v[0], by);
	by = v_spread_first(v[1]);
	v[2] = times(v[0], by);
	v[3] = times(v[1], by);
	by = v_spread_first(v[3]);
	v[4] = times(v[0], by);
	v[5] = times(v[1], by);
	v[6] = times(v[2], by);
	v[7] = times(v[3], by);
#define PUT(i) v_store(out->at[BLOCKS - LANES * (i + 1)], v[i]); v_store(out->at[BLOCKS + LANES * i], v_zero());
	EACH(PUT)
#undef PUT
}

/* Product of vector i of a chunk. y, the hash so far, goes into the first block. */
INLINE struct product hash_vec(const uint8_t *chunk, const uint8_t *powers, size_t i, __m128i y)
{
	vec x = v_turn(v_load(&chunk[i * VEC]));

	if (i == 0)
		x = v_xor(x, v_widen(y));
	return multiply(x, v_load(&powers[i * VEC]));
}

INLINE void aes_round(vec s[static VECS], vec key)
{
#define ROUND(i) s[i] = v_aes(s[i], key);
	EACH(ROUND)
#undef ROUND
}

/* Crypts one chunk (NULL: none) and hashes another or the same (NULL: none), powers being those
 * for its first block. A chunk that is both is hashed as it was before. */
INLINE void step(const struct gcm_x86 *g, vec *counter, uint8_t *crypt, const uint8_t *hash, const uint8_t *powers,
		 __m128i *y)
{
	const vec one_on = v_spread(_mm_cvtsi32_si128(LANES)); /* to the counters of the next vector */
	struct product acc = {v_zero(), v_zero(), v_zero()};
	vec s[VECS] = {{0}}, key;

	if (crypt) {
		key = key_of(g, 0);
#define COUNT(i) s[i] = v_xor(v_turn(*counter), key); *counter = v_add32(*counter, one_on);
		EACH(COUNT)
#undef COUNT
	}
	/* AES has more than eight rounds, so each of eight has the company of a product. */
#define BOTH(i)                                                                                   \
	if (hash)                                                                                 \
		acc = sum(acc, hash_vec(hash, powers, i, *y));                                    \
	if (crypt)                                                                                \
		aes_round(s, key_of(g, (i) + 1));
	EACH(BOTH)
#undef BOTH
	if (hash)
		*y = v_fold(reduce(acc));
	if (crypt) {
		for (size_t r = VECS + 1; r < g->rounds; r++)
			aes_round(s, key_of(g, r));
		key = key_of(g, g->rounds);
#define LAST(i) v_store(&crypt[(i) * VEC], v_xor(v_load(&crypt[(i) * VEC]), v_aes_last(s[i], key)));
		EACH(LAST)
#undef LAST
	}
}

INLINE __m128i hash_block(const struct gcm_x86 *g, __m128i y, __m128i block)
{
	return v_fold(times(v_widen(_mm_xor_si128(y, block)), v_widen(load128(g->h))));
}

/* Additional data is 13 bytes in a record; a block at a time will do. */
INLINE __m128i hash_aad(const struct gcm_x86 *g, struct span aad)
{
	__m128i y = _mm_setzero_si128();

	for (size_t i = 0; i < aad.n; i += GCM_BLOCK) {
		uint8_t block[GCM_BLOCK] = {0};

		memcpy(block, &aad.p[i], aad.n - i < GCM_BLOCK ? aad.n - i : GCM_BLOCK);
		y = hash_block(g, y, turn128(load128(block)));
	}
	return y;
}

/* The counter block number `count` of this nonce, turned round so that counting is an addition. */
INLINE __m128i counter_of(const uint8_t *nonce, int count)
{
	uint8_t block[GCM_BLOCK] = {0};

	memcpy(block, nonce, AEAD_NONCE);
	return _mm_or_si128(turn128(load128(block)), _mm_cvtsi32_si128(count));
}

INLINE __m128i crypt_block(const struct gcm_x86 *g, __m128i x)
{
	x = _mm_xor_si128(x, load128(g->round_key[0]));
	for (size_t r = 1; r < g->rounds; r++)
		x = _mm_aesenc_si128(x, load128(g->round_key[r]));
	return _mm_aesenclast_si128(x, load128(g->round_key[g->rounds]));
}

/* What is left of the text, n < CHUNK bytes, in a chunk of its own. */
INLINE __m128i run_rest(const struct gcm_x86 *g, vec *counter, struct gcm_text rest, const struct powers *powers,
			__m128i y)
{
	const uint8_t *part = powers->at[BLOCKS - (rest.n + GCM_BLOCK - 1) / GCM_BLOCK];
	uint8_t chunk[CHUNK] = {0};

	memcpy(chunk, rest.p, rest.n);
	if (rest.sealed)
		step(g, counter, chunk, chunk, part, &y);
	else
		step(g, counter, chunk, NULL, NULL, NULL);
	memcpy(rest.p, chunk, rest.n);
	if (!rest.sealed) {
		memset(&chunk[rest.n], 0, CHUNK - rest.n);
		step(g, NULL, NULL, chunk, part, &y);
	}
	wipe(chunk, sizeof chunk);
	return y;
}

/* A plaintext's chunk can be hashed when it has been crypted, hence one chunk later. */
TARGET static void gcm_run(const struct gcm_x86 *g, const uint8_t *nonce, struct span aad, struct gcm_text text,
			   uint8_t *tag)
{
	const size_t lag = text.sealed ? 0 : CHUNK;
	struct powers powers;
	__m128i y = hash_aad(g, aad), mask = crypt_block(g, turn128(counter_of(nonce, 1)));
	vec counter = v_count_up(v_spread(counter_of(nonce, 2)));
	size_t i = 0;

	ZT_ASSERT(text.p != NULL || text.n == 0);
	make_powers(g, &powers);
	if (lag && text.n >= CHUNK) {
		step(g, &counter, text.p, NULL, NULL, NULL);
		i = CHUNK;
	}
	for (; text.n - i >= CHUNK; i += CHUNK)
		step(g, &counter, &text.p[i], &text.p[i - lag], powers.at[0], &y);
	if (lag && i)
		step(g, NULL, NULL, &text.p[i - CHUNK], powers.at[0], &y);
	if (i < text.n)
		y = run_rest(g, &counter, (struct gcm_text){&text.p[i], text.n - i, text.sealed}, &powers, y);
	y = hash_block(g, y, _mm_set_epi64x((long long)(aad.n * 8), (long long)(text.n * 8)));
	_mm_storeu_si128((void *)tag, _mm_xor_si128(turn128(y), mask));
	wipe(&powers, sizeof powers);
}

#endif
