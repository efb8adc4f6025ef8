/* Names, keys, algorithms and general names by hand; the texts of names as RFC 4514 and openssl
 * (-nameopt sep_comma_plus_space,sname,esc_2253,esc_ctrl,esc_msb,utf8,dump_nostr,dump_der) have them. */
#include "tests/unit/dertext.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/x509_part.h"

static bool is(struct span got, const char *text)
{
	return span_eq(got, dertext(text));
}

TEST(names_as_text)
{
	static const struct {
		const char *der, *text;
	} v[] = {
		{"30{}", ""},
		{"30{ 31{30{06{550406}13{'DE'}}} 31{30{06{55040a}0c{'Example'}}} 31{30{06{550403}0c{'a'}}} }",
		 "C=DE, O=Example, CN=a"},
		{"30{ 31{ 30{06{550403}0c{'a'}} 30{06{55040a}0c{'b'}} } 31{30{06{550407}0c{'c'}}} }", "CN=a + O=b, L=c"},
		{"30{ 31{30{06{550403}0c{'a,b+c\"d\\e<f>g;h=i#j'}}} }", "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i#j"},
		{"30{ 31{30{06{550403}0c{'# a '}}} }", "CN=\\# a\\ "},
		{"30{ 31{30{06{550403}0c{' '}}} }", "CN=\\ "},
		{"30{ 31{30{06{550403}0c{'M'c3bc'ller'}}} }", "CN=M\\C3\\BCller"},
		{"30{ 31{30{06{550403}0c{'a'0a1b'b'}}} }", "CN=a\\0A\\1Bb"},
		{"30{ 31{30{06{550403}14{'M'fc'ller'}}} }", "CN=M\\C3\\BCller"},
		{"30{ 31{30{06{550403}1e{00'M'00fc20ac}}} }", "CN=M\\C3\\BC\\E2\\82\\AC"},
		{"30{ 31{30{06{550403}1c{0001f600}}} }", "CN=\\F0\\9F\\98\\80"},
		{"30{ 31{30{06{2a0304}0c{'a'}}} }", "1.2.3.4=a"},
		{"30{ 31{30{06{55042d}03{00aa}}} }", "2.5.4.45=#030200AA"}, /* not a string */
		{"30{ 31{30{06{550403}0c{}}} }", "CN="},
		{"30{ 31{30{06{0992268993f22c640119}16{'example'}}} 31{30{06{2a864886f70d010901}16{'a@b'}}} }",
		 "DC=example, emailAddress=a@b"},
		{"05{}", ""}, /* no name at all */
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct span s = dertext(v[i].der);
		struct der d = der_of(s);
		bool is_name = v[i].der[0] == '3';

		CHECK(span_eq(x509_name(&d), is_name ? s : SPAN_NONE) && der_bad(&d) == !is_name);
		CHECK_STR(x509_name_text(s, text, sizeof text), v[i].text);
	}
	/* cut, but never in the middle of an escape */
	CHECK_STR(x509_name_text(dertext(v[6].der), text, 6), "CN=M");
	CHECK_STR(x509_name_text(dertext(v[6].der), text, 8), "CN=M\\C3");
	CHECK_STR(x509_name_text(dertext(v[6].der), text, 1), "");
	text[0] = 'x';
	x509_name_text(dertext(v[6].der), text, 0);
	CHECK(text[0] == 'x');
}

TEST(common_names)
{
	CHECK(span_eq_str(x509_cn(dertext("30{ 31{30{06{550403}0c{'a'}}} 31{30{06{550403}0c{'b'}}} 31{30{06{55040a}0c{'c'}}} }")),
			  "b"));
	CHECK(x509_cn(dertext("30{ 31{30{06{55040a}0c{'c'}}} }")).n == 0);
	CHECK(x509_cn(dertext("30{}")).n == 0);
	CHECK(x509_cn(SPAN_NONE).n == 0);
}

#define EC "06{2a8648ce3d0201} "
#define RSA "06{2a864886f70d010101} "
#define N2048 "02{ 00 ff00000000000000000000000000000001 } " /* short, which is not the reader's to judge */

struct spki_case {
	const char *der;
	int rc;
	enum pk_type type;
	enum oid alg;
};

static void try_spkis(const struct spki_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pk_public k;
		enum oid alg;
		int rc = x509_spki(dertext(v[i].der), &k, &alg);

		if (rc != v[i].rc || k.type != v[i].type || alg != v[i].alg)
			unit_fail(__FILE__, __LINE__, "%s: %d, type %d, %s", v[i].der, rc, k.type, oid_name(alg));
		CHECK(k.type != PK_NONE || (k.n.n == 0 && k.point.n == 0));
		if (k.type == PK_RSA)
			CHECK(is(k.n, "ff00000000000000000000000000000001") && is(k.e, "010001"));
	}
}

