/* Signatures against RFC 6979 and OpenSSL, and the encodings and keys that must be refused. */
#include "tests/unit/unit.h"

#include <bearssl.h>

#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "base/pk.h"
#include "tests/unit/base/pk_vectors.h"

/* ---- helpers ---------------------------------------------------------------------------------- */

static struct span unhex(const char *hex, uint8_t *out)
{
	CHECK_INT(ct_hex_decode(span_str(hex), out), 0);
	return span_of(out, strlen(hex) / 2);
}

struct ec {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX];
	struct pk_private priv;
	struct pk_public pub;
};

static void ec_load(struct ec *k, enum pk_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++)
		if (ec_keys[i].type == t) {
			size_t n = unhex(ec_keys[i].scalar, k->scalar).n;

			k->point[0] = 4;
			unhex(ec_keys[i].x, &k->point[1]);
			unhex(ec_keys[i].y, &k->point[1 + n]);
			k->priv = (struct pk_private){.type = t, .scalar = span_of(k->scalar, n)};
			k->pub = (struct pk_public){.type = t, .point = span_of(k->point, 1 + 2 * n)};
		}
}

/* DER of two numbers given as hex of equal length: made here without the code under test. */
static struct span der_sig(const char *r_hex, const char *s_hex, uint8_t *out)
{
	uint8_t body[160];
	size_t o = 0, at = 0;

	for (int part = 0; part < 2; part++) {
		uint8_t num[PK_SCALAR_MAX];
		struct span v = unhex(part ? s_hex : r_hex, num);

		while (v.n > 1 && v.p[0] == 0)
			v = span_sub(v, 1, v.n);
		body[o++] = 2;
		body[o++] = (uint8_t)(v.n + (v.p[0] >= 0x80));
		if (v.p[0] >= 0x80)
			body[o++] = 0;
		memcpy(&body[o], v.p, v.n);
		o += v.n;
	}
	out[at++] = 0x30;
	if (o >= 0x80)
		out[at++] = 0x81;
	out[at++] = (uint8_t)o;
	memcpy(&out[at], body, o);
	return span_of(out, at + o);
}

struct rsa {
	uint8_t n[256], e[3], p[128], q[128], dp[128], dq[128], iq[128];
	struct pk_private priv;
	struct pk_public pub;
};

static void rsa_load(struct rsa *k)
{
	k->priv = (struct pk_private){
		.type = PK_RSA, .n = unhex(rsa_key.n, k->n), .e = unhex(rsa_key.e, k->e),
		.p = unhex(rsa_key.p, k->p), .q = unhex(rsa_key.q, k->q), .dp = unhex(rsa_key.dp, k->dp),
		.dq = unhex(rsa_key.dq, k->dq), .iq = unhex(rsa_key.iq, k->iq),
	};
	k->pub = (struct pk_public){.type = PK_RSA, .n = k->priv.n, .e = k->priv.e};
}

/* ---- ECDSA ------------------------------------------------------------------------------------ */

TEST(rfc6979_signatures)
{
	uint8_t want[160], sig[PK_SIG_MAX];

	for (size_t i = 0; i < ARRAY_LEN(ec_sigs); i++) {
		struct span message = span_str(ec_sigs[i].message), good = der_sig(ec_sigs[i].r, ec_sigs[i].s, want);
		struct ec k;
		int n;

		ec_load(&k, ec_sigs[i].type);
		n = pk_sign(&k.priv, ec_sigs[i].hash, message, sig);
		CHECK(n > 0 && span_eq(span_of(sig, (size_t)n), good));
		CHECK_INT(pk_verify(&k.pub, ec_sigs[i].hash, message, good), 0);
		CHECK_INT(pk_verify(&k.pub, ec_sigs[i].hash, SPAN_LIT("samplf"), good), -ZT_E_DENIED);
		CHECK_INT(pk_verify(&k.pub, PK_SHA1, message, good), -ZT_E_DENIED);
	}
}

