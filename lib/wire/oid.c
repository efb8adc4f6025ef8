/* oid: the table of oid.h. Owns nothing; looking one up is a walk over a few dozen short rows. */
#include "oid.h"

#include "base/num.h"

struct row {
	const char *name;
	struct span bytes;
};

#define ROW(name, lit) {name, {(const uint8_t *)(lit), sizeof(lit) - 1}}

/* The prefixes that repeat. */
#define RSADSI "\x2a\x86\x48\x86\xf7\x0d"       /* 1.2.840.113549 */
#define PKCS1 RSADSI "\x01\x01"
#define PKCS5 RSADSI "\x01\x05"
#define PKCS7 RSADSI "\x01\x07"
#define PKCS9 RSADSI "\x01\x09"
#define PKCS12 RSADSI "\x01\x0c"
#define ANSI_X962 "\x2a\x86\x48\xce\x3d"        /* 1.2.840.10045 */
#define CERTICOM "\x2b\x81\x04\x00"             /* 1.3.132.0 */
#define NIST_AES "\x60\x86\x48\x01\x65\x03\x04\x01" /* 2.16.840.1.101.3.4.1 */
#define X520 "\x55\x04"                         /* 2.5.4 */
#define CE "\x55\x1d"                           /* 2.5.29 */
#define PKIX "\x2b\x06\x01\x05\x05\x07"         /* 1.3.6.1.5.5.7 */
#define KP PKIX "\x03"

