/* Parameters of encrypted keys: each bound, each scheme that is refused, and the way back. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/der.h"
#include "wire/oid.h"
#include "wire/pbes2.h"
#include "wire/privkey.h"

static struct privkey key;
static const uint8_t scalar[32] = {[0] = 7, [31] = 9};

struct sealed {
	size_t salt_n, iv_n, cut; /* cut: bytes off the end of the ciphertext */
	uint64_t iterations, key_len;
	enum oid scheme, kdf, prf, cipher;
	bool null_prf;
	bool junk;                /* behind the ciphertext */
};

static struct span write_sealed(const struct sealed *s)
{
	static uint8_t mem[1024];
	uint8_t zeros[128] = {0}, secret[512];
	struct wr w = wr_of(mem, sizeof mem), inner = wr_of(secret, sizeof secret);
	struct pbes2 p = {.prf = PBE_HMAC_SHA256, .cipher = PBE_AES128_CBC, .iterations = 1, .salt_n = num_min(s->salt_n, 64)};
	struct pk_private plain = {.type = PK_P256, .scalar = span_of(scalar, sizeof scalar)};
	size_t all = der_open(&w, DER_SEQUENCE), alg, both, part, inside;

	privkey_write(&inner, &plain);
	alg = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(s->scheme));
	both = der_open(&w, DER_SEQUENCE);
	part = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(s->kdf));
	inside = der_open(&w, DER_SEQUENCE);
	der_wr_octets(&w, span_of(zeros, s->salt_n));
	der_wr_u64(&w, s->iterations);
	if (s->key_len)
		der_wr_u64(&w, s->key_len);
	if (s->prf) {
		size_t prf = der_open(&w, DER_SEQUENCE);

		der_wr_oid(&w, oid_bytes(s->prf));
		if (s->null_prf)
			der_wr_null(&w);
		der_close(&w, prf);
	}
	der_close(&w, inside);
	der_close(&w, part);
	part = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(s->cipher));
	der_wr_octets(&w, span_of(zeros, s->iv_n));
	der_close(&w, part);
	der_close(&w, both);
	der_close(&w, alg);
	der_wr_octets(&w, span_of(secret, pbes2_encrypt(&p, SPAN_LIT("pw"), secret, inner.n) - s->cut));
	if (s->junk)
		der_wr_null(&w);
	der_close(&w, all);
	CHECK(!w.full);
	return wr_span(&w);
}

static void sealed_is(const struct sealed *s, int want, const char *said, int line)
{
	struct why why = {0};
	int rc = privkey_read(&key, write_sealed(s), SPAN_LIT("pw"), &why);

	if (rc != want || strstr(why.text, said) == NULL)
		unit_fail(__FILE__, line, "%d, '%s', not %d, '%s'", rc, why.text, want, said);
}
#define SEALED(want, said, ...) \
	do { \
		struct sealed s = {.salt_n = 16, .iv_n = 16, .iterations = 1, .scheme = OID_PBES2, .kdf = OID_PBKDF2, \
				   .prf = OID_HMAC_SHA256, .cipher = OID_AES128_CBC, .null_prf = true}; \
		struct sealed *p = &s; \
		__VA_ARGS__; \
		sealed_is(p, want, said, __LINE__); \
	} while (0)

TEST(encryption_parameters_are_bounded)
{
	SEALED(0, "");
	SEALED(0, "", p->null_prf = false);
	SEALED(0, "", p->key_len = 16);
	SEALED(0, "", p->salt_n = 8);
	SEALED(0, "", p->salt_n = 64);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->salt_n = 7);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->salt_n = 65);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->salt_n = 0);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->iterations = 0);
	SEALED(-ZT_E_KEY, "hashed 2000001 times; the limit is 2000000", p->iterations = PRIVKEY_ITERATIONS + 1);
	SEALED(-ZT_E_KEY, "the limit is", p->iterations = UINT32_MAX + (uint64_t)2); /* would be 1 as 32 bits */
	SEALED(-ZT_E_KEY, "the limit is", p->iterations = UINT64_MAX);
	SEALED(-ZT_E_KEY, "wrong passphrase", p->iterations = 2);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->key_len = 32);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->key_len = 33);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->iv_n = 15);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->iv_n = 17);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->iv_n = 0);
	SEALED(-ZT_E_SYNTAX, "parameters are malformed", p->cipher = OID_DES3_CBC); /* its block is 8 */
	SEALED(-ZT_E_KEY, "encrypted with 2.5.4.3", p->cipher = OID_CN);
	SEALED(-ZT_E_KEY, "encrypted with 2.5.4.3", p->prf = OID_CN);
	SEALED(-ZT_E_KEY, "encrypted with", p->kdf = OID_PBES2);
	SEALED(-ZT_E_KEY, "encrypted with", p->scheme = OID_PBKDF2);
	SEALED(-ZT_E_KEY, "wrong passphrase", p->prf = OID_HMAC_SHA1);
	SEALED(-ZT_E_KEY, "wrong passphrase", p->cut = 1);
	SEALED(-ZT_E_KEY, "wrong passphrase", p->cut = 16);
	SEALED(-ZT_E_SYNTAX, "not the DER of an encrypted", p->junk = true);
}

TEST(every_scheme_goes_there_and_back)
{
	static const char text[] = "forty-seven bytes of plain text are not blocks.";
	uint8_t data[64 + PBE_BLOCK_MAX];

	for (enum pbe_prf prf = PBE_HMAC_SHA1; prf <= PBE_HMAC_SHA512; prf++)
		for (enum pbe_cipher c = PBE_AES128_CBC; c <= PBE_DES3_CBC; c++) {
			struct pbes2 p = {.prf = prf, .cipher = c, .iterations = 2, .salt_n = 8, .iv = {1}}, q;
			size_t n, block = pbe_iv_len(c);
			uint8_t mem[128];
			struct wr w = wr_of(mem, sizeof mem);
			struct der d;

			pbes2_write(&w, &p);
			d = der_of(wr_span(&w));
			CHECK_INT(pbes2_read(&q, &d, 2, NULL), 0);
			CHECK(!der_more(&d) && !der_bad(&d));
			CHECK(q.prf == prf && q.cipher == c && q.iterations == 2 && q.salt_n == 8 && q.iv[0] == 1);
			d = der_of(wr_span(&w));
			CHECK_INT(pbes2_read(&q, &d, 1, NULL), -ZT_E_KEY);
			for (size_t len = 0; len < sizeof text; len++) {
				memcpy(data, text, len);
				n = pbes2_encrypt(&p, SPAN_LIT("pw"), data, len);
				CHECK(n > len && n <= len + block && n % block == 0);
				CHECK(len < 16 || memcmp(data, text, len) != 0);
				CHECK_INT(pbes2_decrypt(&p, SPAN_LIT("pw"), data, n), len);
				CHECK(memcmp(data, text, len) == 0);
			}
			CHECK_INT(pbes2_decrypt(&p, SPAN_LIT("pw"), data, 0), -ZT_E_KEY);
			CHECK_INT(pbes2_decrypt(&p, SPAN_LIT("pw"), data, block + 1), -ZT_E_KEY);
		}
}
