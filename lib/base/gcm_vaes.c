/*
 * gcm_vaes: gcm_body.h on vectors of two blocks: processors with VAES and VPCLMULQDQ beside AVX2
 * (AMD since Zen 3, Intel since Ice Lake and, without AVX-512, Alder Lake).
 */
#include "gcm_x86.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("vaes,vpclmulqdq,avx2,aes,pclmul")))
#define LANES 2
typedef __m256i vec;
#define v_xor _mm256_xor_si256
#define v_zero _mm256_setzero_si256
#define v_add32 _mm256_add_epi32
#define v_aes _mm256_aesenc_epi128
#define v_aes_last _mm256_aesenclast_epi128
#define v_clmul _mm256_clmulepi64_epi128
#define v_spread _mm256_broadcastsi128_si256
#define v_load(p) _mm256_loadu_si256((const void *)(p))
#define v_store(p, x) _mm256_storeu_si256((void *)(p), x)
#define v_swap64(x) _mm256_shuffle_epi32(x, 0x4e)
#define v_up64(x) _mm256_slli_si256(x, 8)
#define v_down64(x) _mm256_srli_si256(x, 8)
#define v_widen(x) _mm256_zextsi128_si256(x)
#define v_fold(x) _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1))
#define v_spread_first(x) _mm256_permute2x128_si256(x, x, 0x00)
#define v_count_up(x) _mm256_add_epi32(x, _mm256_set_epi32(0, 0, 0, 1, 0, 0, 0, 0))
#define v_turn(x) \
	_mm256_shuffle_epi8(x, v_spread(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)))
#define v_first_powers(h) _mm256_set_m128i(h, _mm256_castsi256_si128(times(v_widen(h), v_widen(h))))
#include "gcm_body.h"

void gcm_vaes_run(const struct gcm_x86 *g, const uint8_t nonce[static AEAD_NONCE], struct span aad,
		  struct gcm_text text, uint8_t tag[static AEAD_TAG])
{
	gcm_run(g, nonce, aad, text, tag);
}
#endif