TEST(public_keys)
{
	static const struct spki_case v[] = {
		{SPKI_P256, 0, PK_P256, OID_P256},
		{"30{ 30{" RSA "05{}} 03{00 30{" N2048 "02{010001}}} }", 0, PK_RSA, OID_RSA},
		{"30{ 30{06{2b6570}} 03{00 " "0001020304050607 08090a0b0c0d0e0f 0001020304050607 08090a0b0c0d0e0f" "} }", 0,
		 PK_NONE, OID_ED25519},
		{"30{ 30{06{2a03} 30{}} 03{00 aa} }", 0, PK_NONE, OID_UNKNOWN},
		{"30{ 30{06{2a864886f70d01010a} 30{}} 03{00 aa} }", 0, PK_NONE, OID_RSA_PSS},
		/* a curve's name, or anything else that zt knows, in the place of the algorithm's is no key */
		{"30{ 30{06{2a8648ce3d030107}} 03{00 " P256_POINT "} }", 0, PK_NONE, OID_UNKNOWN},
		{"30{ 30{06{2b81040022} 05{}} 03{00 aa} }", 0, PK_NONE, OID_UNKNOWN},
		{"30{ 30{06{550403}} 03{00 " P256_POINT "} }", 0, PK_NONE, OID_UNKNOWN},
		/* a curve that zt does not use (secp256k1), and one written out */
		{"30{ 30{" EC "06{2b8104000a}} 03{00 04aa} }", 0, PK_NONE, OID_EC_KEY},
		{"30{ 30{" EC "30{02{01}}} 03{00 04aa} }", 0, PK_NONE, OID_EC_KEY},
		/* compressed: x of the generator; 02 or 03 */
		{"30{ 30{" EC "06{2a8648ce3d030107}} 03{00 03 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296} }",
		 0, PK_NONE, OID_P256},
	};

	try_spkis(v, ARRAY_LEN(v));
}

TEST(malformed_public_keys)
{
	static const struct spki_case v[] = {
		/* a point is as long as its curve says, and begins with 04 */
		{"30{ 30{" EC "06{2b81040022}} 03{00 " P256_POINT "} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "06{2a8648ce3d030107}} 03{00 " P256_POINT "00} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "06{2a8648ce3d030107}} 03{00 06 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296} }",
		 -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "06{2a8648ce3d030107}} 03{00} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "06{2b8104000a}} 03{00} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "06{2a8648ce3d030107} 05{}} 03{00 " P256_POINT "} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "} 03{00 " P256_POINT "} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" EC "05{}} 03{00 " P256_POINT "} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN}, /* implicitCurve */
		{"30{ 30{" EC "06{2a8648ce3d030107}} 03{01 " P256_POINT "fe} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		/* RSA: NULL is there and empty, two positive numbers and nothing else */
		{"30{ 30{" RSA "} 03{00 30{" N2048 "02{010001}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{00}} 03{00 30{" N2048 "02{010001}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{ 02{ff} 02{010001}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{ 02{00} 02{010001}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{" N2048 "02{00}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{" N2048 "02{010001} 05{}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{" N2048 "02{010001}} 00} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{" RSA "05{}} 03{00 30{" N2048 "02{00010001}}} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{06{2b6570}} 03{00 aa} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN}, /* Ed25519 has 32 bytes */
		{"30{ 30{06{2b6570} 05{}} 03{00 " "0001020304050607 08090a0b0c0d0e0f 0001020304050607 08090a0b0c0d0e0f" "} }",
		 -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"30{ 30{06{2a03}} 03{00 aa} 05{} }", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
		{"", -ZT_E_SYNTAX, PK_NONE, OID_UNKNOWN},
	};

	try_spkis(v, ARRAY_LEN(v));
}

TEST(hashes)
{
	bool known;

	CHECK(x509_hash(OID_ECDSA_SHA384, &known) == PK_SHA384 && known);
	CHECK(x509_hash(OID_RSA_SHA512, &known) == PK_SHA512 && known);
	CHECK(x509_hash(OID_RSA_SHA1, &known) == PK_SHA1 && known);
	CHECK(x509_hash(OID_ECDSA_SHA1, &known) == PK_SHA1 && known);
	x509_hash(OID_RSA_MD5, &known);
	CHECK(!known);
	x509_hash(OID_RSA_SHA224, &known);
	CHECK(!known);
	x509_hash(OID_RSA_PSS, &known);
	CHECK(!known);
	x509_hash(OID_UNKNOWN, &known);
	CHECK(!known);
}

TEST(a_fault_ends_general_names)
{
	struct span rest = dertext("82{'a'} 82{'b'00} 82{'c'}");
	struct san s;

	CHECK_INT(x509_san_next(&rest, &s), 1);
	CHECK_INT(x509_san_next(&rest, &s), -ZT_E_SYNTAX);
	CHECK(s.kind == SAN_OTHER && s.value.n == 0);
	CHECK_INT(x509_san_next(&rest, &s), 0);
	rest = dertext("82 05 'a'");
	CHECK_INT(x509_san_next(&rest, &s), -ZT_E_SYNTAX);
}

TEST(extensions_one_by_one)
{
	struct der list = der_of(dertext("30{ 06{551d13} 01{ff} 04{3000} } 30{ 06{2a03} 04{} } 05{}"));
	struct x509_ext e;

	CHECK(x509_ext_next(&list, &e) && e.id == OID_BASIC && e.critical && is(e.value, "3000"));
	CHECK(x509_ext_next(&list, &e) && e.id == OID_UNKNOWN && !e.critical && e.value.n == 0 && is(e.oid, "2a03"));
	CHECK(!x509_ext_next(&list, &e) && der_bad(&list));
	list = der_of(SPAN_NONE);
	CHECK(!x509_ext_next(&list, &e) && !der_bad(&list));
}
