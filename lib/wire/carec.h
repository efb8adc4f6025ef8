/*
 * carec: what the authority's registry writes into its journal: typed record <-> fields of a struct
 * jrec, over two tables: which field has which form, which record has which fields. Pure.
 * docs/formats.md, section Registry. It checks what a record must hold, never whether that makes sense
 * beside other records: that is serve/registry's.
 */
#ifndef ZT_CAREC_H
#define ZT_CAREC_H

#include "base/err.h"
#include "wire/jrec.h"

#define CAREC_VERSION 1 /* of every type */
#define CAREC_DER 16384
#define CAREC_CIDR 18      /* u8 family (4, 6), u8 bits, 16 bytes of address */
#define CAREC_CIDRS 8
#define CAREC_SIGHTING 24  /* 16 bytes of serial, i64 when */
#define CAREC_SIGHTINGS 1024

/* id, tag, kind, unit, most, meaning. Kinds: n = a number of `unit` bytes and at most `most`;
 * b = bytes, a multiple of `unit`, at least one, at most `most`; t = 1 to `most` bytes of printable
 * ASCII. Fields that are not there say "none" or zero. */
#define CAREC_FIELDS(X)                                                                           \
	X(CAR_SERIAL, 1, 'b', 16, 16, "of a certificate")                                         \
	X(CAR_PARENT, 2, 'b', 16, 16, "serial of the certificate that this one renews")           \
	X(CAR_KEY, 3, 'b', 32, 32, "SHA-256 of a SubjectPublicKeyInfo")                           \
	X(CAR_TOKEN, 4, 'b', 16, 16, "id of a join token")                                        \
	X(CAR_ID, 5, 't', 1, 24, "opaque id of an identity")                                      \
	X(CAR_NAME, 6, 't', 1, 64, "what people call it")                                         \
	X(CAR_USER, 7, 't', 1, 64, "whose it is")                                                 \
	X(CAR_ROLE, 8, 'n', 1, 6, "1 edge, 2 connector, 3 client, 4 service, 5 device, 6 registry") \
	X(CAR_ANCHOR, 9, 'n', 1, 2, "0 infra, 1 device, 2 acme")                                  \
	X(CAR_GENERATION, 10, 'n', 4, UINT32_MAX, "of an anchor, from 1")                         \
	X(CAR_AT, 11, 'n', 8, INT64_MAX, "when, seconds since 1970")                              \
	X(CAR_NOT_BEFORE, 12, 'n', 8, INT64_MAX, "of the certificate")                            \
	X(CAR_NOT_AFTER, 13, 'n', 8, INT64_MAX, "of the certificate")                             \
	X(CAR_DER, 14, 'b', 1, CAREC_DER, "the certificate")                                      \
	X(CAR_SUPERSEDED, 15, 'n', 8, INT64_MAX, "when it was renewed")                           \
	X(CAR_ENDED, 16, 'n', 8, INT64_MAX, "when it was revoked or suspended")                   \
	X(CAR_REASON, 17, 'n', 1, 10, "of a revocation, RFC 5280 section 5.3.1")                  \
	X(CAR_FLAGS, 18, 'n', 1, 3, "certificate: 1 suspended, 2 revoked; token: 1 needs approval, 2 revoked; join: 1 approved") \
	X(CAR_SEEN, 19, 'n', 8, INT64_MAX, "when it showed itself last")                          \
	X(CAR_SECRET, 20, 'b', 16, 16, "of a join token")                                         \
	X(CAR_USES, 21, 'n', 4, UINT32_MAX, "how many joins a token is good for")                 \
	X(CAR_USED, 22, 'n', 4, UINT32_MAX, "and how many there were")                            \
	X(CAR_EXPIRES, 23, 'n', 8, INT64_MAX, "of a token, seconds since 1970")                   \
	X(CAR_LIFETIME, 24, 'n', 8, INT64_MAX, "of its certificates, seconds; 0: the role's")     \
	X(CAR_CIDRS, 25, 'b', CAREC_CIDR, CAREC_CIDR * CAREC_CIDRS, "networks it may be used from") \
	X(CAR_SANS, 26, 'b', 1, 8192, "names of its certificates: GeneralNames, contents")        \
	X(CAR_NUMBER, 27, 'n', 8, UINT64_MAX, "of a revocation list, of a waiting join; of the last status list that may have been signed") \
	X(CAR_LABEL, 28, 't', 1, 64, "what a joiner calls itself")                                \
	X(CAR_PEER, 29, 't', 1, 63, "its address")                                                \
	X(CAR_STATE, 30, 'n', 1, 3, "of an anchor: 0 next, 1 signs, 2 old, 3 retired")            \
	X(CAR_ON, 31, 'n', 1, 1, "1 suspended or approved, 0 not")                                \
	X(CAR_SIGHTINGS, 32, 'b', CAREC_SIGHTING, CAREC_SIGHTING * CAREC_SIGHTINGS, "certificates and when they showed themselves") \
	X(CAR_SPKI, 33, 'b', 1, 160, "SubjectPublicKeyInfo of the registry key")                  \
	X(CAR_EPOCH, 34, 'n', 8, UINT64_MAX, "of the status list")                                \
	X(CAR_JOINS, 35, 'n', 8, UINT64_MAX, "number of the last join that waited")