TEST(a_digest_is_signed_like_its_message)
{
	uint8_t digest[PK_HASH_MAX], a[PK_SIG_MAX], b[PK_SIG_MAX];
	size_t n = pk_digest(PK_SHA384, SPAN_LIT("abc"), digest);
	struct ec k;
	int an, bn;

	ec_load(&k, PK_P256);
	CHECK_INT(n, 48);
	CHECK_INT(digest[0], 0xcb); /* FIPS 180-2, "abc": cb00753f… */
	CHECK_INT(digest[1], 0x00);
	an = pk_sign(&k.priv, PK_SHA384, SPAN_LIT("abc"), a);
	bn = pk_sign_digest(&k.priv, PK_SHA384, span_of(digest, n), b);
	CHECK(an > 0 && an == bn && memcmp(a, b, (size_t)an) == 0);
	CHECK_INT(pk_verify_digest(&k.pub, PK_SHA384, span_of(digest, n), span_of(a, (size_t)an)), 0);
	/* the length has to be the hash's */
	CHECK_INT(pk_sign_digest(&k.priv, PK_SHA256, span_of(digest, n), b), -ZT_E_KEY);
	CHECK_INT(pk_verify_digest(&k.pub, PK_SHA384, span_of(digest, n - 1), span_of(a, (size_t)an)), -ZT_E_DENIED);
	CHECK_INT(pk_hash_len(PK_SHA1), 0);
	CHECK_INT(pk_sign(&k.priv, PK_SHA1, SPAN_LIT("abc"), a), -ZT_E_KEY);
}

/* P-256's order, and "sample" signed by the RFC's key: both halves have the top bit set. */
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define INT_R "022100" R
#define INT_S "022100" S

static const struct {
	const char *what, *hex;
	int want;
} ecdsa_cases[] = {
	{"as it is", "3046" INT_R INT_S, 0},
	{"s and order - s are both right", "3045" INT_R "02200834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9", 0},
	{"a zero before a number that needs none", "3046" INT_R "0221000834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9", -1},
	{"nothing", "", -1},
	{"an empty sequence", "3000", -1},
	{"only r", "3023" INT_R, -1},
	{"r twice", "3046" INT_R INT_R, -1},
	{"s and r", "3046" INT_S INT_R, -1},
	{"three numbers", "3049" INT_R INT_S "020100", -1},
	{"raw", R S, -1},
	{"a byte behind", "3046" INT_R INT_S "00", -1},
	{"a byte behind, inside", "3047" INT_R INT_S "00", -1},
	{"NULL behind, inside", "3048" INT_R INT_S "0500", -1},
	{"one byte short", "3045" INT_R INT_S, -1},
	{"long length where short does", "308146" INT_R INT_S, -1},
	{"longer length still", "30820046" INT_R INT_S, -1},
	{"indefinite length", "3080" INT_R INT_S "0000", -1},
	{"long length of r", "304702812100" R INT_S, -1},
	{"r without its zero is negative", "30450220" R INT_S, -1},
	{"s without its zero is negative", "3045" INT_R "0220" S, -1},
	{"r with two zeros", "304702220000" R INT_S, -1},
	{"s with two zeros", "3047" INT_R "02220000" S, -1},
	{"r of no bytes", "30250200" INT_S, -1},
	{"r = 0", "3026020100" INT_S, -1},
	{"s = 0", "3026" INT_R "020100", -1},
	{"both 0", "3006020100020100", -1},
	{"0 in two bytes", "302702020000" INT_S, -1},
	{"r = 1, s = 1", "3006020101020101", -1},
	{"r = -1", "30260201ff" INT_S, -1},
	{"r = order", "3046022100" ORDER INT_S, -1},
	{"s = order", "3046" INT_R "022100" ORDER, -1},
	{"r = order, s = order", "3046022100" ORDER "022100" ORDER, -1},
	{"r = order + 1", "3046022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552" INT_S, -1},
	{"r = 2^256 - 1", "3046022100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" INT_S, -1},
	{"r + order", "3047022101efd48b29acb6a8fe1140dd9cd45e81d65a138228fdc2981b6b706d6b4b125c67" INT_S, -1},
	{"s with 33 significant bytes", "3046" INT_R "022101" S, -1},
	{"a set, not a sequence", "3146" INT_R INT_S, -1},
	{"a constructed integer", "3046222100" R INT_S, -1},
	{"an octet string for r", "3046042100" R INT_S, -1},
	{"tag with a high number", "1f3046" INT_R INT_S, -1},
	{"r in a bit string", "304703220000" R INT_S, -1},
	{"inside another sequence", "30483046" INT_R INT_S, -1},
};

TEST(ecdsa_signatures_have_one_encoding)
{
	uint8_t sig[256];
	struct ec k;

	ec_load(&k, PK_P256);
	for (size_t i = 0; i < ARRAY_LEN(ecdsa_cases); i++) {
		int rc = pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), unhex(ecdsa_cases[i].hex, sig));

		if (rc != (ecdsa_cases[i].want ? -ZT_E_DENIED : 0))
			unit_fail(__FILE__, __LINE__, "%s: %d", ecdsa_cases[i].what, rc);
	}
}

