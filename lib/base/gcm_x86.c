/*
 * gcm_x86: what the processor can, the key schedule, and gcm_body.h on vectors of one block,
 * for every x86-64 processor with AES-NI and PCLMULQDQ.
 */
#include "gcm_x86.h"

#include "err.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("aes,pclmul,ssse3,sse4.1")))
#define LANES 1
typedef __m128i vec;
#define v_xor _mm_xor_si128
#define v_zero _mm_setzero_si128
#define v_add32 _mm_add_epi32
#define v_aes _mm_aesenc_si128
#define v_aes_last _mm_aesenclast_si128
#define v_clmul _mm_clmulepi64_si128
#define v_spread(x) (x)
#define v_load(p) _mm_loadu_si128((const void *)(p))
#define v_store(p, x) _mm_storeu_si128((void *)(p), x)
#define v_swap64(x) _mm_shuffle_epi32(x, 0x4e)
#define v_up64(x) _mm_slli_si128(x, 8)
#define v_down64(x) _mm_srli_si128(x, 8)
#define v_widen(x) (x)
#define v_fold(x) (x)
#define v_spread_first(x) (x)
#define v_count_up(x) (x)
#define v_turn turn128
#define v_first_powers(h) (h)
#include "gcm_body.h"

void gcm_aesni_run(const struct gcm_x86 *g, const uint8_t nonce[static AEAD_NONCE], struct span aad,
		   struct gcm_text text, uint8_t tag[static AEAD_TAG])
{
	gcm_run(g, nonce, aad, text, tag);
}

/* Asked once, before main(): in a virtual machine the processor's answer costs 15 us. The compiler's own way to ask
 * brings a table of every processor there ever was, 5 KB. */
static enum aead_way best;

/* Does the kernel keep the upper halves of the vector registers? XGETBV, register 0: SSE and AVX state. */
static bool keeps_avx(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 6) == 6;
}

__attribute__((constructor)) static void ask_processor(void)
{
	const unsigned aesni = bit_AES | bit_PCLMUL | bit_SSSE3, vaes = bit_VAES | bit_VPCLMULQDQ;
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & aesni) != aesni)
		return;
	best = AEAD_AESNI;
	if ((c & bit_OSXSAVE) && keeps_avx() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) && (c & vaes) == vaes)
		best = AEAD_VAES;
}

enum aead_way gcm_x86_best(void)
{
	return best;
}

/* S-box of each byte. In a block of four equal columns moving rows about changes nothing. */
TARGET static uint32_t sub_word(uint32_t w)
{
	__m128i x = _mm_aesenclast_si128(_mm_set1_epi32((int)w), _mm_setzero_si128());

	return (uint32_t)_mm_cvtsi128_si32(x);
}

/* FIPS 197 section 5.2, on little-endian words: RotWord turns right there. */
static void expand_key(uint32_t *w, size_t words, size_t key_words)
{
	uint32_t rcon = 1;

	for (size_t i = key_words; i < words; i++) {
		uint32_t t = w[i - 1];

		if (i % key_words == 0) {
			t = sub_word(t);
			t = (t >> 8 | t << 24) ^ rcon;
			rcon = rcon << 1 ^ (rcon >> 7) * 0x11b; /* public: the same for every key */
		} else if (key_words > 6 && i % key_words == 4) {
			t = sub_word(t);
		}
		w[i] = w[i - key_words] ^ t;
	}
}

/* RFC 8452 appendix A: turned round and times x, with x^128 = x^127 + x^126 + x^121 + 1. */
TARGET static __m128i polyval_key(__m128i h)
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i over, carry;

	h = turn128(h);
	over = _mm_srai_epi32(_mm_shuffle_epi32(h, 0xff), 31);
	carry = _mm_slli_si128(_mm_srli_epi64(h, 63), 8);
	h = _mm_or_si128(_mm_slli_epi64(h, 1), carry);
	return _mm_xor_si128(h, _mm_and_si128(over, poly));
}

TARGET void gcm_x86_init(struct gcm_x86 *g, const uint8_t *key, size_t key_len)
{
	g->rounds = key_len == 16 ? 10 : 14;
	memcpy(g->round_key, key, key_len);
	expand_key((uint32_t *)(void *)g->round_key, 4 * (g->rounds + 1), key_len / 4);
	_mm_storeu_si128((void *)g->h, polyval_key(crypt_block(g, _mm_setzero_si128())));
}

void gcm_x86_run(const struct gcm_x86 *g, enum aead_way way, const uint8_t nonce[static AEAD_NONCE],
		 struct span aad, struct gcm_text text, uint8_t tag[static AEAD_TAG])
{
	(way == AEAD_VAES ? gcm_vaes_run : gcm_aesni_run)(g, nonce, aad, text, tag);
}

#else

enum aead_way gcm_x86_best(void)
{
	return AEAD_PORTABLE;
}

void gcm_x86_init(struct gcm_x86 *g, const uint8_t *key, size_t key_len)
{
	(void)g, (void)key, (void)key_len;
	zt_bug(__FILE__, __LINE__, "gcm_x86 on another processor");
}

void gcm_x86_run(const struct gcm_x86 *g, enum aead_way way, const uint8_t nonce[static AEAD_NONCE],
		 struct span aad, struct gcm_text text, uint8_t tag[static AEAD_TAG])
{
	(void)g, (void)way, (void)nonce, (void)aad, (void)text, (void)tag;
	zt_bug(__FILE__, __LINE__, "gcm_x86 on another processor");
}
#endif