static const struct row rows[OID_COUNT] = {
	[OID_UNKNOWN] = {"?", {0}},
	[OID_RSA] = ROW("rsaEncryption", PKCS1 "\x01"),
	[OID_EC_KEY] = ROW("id-ecPublicKey", ANSI_X962 "\x02\x01"),
	[OID_P256] = ROW("secp256r1", ANSI_X962 "\x03\x01\x07"),
	[OID_P384] = ROW("secp384r1", CERTICOM "\x22"),
	[OID_P521] = ROW("secp521r1", CERTICOM "\x23"),
	[OID_ED25519] = ROW("Ed25519", "\x2b\x65\x70"), /* RFC 8410 */
	[OID_RSA_PSS] = ROW("rsassaPss", PKCS1 "\x0a"),

	[OID_ECDSA_SHA1] = ROW("ecdsa-with-SHA1", ANSI_X962 "\x04\x01"),
	[OID_ECDSA_SHA256] = ROW("ecdsa-with-SHA256", ANSI_X962 "\x04\x03\x02"),
	[OID_ECDSA_SHA384] = ROW("ecdsa-with-SHA384", ANSI_X962 "\x04\x03\x03"),
	[OID_ECDSA_SHA512] = ROW("ecdsa-with-SHA512", ANSI_X962 "\x04\x03\x04"),
	[OID_RSA_MD5] = ROW("md5WithRSAEncryption", PKCS1 "\x04"),
	[OID_RSA_SHA1] = ROW("sha1WithRSAEncryption", PKCS1 "\x05"),
	[OID_RSA_SHA224] = ROW("sha224WithRSAEncryption", PKCS1 "\x0e"),
	[OID_RSA_SHA256] = ROW("sha256WithRSAEncryption", PKCS1 "\x0b"),
	[OID_RSA_SHA384] = ROW("sha384WithRSAEncryption", PKCS1 "\x0c"),
	[OID_RSA_SHA512] = ROW("sha512WithRSAEncryption", PKCS1 "\x0d"),

	[OID_CN] = ROW("CN", X520 "\x03"),
	[OID_O] = ROW("O", X520 "\x0a"),
	[OID_OU] = ROW("OU", X520 "\x0b"),
	[OID_C] = ROW("C", X520 "\x06"),
	[OID_L] = ROW("L", X520 "\x07"),
	[OID_ST] = ROW("ST", X520 "\x08"),
	[OID_SERIAL] = ROW("serialNumber", X520 "\x05"),
	[OID_EMAIL] = ROW("emailAddress", PKCS9 "\x01"),
	[OID_DC] = ROW("DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), /* RFC 4519: 0.9.2342.19200300.100.1.25 */

	[OID_SKI] = ROW("subjectKeyIdentifier", CE "\x0e"),
	[OID_KEY_USAGE] = ROW("keyUsage", CE "\x0f"),
	[OID_SAN] = ROW("subjectAltName", CE "\x11"),
	[OID_BASIC] = ROW("basicConstraints", CE "\x13"),
	[OID_NAME_CONSTRAINTS] = ROW("nameConstraints", CE "\x1e"),
	[OID_CRL_POINTS] = ROW("cRLDistributionPoints", CE "\x1f"),
	[OID_POLICIES] = ROW("certificatePolicies", CE "\x20"),
	[OID_AKI] = ROW("authorityKeyIdentifier", CE "\x23"),
	[OID_EKU] = ROW("extKeyUsage", CE "\x25"),
	[OID_AIA] = ROW("authorityInfoAccess", PKIX "\x01\x01"),
	[OID_CRL_NUMBER] = ROW("cRLNumber", CE "\x14"),
	[OID_CRL_REASON] = ROW("cRLReason", CE "\x15"),
	[OID_CRL_DELTA] = ROW("deltaCRLIndicator", CE "\x1b"),
	[OID_ISSUING_POINT] = ROW("issuingDistributionPoint", CE "\x1c"),
	[OID_MUST_STAPLE] = ROW("tlsFeature", PKIX "\x01\x18"), /* RFC 7633 */
	[OID_EXT_REQUEST] = ROW("extensionRequest", PKCS9 "\x0e"), /* RFC 2985 */
	[OID_INVALIDITY] = ROW("invalidityDate", CE "\x18"),

	[OID_EKU_SERVER] = ROW("serverAuth", KP "\x01"),
	[OID_EKU_CLIENT] = ROW("clientAuth", KP "\x02"),
	[OID_EKU_ANY] = ROW("anyExtendedKeyUsage", CE "\x25\x00"),
	[OID_EKU_CODE] = ROW("codeSigning", KP "\x03"),
	[OID_EKU_MAIL] = ROW("emailProtection", KP "\x04"),
	[OID_EKU_STAMP] = ROW("timeStamping", KP "\x08"),
	[OID_EKU_OCSP] = ROW("OCSPSigning", KP "\x09"),

	[OID_PBES2] = ROW("PBES2", PKCS5 "\x0d"),
	[OID_PBKDF2] = ROW("PBKDF2", PKCS5 "\x0c"),
	[OID_HMAC_SHA1] = ROW("hmacWithSHA1", RSADSI "\x02\x07"),
	[OID_HMAC_SHA256] = ROW("hmacWithSHA256", RSADSI "\x02\x09"),
	[OID_HMAC_SHA384] = ROW("hmacWithSHA384", RSADSI "\x02\x0a"),
	[OID_HMAC_SHA512] = ROW("hmacWithSHA512", RSADSI "\x02\x0b"),
	[OID_AES128_CBC] = ROW("aes128-CBC", NIST_AES "\x02"),
	[OID_AES192_CBC] = ROW("aes192-CBC", NIST_AES "\x16"),
	[OID_AES256_CBC] = ROW("aes256-CBC", NIST_AES "\x2a"),
	[OID_DES3_CBC] = ROW("des-EDE3-CBC", RSADSI "\x03\x07"),

	[OID_SHA1] = ROW("sha1", "\x2b\x0e\x03\x02\x1a"), /* RFC 8017 appendix B.1 */
	[OID_SHA256] = ROW("sha256", "\x60\x86\x48\x01\x65\x03\x04\x02\x01"),
	[OID_PBE_SHA1_DES3] = ROW("pbeWithSHA1And3-KeyTripleDES-CBC", PKCS12 "\x01\x03"), /* RFC 7292 appendix C */
	[OID_CMS_DATA] = ROW("pkcs7-data", PKCS7 "\x01"), /* RFC 2315 section 14 */
	[OID_CMS_ENCRYPTED] = ROW("pkcs7-encryptedData", PKCS7 "\x06"),
	[OID_SHROUDED_KEY] = ROW("pkcs8ShroudedKeyBag", PKCS12 "\x0a\x01\x02"), /* RFC 7292 section 4.2 */
	[OID_CERT_BAG] = ROW("certBag", PKCS12 "\x0a\x01\x03"),
	[OID_X509_CERT] = ROW("x509Certificate", PKCS9 "\x16\x01"), /* RFC 2985 */
	[OID_FRIENDLY_NAME] = ROW("friendlyName", PKCS9 "\x14"),
	[OID_LOCAL_KEY_ID] = ROW("localKeyId", PKCS9 "\x15"),
};

enum oid oid_find(struct span contents)
{
	for (enum oid o = OID_UNKNOWN + 1; o < OID_COUNT; o++)
		if (span_eq(contents, rows[o].bytes))
			return o;
	return OID_UNKNOWN;
}

struct span oid_bytes(enum oid o)
{
	return rows[o].bytes;
}

const char *oid_name(enum oid o)
{
	return rows[o].name;
}

/* One number in base 128; false when it needs more than 64 bits or does not end. */
static bool read_arc(struct rd *r, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t b;

	do {
		b = rd_u8(r);
		if (r->bad || v >> 57)
			return false;
		v = v << 7 | (b & 0x7f);
	} while (b & 0x80);
	*out = v;
	return true;
}

static void write_arcs(struct wr *w, struct span contents)
{
	struct rd r = rd_of(contents);
	uint64_t v, top;

	if (!read_arc(&r, &v)) {
		wr_str(w, "?");
		return;
	}
	top = num_min64(v / 40, 2); /* X.690 8.19.4: 40 times the first arc, at most 2, plus the second */
	wr_u64dec(w, top);
	wr_u8(w, '.');
	wr_u64dec(w, v - 40 * top);
	while (rd_left(&r)) {
		wr_u8(w, '.');
		if (!read_arc(&r, &v)) {
			wr_str(w, "?");
			return;
		}
		wr_u64dec(w, v);
	}
}

const char *oid_text(struct span contents, char *out, size_t cap)
{
	struct wr w = wr_of(out, cap ? cap - 1 : 0);

	write_arcs(&w, contents);
	if (cap)
		out[w.n] = 0;
	return out;
}