/* Any other byte anywhere makes another signature or none. */
TEST(every_mutation_of_an_ecdsa_signature_is_denied)
{
	uint8_t sig[160], digest[PK_HASH_MAX];
	struct ec k;
	struct span good;
	size_t n = pk_digest(PK_SHA512, SPAN_LIT("test"), digest);

	ec_load(&k, PK_P521); /* long form of the outer length */
	good = der_sig(ec_sigs[17].r, ec_sigs[17].s, sig);
	CHECK_INT(pk_verify_digest(&k.pub, PK_SHA512, span_of(digest, n), good), 0);
	for (size_t i = 0; i < good.n; i++) {
		sig[i] ^= (uint8_t)(1 << i % 8);
		CHECK_INT(pk_verify_digest(&k.pub, PK_SHA512, span_of(digest, n), good), -ZT_E_DENIED);
		sig[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < good.n; i++)
		CHECK_INT(pk_verify_digest(&k.pub, PK_SHA512, span_of(digest, n), span_sub(good, 0, i)), -ZT_E_DENIED);
}

/* ---- EC keys ---------------------------------------------------------------------------------- */

static int check_point(enum pk_type t, struct span p)
{
	return pk_check_public(&(struct pk_public){.type = t, .point = p});
}

TEST(points_are_on_their_curve)
{
	uint8_t p[PK_POINT_MAX + 1] = {0};

	for (size_t i = 0; i < ARRAY_LEN(ec_points); i++) {
		enum pk_type t = ec_points[i].type;
		struct span good = unhex(ec_points[i].good, p);

		CHECK_INT(check_point(t, good), 0);
		CHECK_INT(check_point(t, span_sub(good, 0, good.n - 1)), -ZT_E_KEY);
		CHECK_INT(check_point(t, span_of(p, good.n + 1)), -ZT_E_KEY);
		CHECK_INT(check_point(t, SPAN_NONE), -ZT_E_KEY);
		CHECK_INT(check_point(t == PK_P256 ? PK_P384 : PK_P256, good), -ZT_E_KEY);
		CHECK_INT(check_point(PK_RSA, good), -ZT_E_KEY);
		CHECK_INT(check_point(PK_NONE, good), -ZT_E_KEY);
		p[good.n - 1] ^= 1; /* beside the curve */
		CHECK_INT(check_point(t, good), -ZT_E_KEY);
		p[good.n - 1] ^= 1;
		for (unsigned form = 0; form < 256; form++) {
			p[0] = (uint8_t)form; /* compressed, hybrid, infinity, junk */
			CHECK_INT(check_point(t, good), form == 4 ? 0 : -ZT_E_KEY);
			CHECK_INT(check_point(t, span_sub(good, 0, 1 + (good.n - 1) / 2)), -ZT_E_KEY);
			CHECK_INT(check_point(t, span_of(p, 1)), -ZT_E_KEY);
		}
		CHECK_INT(check_point(t, unhex(ec_points[i].bad, p)), -ZT_E_KEY);
		memset(&p[1], 0, good.n - 1); /* (0, 0) */
		CHECK_INT(check_point(t, good), -ZT_E_KEY);
		memset(&p[1], 0xff, good.n - 1);
		CHECK_INT(check_point(t, good), -ZT_E_KEY);
	}
	/* (0, sqrt b) lies on P-256, and x = 0 may also be spelled as the field's prime */
	unhex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4", &p[33]);
	memset(&p[1], 0, 32);
	CHECK_INT(check_point(PK_P256, span_of(p, 65)), 0);
	unhex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", &p[1]);
	CHECK_INT(check_point(PK_P256, span_of(p, 65)), -ZT_E_KEY);
}

/* Off the curve, too, nothing is ever verified. */
TEST(a_bad_point_verifies_nothing)
{
	uint8_t sig[160];
	struct span good = der_sig(R, S, sig);
	struct ec k;

	ec_load(&k, PK_P256);
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), good), 0);
	for (size_t i = 0; i < k.pub.point.n; i++) {
		k.point[i] ^= 0x40;
		CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), good), -ZT_E_DENIED);
		k.point[i] ^= 0x40;
	}
	k.pub.point.n--;
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), good), -ZT_E_DENIED);
	k.pub.type = PK_NONE;
	CHECK_INT(pk_verify(&k.pub, PK_SHA256, SPAN_LIT("sample"), good), -ZT_E_DENIED);
}

