/* aead: published vectors by every way of computing, the ways against each other, and refusals. */
#include "base/aead.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/ct.h"
#include "base/num.h"

#define TEXT_MAX 16500

static const enum aead_way ways[] = {AEAD_PORTABLE, AEAD_AESNI, AEAD_VAES};
static const enum aead_kind kinds[] = {AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20};

/* The same numbers in every run. */
static uint32_t dice(uint32_t below)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) % below;
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)dice(256);
}

struct vector {
	enum aead_kind kind;
	const char *key, *nonce, *aad, *plain, *sealed, *tag;
};

#define KEY_128 "feffe9928665731c6d6a8f9467308308"
#define KEY_ZERO "00000000000000000000000000000000"
#define NONCE "cafebabefacedbaddecaf888"
#define NONCE_ZERO "000000000000000000000000"
#define AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define PLAIN_60 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
		 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED_128 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" \
		   "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
#define SEALED_256 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
		   "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

/* Cases 1 to 4 and 13 to 16 of the proposal of GCM to NIST (appendix B; those with nonces of
 * 96 bits), and the example of RFC 8439 section 2.8.2. */
static const struct vector vectors[] = {
	{AEAD_AES128_GCM, KEY_ZERO, NONCE_ZERO, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
	{AEAD_AES128_GCM, KEY_ZERO, NONCE_ZERO, "", KEY_ZERO, "0388dace60b6a392f328c2b971b2fe78",
	 "ab6e47d42cec13bdf53a67b21257bddf"},
	{AEAD_AES128_GCM, KEY_128, NONCE, "", PLAIN_60 "1aafd255", SEALED_128 "473f5985",
	 "4d5c2af327cd64a62cf35abd2ba6fab4"},
	{AEAD_AES128_GCM, KEY_128, NONCE, AAD, PLAIN_60, SEALED_128, "5bc94fbc3221a5db94fae95ae7121a47"},
	{AEAD_AES256_GCM, KEY_ZERO KEY_ZERO, NONCE_ZERO, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	{AEAD_AES256_GCM, KEY_ZERO KEY_ZERO, NONCE_ZERO, "", KEY_ZERO, "cea7403d4d606b6e074ec5d3baf39d18",
	 "d0d1c8a799996bf0265b98b5d48ab919"},
	{AEAD_AES256_GCM, KEY_128 KEY_128, NONCE, "", PLAIN_60 "1aafd255", SEALED_256 "898015ad",
	 "b094dac5d93471bdec1a502270e3cc6c"},
	{AEAD_AES256_GCM, KEY_128 KEY_128, NONCE, AAD, PLAIN_60, SEALED_256, "76fc6ece0f4e1768cddf8853bb2d551b"},
	{AEAD_CHACHA20, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	 "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	 "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	 "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	 "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	 "637265656e20776f756c642062652069742e",
	 "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	 "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	 "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	 "3ff4def08e4b7a9de576d26586cec64b6116",
	 "1ae10b594f09e26a7e902ecbd0600691"},
};

static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
	struct span s = span_str(text);

	CHECK(s.n / 2 <= cap);
	CHECK_INT(ct_hex_decode(s, out), 0);
	return s.n / 2;
}

static void check_vector(const struct vector *v, enum aead_way way)
{
	uint8_t key[32], nonce[AEAD_NONCE], aad[32], text[128], plain[128], sealed[128], tag[AEAD_TAG], got[AEAD_TAG];
	struct span more = {aad, unhex(v->aad, aad, sizeof aad)};
	size_t n = unhex(v->plain, plain, sizeof plain);
	struct aead a;

	CHECK_INT(unhex(v->sealed, sealed, sizeof sealed), n);
	CHECK_INT(unhex(v->key, key, sizeof key), aead_key_len(v->kind));
	CHECK_INT(unhex(v->nonce, nonce, sizeof nonce), AEAD_NONCE);
	CHECK_INT(unhex(v->tag, tag, sizeof tag), AEAD_TAG);
	if (!aead_init_way(&a, v->kind, key, way))
		return;
	memcpy(text, plain, n);
	aead_seal(&a, nonce, more, text, n, got);
	CHECK(memcmp(text, sealed, n) == 0);
	CHECK(memcmp(got, tag, AEAD_TAG) == 0);
	CHECK(aead_open(&a, nonce, more, text, n, tag));
	CHECK(memcmp(text, plain, n) == 0);
}

TEST(known_answers)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		for (size_t w = 0; w < ARRAY_LEN(ways); w++)
			check_vector(&vectors[i], ways[w]);
}

TEST(a_processor_that_cannot_says_so)
{
	static const uint8_t key[32];
	struct aead a;
	bool before = true;

	CHECK(aead_init_way(&a, AEAD_AES128_GCM, key, AEAD_PORTABLE));
	CHECK_INT(aead_fast_aes(), aead_init_way(&a, AEAD_AES128_GCM, key, AEAD_AESNI));
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) { /* each way needs all that the one before does */
		bool can = aead_init_way(&a, AEAD_AES256_GCM, key, ways[w]);

		CHECK(before || !can);
		before = can;
	}
}

/* One random case of n bytes: every way gives what the portable one gives, and opens it. The
 * text stands at an odd place and ends where its memory ends, for the sanitizer. */
