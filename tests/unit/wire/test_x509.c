/* Certificates written by hand, whole and broken in one place each; real ones are read beside
 * openssl by tests/behaviour/certificates-are-read-as-openssl-does.sh. */
#include "tests/unit/dertext.h"

#include "base/crypto.h"
#include "base/num.h"
#include "wire/x509.h"

#define KU "551d0f"
#define EKU "551d25"
#define SAN "551d11"
#define BASIC "551d13"
#define SKI "551d0e"
#define AKI "551d23"
#define SERVER "06{2b06010505070301} "
#define CLIENT "06{2b06010505070302} "

static int read_text(struct x509 *c, const char *text)
{
	return x509_read(c, dertext(text), NULL);
}

static bool is(struct span got, const char *text)
{
	return span_eq(got, dertext(text));
}

TEST(every_field)
{
	static const char text[] = CERT(EXTS(
		EXT_CRITICAL(BASIC, "30{}")
		EXT_CRITICAL(KU, "03{ 07 80 }")
		EXT(EKU, "30{" SERVER CLIENT "}")
		EXT(SAN, "30{ 82{'a.example'} 87{c0000201} 86{'zt://x'} 81{'a@b'} a0{ 06{2a03} a0{05{}} } 88{2a03} }")
		EXT(SKI, "04{aabb}")
		EXT(AKI, "30{ 80{ccdd} }")
		EXT("2b0601050507 0118", "30{ 02{05} }")
		EXT(/* certificate policies */ "551d20", "30{ 30{ 06{2a03} } }")));
	static const enum san_kind kinds[] = {SAN_DNS, SAN_IP, SAN_URI, SAN_MAIL, SAN_OTHER, SAN_OTHER};
	struct span der = dertext(text), rest;
	uint8_t pin[32], want[32];
	struct san s;
	struct x509 c;

	NEED(x509_read(&c, der, NULL) == 0);
	CHECK(span_eq(c.der, der));
	CHECK_INT(c.version, 3);
	CHECK(is(c.serial, "05"));
	CHECK_INT(c.sig_alg, OID_ECDSA_SHA256);
	CHECK(is(c.sig, "30{ 02{01} 02{01} }"));
	CHECK(is(c.issuer, NAME_CA) && is(c.subject, NAME_LEAF));
	CHECK_INT(c.not_before, 1704067200); /* date -u -d 2024-01-01 +%s */
	CHECK_INT(c.not_after, 2019686400);
	CHECK(is(c.spki, SPKI_P256) && is(c.key.point, P256_POINT));
	CHECK(c.key.type == PK_P256 && c.key_alg == OID_P256 && c.key.n.n == 0);
	CHECK(c.has_basic && !c.ca && c.path_len == -1);
	CHECK(c.has_ku && c.ku == KU_SIGN);
	CHECK(c.has_eku && c.eku == (EKU_SERVER | EKU_CLIENT) && !c.eku_critical);
	CHECK(is(c.ski, "aabb") && is(c.aki, "ccdd"));
	CHECK(c.must_staple && !c.name_constraints && !c.san_critical && c.unknown_critical.n == 0);
	rest = c.san;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CHECK_INT(x509_san_next(&rest, &s), 1);
		CHECK_INT(s.kind, kinds[i]);
		CHECK(i != 0 || span_eq_str(s.value, "a.example"));
		CHECK(i != 1 || is(s.value, "c0000201"));
		CHECK(i != 5 || is(s.value, "88{2a03}"));
	}
	CHECK_INT(x509_san_next(&rest, &s), 0);
	/* tbs is the signed part, tag and length too */
	CHECK(c.tbs.p[0] == 0x30 && c.tbs.n + 12 + c.sig.n + 3 + 4 == der.n);
	x509_pin(&c, pin);
	sha256(dertext(SPKI_P256), want);
	CHECK(memcmp(pin, want, 32) == 0);
}

TEST(old_versions)
{
	struct x509 c;

	NEED(read_text(&c, CERT_OF(TBS("", SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, ""))) == 0);
	CHECK(c.version == 1 && !c.has_basic && !c.has_ku && !c.has_eku && c.path_len == -1 && c.san.n == 0);
	NEED(read_text(&c, CERT_OF(TBS("a0{02{01}}", SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256,
				       "81{00aa} 82{00bb}"))) == 0);
	CHECK_INT(c.version, 2);
	NEED(read_text(&c, CERT("82{00bb}" EXTS(EXT(BASIC, "30{}")))) == 0);
	CHECK_INT(c.version, 3);
	NEED(read_text(&c, CERT("")) == 0); /* version 3 may go without */
	CHECK_INT(c.version, 3);
}

