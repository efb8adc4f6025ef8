/* record: what is accepted and everything that must not be. That other implementations read and
 * write the same is tested in test_record_engine.c. */
#include "wire/record.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/num.h"

#define LIMIT ((uint64_t)1 << 48)

static const enum aead_kind kinds[] = {AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20};
#define EACH_KIND(k) for (size_t k = 0; k < ARRAY_LEN(kinds); k++)

static struct record_keys keys_at(uint64_t seq)
{
	struct record_keys k = {.seq = seq};

	for (size_t i = 0; i < sizeof k.key; i++)
		k.key[i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < sizeof k.iv; i++)
		k.iv[i] = (uint8_t)(0xf0 + i);
	return k;
}

static struct record record_at(enum aead_kind kind, uint64_t seq)
{
	struct record_keys k = keys_at(seq);
	struct record r;

	record_init(&r, kind, &k);
	return r;
}

/* A record of n bytes, each its index. Answers its length. */
static size_t seal(struct record *w, enum record_type type, uint8_t *mem, size_t n)
{
	size_t head = record_head(w);
	int len;

	for (size_t i = 0; i < n; i++)
		mem[head + i] = (uint8_t)i;
	len = record_seal(w, type, mem, n);
	CHECK_INT(len, head + n + AEAD_TAG);
	return (size_t)len;
}

static bool is_index(const struct record_plain *p, size_t n)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->p[i] != (uint8_t)i)
			return false;
	return p->n == n;
}

/* What is refused is refused for good. */
static void check_refused(struct record *r, uint8_t *mem, size_t n, int err)
{
	struct record_plain out;

	CHECK_INT(record_open(r, mem, n, &out), -err);
	CHECK(out.p == NULL && out.n == 0);
	CHECK_INT(record_open(r, mem, n, &out), -ZT_E_DENIED);
	CHECK_INT(record_seal(r, RECORD_DATA, mem, 0), -ZT_E_RANGE);
}

TEST(every_length_and_type_goes_round)
{
	static uint8_t mem[RECORD_MAX];
	static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 1000, 16383, 16384};
	struct record_plain out;

	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 1), r = record_at(kinds[k], 1);

		CHECK_INT(record_head(&w), kinds[k] == AEAD_CHACHA20 ? 5 : 13);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			enum record_type type = RECORD_CCS + i % 4;
			size_t len = seal(&w, type, mem, sizes[i]);

			CHECK(len <= RECORD_MAX);
			CHECK_INT(record_need(mem, len), len);
			CHECK_INT(record_open(&r, mem, sizeof mem, &out), len); /* more may stand behind it */
			CHECK_INT(out.type, type);
			CHECK(is_index(&out, sizes[i]));
		}
		CHECK(w.seq == 1 + ARRAY_LEN(sizes) && r.seq == w.seq);
	}
}

/* RFC 5288 section 3 and RFC 7905 section 2, with aead doing only what aead is tested for. */
TEST(nonce_and_additional_data_are_those_of_the_rfcs)
{
	static const uint8_t gcm_nonce[] = {0xf0, 0xf1, 0xf2, 0xf3, 0, 0, 1, 2, 3, 4, 5, 6};
	static const uint8_t chacha_nonce[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6 ^ 1, 0xf7 ^ 2,
					       0xf8 ^ 3, 0xf9 ^ 4, 0xfa ^ 5, 0xfb ^ 6};
	static const uint8_t aad[] = {0, 0, 1, 2, 3, 4, 5, 6, RECORD_HANDSHAKE, 3, 3, 0, 9};

	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 0x010203040506);
		struct record_keys keys = keys_at(0);
		bool gcm = kinds[k] != AEAD_CHACHA20;
		uint8_t mem[64], text[9];
		size_t head = record_head(&w), len = seal(&w, RECORD_HANDSHAKE, mem, 9);
		struct aead a;

		CHECK(mem[0] == 22 && mem[1] == 3 && mem[2] == 3 && mem[3] == 0 && mem[4] == len - 5);
		CHECK(!gcm || memcmp(&mem[5], &gcm_nonce[4], 8) == 0);
		aead_init(&a, kinds[k], keys.key);
		memcpy(text, &mem[head], sizeof text);
		CHECK(aead_open(&a, gcm ? gcm_nonce : chacha_nonce, span_of(aad, sizeof aad), text, sizeof text,
				&mem[head + 9]));
		CHECK(text[8] == 8);
	}
}