static void compare_ways(enum aead_kind kind, size_t n)
{
	uint8_t key[32], nonce[AEAD_NONCE], aad[40], want_tag[AEAD_TAG], tag[AEAD_TAG];
	size_t lead = dice(32), aad_n = dice(3) ? 13 : dice(sizeof aad + 1);
	uint8_t *plain = malloc(n + 1), *want = malloc(n + 1), *mem = malloc(lead + n + 1), *got = &mem[lead + 1];
	struct aead a, moved;

	fill(key, sizeof key);
	fill(nonce, sizeof nonce);
	fill(aad, aad_n);
	fill(plain, n);
	memcpy(want, plain, n);
	CHECK(aead_init_way(&a, kind, key, AEAD_PORTABLE));
	aead_seal(&a, nonce, span_of(aad, aad_n), want, n, want_tag);
	for (size_t w = 1; w < ARRAY_LEN(ways) && aead_init_way(&a, kind, key, ways[w]); w++) {
		moved = a;
		aead_wipe(&a);
		memcpy(got, plain, n);
		aead_seal(&moved, nonce, span_of(aad, aad_n), got, n, tag);
		CHECK(memcmp(got, want, n) == 0);
		CHECK(memcmp(tag, want_tag, AEAD_TAG) == 0);
		CHECK(aead_open(&moved, nonce, span_of(aad, aad_n), got, n, tag));
		CHECK(memcmp(got, plain, n) == 0);
	}
	free(plain);
	free(want);
	free(mem);
}

TEST(the_ways_agree)
{
	for (size_t i = 0; i < 10000; i++)
		compare_ways(i & 1 ? AEAD_AES128_GCM : AEAD_AES256_GCM, i / 2 % 601);
}

/* Around whole blocks, whole chunks of 128 and 256 bytes, and the longest record. */
TEST(the_ways_agree_at_the_edges)
{
	for (size_t at = 1024; at <= 16384; at *= 2)
		for (size_t n = at - 33; n <= at + 33; n++)
			compare_ways(n & 1 ? AEAD_AES128_GCM : AEAD_AES256_GCM, n);
	for (size_t n = 16384 - 256; n <= 16384; n++)
		compare_ways(AEAD_AES128_GCM, n);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

struct sealed {
	uint8_t nonce[AEAD_NONCE], aad[13], text[300], tag[AEAD_TAG];
};

/* The text must be refused, and must be gone. */
static void check_refused(const struct aead *a, struct sealed s, size_t n)
{
	CHECK(!aead_open(a, s.nonce, span_of(s.aad, sizeof s.aad), s.text, n, s.tag));
	CHECK(all_zero(s.text, n));
}

static void flip_every_bit(enum aead_kind kind, enum aead_way way, size_t n)
{
	uint8_t key[32];
	struct sealed s;
	struct aead a;

	fill(key, sizeof key);
	fill((uint8_t *)&s, sizeof s);
	if (!aead_init_way(&a, kind, key, way))
		return;
	aead_seal(&a, s.nonce, span_of(s.aad, sizeof s.aad), s.text, n, s.tag);
	for (size_t i = 0; i < 8 * sizeof s; i++) {
		struct sealed bad = s;

		if (i / 8 >= offsetof(struct sealed, text) + n && i / 8 < offsetof(struct sealed, tag))
			continue;
		((uint8_t *)&bad)[i / 8] ^= (uint8_t)(1 << i % 8);
		check_refused(&a, bad, n);
	}
	CHECK(aead_open(&a, s.nonce, span_of(s.aad, sizeof s.aad), s.text, n, s.tag));
}

TEST(every_flipped_bit_is_refused)
{
	static const size_t sizes[] = {0, 1, 16, 31, 300};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t w = 0; w < ARRAY_LEN(ways); w++)
			for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
				flip_every_bit(kinds[k], ways[w], sizes[i]);
}

/* Where the text ends is part of what is authentic, and so is where the additional data ends. */
TEST(lengths_are_authentic)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct sealed s = {0}; /* zeros: padding would look the same */
		static const uint8_t key[32];
		struct aead a;

		aead_init(&a, kinds[k], key);
		aead_seal(&a, s.nonce, span_of(s.aad, 13), s.text, 32, s.tag);
		check_refused(&a, s, 31);
		check_refused(&a, s, 33);
		CHECK(!aead_open(&a, s.nonce, span_of(s.aad, 12), s.text, 32, s.tag));
	}
}

static void use_wiped(void)
{
	uint8_t tag[AEAD_TAG];
	struct sealed s = {0};
	struct aead a;

	aead_init(&a, AEAD_AES128_GCM, s.text);
	aead_wipe(&a);
	aead_seal(&a, s.nonce, SPAN_NONE, s.text, 1, tag);
}

TEST(a_wiped_key_is_gone)
{
	uint8_t key[32];
	struct aead a;

	fill(key, sizeof key);
	aead_init(&a, AEAD_AES256_GCM, key);
	CHECK(!all_zero((const uint8_t *)&a, sizeof a));
	aead_wipe(&a);
	CHECK(all_zero((const uint8_t *)&a, sizeof a));
	CHECK(unit_dies(use_wiped));
}