enum carec_field {
#define X(id, tag, kind, unit, most, text) id = tag,
	CAREC_FIELDS(X)
#undef X
	CAR_TAGS
};

#define CAR_BIT(f) (UINT64_C(1) << (f))
#define CAR_BITS_CERT                                                                             \
	(CAR_BIT(CAR_SERIAL) | CAR_BIT(CAR_KEY) | CAR_BIT(CAR_ID) | CAR_BIT(CAR_ROLE) | CAR_BIT(CAR_GENERATION) | \
	 CAR_BIT(CAR_AT) | CAR_BIT(CAR_NOT_BEFORE) | CAR_BIT(CAR_NOT_AFTER) | CAR_BIT(CAR_DER))
#define CAR_BITS_CERT_MAY (CAR_BIT(CAR_PARENT) | CAR_BIT(CAR_TOKEN) | CAR_BIT(CAR_NAME) | CAR_BIT(CAR_USER))

/* id, number, fields it must have, fields it may have, what it says */
#define CAREC_TYPES(X)                                                                            \
	X(CAREC_BEGIN, 1, CAR_BIT(CAR_SPKI) | CAR_BIT(CAR_EPOCH) | CAR_BIT(CAR_NUMBER) | CAR_BIT(CAR_JOINS), 0, \
	  "the first record of every file: the registry key, and where the counters stand")       \
	X(CAREC_ANCHOR, 2, CAR_BIT(CAR_ANCHOR) | CAR_BIT(CAR_GENERATION) | CAR_BIT(CAR_STATE) | CAR_BIT(CAR_AT) | \
	  CAR_BIT(CAR_DER) | CAR_BIT(CAR_NUMBER), 0, "an anchor; number: of its last revocation list") \
	X(CAREC_TURN, 3, CAR_BIT(CAR_ANCHOR) | CAR_BIT(CAR_GENERATION) | CAR_BIT(CAR_STATE) | CAR_BIT(CAR_AT), 0, \
	  "an anchor's state; one that signs makes the one before it old")                        \
	X(CAREC_ISSUED, 4, CAR_BITS_CERT, CAR_BITS_CERT_MAY,                                      \
	  "a certificate is issued; it uses its token once, supersedes its parent and settles the join that waited with its key") \
	X(CAREC_CERT, 5, CAR_BITS_CERT, CAR_BITS_CERT_MAY | CAR_BIT(CAR_SUPERSEDED) | CAR_BIT(CAR_ENDED) | \
	  CAR_BIT(CAR_REASON) | CAR_BIT(CAR_FLAGS) | CAR_BIT(CAR_SEEN),                           \
	  "a certificate and what became of it (snapshots, and what another registry knew); nothing follows from it") \
	X(CAREC_REVOKED, 6, CAR_BIT(CAR_SERIAL) | CAR_BIT(CAR_REASON) | CAR_BIT(CAR_AT), 0, "revoked, for good") \
	X(CAREC_SUSPENDED, 7, CAR_BIT(CAR_SERIAL) | CAR_BIT(CAR_ON) | CAR_BIT(CAR_AT), 0, "suspended, or no longer") \
	X(CAREC_SEEN, 8, CAR_BIT(CAR_SIGHTINGS), 0, "certificates showed themselves")             \
	X(CAREC_TOKEN, 9, CAR_BIT(CAR_TOKEN) | CAR_BIT(CAR_SECRET) | CAR_BIT(CAR_ROLE) | CAR_BIT(CAR_USES) | \
	  CAR_BIT(CAR_USED) | CAR_BIT(CAR_AT) | CAR_BIT(CAR_EXPIRES) | CAR_BIT(CAR_LIFETIME) | CAR_BIT(CAR_FLAGS), \
	  CAR_BIT(CAR_NAME) | CAR_BIT(CAR_USER) | CAR_BIT(CAR_CIDRS) | CAR_BIT(CAR_SANS), "a join token") \
	X(CAREC_TOKEN_REVOKED, 10, CAR_BIT(CAR_TOKEN) | CAR_BIT(CAR_AT), 0, "a join token is good for nothing more") \
	X(CAREC_JOIN, 11, CAR_BIT(CAR_NUMBER) | CAR_BIT(CAR_TOKEN) | CAR_BIT(CAR_KEY) | CAR_BIT(CAR_AT) | CAR_BIT(CAR_FLAGS), \
	  CAR_BIT(CAR_LABEL) | CAR_BIT(CAR_PEER), "a join waits for approval")                    \
	X(CAREC_SETTLED, 12, CAR_BIT(CAR_NUMBER) | CAR_BIT(CAR_ON) | CAR_BIT(CAR_AT), 0, "it was approved, or it is gone") \
	X(CAREC_CRL, 13, CAR_BIT(CAR_ANCHOR) | CAR_BIT(CAR_GENERATION) | CAR_BIT(CAR_NUMBER), 0, \
	  "this number is taken for a revocation list")                                           \
	X(CAREC_LIST, 14, CAR_BIT(CAR_NUMBER), 0, "numbers of status lists up to this one may have been used") \
	X(CAREC_EPOCH, 15, CAR_BIT(CAR_EPOCH), 0, "a new epoch of the status list")               \
	X(CAREC_SUPERSEDED, 16, CAR_BIT(CAR_SERIAL) | CAR_BIT(CAR_AT), 0, "renewed elsewhere (what another registry knew)")