/* A peer may choose GCM's explicit nonce as it likes. */
TEST(a_foreign_explicit_nonce_is_used)
{
	static const uint8_t nonce[] = {0xf0, 0xf1, 0xf2, 0xf3, 9, 9, 9, 9, 9, 9, 9, 9};
	static const uint8_t aad[] = {0, 0, 0, 0, 0, 0, 0, 1, RECORD_DATA, 3, 3, 0, 1};
	uint8_t mem[30] = {RECORD_DATA, 3, 3, 0, 25, 9, 9, 9, 9, 9, 9, 9, 9, 'x'};
	struct record r = record_at(AEAD_AES128_GCM, 1);
	struct record_keys keys = keys_at(0);
	struct record_plain out;
	struct aead a;

	aead_init(&a, AEAD_AES128_GCM, keys.key);
	aead_seal(&a, nonce, span_of(aad, sizeof aad), &mem[13], 1, &mem[14]);
	CHECK_INT(record_open(&r, mem, sizeof mem, &out), sizeof mem);
	CHECK(out.n == 1 && out.p[0] == 'x');
}

/* Bit 0 to 15 of the first bytes lie about type and version, then about the length. */
static int error_of_bit(size_t bit, size_t body)
{
	uint16_t len;

	if (bit < 24) {
		uint8_t type = (uint8_t)(RECORD_DATA ^ (bit < 8 ? 1u << bit : 0));

		return bit < 8 && type >= RECORD_CCS && type <= RECORD_DATA ? ZT_E_DENIED : ZT_E_SYNTAX;
	}
	if (bit >= 40)
		return ZT_E_DENIED;
	/* Big-endian: bits 24 to 31 are the high byte. */
	len = (uint16_t)(body ^ (bit < 32 ? 1u << (bit - 24) << 8 : 1u << (bit - 32)));
	if (len < AEAD_TAG || len > RECORD_PLAIN + AEAD_TAG + 8)
		return ZT_E_SYNTAX;
	return len > body ? 0 : ZT_E_DENIED; /* 0: it waits for more */
}

TEST(every_flipped_bit_is_refused)
{
	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 1);
		uint8_t mem[128], bad[128];
		size_t len = seal(&w, RECORD_DATA, mem, 40);

		for (size_t bit = 0; bit < 8 * len; bit++) {
			struct record r = record_at(kinds[k], 1);
			struct record_plain out;
			int err = error_of_bit(bit, len - 5);

			memcpy(bad, mem, len);
			bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (err == 0)
				CHECK_INT(record_open(&r, bad, len, &out), ZT_MORE);
			else
				check_refused(&r, bad, len, err);
		}
	}
}

/* A length that asks for more than was sealed waits, and then the next record's bytes are no help. */
TEST(a_length_that_lies_upwards_is_refused_when_it_is_there)
{
	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 1), r = record_at(kinds[k], 1);
		uint8_t mem[200];
		size_t len = seal(&w, RECORD_DATA, mem, 40);
		struct record_plain out;

		len += seal(&w, RECORD_DATA, &mem[len], 40);
		mem[4] += 16;
		CHECK_INT(record_open(&r, mem, record_need(mem, 5) - 1, &out), ZT_MORE);
		CHECK(record_need(mem, 5) < len);
		check_refused(&r, mem, len, ZT_E_DENIED);
	}
}

TEST(every_cut_waits)
{
	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 1), r = record_at(kinds[k], 1);
		uint8_t mem[128];
		size_t len = seal(&w, RECORD_DATA, mem, 40);
		struct record_plain out;

		for (size_t n = 0; n < len; n++) {
			/* Exactly n bytes of memory: the sanitizer sees a look beyond. */
			uint8_t *part = malloc(n + 1);

			memcpy(&part[1], mem, n);
			CHECK_INT(record_open(&r, &part[1], n, &out), ZT_MORE);
			CHECK_INT(record_need(&part[1], n), n < 5 ? 0 : len);
			free(part);
		}
		CHECK_INT(record_open(&r, mem, len, &out), len);
		CHECK(is_index(&out, 40));
	}
}

TEST(replayed_dropped_and_swapped_records_are_refused)
{
	EACH_KIND(k) {
		struct record w = record_at(kinds[k], 1), r = record_at(kinds[k], 1), r2 = r, r3 = r;
		uint8_t mem[3][64], copy[64];
		struct record_plain out;
		size_t len = 0;

		for (size_t i = 0; i < 3; i++)
			len = seal(&w, RECORD_DATA, mem[i], 9);
		memcpy(copy, mem[0], len);
		CHECK_INT(record_open(&r, copy, len, &out), len);
		memcpy(copy, mem[0], len);
		check_refused(&r, copy, len, ZT_E_DENIED); /* again */
		memcpy(copy, mem[1], len);
		check_refused(&r2, copy, len, ZT_E_DENIED); /* the first is missing, or comes later */
		memcpy(copy, mem[0], len);
		CHECK_INT(record_open(&r3, copy, len, &out), len);
		memcpy(copy, mem[2], len);
		check_refused(&r3, copy, len, ZT_E_DENIED); /* the second is missing */
	}
}

