/*
 * x509: a certificate (RFC 5280) as spans into its DER. Reads and refuses malformed ones; it
 * believes nothing: who signed it and whether it may be used is decided elsewhere
 * (io/chain over BearSSL, decide/leaf).
 */
#ifndef ZT_X509_H
#define ZT_X509_H

#include "base/err.h"
#include "x509_part.h"

#define X509_MAX 16384     /* of one certificate */
#define X509_SERIAL_MAX 20 /* RFC 5280 section 4.1.2.2 */

enum { /* key usage, bit n of the BIT STRING is 1 << n */
	KU_SIGN = 1 << 0, KU_COMMIT = 1 << 1, KU_KEY_ENC = 1 << 2, KU_DATA_ENC = 1 << 3, KU_AGREE = 1 << 4,
	KU_CERT_SIGN = 1 << 5, KU_CRL_SIGN = 1 << 6
};
enum { EKU_SERVER = 1, EKU_CLIENT = 2, EKU_ANY = 4, EKU_OTHER = 8 };

struct x509 {
	struct span der;            /* all of it */
	struct span tbs;            /* what is signed */
	enum oid sig_alg;           /* both places agree, or it is refused */
	struct span sig;
	unsigned version;           /* 1..3 */
	struct span serial;         /* INTEGER contents as they stand */
	struct span issuer, subject;/* Name, whole TLV: compared byte by byte */
	int64_t not_before, not_after;
	struct span spki;           /* SubjectPublicKeyInfo, whole TLV: its SHA-256 is the pin */
	struct pk_public key;       /* PK_NONE: a type zt cannot use, then key_alg says which */
	enum oid key_alg;
	/* extensions; an empty span or false: absent */
	bool has_basic, ca;
	int path_len;               /* -1: none */
	bool has_ku, has_eku;
	uint32_t ku, eku;
	bool eku_critical, name_constraints, must_staple;
	struct span san;            /* GeneralNames contents: x509_san_next */
	bool san_critical;
	struct span ski, aki;       /* key identifiers */
	struct span unknown_critical; /* OID of the first critical extension that zt does not know */
};

/* 0, or -ZT_E_SYNTAX/-ZT_E_TOOLONG/-ZT_E_DUP (an extension twice) with a sentence. */
int x509_read(struct x509 *out, struct span der, struct why *w);

void x509_pin(const struct x509 *c, uint8_t out[static 32]); /* SHA-256 of spki */
/* Is c signed by this key? 0, -ZT_E_DENIED. SHA-1 and MD5 are denied. */
int x509_signed_by(const struct x509 *c, const struct pk_public *issuer);

#endif
