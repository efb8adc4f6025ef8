/* crc32c: RFC 3720 appendix B.4, and that it can be fed in pieces. */
#include "base/crc32c.h"

#include "../unit.h"

TEST(rfc_3720_vectors)
{
	uint8_t b[32];

	CHECK_INT(crc32c(0, NULL, 0), 0);
	CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283);
	memset(b, 0, sizeof b);
	CHECK_INT(crc32c(0, b, sizeof b), 0x8a9136aa);
	memset(b, 0xff, sizeof b);
	CHECK_INT(crc32c(0, b, sizeof b), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		b[i] = (uint8_t)i;
	CHECK_INT(crc32c(0, b, sizeof b), 0x46dd794e);
	for (unsigned i = 0; i < 32; i++)
		b[i] = (uint8_t)(31 - i);
	CHECK_INT(crc32c(0, b, sizeof b), 0x113fdb5c);
}

static uint32_t bit_by_bit(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

TEST(pieces_give_what_the_whole_gives)
{
	uint8_t b[300];
	uint32_t rnd = 3;

	for (size_t i = 0; i < sizeof b; i++) {
		rnd = rnd * 1664525 + 1013904223;
		b[i] = (uint8_t)(rnd >> 24);
	}
	for (size_t n = 0; n <= sizeof b; n++) {
		CHECK_INT(crc32c(0, b, n), bit_by_bit(b, n));
		CHECK_INT(crc32c(crc32c(0, b, n), b + n, sizeof b - n), bit_by_bit(b, sizeof b));
	}
}
