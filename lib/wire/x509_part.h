/*
 * x509_part: what certificates, requests and revocation lists have in common: algorithm
 * identifiers, names, public keys, extensions, general names, and the check of a signature.
 * The readers take a cursor and spoil it at a fault, like der.h's own.
 */
#ifndef ZT_X509_PART_H
#define ZT_X509_PART_H

#include "base/pk.h"
#include "der.h"
#include "oid.h"

/* The frame of all three: SEQUENCE { what is signed, its algorithm, the signature }. */
struct x509_frame {
	struct span tbs;      /* what is signed, the whole TLV */
	struct span contents; /* of it */
	struct span alg;      /* AlgorithmIdentifier, the whole TLV */
	enum oid sig_alg;     /* the same */
	struct span sig;
};
/* NULL, or what is malformed, in words. */
const char *x509_frame_read(struct span der, struct x509_frame *out);

/* AlgorithmIdentifier, the whole TLV. Parameters of the algorithms that zt knows must be as
 * their RFC says: NULL with RSA (RFC 3279, 4055), absent with ECDSA (5758) and Ed25519 (8410). */
struct span x509_alg(struct der *d, enum oid *alg);

/* Name, the whole TLV; may be empty. */
struct span x509_name(struct der *d);
/* "CN=example, O=Example" as it stands, special characters escaped as in RFC 4514 and all that
 * is not ASCII as \C3\A9; always terminated, cut when it does not fit. Answers out. */
const char *x509_name_text(struct span name, char *out, size_t cap);
/* The last CN of a Name; empty when there is none. */
struct span x509_cn(struct span name);

/* SubjectPublicKeyInfo to key: 0, -ZT_E_SYNTAX; PK_NONE for what zt cannot use. *alg: the curve
 * for the three curves of zt, OID_EC_KEY for other EC keys, OID_RSA, OID_RSA_PSS, OID_ED25519 or
 * OID_UNKNOWN. */
int x509_spki(struct span spki, struct pk_public *out, enum oid *alg);

struct x509_ext {
	struct span oid;
	enum oid id;
	bool critical;
	struct span value; /* what is inside the OCTET STRING */
};
/* The next Extension; false at the end and at a fault. "critical" written out as FALSE is read:
 * DER leaves defaults out, but old makers did not, and nothing here is ever encoded again. */
bool x509_ext_next(struct der *list, struct x509_ext *out);

/* The extensions of one list so far. */
#define X509_EXTENSIONS 64
struct x509_seen {
	struct span oid[X509_EXTENSIONS];
	size_t n; /* start with 0 */
};
/* 0, -ZT_E_DUP: this one was there before (RFC 5280 4.2 allows no second), -ZT_E_TOOLONG. */
int x509_seen_add(struct x509_seen *s, struct span oid);

/* The key identifier of an authorityKeyIdentifier, which is all of v; empty: it has none. */
struct span x509_aki(struct der *v);

enum san_kind { SAN_DNS, SAN_IP, SAN_URI, SAN_MAIL, SAN_OTHER };
struct san {
	enum san_kind kind;
	struct span value; /* IP: 4 or 16 bytes; OTHER: the whole TLV */
};
/* 1, 0 at the end, -ZT_E_SYNTAX. *rest begins as the contents of GeneralNames (cert->san). Text
 * kinds are refused unless they are ASCII without controls, and not empty. */
int x509_san_next(struct span *rest, struct san *out);

/* The hash inside a signature algorithm; *known false for MD5, SHA-224 and what is no signature. */
enum pk_hash x509_hash(enum oid sig_alg, bool *known);
/* Is tbs signed by this key? 0, -ZT_E_DENIED. SHA-1 and MD5 are denied. */
int x509_verify(const struct pk_public *key, enum oid sig_alg, struct span tbs, struct span sig);

#endif
