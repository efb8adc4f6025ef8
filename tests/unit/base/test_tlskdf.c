/* tlskdf: the table of suites, and the key block against RFC 5246's formula spelt out again.
 * That real peers derive the same is tested in wire/test_record_engine.c. */
#include "base/tlskdf.h"

#include "../unit.h"
#include "base/crypto.h"
#include "base/num.h"

static const struct {
	uint16_t suite;
	enum aead_kind kind;
	const char *name; /* as OpenSSL calls it */
} suites[] = {
	{0xc02b, AEAD_AES128_GCM, "ECDHE-ECDSA-AES128-GCM-SHA256"},
	{0xc02c, AEAD_AES256_GCM, "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{0xc02f, AEAD_AES128_GCM, "ECDHE-RSA-AES128-GCM-SHA256"},
	{0xc030, AEAD_AES256_GCM, "ECDHE-RSA-AES256-GCM-SHA384"},
	{0xcca8, AEAD_CHACHA20, "ECDHE-RSA-CHACHA20-POLY1305"},
	{0xcca9, AEAD_CHACHA20, "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

TEST(six_suites_and_no_other)
{
	unsigned known = 0;

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		CHECK_INT(suite_aead(suites[i].suite), suites[i].kind);
		CHECK_STR(suite_name(suites[i].suite), suites[i].name);
	}
	for (uint32_t id = 0; id <= UINT16_MAX; id++)
		known += suite_aead((uint16_t)id) != AEAD_NONE;
	CHECK_INT(known, ARRAY_LEN(suites));
	CHECK_STR(suite_name(0xc013), "?");
}

struct secrets {
	uint8_t master[TLS_MASTER], client[TLS_RANDOM], server[TLS_RANDOM];
};

static struct secrets some(void)
{
	struct secrets s;

	for (size_t i = 0; i < sizeof s; i++)
		((uint8_t *)&s)[i] = (uint8_t)(i * 7 + 1);
	return s;
}

/* RFC 5246 section 5 over HMAC-SHA-256: A(1) = HMAC(seed), A(i + 1) = HMAC(A(i)), and the output
 * is HMAC(A(i) + seed) in a row; section 6.3: seed = label + server random + client random. */
static void by_hand(const struct secrets *s, uint8_t *out, size_t blocks)
{
	uint8_t mem[SHA256_LEN + 13 + 64];
	struct wr w = wr_of(mem, sizeof mem);
	struct span seed = {&mem[SHA256_LEN], 13 + 64}, key = {s->master, TLS_MASTER};

	wr_bytes(&w, mem, SHA256_LEN); /* the place of A(i) */
	wr_str(&w, "key expansion");
	wr_bytes(&w, s->server, TLS_RANDOM);
	wr_bytes(&w, s->client, TLS_RANDOM);
	hmac_sha256(key, seed, mem);
	for (size_t i = 0; i < blocks; i++) {
		hmac_sha256(key, span_of(mem, sizeof mem), &out[i * SHA256_LEN]);
		hmac_sha256(key, span_of(mem, SHA256_LEN), mem);
	}
}

static void check_cut(uint16_t suite, size_t key, size_t iv)
{
	static const uint8_t zero[32];
	struct secrets s = some();
	struct record_keys c, v;
	uint8_t block[3 * SHA256_LEN];

	memset(&c, 0xff, sizeof c);
	v = c;
	by_hand(&s, block, 3);
	CHECK(tls_key_block(suite, s.master, s.client, s.server, &c, &v));
	CHECK(memcmp(c.key, block, key) == 0);
	CHECK(memcmp(v.key, &block[key], key) == 0);
	CHECK(memcmp(c.iv, &block[2 * key], iv) == 0);
	CHECK(memcmp(v.iv, &block[2 * key + iv], iv) == 0);
	CHECK(memcmp(&c.key[key], zero, sizeof c.key - key) == 0);
	CHECK(memcmp(&v.iv[iv], zero, sizeof v.iv - iv) == 0);
	CHECK(c.seq == 0 && v.seq == 0);
}

TEST(key_block_by_hand)
{
	check_cut(SUITE_ECDSA_AES128, 16, 4);
	check_cut(SUITE_RSA_AES128, 16, 4);
	check_cut(SUITE_ECDSA_CHACHA, 32, 12);
	check_cut(SUITE_RSA_CHACHA, 32, 12);
}

/* Every secret byte matters, the two directions differ, and SHA-384 is not SHA-256. */
TEST(key_block_depends_on_everything)
{
	for (size_t k = 0; k < ARRAY_LEN(suites); k++) {
		struct secrets s = some();
		struct record_keys c, v, c2, v2;

		CHECK(tls_key_block(suites[k].suite, s.master, s.client, s.server, &c, &v));
		CHECK(memcmp(c.key, v.key, sizeof c.key) != 0 && memcmp(c.iv, v.iv, sizeof c.iv) != 0);
		for (size_t i = 0; i < sizeof s; i++) {
			((uint8_t *)&s)[i] ^= 1;
			CHECK(tls_key_block(suites[k].suite, s.master, s.client, s.server, &c2, &v2));
			CHECK(memcmp(c.key, c2.key, sizeof c.key) != 0 && memcmp(v.key, v2.key, sizeof c.key) != 0);
			((uint8_t *)&s)[i] ^= 1;
		}
		CHECK(tls_key_block(SUITE_RSA_CHACHA, s.master, s.client, s.server, &c2, &v2));
		CHECK((memcmp(c.key, c2.key, 16) == 0) == (suites[k].kind != AEAD_AES256_GCM));
	}
}

TEST(an_unknown_suite_gives_no_keys)
{
	static const uint8_t zero[32];
	struct secrets s = some();
	struct record_keys c, v;

	memset(&c, 0xff, sizeof c);
	v = c;
	CHECK(!tls_key_block(0xc013, s.master, s.client, s.server, &c, &v));
	CHECK(memcmp(c.key, zero, sizeof c.key) == 0 && memcmp(v.key, zero, sizeof v.key) == 0);
	CHECK(memcmp(c.iv, zero, sizeof c.iv) == 0 && memcmp(v.iv, zero, sizeof v.iv) == 0);
}
