/*
 * x509_build: writes certificates and the parts that requests and revocation lists share:
 * names, public keys, extensions, and the frame of what is signed. Who may have which
 * certificate is decided by the caller; here it only becomes bytes, in the one profile that zt
 * issues and that openssl -x509_strict, GnuTLS, NSS and BearSSL accept:
 * version 3; basic constraints and key usage critical, key usage left out when zero; extended key
 * usage never critical (BearSSL refuses it then); subject alternative name critical only when
 * the subject is empty (RFC 5280 section 4.2.1.6); no name constraints.
 */
#ifndef ZT_X509_BUILD_H
#define ZT_X509_BUILD_H

#include "base/err.h"
#include "x509.h"

/* Whoever holds the key: here, in a file, or in another process. */
struct signer {
	enum oid alg;
	/* Bytes written to sig, at most PK_SIG_MAX, or -(enum zt_err). */
	int (*sign)(const struct signer *s, enum pk_hash h, struct span message, uint8_t *sig);
	const void *arg;
};
/* A key in memory, which must live as long: SHA-384 with P-384, SHA-512 with P-521, else SHA-256. */
struct signer signer_of(const struct pk_private *k);

struct x509_make {
	struct span subject, issuer; /* Names, whole TLV: x509_wr_name(), or of another certificate */
	struct span serial;          /* big-endian, 1 to 20 bytes, not zero; see below */
	int64_t not_before, not_after;
	struct span spki;            /* whole TLV: x509_wr_spki(), or of a request */
	bool ca;
	int path_len;                /* of a CA; -1: none */
	uint32_t ku;                 /* KU_...; 0: no such extension */
	uint32_t eku;                /* EKU_SERVER, EKU_CLIENT or both; 0: no such extension */
	const struct san *sans;      /* DNS, IP, URI and mail; SAN_OTHER aborts */
	size_t nsans;
	struct span ski, aki;        /* key identifiers; empty: no such extension */
};

/* The certificate, signed, into w. What it has written it reads again with x509_read(), so that
 * nothing leaves that zt itself would refuse: 0, -ZT_E_FULL (w is too small), -ZT_E_RANGE (serial,
 * dates or purposes cannot be), what sign() said, or what x509_read() said. A serial whose top
 * bit is set becomes one byte longer: of 20 bytes use 159 bits. */
int x509_build(struct wr *w, const struct x509_make *m, const struct signer *s, struct why *why);

struct x509_attr {
	enum oid type; /* OID_CN ... OID_DC */
	struct span text; /* UTF-8; ASCII for country, serial number, mail and DC */
};
/* One attribute an RDN, in order. 0, -ZT_E_UTF8, -ZT_E_RANGE (empty, or longer than RFC 5280
 * appendix A.1 allows). None: the empty name. */
int x509_wr_name(struct wr *w, const struct x509_attr *attrs, size_t n);
/* SubjectPublicKeyInfo; the key must not be PK_NONE. */
void x509_wr_spki(struct wr *w, const struct pk_public *k);
/* RFC 7093 section 2, method 1: the first 20 bytes of the SHA-256 of the key's bits. spki is
 * well-formed. */
#define X509_KEY_ID 20
void x509_key_id(struct span spki, uint8_t out[static X509_KEY_ID]);

/* For csr.c and crl.c as well. */
void x509_wr_alg(struct wr *w, enum oid sig_alg);
size_t x509_open_ext(struct wr *w, enum oid id, bool critical, size_t *value);
void x509_close_ext(struct wr *w, size_t mark, size_t value);
/* No SAN_OTHER: those are only ever read. */
void x509_wr_san(struct wr *w, const struct san *sans, size_t n, bool critical);
void x509_wr_aki(struct wr *w, struct span key_id);
/* SEQUENCE { what was written from `from` on, algorithm, signature }: turns what is to be signed
 * into what is signed. */
int x509_seal(struct wr *w, size_t from, const struct signer *s);

#endif