/* What was sealed with one key, one cipher or one IV is nothing to another. */
TEST(keys_are_not_interchangeable)
{
	EACH_KIND(k) EACH_KIND(j) {
		struct record w = record_at(kinds[k], 1), r;
		struct record_keys key = keys_at(1), iv = keys_at(1);
		uint8_t mem[128], copy[128];
		size_t len = seal(&w, RECORD_DATA, mem, 40);

		memcpy(copy, mem, len);
		key.key[0] ^= k == j;
		record_init(&r, kinds[j], &key);
		check_refused(&r, mem, len, ZT_E_DENIED);
		iv.iv[3] ^= 1;
		record_init(&r, kinds[k], &iv);
		check_refused(&r, copy, len, ZT_E_DENIED);
	}
}

static void check_header(enum aead_kind kind, uint8_t type, uint16_t version, size_t body, int want)
{
	struct record r = record_at(kind, 1);
	uint8_t mem[RECORD_HEADER];
	struct wr w = wr_of(mem, sizeof mem);
	struct record_plain out;

	wr_u8(&w, type);
	wr_be16(&w, version);
	wr_be16(&w, (uint16_t)body);
	CHECK_INT(record_open(&r, mem, sizeof mem, &out), want);
}

/* Judged with five bytes there: nobody is made to hold the rest. */
TEST(headers_are_judged_at_once)
{
	EACH_KIND(k) {
		size_t least = kinds[k] == AEAD_CHACHA20 ? 16 : 24;

		for (unsigned type = 0; type < 256; type++)
			check_header(kinds[k], (uint8_t)type, 0x0303, 100,
				     type >= 20 && type <= 23 ? ZT_MORE : -ZT_E_SYNTAX);
		for (unsigned v = 0; v <= 0xffff; v++)
			if (v % 257 == 0 || v >> 8 == 3)
				check_header(kinds[k], 23, (uint16_t)v, 100, v == 0x0303 ? ZT_MORE : -ZT_E_SYNTAX);
		for (size_t body = 0; body <= 0xffff; body++)
			if (body < 40 || body > 16370)
				check_header(kinds[k], 23, 0x0303, body,
					     body >= least && body <= least + 16384 ? ZT_MORE : -ZT_E_SYNTAX);
	}
	CHECK_INT(record_need((const uint8_t[]){23, 3, 3, 0xff, 0xff}, 5), 65540);
}

static void seal_too_much(void)
{
	static uint8_t mem[RECORD_MAX + 1];
	struct record w = record_at(AEAD_AES128_GCM, 1);

	record_seal(&w, RECORD_DATA, mem, RECORD_PLAIN + 1);
}

TEST(a_longer_plaintext_is_a_bug)
{
	CHECK(unit_dies(seal_too_much));
}

TEST(the_counter_ends_and_does_not_turn)
{
	uint8_t mem[64], last[64];
	struct record_plain out;

	EACH_KIND(k) {
		struct record w = record_at(kinds[k], LIMIT - 1), r = record_at(kinds[k], LIMIT - 1);
		size_t len = seal(&w, RECORD_DATA, mem, 9);

		memcpy(last, mem, len);
		CHECK_INT(record_open(&r, mem, len, &out), len);
		CHECK_INT(record_seal(&w, RECORD_DATA, mem, 9), -ZT_E_RANGE);
		CHECK_INT(record_seal(&w, RECORD_DATA, mem, 9), -ZT_E_RANGE);
		CHECK(w.seq == LIMIT);
		check_refused(&r, last, len, ZT_E_RANGE);
		w = record_at(kinds[k], UINT64_MAX);
		CHECK_INT(record_seal(&w, RECORD_DATA, mem, 9), -ZT_E_RANGE);
	}
}

TEST(the_hand_over_leaves_nothing_behind)
{
	static const uint8_t zero[sizeof(struct record)];
	struct record_keys k = keys_at(7);
	struct record r;

	record_init(&r, AEAD_AES256_GCM, &k);
	CHECK(r.seq == 7);
	CHECK(memcmp(&k, zero, sizeof k) == 0);
	record_wipe(&r);
	CHECK(memcmp(&r, zero, sizeof r) == 0);
}

/* The promise of less than 2 KB for an idle connection counts on this. */
TEST(two_directions_are_small)
{
	CHECK(2 * sizeof(struct record) <= 640);
}
