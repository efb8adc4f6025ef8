/* The table against the dotted numbers as the RFCs print them. */
#include "tests/unit/unit.h"

#include "wire/oid.h"

static const struct {
	enum oid oid;
	const char *name, *dotted;
} known[] = {
	{OID_RSA, "rsaEncryption", "1.2.840.113549.1.1.1"}, /* RFC 8017 */
	{OID_EC_KEY, "id-ecPublicKey", "1.2.840.10045.2.1"}, /* RFC 5480 */
	{OID_P256, "secp256r1", "1.2.840.10045.3.1.7"},
	{OID_P384, "secp384r1", "1.3.132.0.34"},
	{OID_P521, "secp521r1", "1.3.132.0.35"},
	{OID_ED25519, "Ed25519", "1.3.101.112"}, /* RFC 8410 */
	{OID_RSA_PSS, "rsassaPss", "1.2.840.113549.1.1.10"},
	{OID_ECDSA_SHA1, "ecdsa-with-SHA1", "1.2.840.10045.4.1"},
	{OID_ECDSA_SHA256, "ecdsa-with-SHA256", "1.2.840.10045.4.3.2"}, /* RFC 5758 */
	{OID_ECDSA_SHA384, "ecdsa-with-SHA384", "1.2.840.10045.4.3.3"},
	{OID_ECDSA_SHA512, "ecdsa-with-SHA512", "1.2.840.10045.4.3.4"},
	{OID_RSA_MD5, "md5WithRSAEncryption", "1.2.840.113549.1.1.4"},
	{OID_RSA_SHA1, "sha1WithRSAEncryption", "1.2.840.113549.1.1.5"},
	{OID_RSA_SHA224, "sha224WithRSAEncryption", "1.2.840.113549.1.1.14"},
	{OID_RSA_SHA256, "sha256WithRSAEncryption", "1.2.840.113549.1.1.11"},
	{OID_RSA_SHA384, "sha384WithRSAEncryption", "1.2.840.113549.1.1.12"},
	{OID_RSA_SHA512, "sha512WithRSAEncryption", "1.2.840.113549.1.1.13"},
	{OID_CN, "CN", "2.5.4.3"}, /* RFC 5280 appendix A, RFC 4519 */
	{OID_O, "O", "2.5.4.10"},
	{OID_OU, "OU", "2.5.4.11"},
	{OID_C, "C", "2.5.4.6"},
	{OID_L, "L", "2.5.4.7"},
	{OID_ST, "ST", "2.5.4.8"},
	{OID_SERIAL, "serialNumber", "2.5.4.5"},
	{OID_EMAIL, "emailAddress", "1.2.840.113549.1.9.1"},
	{OID_DC, "DC", "0.9.2342.19200300.100.1.25"},
	{OID_SKI, "subjectKeyIdentifier", "2.5.29.14"},
	{OID_KEY_USAGE, "keyUsage", "2.5.29.15"},
	{OID_SAN, "subjectAltName", "2.5.29.17"},
	{OID_BASIC, "basicConstraints", "2.5.29.19"},
	{OID_NAME_CONSTRAINTS, "nameConstraints", "2.5.29.30"},
	{OID_CRL_POINTS, "cRLDistributionPoints", "2.5.29.31"},
	{OID_POLICIES, "certificatePolicies", "2.5.29.32"},
	{OID_AKI, "authorityKeyIdentifier", "2.5.29.35"},
	{OID_EKU, "extKeyUsage", "2.5.29.37"},
	{OID_AIA, "authorityInfoAccess", "1.3.6.1.5.5.7.1.1"},
	{OID_CRL_NUMBER, "cRLNumber", "2.5.29.20"},
	{OID_CRL_REASON, "cRLReason", "2.5.29.21"},
	{OID_CRL_DELTA, "deltaCRLIndicator", "2.5.29.27"},
	{OID_ISSUING_POINT, "issuingDistributionPoint", "2.5.29.28"},
	{OID_MUST_STAPLE, "tlsFeature", "1.3.6.1.5.5.7.1.24"}, /* RFC 7633 */
	{OID_EXT_REQUEST, "extensionRequest", "1.2.840.113549.1.9.14"}, /* RFC 2985 */
	{OID_INVALIDITY, "invalidityDate", "2.5.29.24"},
	{OID_EKU_SERVER, "serverAuth", "1.3.6.1.5.5.7.3.1"},
	{OID_EKU_CLIENT, "clientAuth", "1.3.6.1.5.5.7.3.2"},
	{OID_EKU_ANY, "anyExtendedKeyUsage", "2.5.29.37.0"},
	{OID_EKU_CODE, "codeSigning", "1.3.6.1.5.5.7.3.3"},
	{OID_EKU_MAIL, "emailProtection", "1.3.6.1.5.5.7.3.4"},
	{OID_EKU_STAMP, "timeStamping", "1.3.6.1.5.5.7.3.8"},
	{OID_EKU_OCSP, "OCSPSigning", "1.3.6.1.5.5.7.3.9"},
	{OID_PBES2, "PBES2", "1.2.840.113549.1.5.13"}, /* RFC 8018 */
	{OID_PBKDF2, "PBKDF2", "1.2.840.113549.1.5.12"},
	{OID_HMAC_SHA1, "hmacWithSHA1", "1.2.840.113549.2.7"},
	{OID_HMAC_SHA256, "hmacWithSHA256", "1.2.840.113549.2.9"},
	{OID_HMAC_SHA384, "hmacWithSHA384", "1.2.840.113549.2.10"},
	{OID_HMAC_SHA512, "hmacWithSHA512", "1.2.840.113549.2.11"},
	{OID_AES128_CBC, "aes128-CBC", "2.16.840.1.101.3.4.1.2"},
	{OID_AES192_CBC, "aes192-CBC", "2.16.840.1.101.3.4.1.22"},
	{OID_AES256_CBC, "aes256-CBC", "2.16.840.1.101.3.4.1.42"},
	{OID_DES3_CBC, "des-EDE3-CBC", "1.2.840.113549.3.7"},
	{OID_SHA1, "sha1", "1.3.14.3.2.26"},
	{OID_SHA256, "sha256", "2.16.840.1.101.3.4.2.1"},
	{OID_PBE_SHA1_DES3, "pbeWithSHA1And3-KeyTripleDES-CBC", "1.2.840.113549.1.12.1.3"}, /* RFC 7292 */
	{OID_CMS_DATA, "pkcs7-data", "1.2.840.113549.1.7.1"},
	{OID_CMS_ENCRYPTED, "pkcs7-encryptedData", "1.2.840.113549.1.7.6"},
	{OID_SHROUDED_KEY, "pkcs8ShroudedKeyBag", "1.2.840.113549.1.12.10.1.2"},
	{OID_CERT_BAG, "certBag", "1.2.840.113549.1.12.10.1.3"},
	{OID_X509_CERT, "x509Certificate", "1.2.840.113549.1.9.22.1"},
	{OID_FRIENDLY_NAME, "friendlyName", "1.2.840.113549.1.9.20"},
	{OID_LOCAL_KEY_ID, "localKeyId", "1.2.840.113549.1.9.21"},
};