enum carec_type {
#define X(id, number, must, may, text) id = number,
	CAREC_TYPES(X)
#undef X
	CAREC_TYPE_END
};

struct carec {
	enum carec_type type;
	uint64_t has;             /* CAR_BIT() of the fields that are there */
	uint64_t num[CAR_TAGS];
	struct span val[CAR_TAGS];
};

void carec_num(struct carec *r, enum carec_field f, uint64_t v); /* 0 of a field that may be missing: leave it out yourself */
void carec_val(struct carec *r, enum carec_field f, struct span s); /* an empty one is left out */
static inline bool carec_has(const struct carec *r, enum carec_field f) { return r->has & CAR_BIT(f); }

/* The fields in ascending order, in memory that must stay in place while they are used. */
struct carec_tlvs {
	struct jtlv t[CAR_TAGS];
	size_t n;
	uint8_t mem[CAR_TAGS * 8];
};
/* 0, -ZT_E_BUG when fields are missing, too many or out of form: nothing is written then. */
int carec_encode(const struct carec *r, struct carec_tlvs *out);
/* 0; -ZT_E_VERSION for a type or version that is not known; -ZT_E_DAMAGED: a field that is missing,
 * unknown here, twice, out of order or out of form. Spans point to where r's do. */
int carec_decode(const struct jrec *r, struct carec *out);
const char *carec_text(enum carec_type t); /* what it says; "?" */

#endif
