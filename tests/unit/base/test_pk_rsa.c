/* RSA signatures against OpenSSL, and the paddings and keys that must be refused. */
#include "tests/unit/base/pk_kit.h"

#include <bearssl.h>

TEST(rsa_signatures_are_openssls)
{
	uint8_t want[PK_SIG_MAX], sig[PK_SIG_MAX];
	struct rsa k;

	rsa_load(&k);
	CHECK_INT(pk_check_private(&k.priv), 0);
	CHECK_INT(pk_check_public(&k.pub), 0);
	CHECK(pk_pair(&k.priv, &k.pub));
	for (size_t i = 0; i < ARRAY_LEN(rsa_sigs); i++) {
		struct span message = span_str(rsa_sigs[i].message), good = unhex(rsa_sigs[i].sig, want);

		CHECK_INT(pk_sign(&k.priv, rsa_sigs[i].hash, message, sig), 256);
		CHECK(memcmp(sig, want, 256) == 0);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, message, good), 0);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, SPAN_LIT("samplf"), good), -ZT_E_DENIED);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[(i + 1) % 3].hash, message, good), -ZT_E_DENIED);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, message, span_sub(good, 0, 255)), -ZT_E_DENIED);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, message, span_sub(good, 1, 255)), -ZT_E_DENIED);
		CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, message, SPAN_NONE), -ZT_E_DENIED);
		for (size_t at = 0; at < 256; at += 5) {
			want[at] ^= 4;
			CHECK_INT(pk_verify(&k.pub, rsa_sigs[i].hash, message, good), -ZT_E_DENIED);
			want[at] ^= 4;
		}
	}
}

/* The signature whose padded form is em: only the owner of the key can make such things. */
static void rsa_forge(const struct rsa *k, uint8_t *em)
{
	br_rsa_private_key sk = {2048, (uint8_t *)k->priv.p.p, 128, (uint8_t *)k->priv.q.p, 128, (uint8_t *)k->priv.dp.p,
				 128, (uint8_t *)k->priv.dq.p, 128, (uint8_t *)k->priv.iq.p, 128};

	CHECK_INT(br_rsa_private_get_default()(em, &sk), 1);
}

/* DigestInfo forms; the digest of "sample" goes where the hex ends. */
#define SHA256_OID "0609608648016503040201"
static const struct {
	const char *what;
	uint8_t begin[2]; /* of the padded message */
	uint8_t fill;
	bool separated; /* by 00 */
	const char *info;
	size_t tail; /* bytes of junk at the end */
	int want;
} rsa_cases[] = {
	{"as it is", {0, 1}, 0xff, true, "3031300d" SHA256_OID "05000420", 0, 0},
	{"block type 2", {0, 2}, 0xff, true, "3031300d" SHA256_OID "05000420", 0, -1},
	{"block type 0", {0, 0}, 0xff, true, "3031300d" SHA256_OID "05000420", 0, -1},
	{"first byte not 0", {1, 1}, 0xff, true, "3031300d" SHA256_OID "05000420", 0, -1},
	{"filled with 00", {0, 1}, 0x00, true, "3031300d" SHA256_OID "05000420", 0, -1},
	{"filled with fe", {0, 1}, 0xfe, true, "3031300d" SHA256_OID "05000420", 0, -1},
	{"no 00 before the digest", {0, 1}, 0xff, false, "3031300d" SHA256_OID "05000420", 0, -1},
	{"parameters left out", {0, 1}, 0xff, true, "302f300b" SHA256_OID "0420", 0, -1},
	{"no algorithm", {0, 1}, 0xff, true, "30220420", 0, -1},
	{"no DigestInfo at all", {0, 1}, 0xff, true, "", 0, -1},
	{"SHA-384's name", {0, 1}, 0xff, true, "3031300d060960864801650304020205000420", 0, -1},
	{"SHA-1's name", {0, 1}, 0xff, true, "302d300906052b0e03021a05000420", 0, -1},
	{"one OID byte off", {0, 1}, 0xff, true, "3031300d060960864801650304020905000420", 0, -1},
	{"long length", {0, 1}, 0xff, true, "308131300d" SHA256_OID "05000420", 0, -1},
	{"BER inside", {0, 1}, 0xff, true, "303230810d" SHA256_OID "05000420", 0, -1},
	{"NULL with a value", {0, 1}, 0xff, true, "3032300e" SHA256_OID "0501000420", 0, -1},
	{"junk in the parameters", {0, 1}, 0xff, true, "30353011" SHA256_OID "0404aabbccdd0420", 0, -1},
	{"a byte behind the digest", {0, 1}, 0xff, true, "3031300d" SHA256_OID "05000420", 1, -1},
	{"much behind the digest", {0, 1}, 0xff, true, "3031300d" SHA256_OID "05000420", 180, -1},
	{"length of the digest 31", {0, 1}, 0xff, true, "3031300d" SHA256_OID "0500041f", 0, -1},
	{"a bit string for the digest", {0, 1}, 0xff, true, "3031300d" SHA256_OID "05000320", 0, -1},
};