/* What is not quite right, and read all the same; see x509.c for the reasons. */
TEST(tolerated)
{
	struct x509 c;

	CHECK_INT(read_text(&c, CERT(EXTS(EXT(BASIC, "30{ 01{00} }")))), 0);
	CHECK(c.has_basic && !c.ca);
	CHECK_INT(read_text(&c, CERT(EXTS("30{ 06{" BASIC "} 01{00} 04{30{}} }"))), 0);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT(BASIC, "30{ 02{03} }")))), 0); /* a length without being a CA */
	CHECK(!c.ca && c.path_len == 3);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT(KU, "03{ 00 a0 }")))), 0);
	CHECK_INT(c.ku, KU_SIGN | KU_KEY_ENC);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT(KU, "03{ 07 00 80 }")))), 0);
	CHECK_INT(c.ku, 1 << 8);
	/* GeneralizedTime before 2050: RFC 5280 4.1.2.5 binds makers and asks readers to read it */
	CHECK_INT(read_text(&c, CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, "30{18{'20240101000000Z'} 18{'20500101000000Z'}}",
					    NAME_LEAF, SPKI_P256, ""))), 0);
	CHECK_INT(c.not_after, 2524608000);
	/* serial numbers that no CA should give: decide/leaf says no to them, roots have them */
	CHECK_INT(read_text(&c, CERT_OF(TBS(V3, "02{00}", ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, ""))), 0);
	CHECK_INT(read_text(&c, CERT_OF(TBS(V3, "02{ff}", ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, ""))), 0);
	/* no issuer, no subject: people make themselves certificates so */
	CHECK_INT(read_text(&c, CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, "30{}", DATES, "30{}", SPKI_P256, ""))), 0);
	CHECK(is(c.issuer, "30{}"));
}

struct refused {
	const char *text;
	enum zt_err err;
	const char *says;
};

#define WITH_SERIAL(s) CERT_OF(TBS(V3, s, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, ""))
#define WITH_DATES(d) CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, d, NAME_LEAF, SPKI_P256, ""))
#define WITH_SUBJECT(s) CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, DATES, s, SPKI_P256, ""))
#define WITH_SPKI(k) CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, k, ""))
#define WITH_VERSION(v, tail) CERT_OF(TBS(v, SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_LEAF, SPKI_P256, tail))
#define WITH_EXT(e) CERT(EXTS(e))
#define TBS_ALG(a) TBS(V3, SERIAL, a, NAME_CA, DATES, NAME_LEAF, SPKI_P256, "")
#define RSA_SHA256_BARE "30{ 06{2a864886f70d01010b} } "
#define ECDSA_SHA256_NULL "30{ 06{2a8648ce3d040302} 05{} } "

