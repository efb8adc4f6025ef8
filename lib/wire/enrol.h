/*
 * enrol: what a joiner or an agent (J) and the authority (A) say to each other inside TLS with the
 * protocol zt-enrol/1. docs/protocol.md, "zt-enrol/1", has the messages, their fields and the
 * proofs. Pure codec; who may have what is the authority's to decide.
 *
 *   join:   J HELLO {token id, nonce, role, request, label}  A CHALLENGE {nonce, proof}
 *           J PROOF {proof}                                  A GRANTED | PENDING | REFUSED
 *   renew:  (TLS client certificate) J RENEW {request, signature}
 *                                                            A GRANTED | REFUSED
 *   watch:  (TLS client certificate) J WATCH {instance, epoch, number}
 *                                                            A LIST …, ANCHORS …, until it ends
 *
 * One frame: u8 type, u8 zero, u16 zero, u32 length, then TLVs {u16 tag, u32 length, bytes},
 * little-endian, each tag at most once, ascending. A frame is at most ENROL_MAX bytes; only LIST may
 * be as long as ENROL_LIST_MAX.
 *
 * The secret never travels. T = SHA-256 over "zt-enrol/1", role, token id, both nonces,
 * SHA-256 of the TLS server's SubjectPublicKeyInfo as each side has it, SHA-256 of the request,
 * every field with its length in front. A proves first: HMAC-SHA256(secret, "authority" T), then
 * J: HMAC-SHA256(secret, "joiner" T); GRANTED carries HMAC-SHA256(secret, "granted" T SHA-256 of
 * its other fields). Whoever sits between sees another key than the authority's and knows no
 * secret: neither proof comes out right.
 */
#ifndef ZT_ENROL_H
#define ZT_ENROL_H

#include "base/bounds.h"
#include "base/crypto.h"
#include "base/err.h"
#include "enrolsig.h"
#include "token.h"

#define ENROL_ALPN "zt-enrol/1"
#define ENROL_HEADER 8
#define ENROL_MAX 32768
#define ENROL_LIST_MAX (8u << 20)
#define ENROL_NONCE 32
#define ENROL_PROOF 32
#define ENROL_INSTANCE 16  /* of one running agent: made at its start, never kept */
#define ENROL_LABEL 64     /* what the joiner calls itself: for people, believed by nobody */
#define ENROL_CERTS 8      /* in one chain or list of anchors */

#define ENROL_TYPES(X)                                                                            \
	X(ENROL_HELLO, 1, 'j', "a token, a nonce, a request")                                     \
	X(ENROL_PROOF_J, 2, 'j', "the joiner knows the secret")                                   \
	X(ENROL_RENEW, 3, 'j', "a request, by the holder of a certificate")                       \
	X(ENROL_WATCH, 4, 'j', "send the status list, and each newer one")                        \
	X(ENROL_CHALLENGE, 16, 'a', "the authority's nonce, and that it knows the secret")        \
	X(ENROL_GRANTED, 17, 'a', "the certificate and whom to trust")                            \
	X(ENROL_PENDING, 18, 'a', "somebody has to approve; ask again with the same key")         \
	X(ENROL_REFUSED, 19, 'a', "why not")                                                      \
	X(ENROL_LIST, 20, 'a', "a signed status list, full or delta")                             \
	X(ENROL_ANCHORS, 21, 'a', "whom to trust has changed")

enum enrol_type {
#define X(id, value, from, text) id = value,
	ENROL_TYPES(X)
#undef X
};

/* tag, longest, what. Which of them a type must and may have is one table in enrol.c. */
#define ENROL_FIELDS(X)                                                                           \
	X(ENF_TOKEN, 1, TOKEN_ID, "id of the token")                                              \
	X(ENF_NONCE, 2, ENROL_NONCE, "nonce of the sender")                                       \
	X(ENF_ROLE, 3, 1, "role wanted")                                                          \
	X(ENF_CSR, 4, 8192, "request, PKCS#10 in DER")                                            \
	X(ENF_LABEL, 5, ENROL_LABEL, "name of the sender for people")                             \
	X(ENF_PROOF, 6, ENROL_PROOF, "HMAC")                                                      \
	X(ENF_CHAIN, 7, 16384, "certificates in DER, one behind the other, the new one first")    \
	X(ENF_INFRA, 8, 8192, "infra anchors in DER, newest first")                               \
	X(ENF_DEVICE, 9, 8192, "device anchors")                                                  \
	X(ENF_ACME, 10, 8192, "acme anchors")                                                     \
	X(ENF_REGISTRY, 11, 160, "public key of the registry, SubjectPublicKeyInfo in DER")       \
	X(ENF_AFTER, 12, 4, "seconds, u32: ask again after")                                      \
	X(ENF_CODE, 13, 2, "why not: enum zt_err as u16")                                         \
	X(ENF_TEXT, 14, 480, "the same in words, UTF-8")                                          \
	X(ENF_INSTANCE, 15, ENROL_INSTANCE, "which running agent this is")                        \
	X(ENF_EPOCH, 16, 8, "epoch of the list that the sender has, u64")                         \
	X(ENF_NUMBER, 17, 8, "its number, u64; 0: none")                                          \
	X(ENF_LIST, 18, ENROL_LIST_MAX, "a status list as it was signed (wire/statlist)")         \
	X(ENF_SIGNATURE, 19, PK_SIG_MAX, "of a renewal, by the key that is renewed (enrolsig)")   \
	X(ENF_TRUST, 20, ENROLSIG_TRUST, "of the anchors, by the registry key (wire/enrolsig)")

enum enrol_field {
#define X(id, tag, most, text) id = tag,
	ENROL_FIELDS(X)
#undef X
	ENF_COUNT
};

struct enrol {
	enum enrol_type type;
	bool has[ENF_COUNT];       /* by tag */
	struct span field[ENF_COUNT];
};

const char *enrol_name(enum enrol_type t); /* "ENROL_HELLO"; "?" */
/* Header and fields; w->full when it does not fit, or fields are not those of the type. */
void enrol_write(struct wr *w, const struct enrol *m);
/* from: 'j' or 'a', who must have sent it. > 0 bytes consumed; ZT_MORE; -ZT_E_SYNTAX, -ZT_E_UNKNOWN,
 * -ZT_E_TOOLONG (known from the header alone). Spans point into in. */
int enrol_read(struct span in, char from, struct enrol *out);
uint64_t enrol_u64(const struct enrol *m, enum enrol_field f); /* little-endian of any length up to 8; 0: absent */

/* What both sides of a join have in common. */
struct enrol_talk {
	uint8_t role;
	uint8_t token[TOKEN_ID];
	uint8_t nonce_j[ENROL_NONCE], nonce_a[ENROL_NONCE];
	uint8_t server[SHA256_LEN]; /* SHA-256 of the TLS server's SubjectPublicKeyInfo */
	uint8_t csr[SHA256_LEN];
};
enum enrol_who { ENROL_BY_AUTHORITY, ENROL_BY_JOINER };
void enrol_proof(const struct enrol_talk *t, const uint8_t secret[static TOKEN_SECRET], enum enrol_who who,
		 uint8_t out[static ENROL_PROOF]);
/* Over a GRANTED whose ENF_PROOF is not looked at. */
void enrol_grant_proof(const struct enrol_talk *t, const uint8_t secret[static TOKEN_SECRET], const struct enrol *granted,
		       uint8_t out[static ENROL_PROOF]);
/* The i-th certificate of concatenated DER; empty when there is none. */
struct span enrol_cert(struct span list, size_t i);

#endif