TEST(every_row)
{
	bool seen[OID_COUNT] = {true}; /* OID_UNKNOWN */
	char text[64];

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		enum oid o = known[i].oid;

		CHECK_STR(oid_text(oid_bytes(o), text, sizeof text), known[i].dotted);
		CHECK_STR(oid_name(o), known[i].name);
		CHECK_INT(oid_find(oid_bytes(o)), o);
		CHECK(!seen[o]);
		seen[o] = true;
	}
	for (enum oid o = 0; o < OID_COUNT; o++)
		if (!seen[o])
			unit_fail(__FILE__, __LINE__, "%s is not in this test", oid_name(o));
}

TEST(unknown_ones)
{
	char text[64];

	CHECK_INT(oid_find(SPAN_LIT("\x55\x04")), OID_UNKNOWN);
	CHECK_INT(oid_find(SPAN_NONE), OID_UNKNOWN);
	CHECK_STR(oid_name(OID_UNKNOWN), "?");
	CHECK(oid_bytes(OID_UNKNOWN).n == 0);
	/* X.690 8.19.5: 2.999.3 */
	CHECK_STR(oid_text(SPAN_LIT("\x88\x37\x03"), text, sizeof text), "2.999.3");
	CHECK_STR(oid_text(SPAN_LIT("\x27"), text, sizeof text), "0.39");
	CHECK_STR(oid_text(SPAN_LIT("\x4f"), text, sizeof text), "1.39");
	CHECK_STR(oid_text(SPAN_LIT("\x50"), text, sizeof text), "2.0");
	/* 2^64-1 is the last number with a name; and what does not end */
	CHECK_STR(oid_text(SPAN_LIT("\x2a\x81\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), text, sizeof text),
		  "1.2.18446744073709551615");
	CHECK_STR(oid_text(SPAN_LIT("\x2a\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00"), text, sizeof text), "1.2.?");
	CHECK_STR(oid_text(SPAN_LIT("\x2a\x86"), text, sizeof text), "1.2.?");
	CHECK_STR(oid_text(SPAN_NONE, text, sizeof text), "?");
}

TEST(short_buffers)
{
	char text[8] = "unset";

	CHECK_STR(oid_text(oid_bytes(OID_RSA), text, 5), "1.2.");
	CHECK_STR(oid_text(oid_bytes(OID_RSA), text, 1), "");
	text[0] = 'x';
	oid_text(oid_bytes(OID_RSA), text, 0);
	CHECK(text[0] == 'x');
}
