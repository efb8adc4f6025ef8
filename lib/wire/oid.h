/*
 * oid: the object identifiers zt knows, as one table: name for people, encoded contents.
 */
#ifndef ZT_OID_H
#define ZT_OID_H

#include "base/span.h"

enum oid {
	OID_UNKNOWN,
	/* public keys and curves */
	OID_RSA, OID_EC_KEY, OID_P256, OID_P384, OID_P521, OID_ED25519, OID_RSA_PSS,
	/* signatures */
	OID_ECDSA_SHA1, OID_ECDSA_SHA256, OID_ECDSA_SHA384, OID_ECDSA_SHA512,
	OID_RSA_MD5, OID_RSA_SHA1, OID_RSA_SHA224, OID_RSA_SHA256, OID_RSA_SHA384, OID_RSA_SHA512,
	/* names */
	OID_CN, OID_O, OID_OU, OID_C, OID_L, OID_ST, OID_SERIAL, OID_EMAIL, OID_DC,
	/* extensions */
	OID_SKI, OID_KEY_USAGE, OID_SAN, OID_BASIC, OID_NAME_CONSTRAINTS, OID_CRL_POINTS, OID_POLICIES,
	OID_AKI, OID_EKU, OID_AIA, OID_CRL_NUMBER, OID_CRL_REASON, OID_CRL_DELTA, OID_ISSUING_POINT, OID_MUST_STAPLE,
	OID_EXT_REQUEST, OID_INVALIDITY,
	/* extended key usages */
	OID_EKU_SERVER, OID_EKU_CLIENT, OID_EKU_ANY, OID_EKU_CODE, OID_EKU_MAIL, OID_EKU_STAMP, OID_EKU_OCSP,
	/* encrypted keys */
	OID_PBES2, OID_PBKDF2, OID_HMAC_SHA1, OID_HMAC_SHA256, OID_HMAC_SHA384, OID_HMAC_SHA512,
	OID_AES128_CBC, OID_AES192_CBC, OID_AES256_CBC, OID_DES3_CBC,
	/* PKCS#12 */
	OID_SHA1, OID_SHA256, OID_PBE_SHA1_DES3, OID_CMS_DATA, OID_CMS_ENCRYPTED, OID_SHROUDED_KEY, OID_CERT_BAG,
	OID_X509_CERT, OID_FRIENDLY_NAME, OID_LOCAL_KEY_ID,
	OID_COUNT
};

enum oid oid_find(struct span contents);
struct span oid_bytes(enum oid o);
const char *oid_name(enum oid o); /* "ecdsa-with-SHA256"; "?" for OID_UNKNOWN */
/* "1.2.840.113549.1.1.11"; always terminated, cut when it does not fit. Answers out. */
const char *oid_text(struct span contents, char *out, size_t cap);

#endif
