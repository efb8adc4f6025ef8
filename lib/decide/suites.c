/* suites: see suites.h. Owns the table. */
#include "suites.h"

#include "base/num.h"
#include "base/tlskdf.h"

/* In the order zt likes them, where both processors do AES and where one of them does not: ChaCha20
 * is many times slower than AES in hardware, and AES in software six times slower than that. A
 * client without such hardware says so by naming ChaCha20 first, and then it comes first, or a
 * phone would pay for our speed. A key type's own are those with its column. */
static const struct {
	uint16_t with_aes, without;
	bool rsa;
} suites[SUITES] = {
	{SUITE_ECDSA_AES128, SUITE_ECDSA_CHACHA, false}, {SUITE_RSA_AES128, SUITE_RSA_CHACHA, true},
	{SUITE_ECDSA_AES256, SUITE_ECDSA_AES128, false}, {SUITE_RSA_AES256, SUITE_RSA_AES128, true},
	{SUITE_ECDSA_CHACHA, SUITE_ECDSA_AES256, false}, {SUITE_RSA_CHACHA, SUITE_RSA_AES256, true},
};

size_t suites_for(enum pk_type key, bool aes, uint16_t out[static SUITES])
{
	size_t n = 0;

	for (size_t i = 0; i < SUITES; i++)
		if (key == PK_NONE || suites[i].rsa == (key == PK_RSA))
			out[n++] = aes ? suites[i].with_aes : suites[i].without;
	return n;
}

bool suites_chacha_first(const struct hello *h, enum pk_type key)
{
	struct rd r = rd_of(h->suites);

	while (rd_left(&r) >= 2) {
		uint16_t suite = rd_be16(&r);

		for (size_t i = 0; i < SUITES; i++)
			if (suites[i].with_aes == suite && suites[i].rsa == (key == PK_RSA))
				return suite_aead(suite) == AEAD_CHACHA20;
	}
	return false;
}
