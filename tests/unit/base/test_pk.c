/* Signatures on curves against RFC 6979 and OpenSSL, and the encodings and keys that must be refused. */
#include "tests/unit/base/pk_kit.h"

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