static void check_scalar(const char *hex, int want)
{
	uint8_t x[40], point[PK_POINT_MAX], sig[PK_SIG_MAX];
	struct pk_private k = {.type = PK_P256, .scalar = unhex(hex, x)};

	CHECK_INT(pk_check_private(&k), want);
	CHECK_INT(pk_point(&k, point, sizeof point), want ? want : 65);
	CHECK((pk_sign(&k, PK_SHA256, SPAN_LIT("x"), sig) > 0) == (want == 0));
}

TEST(scalars_are_in_range)
{
	check_scalar("0000000000000000000000000000000000000000000000000000000000000000", -ZT_E_KEY);
	check_scalar("0000000000000000000000000000000000000000000000000000000000000001", 0);
	check_scalar("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", 0);
	check_scalar(ORDER, -ZT_E_KEY);
	check_scalar("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552", -ZT_E_KEY);
	check_scalar("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", -ZT_E_KEY);
	check_scalar("01", -ZT_E_KEY);
	check_scalar("000000000000000000000000000000000000000000000000000000000000000001", -ZT_E_KEY);
	check_scalar("", -ZT_E_KEY);
}

TEST(points_belong_to_scalars)
{
	uint8_t p[PK_POINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++) {
		struct ec k;
		int n;

		ec_load(&k, ec_keys[i].type);
		n = pk_point(&k.priv, p, sizeof p);
		CHECK(n > 0 && span_eq(span_of(p, (size_t)n), k.pub.point));
		CHECK_INT(pk_point(&k.priv, p, k.pub.point.n - 1), -ZT_E_TOOLONG);
		CHECK(pk_pair(&k.priv, &k.pub));
		k.point[k.pub.point.n - 1] ^= 1;
		CHECK(!pk_pair(&k.priv, &k.pub));
	}
}

TEST(fresh_keys_work_and_differ)
{
	static const enum pk_type types[] = {PK_P256, PK_P384, PK_P521};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		uint8_t a[PK_SCALAR_MAX], b[PK_SCALAR_MAX], point[PK_POINT_MAX], sig[PK_SIG_MAX];
		size_t n = pk_scalar_len(types[i]);
		struct pk_private k = {.type = types[i], .scalar = span_of(a, n)};
		struct pk_public pub = {.type = types[i], .point = span_of(point, 1 + 2 * n)};

		CHECK_INT(pk_generate(types[i], a, n), n);
		CHECK_INT(pk_generate(types[i], b, sizeof b), n);
		CHECK(memcmp(a, b, n) != 0);
		CHECK_INT(pk_generate(types[i], b, n - 1), -ZT_E_TOOLONG);
		CHECK_INT(pk_check_private(&k), 0);
		CHECK_INT(pk_point(&k, point, sizeof point), pub.point.n);
		CHECK_INT(pk_check_public(&pub), 0);
		CHECK(pk_pair(&k, &pub));
		/* Enough signatures that some halves begin with zeros or the top bit. */
		for (unsigned j = 0; j < 40; j++) {
			uint8_t message = (uint8_t)j;
			int len = pk_sign(&k, PK_SHA256, span_of(&message, 1), sig);

			NEED(len > 0);
			CHECK_INT(pk_verify(&pub, PK_SHA256, span_of(&message, 1), span_of(sig, (size_t)len)), 0);
		}
	}
	CHECK_INT(pk_generate(PK_RSA, (uint8_t[600]){0}, 600), -ZT_E_KEY);
	CHECK_INT(pk_generate(PK_NONE, (uint8_t[600]){0}, 600), -ZT_E_KEY);
}

TEST(sizes_have_names)
{
	struct rsa k;
	struct ec e;

	rsa_load(&k);
	ec_load(&e, PK_P521);
	CHECK_INT(pk_bits(&k.pub), 2048);
	CHECK_INT(pk_bits(&e.pub), 521);
	CHECK_INT(pk_bits(&(struct pk_public){.type = PK_NONE}), 0);
	k.n[0] = 1;
	CHECK_INT(pk_bits(&k.pub), 2041);
	CHECK_INT(pk_scalar_len(PK_RSA), 0);
}

/* ---- RSA -------------------------------------------------------------------------------------- */

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