TEST(rsa_paddings_have_one_form)
{
	struct rsa k;

	rsa_load(&k);
	for (size_t i = 0; i < ARRAY_LEN(rsa_cases); i++) {
		uint8_t em[256], info[64], digest[PK_HASH_MAX];
		struct span di = unhex(rsa_cases[i].info, info);
		size_t at = 256 - rsa_cases[i].tail - pk_digest(PK_SHA256, SPAN_LIT("sample"), digest) - di.n;
		int rc;

		memset(em, rsa_cases[i].fill, sizeof em);
		memcpy(em, rsa_cases[i].begin, 2);
		if (rsa_cases[i].separated)
			em[at - 1] = 0;
		memcpy(&em[at], di.p, di.n);
		memcpy(&em[at + di.n], digest, 32);
		rsa_forge(&k, em);
		rc = pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(em, sizeof em));
		if (rc != (rsa_cases[i].want ? -ZT_E_DENIED : 0))
			unit_fail(__FILE__, __LINE__, "%s: %d", rsa_cases[i].what, rc);
	}
}

TEST(rsa_signatures_are_below_the_modulus_and_as_long)
{
	uint8_t sig[257] = {0};
	struct rsa k;
	unsigned carry = 0;

	rsa_load(&k);
	unhex(rsa_sigs[0].sig, &sig[1]);
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(&sig[1], 256)), 0);
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(sig, 257)), -ZT_E_DENIED);
	for (size_t i = 256; i-- > 0;) { /* s + n has the same e-th power */
		carry += sig[i + 1] + (unsigned)k.n[i];
		sig[i + 1] = (uint8_t)carry;
		carry >>= 8;
	}
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(&sig[1], 256)), -ZT_E_DENIED);
	memset(sig, 0, sizeof sig);
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(sig, 256)), -ZT_E_DENIED);
	sig[255] = 1;
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), span_of(sig, 256)), -ZT_E_DENIED);
}

static int rsa_public(const void *n, size_t n_len, const void *e, size_t e_len)
{
	struct pk_public k = {.type = PK_RSA, .n = span_of(n, n_len), .e = span_of(e, e_len)};
	uint8_t sig[600] = {0};
	int rc = pk_check_public(&k);

	/* What is refused is not computed with either. */
	CHECK_INT(pk_verify(&k, PK_SHA256, SPAN_LIT("x"), span_of(sig, num_min(n_len, sizeof sig))), -ZT_E_DENIED);
	return rc;
}

TEST(rsa_public_keys_are_bounded)
{
	static const uint8_t f4[] = {1, 0, 1};
	uint8_t n[600];

	memset(n, 0xa5, sizeof n);
	n[599] = n[511] = n[256] = n[255] = 1;
	CHECK_INT(rsa_public(n, 256, f4, 3), 0);
	CHECK_INT(rsa_public(n, 257, f4, 3), 0);
	CHECK_INT(rsa_public(n, 512, f4, 3), 0);
	CHECK_INT(rsa_public(n, 513, f4, 3), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 600, f4, 3), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 255, f4, 3), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 128, f4, 3), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 0, f4, 3), -ZT_E_KEY);
	n[0] = 0x7f; /* 2,047 bits */
	CHECK_INT(rsa_public(n, 256, f4, 3), -ZT_E_KEY);
	n[0] = 0;
	CHECK_INT(rsa_public(n, 257, f4, 3), -ZT_E_KEY);
	n[0] = 0xa5;
	n[255] = 2;
	CHECK_INT(rsa_public(n, 256, f4, 3), -ZT_E_KEY);
	n[255] = 1;
	CHECK_INT(rsa_public(n, 256, NULL, 0), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\x00", 1), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\x01", 1), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\x03", 1), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\xff\xff", 2), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\x01\x00\x02", 3), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\x00\x01\x00\x01", 4), -ZT_E_KEY);
	CHECK_INT(rsa_public(n, 256, "\xff\xff\xff\xff", 4), 0);
	CHECK_INT(rsa_public(n, 256, "\x01\x00\x00\x00\x01", 5), -ZT_E_KEY);
}

