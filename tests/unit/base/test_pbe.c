/* PBKDF2 against RFC 6070, RFC 7914 section 11 and OpenSSL; PKCS#12's derivation against OpenSSL; CBC against NIST SP 800-38A and
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

/* openssl kdf PKCS12KDF; password NULL: 127 x and an e with an accent, the longest there may be. */
static const struct {
	enum pbe_prf prf;
	enum p12_use use;
	const char *password, *salt;
	uint32_t iterations;
	const char *want;
} p12[] = {
	{PBE_HMAC_SHA1, P12_FOR_KEY, "0073006d006500670000", "0a58cf64530d823f", 1,
	 "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"},
	{PBE_HMAC_SHA1, P12_FOR_IV, "0073006d006500670000", "0a58cf64530d823f", 1,
	 "79993dfe048d3b76"},
	{PBE_HMAC_SHA1, P12_FOR_MAC, "007100750065006500670000", "16822c0cdd5c5cfe", 1000,
	 "6f7aaa1411a33e3a3b021d2ad1eb1bee518a9ec1"},
	{PBE_HMAC_SHA1, P12_FOR_KEY, NULL, "0102030405060708", 2048,
	 "129cacb775b7cea7e06fe1407e695a40ef4d301b842c5669e1fe6b16e68d062acd70d32de20ba1e6079442db99e9c4ce"
	 "381a50b6dfd0af07e8e777db281d1cd841c51f7d42a4bc89d89c0285d45ba489b659807aed41dac4bd1255401c0923fe"
	 "95101091c14c53e9d30fc431cdd16037c81e0f74a3f5dd3adec93bc8a496c2c4617bfb33c5f30c269732cd23"},
	{PBE_HMAC_SHA256, P12_FOR_MAC, NULL, "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", 3,
	 "ec29da4daf1ccd859694b6dcce7c5d88ff64c357294101cc31d976309b60d068bf633ed911385d8c371ef0defcbbba43"
	 "763f44c5e4887c4306d283f108bcfac6"},
	{PBE_HMAC_SHA256, P12_FOR_IV, "0000", "0102030405060708090a0b0c0d0e0f10", 5,
	 "9c8c535ace40ff05d16ba01ce1d202b54d4f747451af2ce7b73743667fa2611ec8"},
	{PBE_HMAC_SHA256, P12_FOR_IV, "006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b006b0000", "00", 5,
	 "96fdd802ad45c037f6c2a47e6124a151a75143300eb7a6ebbb28a6b1f901a4bf"},
	{PBE_HMAC_SHA1, P12_FOR_KEY, "0073006d006500670000", "", 4,
	 "15f8ba6ce47b84d112c5ce013ffead059d07468cd8b569dd55234ce823c7ffeb888f66311da677baa6aa2e64f0c2cd24"
	 "f24bc17610f95355d3ffd69901ae4bf16e617a53856666a321d9c423f2764d8d7f4ef8c04d97303a903a3b593d5fa46b"
	 "d05bfe08"},
};

static struct span longest_password(uint8_t *mem, size_t cap)
{
	struct wr w = wr_of(mem, cap);

	for (int i = 0; i < 127; i++)
		wr_be16(&w, 'x');
	wr_be16(&w, 0xe9);
	wr_be16(&w, 0);
	return wr_span(&w);
}

TEST(keys_of_pkcs12)
{
	for (size_t i = 0; i < ARRAY_LEN(p12); i++) {
		uint8_t want[160], got[160 + 1], password[P12_KDF_PASSWORD_MAX], salt[P12_KDF_SALT_MAX];
		struct span w = unhex(p12[i].want, want);
		struct p12_kdf k = {.prf = p12[i].prf, .salt = unhex(p12[i].salt, salt), .iterations = p12[i].iterations};

		k.password = p12[i].password ? unhex(p12[i].password, password) : longest_password(password, sizeof password);
		for (size_t n = w.n; n > 0; n = n > 20 ? n - 19 : n - 1) {
			memset(got, 0xee, sizeof got);
			p12_kdf(&k, p12[i].use, got, n);
			CHECK(memcmp(got, want, n) == 0 && got[n] == 0xee);
			if (k.iterations > 1000)
				break;
		}
	}
}

/* RFC 2202 and RFC 4231, each its case 2. */
TEST(hmac_is_the_one_of_the_rfcs)
{
	static const struct {
		enum pbe_prf prf;
		const char *want;
	} v[] = {
		{PBE_HMAC_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{PBE_HMAC_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	};
	uint8_t got[PBE_HASH_MAX], want[PBE_HASH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct span w = unhex(v[i].want, want);

		CHECK_INT(pbe_hmac(v[i].prf, SPAN_LIT("Jefe"), SPAN_LIT("what do ya want for nothing?"), got), (int)w.n);
		CHECK(memcmp(got, want, w.n) == 0);
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
