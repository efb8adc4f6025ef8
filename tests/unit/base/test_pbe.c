/* PBKDF2 against RFC 6070, RFC 7914 section 11 and OpenSSL; CBC against NIST SP 800-38A and
 * OpenSSL; paddings good and bad. */
#include "tests/unit/unit.h"

#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "base/pbe.h"

static struct span unhex(const char *hex, uint8_t *out)
{
	CHECK_INT(ct_hex_decode(span_str(hex), out), 0);
	return span_of(out, strlen(hex) / 2);
}

#define LONG_PASSWORD \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static const struct {
	enum pbe_prf prf;
	struct span password, salt;
	uint32_t iterations;
	const char *want;
} kdf[] = {
	/* RFC 6070 */
	{PBE_HMAC_SHA1, SPAN_LIT("password"), SPAN_LIT("salt"), 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
	{PBE_HMAC_SHA1, SPAN_LIT("password"), SPAN_LIT("salt"), 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
	{PBE_HMAC_SHA1, SPAN_LIT("password"), SPAN_LIT("salt"), 4096, "4b007901b765489abead49d926f721d065a429c1"},
	{PBE_HMAC_SHA1, SPAN_LIT("passwordPASSWORDpassword"), SPAN_LIT("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096,
	 "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"},
	{PBE_HMAC_SHA1, SPAN_LIT("pass\0word"), SPAN_LIT("sa\0lt"), 4096, "56fa6aa75548099dcc37d7f03425e0c3"},
	/* RFC 7914 section 11 */
	{PBE_HMAC_SHA256, SPAN_LIT("passwd"), SPAN_LIT("salt"), 1,
	 "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
	 "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"},
	{PBE_HMAC_SHA256, SPAN_LIT("Password"), SPAN_LIT("NaCl"), 80000,
	 "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
	 "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"},
	/* OpenSSL */
	{PBE_HMAC_SHA384, SPAN_LIT("zt"), SPAN_LIT("salt\0\1"), 3,
	 "4454cc464aefb7d16390467fc3e47dc4023ecfdb43576d3f7e79815f878b9432192ffc8c0aec15d2e63016b58321355e"
	 "489a3be3fb64b6e32ff294b04d765218052805ff4c26f649c76fc8ec7945c396a4ee168e783638b7a66a92f4270e5531"
	 "646e800b"},
	{PBE_HMAC_SHA512, SPAN_LIT(LONG_PASSWORD), SPAN_LIT("pepper"), 7,
	 "342bd8634642a037482b2dd30718e2038b952ac982e7dae0ae0bd68646aa0cbd6303bed0d05a25b29643ef29bbdca5a1"
	 "f02d39eeb1c29b92b6a4267c68b0fd9925f395ef6caebbeca5e3b52e831a05b7add0e31954565296c501f458e2c1c79f"
	 "115cce1d8fb61663844c469ba0843522befbca98c78b2707b9e77080d187df46739f"},
};

TEST(keys_from_passwords)
{
	for (size_t i = 0; i < ARRAY_LEN(kdf); i++) {
		uint8_t want[160], got[160 + 1];
		struct span w = unhex(kdf[i].want, want);

		for (size_t n = w.n; n > 0; n = n > 20 ? n - 19 : n - 1) { /* every length is a beginning */
			memset(got, 0xee, sizeof got);
			pbkdf2(kdf[i].prf, kdf[i].password, kdf[i].salt, kdf[i].iterations, got, n);
			CHECK(memcmp(got, want, n) == 0 && got[n] == 0xee);
			if (kdf[i].iterations > 5000)
				break;
		}
	}
}

static const struct {
	enum pbe_cipher cipher;
	const char *key, *iv, *plain, *secret;
} cbc[] = {
	/* NIST SP 800-38A F.2.1, F.2.3, F.2.5: the first two blocks */
	{PBE_AES128_CBC, "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f",
	 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	 "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"},
	{PBE_AES192_CBC, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f",
	 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	 "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"},
	{PBE_AES256_CBC, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	 "000102030405060708090a0b0c0d0e0f", "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	 "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"},
	/* OpenSSL, "twenty-four bytes here!!" */
	{PBE_DES3_CBC, "0123456789abcdef23456789abcdef01456789abcdef0123", "0011223344556677",
	 "7477656e74792d666f757220627974657320686572652121", "99df76fbf47db3432a8e9d86862360dbf3a54fe7b66f0774"},
};

TEST(blocks_are_chained)
{
	for (size_t i = 0; i < ARRAY_LEN(cbc); i++) {
		uint8_t key[PBE_KEY_MAX], iv[PBE_BLOCK_MAX], plain[32], secret[32], data[32];
		size_t n = unhex(cbc[i].plain, plain).n;

		CHECK_INT(unhex(cbc[i].key, key).n, pbe_key_len(cbc[i].cipher));
		CHECK_INT(unhex(cbc[i].iv, iv).n, pbe_iv_len(cbc[i].cipher));
		unhex(cbc[i].secret, secret);
		memcpy(data, plain, n);
		pbe_cbc(cbc[i].cipher, true, key, iv, data, n);
		CHECK(memcmp(data, secret, n) == 0);
		pbe_cbc(cbc[i].cipher, false, key, iv, data, n);
		CHECK(memcmp(data, plain, n) == 0);
		pbe_cbc(cbc[i].cipher, true, key, iv, data, 0);
	}
}

/* Every last byte, every length of the padding, and one wrong byte at every place of it. */
static void paddings(size_t block)
{
	uint8_t data[48];

	for (unsigned pad = 0; pad < 256; pad++) {
		bool right = pad >= 1 && pad <= block;

		memset(data, 0, sizeof data);
		for (size_t i = 0; i < pad && i < sizeof data; i++)
			data[sizeof data - 1 - i] = (uint8_t)pad;
		CHECK_INT(pbe_unpad(data, sizeof data, block), right ? (int)(sizeof data - pad) : -ZT_E_KEY);
		if (!right)
			continue;
		data[sizeof data - 1 - pad] = (uint8_t)pad; /* looks like padding, is contents */
		CHECK_INT(pbe_unpad(data, sizeof data, block), (int)(sizeof data - pad));
		for (unsigned at = 1; at < pad; at++) {
			data[sizeof data - 1 - at] ^= 0x80;
			CHECK_INT(pbe_unpad(data, sizeof data, block), -ZT_E_KEY);
			data[sizeof data - 1 - at] ^= 0x80;
		}
	}
}

TEST(paddings_are_all_looked_at)
{
	uint8_t one[16];

	paddings(8);
	paddings(16);
	memset(one, 16, sizeof one);
	CHECK_INT(pbe_unpad(one, 16, 16), 0); /* nothing but padding */
}