/* A key with one part wrong neither checks nor signs, and shows no faulty signature: the
 * difference between a right and a wrong one would be a multiple of a factor. */
TEST(a_damaged_rsa_key_signs_nothing)
{
	struct rsa k;
	uint8_t sig[PK_SIG_MAX];
	uint8_t *const part[] = {k.p, k.q, k.dp, k.dq, k.iq, k.n};

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		rsa_load(&k);
		part[i][60] ^= 8;
		memset(sig, 0, sizeof sig);
		CHECK_INT(pk_sign(&k.priv, PK_SHA256, SPAN_LIT("sample"), sig), -ZT_E_KEY);
		for (size_t j = 0; j < sizeof sig; j++)
			NEED(sig[j] == 0);
		CHECK(!pk_pair(&k.priv, &k.pub));
	}
	rsa_load(&k);
	k.q[127] ^= 2;
	CHECK_INT(pk_check_private(&k.priv), -ZT_E_KEY); /* p * q is not n */
	rsa_load(&k);
	k.priv.e = SPAN_LIT("\x01\x00\x03");
	CHECK_INT(pk_sign(&k.priv, PK_SHA256, SPAN_LIT("sample"), sig), -ZT_E_KEY);
}

/* Parts of every wrong length, for the sanitizers: nothing of BearSSL may see them. */
TEST(rsa_parts_of_wrong_lengths)
{
	static uint8_t big[5000];
	static const size_t lengths[] = {0, 1, 2, 64, 127, 129, 130, 140, 256, 260, 261, 512, 1024, 5000};
	uint8_t sig[PK_SIG_MAX];
	struct rsa k;

	memset(big, 0xff, sizeof big);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct pk_private bad;
		struct span part = span_of(big, lengths[i]);
		struct span *const at[] = {&bad.p, &bad.q, &bad.dp, &bad.dq, &bad.iq, &bad.n, &bad.e};

		for (size_t j = 0; j < ARRAY_LEN(at); j++) {
			rsa_load(&k);
			bad = k.priv;
			*at[j] = part;
			CHECK_INT(pk_sign(&bad, PK_SHA256, SPAN_LIT("x"), sig), -ZT_E_KEY);
			CHECK(!pk_pair(&bad, &k.pub));
		}
	}
	rsa_load(&k);
	k.priv.p = k.priv.q = k.priv.n = span_of(big, 512); /* factors as long as the modulus */
	CHECK_INT(pk_check_private(&k.priv), -ZT_E_KEY);
}

TEST(keys_of_two_types_are_no_pair)
{
	struct rsa r;
	struct ec a, b;

	rsa_load(&r);
	ec_load(&a, PK_P256);
	ec_load(&b, PK_P384);
	CHECK(!pk_pair(&a.priv, &b.pub));
	CHECK(!pk_pair(&a.priv, &r.pub));
	CHECK(!pk_pair(&r.priv, &a.pub));
	CHECK(!pk_pair(&(struct pk_private){0}, &(struct pk_public){0}));
	CHECK_INT(pk_check_private(&(struct pk_private){0}), -ZT_E_KEY);
	CHECK_INT(pk_check_public(&(struct pk_public){0}), -ZT_E_KEY);
	CHECK_INT(pk_sign(&(struct pk_private){0}, PK_SHA256, SPAN_LIT("x"), (uint8_t[PK_SIG_MAX]){0}), -ZT_E_KEY);
}