static const struct refused refused[] = {
	{"", ZT_E_SYNTAX, "one DER value"},
	{CERT("") "00", ZT_E_SYNTAX, "one DER value"},
	{"31{ " TBS_ALG(ECDSA_SHA256) ECDSA_SHA256 SIGNATURE "}", ZT_E_SYNTAX, "one DER value"},
	{"30 80 " TBS_ALG(ECDSA_SHA256) ECDSA_SHA256 SIGNATURE "0000", ZT_E_SYNTAX, "one DER value"},
	{"30{ }", ZT_E_SYNTAX, "what is signed"},
	{"30{ " TBS_ALG(ECDSA_SHA256) ECDSA_SHA256 "}", ZT_E_SYNTAX, "signature"},
	{"30{ " TBS_ALG(ECDSA_SHA256) ECDSA_SHA256 SIGNATURE "05{} }", ZT_E_SYNTAX, "signature"},
	{"30{ " TBS_ALG(ECDSA_SHA256) ECDSA_SHA256 "03{ 04 30 } }", ZT_E_SYNTAX, "signature"},
	{"30{ " TBS_ALG(ECDSA_SHA256) "05{}" SIGNATURE "}", ZT_E_SYNTAX, "signature algorithm"},
	/* the two algorithms */
	{"30{ " TBS_ALG(RSA_SHA256) ECDSA_SHA256 SIGNATURE "}", ZT_E_SYNTAX, "two signature algorithms"},
	{"30{ " TBS_ALG(RSA_SHA256_BARE) RSA_SHA256_BARE SIGNATURE "}", ZT_E_SYNTAX, "signature algorithm"},
	{"30{ " TBS_ALG(RSA_SHA256_BARE) RSA_SHA256 SIGNATURE "}", ZT_E_SYNTAX, "two signature algorithms"},
	{"30{ " TBS_ALG(ECDSA_SHA256_NULL) ECDSA_SHA256_NULL SIGNATURE "}", ZT_E_SYNTAX, "signature algorithm"},
	{"30{ " TBS_ALG("30{06{2b6570}05{}}") "30{06{2b6570}05{}}" SIGNATURE "}", ZT_E_SYNTAX, "signature algorithm"},
	{"30{ " TBS_ALG("30{06{2a03}05{}}") "30{06{2a03}}" SIGNATURE "}", ZT_E_SYNTAX, "two signature algorithms"},
	/* version */
	{WITH_VERSION("a0{02{00}}", ""), ZT_E_SYNTAX, "version"}, /* the default, written out */
	{WITH_VERSION("a0{02{03}}", ""), ZT_E_SYNTAX, "version"},
	{WITH_VERSION("a0{02{ff}}", ""), ZT_E_SYNTAX, "version"},
	{WITH_VERSION("a0{02{02}02{02}}", ""), ZT_E_SYNTAX, "version"},
	{WITH_VERSION("a0{}", ""), ZT_E_SYNTAX, "version"},
	{WITH_VERSION("", EXTS(EXT(BASIC, "30{}"))), ZT_E_SYNTAX, "before version 3"},
	{WITH_VERSION("a0{02{01}}", EXTS(EXT(BASIC, "30{}"))), ZT_E_SYNTAX, "before version 3"},
	{WITH_VERSION("", "81{00aa}"), ZT_E_SYNTAX, "unique identifier"},
	{WITH_VERSION("a0{02{01}}", "81{}"), ZT_E_SYNTAX, "unique identifier"},
	{WITH_VERSION("a0{02{01}}", "81{09aa}"), ZT_E_SYNTAX, "unique identifier"},
	{WITH_VERSION("a0{02{01}}", "82{00aa} 81{00aa}"), ZT_E_SYNTAX, "behind its last field"},
	/* serial number */
	{WITH_SERIAL("02{}"), ZT_E_SYNTAX, "serial"},
	{WITH_SERIAL("02{0005}"), ZT_E_SYNTAX, "serial"},
	{WITH_SERIAL("04{05}"), ZT_E_SYNTAX, "serial"},
	{WITH_SERIAL("02{01 0000000000 0000000000 0000000000 0000000000}"), ZT_E_SYNTAX, "serial"}, /* 21 bytes */
	/* names */
	{WITH_SUBJECT("31{}"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{} }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 30{ 30{ 06{550403} 0c{'a'} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 0c{'a'} 05{} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{550483} 0c{'a'} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 0c{c328} } } }"), ZT_E_SYNTAX, "subject"}, /* no UTF-8 */
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 13{'a'00'b'} } } }"), ZT_E_SYNTAX, "subject"}, /* not printable */
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 1e{61} } } }"), ZT_E_SYNTAX, "subject"}, /* half a BMP character */
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 04{'a'} } } }"), ZT_E_SYNTAX, "subject"}, /* no string */
	{WITH_SUBJECT("30{ 31{ 30{ 06{550403} 03{00 aa} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{2a0304} 02{05} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{ 06{55042d} 03{01 01} } } }"), ZT_E_SYNTAX, "subject"},
	{WITH_SUBJECT("30{ 31{ 30{06{550403}0c{'b'}} 30{06{550403}0c{'a'}} } }"), ZT_E_SYNTAX, "subject"}, /* not sorted */
	{WITH_SUBJECT("30{ 31{ 30{06{550403}0c{'a'}} 30{06{550403}0c{'a'}} } }"), ZT_E_SYNTAX, "subject"}, /* twice */
	{CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, "05{}", DATES, NAME_LEAF, SPKI_P256, "")), ZT_E_SYNTAX, "issuer"},
	/* dates */
	{WITH_DATES("30{ 17{'240101000000Z'} }"), ZT_E_SYNTAX, "dates"},
	{WITH_DATES("30{ 17{'230229000000Z'} 17{'340101000000Z'} }"), ZT_E_SYNTAX, "dates"},
	{WITH_DATES("30{ 17{'240101000000Z'} 17{'3401010000Z'} }"), ZT_E_SYNTAX, "dates"},
	{WITH_DATES("30{ 17{'240101000000Z'} 17{'340101000000Z'} 05{} }"), ZT_E_SYNTAX, "dates"},
	/* keys: more in the test of x509_spki() */
	{WITH_SPKI("30{}"), ZT_E_SYNTAX, "public key"},
	{WITH_SPKI("05{}"), ZT_E_SYNTAX, "public key"},
	/* extensions as a list */
	{CERT("a3{ }"), ZT_E_SYNTAX, "list of extensions"},
	{CERT("a3{ 30{} }"), ZT_E_SYNTAX, "empty list"},
	{CERT("a3{ 30{ " EXT(BASIC, "30{}") "} 05{} }"), ZT_E_SYNTAX, "list of extensions"},
	{CERT(EXTS(EXT(BASIC, "30{}")) "05{}"), ZT_E_SYNTAX, "behind its last field"},
	{CERT("05{}"), ZT_E_SYNTAX, "behind its last field"},
	{WITH_EXT(EXT(BASIC, "30{}") EXT(BASIC, "30{}")), ZT_E_DUP, "2.5.29.19 twice"},
	{WITH_EXT(EXT("2a03", "") EXT("2a03", "")), ZT_E_DUP, "1.2.3 twice"},
	{WITH_EXT("30{ 06{" BASIC "} }"), ZT_E_SYNTAX, "an extension"},
	{WITH_EXT("30{ 06{" BASIC "} 01{01} 04{30{}} }"), ZT_E_SYNTAX, "an extension"}, /* TRUE is ff */
	{WITH_EXT("30{ 06{" BASIC "} 04{30{}} 01{ff} }"), ZT_E_SYNTAX, "an extension"},
	{WITH_EXT("30{ 06{" BASIC "} 03{00 30{}} }"), ZT_E_SYNTAX, "an extension"},
	/* extensions one by one */
	{WITH_EXT(EXT(BASIC, "")), ZT_E_SYNTAX, "basic constraints"},
	{WITH_EXT(EXT(BASIC, "30{} 05{}")), ZT_E_SYNTAX, "basic constraints"},
	{WITH_EXT(EXT(BASIC, "30{ 01{ff} 02{ff} }")), ZT_E_SYNTAX, "basic constraints"}, /* -1 */
	{WITH_EXT(EXT(BASIC, "30{ 01{ff} 02{0080000000} }")), ZT_E_SYNTAX, "basic constraints"}, /* 2^31 */
	{WITH_EXT(EXT(BASIC, "30{ 02{01} 01{ff} }")), ZT_E_SYNTAX, "basic constraints"},
	{WITH_EXT(EXT(KU, "03{ 00 }")), ZT_E_SYNTAX, "key usage"},
	{WITH_EXT(EXT(KU, "03{ 07 00 }")), ZT_E_SYNTAX, "key usage"},       /* no bit */
	{WITH_EXT(EXT(KU, "03{ 00 800001 }")), ZT_E_SYNTAX, "key usage"},   /* a 24th bit */
	{WITH_EXT(EXT(KU, "03{ 05 bf }")), ZT_E_SYNTAX, "key usage"},
	{WITH_EXT(EXT(EKU, "30{}")), ZT_E_SYNTAX, "extended key usage"},    /* CVE-2026-40097's shape */
	{WITH_EXT(EXT(EKU, "30{ 05{} }")), ZT_E_SYNTAX, "extended key usage"},
	{WITH_EXT(EXT(EKU, SERVER)), ZT_E_SYNTAX, "extended key usage"},
	{WITH_EXT(EXT(SAN, "30{}")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 82{'a'00'b'} }")), ZT_E_SYNTAX, "alternative name"}, /* CVE-2009-2408's shape */
	{WITH_EXT(EXT(SAN, "30{ 82{} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 82{c3a9} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 86{'a'0a'b'} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 81{7f} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 87{0a00000100} }")), ZT_E_SYNTAX, "alternative name"}, /* five bytes of address */
	{WITH_EXT(EXT(SAN, "30{ 87{0a000001ffffff00} }")), ZT_E_SYNTAX, "alternative name"}, /* a network */
	{WITH_EXT(EXT(SAN, "30{ a2{'a'} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SAN, "30{ 89{'a'} }")), ZT_E_SYNTAX, "alternative name"},
	{WITH_EXT(EXT(SKI, "30{}")), ZT_E_SYNTAX, "subject key identifier"},
	{WITH_EXT(EXT(AKI, "04{aa}")), ZT_E_SYNTAX, "authority key identifier"},
	{WITH_EXT(EXT(AKI, "30{ 81{aa} }")), ZT_E_SYNTAX, "authority key identifier"},
	{WITH_EXT(EXT("551d1e", "30{}")), ZT_E_SYNTAX, "name constraints"},
	{WITH_EXT(EXT("2b06010505070118", "30{ 05{} }")), ZT_E_SYNTAX, "TLS features"},
};

TEST(malformed_ones_are_refused_in_words)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct why why = {0};
		struct x509 c;
		int rc = x509_read(&c, dertext(refused[i].text), &why);

		if (rc != -(int)refused[i].err || why.err != refused[i].err || !strstr(why.text, refused[i].says))
			unit_fail(__FILE__, __LINE__, "%s: %d \"%s\", not \"%s\"", refused[i].text, rc, why.text,
				  refused[i].says);
		CHECK(c.der.n == 0 && c.version == 0 && c.key.type == PK_NONE && c.san.n == 0);
	}
}

TEST(critical_ones_that_zt_does_not_know)
{
	struct x509 c;

	CHECK_INT(read_text(&c, CERT(EXTS(EXT("2a03", "00") EXT_CRITICAL("2a04", "00") EXT_CRITICAL("2a05", "")))), 0);
	CHECK(is(c.unknown_critical, "2a04"));
	/* known, but not applied */
	CHECK_INT(read_text(&c, CERT(EXTS(EXT_CRITICAL("551d1e", "30{ a0{ 30{ 82{'a'} } } }")))), 0);
	CHECK(is(c.unknown_critical, "551d1e") && c.name_constraints);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT("551d1e", "30{ a0{ 30{ 82{'a'} } } }")))), 0);
	CHECK(c.unknown_critical.n == 0 && c.name_constraints);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT_CRITICAL(EKU, "30{" CLIENT "06{551d2500} 06{2a03} }")))), 0);
	CHECK(c.unknown_critical.n == 0 && c.eku_critical && c.eku == (EKU_CLIENT | EKU_ANY | EKU_OTHER));
	CHECK_INT(read_text(&c, CERT(EXTS(EXT_CRITICAL(SAN, "30{ 82{'a'} }")))), 0);
	CHECK(c.unknown_critical.n == 0 && c.san_critical);
	CHECK_INT(read_text(&c, CERT(EXTS(EXT_CRITICAL(BASIC, "30{ 01{ff} 02{00} }")))), 0);
	CHECK(c.ca && c.path_len == 0);
}

