/* crypto: published vectors, and that random numbers stay in their range and reach all of it. */
#include "base/crypto.h"

#include "../unit.h"
#include "base/ct.h"

static void hex(const uint8_t d[static SHA256_LEN], char out[static 2 * SHA256_LEN + 1])
{
	ct_hex_encode(d, SHA256_LEN, out);
	out[2 * SHA256_LEN] = 0;
}

/* FIPS 180-4 examples; the empty message and the million from the NIST test suite. */
TEST(sha256_vectors)
{
	static uint8_t million[1000000];
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t d[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sha256(span_str(cases[i].in), d);
		hex(d, text);
		CHECK_STR(text, cases[i].out);
	}
	sha256(SPAN_NONE, d);
	hex(d, text);
	CHECK_STR(text, cases[0].out);
	memset(million, 'a', sizeof million);
	sha256(span_of(million, sizeof million), d);
	hex(d, text);
	CHECK_STR(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231 section 4; case 5 is the truncated one and adds nothing here. */
TEST(hmac_sha256_vectors)
{
	static const struct {
		uint8_t key_byte;
		size_t key_n;
		const char *key, *in;
		uint8_t in_byte;
		size_t in_n;
		const char *out;
	} cases[] = {
		{0x0b, 20, NULL, "Hi There", 0, 0,
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{0, 0, "Jefe", "what do ya want for nothing?", 0, 0,
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{0xaa, 20, NULL, NULL, 0xdd, 50,
		 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{0, 0, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
		 NULL, 0xcd, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 0, 0,
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{0xaa, 131, NULL,
		 "This is a test using a larger than block-size key and a larger than block-size data. "
		 "The key needs to be hashed before being used by the HMAC algorithm.",
		 0, 0, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t key[131], in[50], d[SHA256_LEN];
		struct span k = span_of(key, cases[i].key_n), m = span_of(in, cases[i].in_n);
		char text[2 * SHA256_LEN + 1];

		memset(key, cases[i].key_byte, sizeof key);
		memset(in, cases[i].in_byte, sizeof in);
		hmac_sha256(cases[i].key ? span_str(cases[i].key) : k,
			    cases[i].in ? span_str(cases[i].in) : m, d);
		hex(d, text);
		CHECK_STR(text, cases[i].out);
	}
}

TEST(random_below_stays_below_and_reaches_everything)
{
	unsigned seen[7] = {0};

	for (int i = 0; i < 100; i++)
		CHECK_INT(random_below(1), 0);
	for (int i = 0; i < 70000; i++) {
		uint32_t v = random_below(7);

		NEED(v < 7);
		seen[v]++;
	}
	/* 10,000 each with a standard deviation of 93; ten of them are 930: chance 1 in 10^22. */
	for (int i = 0; i < 7; i++)
		CHECK(seen[i] > 9000 && seen[i] < 11000);
	/* A range where a bare modulo would show: it would put half, not a third, below 2^30. */
	seen[0] = 0;
	for (int i = 0; i < 30000; i++) {
		uint32_t v = random_below(0xc0000000);

		NEED(v < 0xc0000000);
		seen[0] += v < 0x40000000;
	}
	CHECK(seen[0] > 9000 && seen[0] < 11000);
}

static void below_zero(void)
{
	random_below(0);
}

TEST(random_below_zero_aborts)
{
	CHECK(unit_dies(below_zero));
}

TEST(random_bytes_fill_all_of_it)
{
	static uint8_t b[100000];
	unsigned zeros = 0;

	random_bytes(b, 0);
	random_bytes(b, sizeof b);
	for (size_t i = 0; i < sizeof b; i++)
		zeros += b[i] == 0;
	CHECK(zeros > 190 && zeros < 600); /* 391 expected, deviation 20 */
	CHECK(b[sizeof b - 1] || b[sizeof b - 2] || b[sizeof b - 3] || b[sizeof b - 4] ||
	      b[sizeof b - 5] || b[sizeof b - 6] || b[sizeof b - 7] || b[sizeof b - 8]);
}