TEST(cut_anywhere_and_flipped_anywhere)
{
	struct span good = dertext(CERT(EXTS(EXT(BASIC, "30{}") EXT(SAN, "30{ 82{'a.example'} 87{c0000201} }"))));
	struct x509 c;

	for (size_t n = 0; n < good.n; n++)
		CHECK_INT(x509_read(&c, span_sub(good, 0, n), NULL), -ZT_E_SYNTAX);
	for (size_t i = 0; i < good.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t mem[1024];
			int rc;

			memcpy(mem, good.p, good.n);
			mem[i] ^= (uint8_t)(1u << bit);
			rc = x509_read(&c, span_of(mem, good.n), NULL);
			CHECK(rc == 0 || rc == -ZT_E_SYNTAX || rc == -ZT_E_DUP);
		}
}

TEST(too_long_and_too_many)
{
	static uint8_t mem[X509_MAX + 64];
	struct why why = {0};
	struct x509 c;

	CHECK_INT(x509_read(&c, span_of(mem, X509_MAX + 1), &why), -ZT_E_TOOLONG);
	CHECK(strstr(why.text, "16385 bytes"));
	for (int n = X509_EXTENSIONS; n <= X509_EXTENSIONS + 1; n++) {
		static char text[8192];
		size_t at = 0;

		for (int i = 0; i < n; i++)
			at += (size_t)snprintf(text + at, sizeof text - at, "30{ 06{2a%02x} 04{} } ", i);
		struct wr w = wr_of(mem, sizeof mem);
		struct span tbs = dertext(V3 SERIAL ECDSA_SHA256 NAME_CA DATES NAME_LEAF SPKI_P256), list = dertext(text);
		size_t outer = der_open(&w, 0x30), inner = der_open(&w, 0x30), tag = der_open(&w, 0xa3);

		der_wr(&w, 0x30, list);
		der_close(&w, tag);
		wr_insert(&w, inner, tbs);
		der_close(&w, inner);
		wr_put(&w, dertext(ECDSA_SHA256 SIGNATURE));
		der_close(&w, outer);
		CHECK(!w.full);
		CHECK_INT(x509_read(&c, wr_span(&w), NULL), n == X509_EXTENSIONS ? 0 : -ZT_E_TOOLONG);
	}
}
